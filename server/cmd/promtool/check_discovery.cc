#include "server/cmd/promtool/check_discovery.h"

#include <algorithm>

#include "core/base/mutex.h"
#include "core/json/writer.h"
#include "core/metrics/registry.h"
#include "server/cmd/promtool/check_rules.h"
#include "server/cmd/promtool/output.h"
#include "server/config/config.h"
#include "server/discovery/manager.h"
#include "server/scrape/target.h"

namespace narthex::promtool {
namespace {

struct Found {
  Labels discovered, labels;
  std::string error;
  friend bool operator==(const Found&, const Found&) = default;
};

// The groups that are known when the time is up; at once when nobody has to be asked.
discovery::TargetGroups Discover(const config::ScrapeConfig& job, int64_t timeout_ms) {
  Mutex mutex;
  CondVar changed;
  std::shared_ptr<const discovery::TargetSets> sets;
  Registry registry;
  discovery::Manager manager({.name = "scrape", .update_interval_ms = 50, .registry = &registry},
                             [&](std::shared_ptr<const discovery::TargetSets> newest) {
                               MutexLock lock(mutex);
                               sets = std::move(newest);
                               changed.NotifyAll();
                             });
  manager.ApplyConfig({{job.job_name, job.discovery}});
  manager.Start();
  const bool fixed = job.discovery.mechanisms.empty();
  const int64_t end = Clock::System().MonotonicNanos() / 1'000'000 + timeout_ms;
  {
    MutexLock lock(mutex);
    for (;;) {
      const int64_t left = end - Clock::System().MonotonicNanos() / 1'000'000;
      if (left <= 0 || (fixed && sets != nullptr)) break;
      changed.WaitFor(lock, std::chrono::milliseconds(left));
    }
  }
  manager.Stop();
  MutexLock lock(mutex);
  if (sets == nullptr) return {};
  const auto found = sets->find(job.job_name);
  return found == sets->end() ? discovery::TargetGroups() : found->second;
}

std::vector<Found> Relabelled(const config::ScrapeConfig& job, const RelabelRules& rules,
                              const discovery::TargetGroups& groups) {
  std::vector<Found> all;
  for (const auto& group : groups) {
    for (const Labels& labels : group->targets) {
      Found found;
      found.discovered = scrape::DiscoveredLabels(job, labels, group->labels);
      const auto target = scrape::MakeTarget(job, rules, found.discovered, &found.labels);
      if (!target.ok()) found.error = MessageOf(target.status());
      if (std::find(all.begin(), all.end(), found) == all.end()) all.push_back(std::move(found));
    }
  }
  return all;
}

void AppendLabels(std::string* out, std::string_view name, const Labels& labels) {
  *out += fmt::format("    \"{}\": {{", name);
  bool first = true;
  for (const Label& label : labels) {
    *out += first ? "\n      " : ",\n      ";
    first = false;
    AppendJsonString(out, label.name);
    *out += ": ";
    AppendJsonString(out, label.value);
  }
  *out += first ? "}" : "\n    }";
}

std::string ToJson(const std::vector<Found>& all) {
  std::string out = "[";
  for (const Found& found : all) {
    out += &found == all.data() ? "\n  {\n" : ",\n  {\n";
    AppendLabels(&out, "discoveredLabels", found.discovered);
    out += ",\n";
    AppendLabels(&out, "labels", found.labels);
    if (!found.error.empty()) {
      out += ",\n    \"error\": ";
      AppendJsonString(&out, found.error);
    }
    out += "\n  }";
  }
  return out + (all.empty() ? "]" : "\n]");
}

}  // namespace

int CheckDiscovery(const std::string& config_file, const std::string& job_name,
                   int64_t timeout_ms) {
  if (!AllExist({config_file})) return kFailed;
  const auto config = config::LoadFile(config_file);
  if (!config.ok()) {
    return Fail(InvalidArgument("Cannot load config {}", MessageOf(config.status())));
  }
  const auto& jobs = (*config)->scrape_configs;
  const auto job =
      std::find_if(jobs.begin(), jobs.end(), [&](const auto& j) { return j.job_name == job_name; });
  if (job == jobs.end()) {
    std::string known;
    for (const auto& j : jobs) known += "\n\t" + j.job_name;
    return Fail(NotFound("Job {} not found. Select one of:{}", job_name, known));
  }
  const auto rules = CompileRelabelRules(job->relabel_configs, job->name_validation);
  if (!rules.ok()) return Fail(rules.status());
  Print(ToJson(Relabelled(*job, *rules, Discover(*job, timeout_ms))));
  return kOk;
}

}  // namespace narthex::promtool
