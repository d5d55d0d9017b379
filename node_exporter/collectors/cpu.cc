// Time per CPU and mode from /proc/stat, throttling and topology from sysfs, and, when asked,
// /proc/cpuinfo (cpu_info.h).

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/file.h"
#include "core/base/mutex.h"
#include "core/log/log.h"
#include "node_exporter/collectors/cpu_info.h"
#include "node_exporter/collectors/plugins.h"
#include "node_exporter/parse.h"

namespace narthex::node {
namespace {

constexpr double kUserHz = 100;         // the kernel's ABI on every Linux architecture we run on
constexpr double kHotplugIdleDrop = 3;  // seconds: an idle time this much lower is another CPU

constexpr std::array<std::string_view, 8> kModes = {"user",   "nice", "system",  "idle",
                                                    "iowait", "irq",  "softirq", "steal"};
constexpr size_t kIdle = 3;
constexpr std::array<std::string_view, 2> kGuestModes = {"user", "nice"};

// Seconds in the order of the file: the modes above, then the guest's.
using CpuTimes = std::array<double, kModes.size() + kGuestModes.size()>;

struct CpuDirectory {
  int cpu;
  std::string path;
};

class CpuCollector final : public Collector {
 public:
  CpuCollector(const Paths& paths, bool guest, std::unique_ptr<CpuInfo> info)
      : stat_(paths.Proc("stat")),
        sys_cpu_(paths.Sys("devices/system/cpu")),
        guest_(guest),
        info_(std::move(info)) {
    if (auto isolated = ReadTrimmed(sys_cpu_ + "/isolated")) {
      if (auto cpus = ParseCpuList(*isolated); cpus.ok()) isolated_ = *std::move(cpus);
    }
  }

  Status Update(Sink& sink) override {
    if (info_ != nullptr) NX_RETURN_IF_ERROR(info_->Update(sink));
    NX_RETURN_IF_ERROR(Times(sink));
    MetricFamily& isolated = sink.Add(
        MetricType::kGauge, "node_cpu_isolated",
        "Whether each core is isolated, information from /sys/devices/system/cpu/isolated.");
    for (int cpu : isolated_) AddSample(isolated, 1, {{"cpu", std::to_string(cpu)}});
    const auto directories = Directories();
    Online(directories, sink);
    Throttles(directories, sink);
    return OkStatus();
  }

 private:
  Status Times(Sink& sink) {
    NX_ASSIGN_OR_RETURN(std::string text, ReadKernelFile(stat_));
    std::map<int, CpuTimes> fresh;
    ForEachLine(text, [&](std::string_view line) {
      if (!line.starts_with("cpu")) return false;  // the cpu rows come first
      const auto words = Words(line);
      const auto cpu = Number(words[0].substr(3));
      if (!cpu) return true;  // the row of sums
      CpuTimes& times = fresh[static_cast<int>(*cpu)];
      times = {};
      for (size_t i = 0; i < times.size() && i + 1 < words.size(); ++i) {
        times[i] = Number(words[i + 1]).value_or(0) / kUserHz;
      }
      return true;
    });
    MetricFamily& seconds = sink.Add(MetricType::kCounter, "node_cpu_seconds_total",
                                     "Seconds the CPUs spent in each mode.");
    MetricFamily& guest = sink.Add(MetricType::kCounter, "node_cpu_guest_seconds_total",
                                   "Seconds the CPUs spent in guests (VMs) for each mode.");
    MutexLock lock(mutex_);
    Remember(fresh);
    for (const auto& [cpu, times] : times_) {
      const std::string name = std::to_string(cpu);
      for (size_t i = 0; i < kModes.size(); ++i) {
        AddSample(seconds, times[i], {{"cpu", name}, {"mode", std::string(kModes[i])}});
      }
      for (size_t i = 0; guest_ && i < kGuestModes.size(); ++i) {
        AddSample(guest, times[kModes.size() + i],
                  {{"cpu", name}, {"mode", std::string(kGuestModes[i])}});
      }
    }
    return OkStatus();
  }

  // The kernel's idle and iowait times can step back; counters must not.
  void Remember(const std::map<int, CpuTimes>& fresh) REQUIRES(mutex_) {
    for (const auto& [cpu, times] : fresh) {
      CpuTimes& kept = times_.try_emplace(cpu, times).first->second;
      if (times[kIdle] <= kept[kIdle] - kHotplugIdleDrop) {
        NX_LOG(Debug, "CPU Idle counter jumped backwards, possible hotplug event, resetting stats",
               {"cpu", cpu}, {"old_value", kept[kIdle]}, {"new_value", times[kIdle]});
        kept = times;
      }
      for (size_t i = 0; i < times.size(); ++i) kept[i] = std::max(kept[i], times[i]);
    }
    if (times_.size() == fresh.size()) return;
    std::erase_if(times_, [&](const auto& entry) { return !fresh.contains(entry.first); });
  }

