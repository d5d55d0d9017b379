#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/metrics/registry.h"

namespace narthex {
namespace {

// The numbers behind the command name in /proc/self/stat; index 0 is field 3 of proc(5).
struct ProcessStat {
  double cpu_seconds = 0, virtual_bytes = 0, resident_bytes = 0, start_seconds_after_boot = 0;
};

std::optional<ProcessStat> ReadStat() {
  auto text = ReadFile("/proc/self/stat", 1 << 16);
  if (!text.ok()) return std::nullopt;
  const size_t name_end = text->rfind(')');  // the name itself may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  std::vector<double> fields;
  const char* p = text->c_str() + name_end + 1;
  for (char* end = nullptr; *p != 0 && fields.size() < 30; p = end) {
    while (*p == ' ') ++p;
    if (fields.empty()) {  // the state letter
      fields.push_back(0);
      end = const_cast<char*>(p) + (*p != 0);
      continue;
    }
    fields.push_back(std::strtod(p, &end));
    if (end == p) break;
  }
  if (fields.size() < 22) return std::nullopt;
  const auto hertz = static_cast<double>(sysconf(_SC_CLK_TCK));
  return ProcessStat{.cpu_seconds = (fields[11] + fields[12]) / hertz,
                     .virtual_bytes = fields[20],
                     .resident_bytes = fields[21] * static_cast<double>(sysconf(_SC_PAGESIZE)),
                     .start_seconds_after_boot = fields[19] / hertz};
}

// btime of /proc/stat. Read once: that file is long on big machines.
double BootTime() {
  auto text = ReadFile("/proc/stat");
  if (!text.ok()) return 0;
  const size_t at = text->find("\nbtime ");
  return at == std::string::npos ? 0 : std::strtod(text->c_str() + at + 7, nullptr);
}

double OpenFds() {
  struct stat info{};
  // Since Linux 6.2 the size of the directory is the number of descriptors.
  if (stat("/proc/self/fd", &info) == 0 && info.st_size > 0) {
    return static_cast<double>(info.st_size);
  }
  DIR* dir = opendir("/proc/self/fd");
  if (dir == nullptr) return 0;
  int n = -3;  // ".", ".." and the descriptor of this listing
  while (readdir(dir) != nullptr) ++n;
  closedir(dir);
  return n;
}

double Limit(__rlimit_resource_t resource) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) return 0;
  return static_cast<double>(limit.rlim_cur);  // RLIM_INFINITY is 2^64-1, as upstream shows it
}

// InOctets and OutOctets of the IpExt rows: a row of names, then a row of numbers.
std::optional<std::pair<double, double>> NetworkBytes() {
  auto text = ReadFile("/proc/self/net/netstat", 1 << 20);
  if (!text.ok()) return std::nullopt;
  const size_t names_at = text->find("IpExt: ");
  if (names_at == std::string::npos) return std::nullopt;
  const size_t values_at = text->find("IpExt: ", names_at + 1);
  if (values_at == std::string::npos) return std::nullopt;
  const auto split = [&](size_t at) {
    std::vector<std::string_view> words;
    std::string_view row(*text);
    row = row.substr(at, row.find('\n', at) - at);
    while (!row.empty()) {
      const size_t space = std::min(row.find(' '), row.size());
      words.push_back(row.substr(0, space));
      row.remove_prefix(std::min(space + 1, row.size()));
    }
    return words;
  };
  const auto names = split(names_at), values = split(values_at);
  std::pair<double, double> bytes;
  for (size_t i = 0; i < std::min(names.size(), values.size()); ++i) {
    if (names[i] == "InOctets") bytes.first = std::strtod(values[i].data(), nullptr);
    if (names[i] == "OutOctets") bytes.second = std::strtod(values[i].data(), nullptr);
  }
  return bytes;
}

class ProcessCollector final : public Collector {
 public:
  ProcessCollector() : boot_time_(BootTime()) {}

  void Collect(std::vector<MetricFamily>* out) override {
    const auto add = [&](MetricType type, std::string_view name, std::string_view help, double v) {
      MetricFamily& family = out->emplace_back();
      family.name = fmt::format("process_{}", name);
      family.help = help;
      family.type = type;
      family.samples.emplace_back().value = v;
    };
    const auto counter = MetricType::kCounter, gauge = MetricType::kGauge;
    add(gauge, "open_fds", "Number of open file descriptors.", OpenFds());
    add(gauge, "max_fds", "Maximum number of open file descriptors.", Limit(RLIMIT_NOFILE));
    add(gauge, "virtual_memory_max_bytes", "Maximum amount of virtual memory available in bytes.",
        Limit(RLIMIT_AS));
    if (auto stat = ReadStat()) {
      add(counter, "cpu_seconds_total", "Total user and system CPU time spent in seconds.",
          stat->cpu_seconds);
      add(gauge, "virtual_memory_bytes", "Virtual memory size in bytes.", stat->virtual_bytes);
      add(gauge, "resident_memory_bytes", "Resident memory size in bytes.", stat->resident_bytes);
      add(gauge, "start_time_seconds", "Start time of the process since unix epoch in seconds.",
          boot_time_ + stat->start_seconds_after_boot);
    }
    if (auto bytes = NetworkBytes()) {
      add(counter, "network_receive_bytes_total",
          "Number of bytes received by the process over the network.", bytes->first);
      add(counter, "network_transmit_bytes_total",
          "Number of bytes sent by the process over the network.", bytes->second);
    }
  }

 private:
  const double boot_time_;
};

}  // namespace

std::shared_ptr<Collector> MakeProcessCollector() { return std::make_shared<ProcessCollector>(); }

}  // namespace narthex
