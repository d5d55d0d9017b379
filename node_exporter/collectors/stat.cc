// /proc/stat but for its cpu rows.

#include <array>

#include "node_exporter/collectors/plugins.h"
#include "node_exporter/parse.h"

namespace narthex::node {
namespace {

// Names of the numbers in the softirq row, behind its total.
constexpr std::array<std::string_view, 10> kVectors = {
    "hi",           "timer",   "net_tx", "net_rx",  "block",
    "block_iopoll", "tasklet", "sched",  "hrtimer", "rcu"};

class StatCollector final : public Collector {
 public:
  StatCollector(const Paths& paths, bool softirq) : path_(paths.Proc("stat")), softirq_(softirq) {}

  Status Update(Sink& sink) override {
    NX_ASSIGN_OR_RETURN(std::string text, ReadKernelFile(path_));
    Status status;
    ForEachLine(text, [&](std::string_view line) {
      status = Line(line, sink);
      return status.ok();
    });
    return status;
  }

 private:
  Status Line(std::string_view line, Sink& sink) const {
    const std::string_view key = line.substr(0, line.find(' '));
    if (key.starts_with("cpu")) return OkStatus();
    if (key == "softirq") return softirq_ ? Softirq(line, sink) : OkStatus();
    struct Row {
      std::string_view key, metric, help;
      bool counter;
    };
    static constexpr Row kRows[] = {
        {"intr", "node_intr_total", "Total number of interrupts serviced.", true},
        {"ctxt", "node_context_switches_total", "Total number of context switches.", true},
        {"btime", "node_boot_time_seconds", "Node boot time, in unixtime.", false},
        {"processes", "node_forks_total", "Total number of forks.", true},
        {"procs_running", "node_procs_running", "Number of processes in runnable state.", false},
        {"procs_blocked", "node_procs_blocked",
         "Number of processes blocked waiting for I/O to complete.", false},
    };
    for (const Row& row : kRows) {
      if (row.key != key) continue;
      // The intr row has thousands of numbers on big machines; only the total in front counts.
      const size_t space = std::min(key.size() + 1, line.size());
      const std::string_view rest = line.substr(space);
      const auto value = Number(rest.substr(0, rest.find(' ')));
      if (!value) return DataLoss("couldn't parse {} of {}", key, path_);
      AddSample(sink.Add(row.counter ? MetricType::kCounter : MetricType::kGauge,
                         std::string(row.metric), std::string(row.help)),
                *value);
      break;
    }
    return OkStatus();
  }

  Status Softirq(std::string_view line, Sink& sink) const {
    const auto words = Words(line);
    MetricFamily& family =
        sink.Add(MetricType::kCounter, "node_softirqs_total", "Number of softirq calls.");
    for (size_t i = 0; i < kVectors.size() && i + 2 < words.size(); ++i) {
      const auto value = Number(words[i + 2]);
      if (!value) return DataLoss("couldn't parse softirq of {}", path_);
      AddSample(family, *value, {{"vector", std::string(kVectors[i])}});
    }
    return OkStatus();
  }

  const std::string path_;
  const bool softirq_;
};

class StatPlugin final : public Plugin {
 public:
  void AddFlags(FlagSet& flags) override {
    softirq_ = flags.Bool("collector.stat.softirq", "Export softirq calls per vector", false);
  }
  StatusOr<std::unique_ptr<Collector>> Create(const Paths& paths, const FlagSet&) override {
    return std::make_unique<StatCollector>(paths, *softirq_);
  }

 private:
  bool* softirq_ = nullptr;
};

}  // namespace

std::unique_ptr<Plugin> MakeStatPlugin() { return std::make_unique<StatPlugin>(); }

}  // namespace narthex::node
