#include "server/cmd/promtool/query_analyze.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "core/base/clock.h"
#include "core/labels/labels.h"
#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "server/cmd/promtool/api_client.h"
#include "server/cmd/promtool/output.h"
#include "server/cmd/promtool/times.h"

namespace narthex::promtool {
namespace {

constexpr char kHeader[] =
    R"(Bucket stats for each histogram series over time
------------------------------------------------
First the min, avg, and max number of populated buckets, followed by the total
number of buckets (only if different from the max number of populated buckets
which is typical for classic but not native histograms).

)";
constexpr char kFooter[] = R"(
Aggregated bucket stats
-----------------------
Each line shows min/avg/max over the series above.
)";

double NumberOf(const JsonValue& text) { return ParseFloat(text.AsString()).value_or(NAN); }

// Has an order, whatever the text.
double BoundOf(const JsonValue& bucket) {
  const double bound = NumberOf(bucket["metric"][kBucketLabel]);
  return std::isnan(bound) ? INFINITY : bound;
}

// Adds what is populated at one more time.
void Count(int64_t populated, bool first, BucketStats* stats) {
  stats->min = first ? populated : std::min(stats->min, populated);
  stats->max = std::max(stats->max, populated);
  stats->avg += static_cast<double>(populated);
}

// Smallest, mean and largest of whole numbers.
class Spread {
 public:
  void Add(int64_t n) {
    min_ = count_ == 0 ? n : std::min(min_, n);
    max_ = count_ == 0 ? n : std::max(max_, n);
    sum_ += n;
    ++count_;
  }
  int64_t count() const { return count_; }
  std::string ToString() const {
    return fmt::format("{}/{:.3f}/{}", min_,
                       static_cast<double>(sum_) / static_cast<double>(count_), max_);
  }

 private:
  int64_t min_ = 0, max_ = 0, sum_ = 0, count_ = 0;
};

class Summary {
 public:
  void Add(const BucketStats& stats) {
    min_.Add(stats.min);
    avg_.Add(static_cast<int64_t>(stats.avg));
    max_.Add(stats.max);
    total_.Add(stats.total);
  }
  std::string ToString(std::string_view kind) const {
    if (min_.count() == 0) return "";
    std::string text = fmt::format(
        "\n{} histogram series ({} in total):\n- min populated: {}\n- avg populated: {}\n"
        "- max populated: {}\n",
        kind, min_.count(), min_.ToString(), avg_.ToString(), max_.ToString());
    if (max_.ToString() != total_.ToString()) {
      text += fmt::format("- total: {}\n", total_.ToString());
    }
    return text;
  }

 private:
  Spread min_, avg_, max_, total_;
};

std::string MetricText(const JsonValue& metric, bool without_bucket) {
  LabelsBuilder labels;
  for (const auto& [name, value] : metric.members()) {
    if (!without_bucket || name != kBucketLabel) labels.Set(name, value.AsString());
  }
  return labels.Build().ToMetricString();
}

// All series of one selector.
Status AnalyzeSelector(const JsonValue& matrix, Output* out, Summary* native, Summary* classic) {
  std::map<std::string, std::vector<JsonValue>> buckets;  // of classic histograms
  for (const JsonValue& series : matrix.items()) {
    const JsonValue& metric = series["metric"];
    // What has numbers is taken for a part of a classic histogram, if it is none it does not count.
    if (!series["values"].items().empty()) {
      if (metric.Has(kBucketLabel) && metric[kMetricNameLabel].AsString().ends_with("_bucket")) {
        buckets[MetricText(metric, true)].push_back(series);
      }
      continue;
    }
    const auto stats = NativeBucketStats(series);
    if (!stats.ok()) continue;
    out->Print("- {} (native): {}\n", MetricText(metric, false), stats->ToString());
    native->Add(*stats);
  }
  for (const auto& [name, series] : buckets) {
    const auto stats = ClassicBucketStats(series);
    if (stats.status().code() == StatusCode::kNotFound) continue;
    if (!stats.ok()) return stats.status();
    out->Print("- {} (classic): {}\n", name, stats->ToString());
    classic->Add(*stats);
  }
  return OkStatus();
}

