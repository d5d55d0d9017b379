#include "server/cmd/promtool/backfill_rules.h"

#include <algorithm>
#include <cmath>

#include "core/base/file.h"
#include "core/log/log.h"
#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "server/cmd/promtool/backfill_openmetrics.h"
#include "server/cmd/promtool/output.h"
#include "server/cmd/promtool/range_query.h"
#include "server/cmd/promtool/sample_block.h"
#include "server/cmd/promtool/times.h"
#include "server/rules/rule_file.h"

namespace narthex::promtool {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kNanosPerMs = 1'000'000;
constexpr int64_t kDefaultEndSeconds = 3 * 3600;  // ago: what is younger may still be in a head

// The last time at or before `nanos` at which a server evaluates the group.
int64_t EvaluationTime(const rules::GroupSpec& group, int64_t nanos) {
  const uint64_t hash = Labels{{"file", group.file}, {"name", group.name}}.Hash();
  const int64_t interval = group.interval_ms * kNanosPerMs;
  const auto offset = static_cast<int64_t>(hash % static_cast<uint64_t>(interval));
  const int64_t shifted = nanos - offset;
  return shifted - shifted % interval + offset;
}

class RuleImporter {
 public:
  RuleImporter(const RuleBackfillOptions& options, int64_t start_seconds, int64_t end_seconds)
      : options_(options), start_(start_seconds), end_(end_seconds) {}

  Status Run() {
    NX_ASSIGN_OR_RETURN(querier_, RangeQuerier::Create(options_.url, options_.http_config_file));
    rules::GroupDefaults defaults;
    defaults.interval_ms = options_.eval_interval_ms;
    NX_ASSIGN_OR_RETURN(const std::vector<rules::GroupSpec> groups,
                        rules::LoadRuleFiles(options_.files, defaults, {}));
    bool failed = false;
    for (const rules::GroupSpec& group : groups) {
      for (const rules::RuleSpec& rule : group.rules) {
        if (rule.is_alert) continue;
        const Status status = Import(group, rule);
        if (status.ok()) continue;
        failed = true;
        std::fprintf(stderr, "rule importer error: %s\n", std::string(MessageOf(status)).c_str());
      }
    }
    return failed ? Internal("error importing rules") : OkStatus();
  }

 private:
  Status Import(const rules::GroupSpec& group, const rules::RuleSpec& rule) {
    const int64_t width = CompatibleBlockDuration(0) / 1000;  // seconds
    for (int64_t from = start_ - start_ % width; from <= end_; from += width) {
      const int64_t first = std::max(from, start_);
      const int64_t last = std::min(from + width - 1, end_);
      int64_t at = EvaluationTime(group, first * kNanosPerSecond);
      while (at / kNanosPerSecond < first) at += group.interval_ms * kNanosPerMs;
      if (last * kNanosPerSecond < at) break;
      const auto series = querier_->Query(rule.expr, at, last, group.interval_ms);
      if (!series.ok()) return Annotate(series.status(), "query range");
      NX_RETURN_IF_ERROR(Write(rule, *series));
    }
    return OkStatus();
  }

  Status Write(const rules::RuleSpec& rule, const std::vector<RangeSeries>& all) {
    SeriesNumbers numbers;
    SampleBlock block(&numbers);
    for (const RangeSeries& series : all) {
      LabelsBuilder labels(series.labels);
      for (const auto& [name, value] : rule.labels) labels.Set(name, value);
      labels.Set(kMetricNameLabel, rule.name);
      const uint32_t number = numbers.Of(labels.Build());
      for (const auto& [t, v] : series.samples) NX_RETURN_IF_ERROR(block.Add(number, t, v));
    }
    if (block.empty()) return OkStatus();
    return block.Write(options_.output_dir).status();
  }

  const RuleBackfillOptions& options_;
  const int64_t start_, end_;  // seconds, inclusive
  std::unique_ptr<RangeQuerier> querier_;
};

Status Backfill(const RuleBackfillOptions& options, const Clock& clock) {
  const auto start = ParseTime(options.start);
  if (!start.ok()) return Annotate(start.status(), "error parsing start time");
  int64_t end = clock.NowNanos() - kDefaultEndSeconds * kNanosPerSecond;
  if (!options.end.empty()) {
    const auto given = ParseTime(options.end);
    if (!given.ok()) return Annotate(given.status(), "error parsing end time");
    end = *given;
  }
  if (*start >= end) return InvalidArgument("start time is not before end time");
  return RuleImporter(options, *start / kNanosPerSecond, end / kNanosPerSecond).Run();
}

}  // namespace

int BackfillRules(const RuleBackfillOptions& options, const Clock& clock) {
  for (const std::string& file : options.files) {
    if (!FileExists(file)) {
      return Fail(NotFound("promtool: error: path '{}' does not exist, try --help", file));
    }
  }
  return ExitCode(Backfill(options, clock));
}

}  // namespace narthex::promtool
