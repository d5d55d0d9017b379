#include "node_exporter/collectors/cpu_info.h"

#include <map>

#include "core/strings/quote.h"
#include "node_exporter/parse.h"

namespace narthex::node {
namespace {

using Cpu = std::map<std::string, std::string, std::less<>>;

std::vector<Cpu> Parse(std::string_view text) {
  std::vector<Cpu> cpus;
  ForEachLine(text, [&](std::string_view line) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    const std::string_view key = TrimSpace(line.substr(0, colon));
    if (key == "processor") cpus.emplace_back();
    if (!cpus.empty()) cpus.back()[std::string(key)] = TrimSpace(line.substr(colon + 1));
    return true;
  });
  return cpus;
}

std::string Get(const Cpu& cpu, std::string_view key) {
  const auto it = cpu.find(key);
  return it == cpu.end() ? "" : it->second;
}

void AddMatching(MetricFamily& family, const std::string& label, std::string_view list,
                 const Regex* include) {
  if (include == nullptr) return;
  for (std::string_view word : Words(list)) {
    if (include->Matches(word)) AddSample(family, 1, {{label, std::string(word)}});
  }
}

}  // namespace

Status CpuInfo::Update(Sink& sink) const {
  NX_ASSIGN_OR_RETURN(std::string text, ReadKernelFile(path_));
  const auto cpus = Parse(text);
  MetricFamily& info =
      sink.Add(MetricType::kGauge, "node_cpu_info", "CPU information from /proc/cpuinfo.");
  MetricFamily& frequency = sink.Add(MetricType::kGauge, "node_cpu_frequency_hertz",
                                     "CPU frequency in hertz from /proc/cpuinfo.");
  for (const Cpu& cpu : cpus) {
    const std::string package = Get(cpu, "physical id"), core = Get(cpu, "core id"),
                      number = Get(cpu, "processor");
    AddSample(info, 1,
              {{"cachesize", Get(cpu, "cache size")},
               {"core", core},
               {"cpu", number},
               {"family", Get(cpu, "cpu family")},
               {"microcode", Get(cpu, "microcode")},
               {"model", Get(cpu, "model")},
               {"model_name", Get(cpu, "model name")},
               {"package", package},
               {"stepping", Get(cpu, "stepping")},
               {"vendor", Get(cpu, "vendor_id")}});
    if (options_.frequency) {
      AddSample(frequency, Number(Get(cpu, "cpu MHz")).value_or(0) * 1e6,
                {{"core", core}, {"cpu", number}, {"package", package}});
    }
  }
  if (cpus.empty()) return OkStatus();
  AddMatching(sink.Add(MetricType::kGauge, "node_cpu_flag_info",
                       "The `flags` field of CPU information from /proc/cpuinfo taken from the "
                       "first core."),
              "flag", Get(cpus[0], "flags"), options_.flags_include.get());
  AddMatching(sink.Add(MetricType::kGauge, "node_cpu_bug_info",
                       "The `bugs` field of CPU information from /proc/cpuinfo taken from the "
                       "first core."),
              "bug", Get(cpus[0], "bugs"), options_.bugs_include.get());
  return OkStatus();
}

}  // namespace narthex::node