  std::vector<CpuDirectory> Directories() const {
    std::vector<CpuDirectory> out;
    auto names = ListDirectory(sys_cpu_);
    if (!names.ok()) return out;
    for (const std::string& name : *names) {
      if (!name.starts_with("cpu") || name.size() < 4) continue;
      if (auto cpu = Number(std::string_view(name).substr(3))) {
        out.push_back({static_cast<int>(*cpu), fmt::format("{}/{}", sys_cpu_, name)});
      }
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.cpu < b.cpu; });
    return out;
  }

  // Only on machines where the first CPU can be taken offline, which shows by its file.
  static void Online(const std::vector<CpuDirectory>& directories, Sink& sink) {
    if (directories.empty() || !FileExists(directories[0].path + "/online")) return;
    MetricFamily& family = sink.Add(MetricType::kGauge, "node_cpu_online",
                                    "CPUs that are online and being scheduled.");
    for (const auto& [cpu, path] : directories) {
      AddSample(family, ReadTrimmed(path + "/online") == "1", {{"cpu", std::to_string(cpu)}});
    }
  }

  // One value per core and per package: the first CPU of each speaks for it.
  static void Throttles(const std::vector<CpuDirectory>& directories, Sink& sink) {
    MetricFamily& cores = sink.Add(MetricType::kCounter, "node_cpu_core_throttles_total",
                                   "Number of times this CPU core has been throttled.");
    MetricFamily& packages = sink.Add(MetricType::kCounter, "node_cpu_package_throttles_total",
                                      "Number of times this CPU package has been throttled.");
    std::vector<std::string> seen_cores, seen_packages;
    const auto first = [](std::vector<std::string>& seen, std::string key) {
      if (std::find(seen.begin(), seen.end(), key) != seen.end()) return false;
      seen.push_back(std::move(key));
      return true;
    };
    for (const auto& [cpu, path] : directories) {
      const auto core_count = ReadTrimmed(path + "/thermal_throttle/core_throttle_count");
      const auto package_count = ReadTrimmed(path + "/thermal_throttle/package_throttle_count");
      if (!core_count && !package_count) continue;
      const auto package = ReadTrimmed(path + "/topology/physical_package_id");
      const auto core = ReadTrimmed(path + "/topology/core_id");
      if (!package || !core) continue;
      if (core_count && first(seen_cores, *package + "/" + *core)) {
        AddSample(cores, Number(*core_count).value_or(0), {{"core", *core}, {"package", *package}});
      }
      if (package_count && first(seen_packages, *package)) {
        AddSample(packages, Number(*package_count).value_or(0), {{"package", *package}});
      }
    }
  }

  const std::string stat_, sys_cpu_;
  const bool guest_;
  const std::unique_ptr<CpuInfo> info_;
  std::vector<int> isolated_;  // read once, as it is a boot parameter
  Mutex mutex_;
  std::map<int, CpuTimes> times_ GUARDED_BY(mutex_);
};

class CpuPlugin final : public Plugin {
 public:
  void AddFlags(FlagSet& flags) override {
    guest_ = flags.Bool("collector.cpu.guest", "Enables metric node_cpu_guest_seconds_total", true);
    info_ = flags.Bool("collector.cpu.info", "Enables metric cpu_info", false);
    flags_include_ = flags.String(
        "collector.cpu.info.flags-include",
        "Filter the `flags` field in cpuInfo with a value that must be a regular expression", "");
    bugs_include_ = flags.String(
        "collector.cpu.info.bugs-include",
        "Filter the `bugs` field in cpuInfo with a value that must be a regular expression", "");
  }

  StatusOr<std::unique_ptr<Collector>> Create(const Paths& paths, const FlagSet& flags) override {
    CpuInfo::Options options{.frequency = CpufreqWanted(flags)};
    if (!flags_include_->empty()) {
      NX_ASSIGN_OR_RETURN(options.flags_include, Regex::Compile(*flags_include_));
    }
    if (!bugs_include_->empty()) {
      NX_ASSIGN_OR_RETURN(options.bugs_include, Regex::Compile(*bugs_include_));
    }
    const bool filtered = options.flags_include != nullptr || options.bugs_include != nullptr;
    std::unique_ptr<CpuInfo> info;
    if (*info_ || filtered) info = std::make_unique<CpuInfo>(paths.Proc("cpuinfo"), options);
    return std::make_unique<CpuCollector>(paths, *guest_, std::move(info));
  }

 private:
  // Upstream ties the frequency of cpuinfo to the cpufreq collector being on, which it is by
  // default. (That collector is not built here, so the default of its flag says nothing.)
  static bool CpufreqWanted(const FlagSet& flags) {
    bool given = false, defaults = true;
    for (const auto& [name, value] : flags.Values()) {
      if (name == "collector.cpufreq") given = value == "true";
      if (name == "collector.disable-defaults") defaults = value != "true";
    }
    return flags.WasSet("collector.cpufreq") ? given : defaults;
  }

  bool* guest_ = nullptr;
  bool* info_ = nullptr;
  std::string* flags_include_ = nullptr;
  std::string* bugs_include_ = nullptr;
};

}  // namespace

std::unique_ptr<Plugin> MakeCpuPlugin() { return std::make_unique<CpuPlugin>(); }

}  // namespace narthex::node