StatusOr<JsonValue> Ask(ApiClient* api, const AnalyzeArguments& arguments,
                        const std::string& selector, int64_t at) {
  http::Params form;
  form.Add("query", fmt::format("{}[{}]", selector, FormatPromDuration(arguments.duration_ms)));
  form.Add("time", FormatFloatF(std::round(static_cast<double>(at) / 1e6) / 1000, -1));
  NX_ASSIGN_OR_RETURN(const std::string body, api->Post("query", form));
  std::vector<std::string> warnings;
  NX_ASSIGN_OR_RETURN(JsonValue data, DataOf(body, &warnings));
  if (data["resultType"].AsString() != "matrix") {
    return InvalidArgument("query did not return a matrix");
  }
  return data;
}

}  // namespace

std::string BucketStats::ToString() const {
  const std::string text = fmt::format("{}/{:.3f}/{}", min, avg, max);
  return total == max ? text : fmt::format("{}/{}", text, total);
}

StatusOr<BucketStats> NativeBucketStats(const JsonValue& series) {
  const auto& samples = series["histograms"].items();
  if (samples.size() < 2) return NotFound("not enough data");
  BucketStats stats;
  std::set<std::array<std::string, 3>> all;  // by their bounds
  for (const JsonValue& sample : samples) {
    if (sample.items().size() != 2) return InvalidArgument("a sample that is no pair");
    int64_t populated = 0;
    for (const JsonValue& bucket : sample.items()[1]["buckets"].items()) {
      const auto& parts = bucket.items();
      if (parts.size() != 4) return InvalidArgument("a bucket without bounds");
      all.insert({fmt::format("{}", parts[0].AsInt()), parts[1].AsString(), parts[2].AsString()});
      ++populated;
    }
    Count(populated, &sample == &samples.front(), &stats);
  }
  stats.avg /= static_cast<double>(samples.size());
  stats.total = static_cast<int64_t>(all.size());
  return stats;
}

StatusOr<BucketStats> ClassicBucketStats(const std::vector<JsonValue>& buckets) {
  std::vector<const JsonValue*> sorted;
  for (const JsonValue& bucket : buckets) sorted.push_back(&bucket);
  std::stable_sort(sorted.begin(), sorted.end(), [](const JsonValue* a, const JsonValue* b) {
    return BoundOf(*a) < BoundOf(*b);
  });
  if (sorted.empty()) return NotFound("not enough data");
  const size_t samples = (*sorted[0])["values"].items().size();
  if (samples < 2) return NotFound("not enough data");
  BucketStats stats;
  for (size_t i = 0; i < samples; ++i) {
    int64_t populated = 0;
    double before = 0;
    double time = 0;
    for (const JsonValue* bucket : sorted) {
      const auto& values = (*bucket)["values"].items();
      if (i >= values.size() || values[i].items().size() != 2) {
        return InvalidArgument("matrix is not aligned");
      }
      const auto& pair = values[i].items();
      if (bucket != sorted[0] && pair[0].AsDouble() != time) {
        return InvalidArgument("matrix is not aligned");
      }
      time = pair[0].AsDouble();
      const double count = NumberOf(pair[1]);
      if (std::trunc(count - before) != 0) ++populated;
      before = count;
    }
    Count(populated, i == 0, &stats);
  }
  stats.avg /= static_cast<double>(samples);
  stats.total = static_cast<int64_t>(sorted.size());
  return stats;
}

int QueryAnalyze(const AnalyzeArguments& arguments) {
  if (arguments.type != "histogram") {
    return Fail(InvalidArgument("analyze type is {}, must be 'histogram'", arguments.type));
  }
  int64_t at = Clock::System().NowNanos();
  if (!arguments.time.empty()) {
    const auto given = ParseTime(arguments.time);
    if (!given.ok()) {
      return Fail(Annotate(given.status(), fmt::format("error parsing time '{}'", arguments.time)));
    }
    at = *given;
  }
  auto api = ApiClient::Create(arguments.url, arguments.http_config_file);
  if (!api.ok()) return Fail(api.status());
  Output out;
  out.Write(kHeader);
  Summary native;
  Summary classic;
  for (const std::string& selector : arguments.selectors) {
    const auto data = Ask(api->get(), arguments, selector, at);
    Status status = data.status();
    if (status.ok()) status = AnalyzeSelector((*data)["result"], &out, &native, &classic);
    if (status.ok()) continue;
    out.Flush();
    return Fail(status);
  }
  out.Write(kFooter);
  out.Write(native.ToString("Native"));
  out.Write(classic.ToString("Classic"));
  return kOk;
}

}  // namespace narthex::promtool
