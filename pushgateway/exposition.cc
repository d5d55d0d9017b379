#include "pushgateway/exposition.h"

#include <map>

#include "core/exposition/writer.h"
#include "core/log/log.h"
#include "core/metrics/consistency.h"

namespace narthex::pushgateway {
namespace {

// Where the samples of a name come from: the program itself or its push times, then groups.
struct Sources {
  std::vector<const MetricFamily*> own;
  std::vector<const StoredFamily*> pushed;
};

constexpr int64_t kHelpLogIntervalMs = 60'000;

void LogHelp(const MetricFamily& kept, const MetricFamily& other) {
  static LogLimiter limiter(kHelpLogIntervalMs);
  int64_t suppressed = 0;
  if (!limiter.Allow(&suppressed)) return;
  NX_LOG(Info, "metric families inconsistent help strings", {"metric", kept.name},
         {"kept", kept.help}, {"other", other.help}, {"suppressed", suppressed});
}

// The families of all sources, with the first one's HELP.
std::vector<MetricFamily> Gathered(const Sources& sources) {
  std::vector<MetricFamily> families;
  families.reserve(sources.own.size() + sources.pushed.size());
  for (const MetricFamily* family : sources.own) families.push_back(*family);
  for (const StoredFamily* stored : sources.pushed) families.push_back(stored->Unpack());
  for (MetricFamily& family : families) {
    if (family.help == families[0].help) continue;
    LogHelp(families[0], family);
    family.help = families[0].help;
  }
  return families;
}

}  // namespace

Exposition Expose(const std::vector<MetricFamily>& own, const GroupStore::Snapshot& groups,
                  const OutputFormat& format, bool trusted) {
  std::map<std::string_view, Sources> by_name;
  for (const MetricFamily& family : own) by_name[family.name].own.push_back(&family);

  MetricFamily times, failures;
  for (const auto& group : groups) {
    for (const auto& [name, stored] : group->families) {
      by_name[name].pushed.push_back(&stored);
    }
    MetricFamily time = PushTimeFamily(*group), failure = PushFailureTimeFamily(*group);
    if (times.name.empty()) {
      times = std::move(time);
      failures = std::move(failure);
      continue;
    }
    times.samples.push_back(std::move(time.samples[0]));
    failures.samples.push_back(std::move(failure.samples[0]));
  }
  if (!groups.empty()) {
    by_name[kPushTime].own.push_back(&times);
    by_name[kPushFailureTime].own.push_back(&failures);
  }

  Exposition result;
  if (!trusted) {
    std::vector<MetricFamily> all;
    for (const auto& [name, sources] : by_name) {
      for (MetricFamily& family : Gathered(sources)) all.push_back(std::move(family));
    }
    Registry::Gathered gathered = MergeFamilies(std::move(all));
    result.errors = std::move(gathered.errors);
    if (result.errors.empty()) result.body = WriteFamilies(gathered.families, format);
    return result;
  }
  for (const auto& [name, sources] : by_name) {
    if (sources.own.empty() && sources.pushed.size() == 1) {
      AppendFamily(sources.pushed[0]->Unpack(), format, &result.body);
      continue;
    }
    Registry::Gathered gathered = MergeFamilies(Gathered(sources));
    for (std::string& error : gathered.errors) result.errors.push_back(std::move(error));
    for (const MetricFamily& family : gathered.families) AppendFamily(family, format, &result.body);
  }
  AppendTrailer(format, &result.body);
  return result;
}

}  // namespace narthex::pushgateway
