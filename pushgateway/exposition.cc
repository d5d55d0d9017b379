#include "pushgateway/exposition.h"

#include <map>

#include "core/exposition/writer.h"
#include "core/log/log.h"
#include "core/metrics/consistency.h"

namespace narthex::pushgateway {
namespace {

using Sources = std::vector<const MetricFamily*>;

constexpr int64_t kHelpLogIntervalMs = 60'000;

void LogHelp(const MetricFamily& kept, const MetricFamily& other) {
  static LogLimiter limiter(kHelpLogIntervalMs);
  int64_t suppressed = 0;
  if (!limiter.Allow(&suppressed)) return;
  NX_LOG(Info, "metric families inconsistent help strings", {"metric", kept.name},
         {"kept", kept.help}, {"other", other.help}, {"suppressed", suppressed});
}

// The samples of all sources as one family with the first one's HELP.
std::vector<MetricFamily> Gathered(const Sources& sources) {
  std::vector<MetricFamily> families;
  for (const MetricFamily* source : sources) {
    if (source->help != sources[0]->help) LogHelp(*sources[0], *source);
    families.push_back(*source);
    families.back().help = sources[0]->help;
  }
  return families;
}

}  // namespace

Exposition Expose(const std::vector<MetricFamily>& own, const GroupStore::Snapshot& groups,
                  const OutputFormat& format, bool trusted) {
  std::map<std::string_view, Sources> by_name;
  for (const MetricFamily& family : own) by_name[family.name].push_back(&family);

  MetricFamily times, failures;
  for (const auto& group : groups) {
    for (const auto& [name, stored] : group->families) {
      by_name[name].push_back(stored.family.get());
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
    by_name[kPushTime].push_back(&times);
    by_name[kPushFailureTime].push_back(&failures);
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
    if (sources.size() == 1 && name != kPushTime && name != kPushFailureTime) {
      AppendFamily(*sources[0], format, &result.body);
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
