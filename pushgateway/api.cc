#include "pushgateway/api.h"

#include <cmath>

#include "core/flags/flags.h"
#include "core/json/writer.h"
#include "core/strings/duration.h"
#include "core/strings/numbers.h"

namespace narthex::pushgateway {
namespace {

void WriteLabels(const std::vector<MetricLabel>& labels, JsonWriter& json) {
  json.Key("labels").BeginObject();
  for (const MetricLabel& label : labels) json.Member(label.name, label.value);
  json.EndObject();
}

// ---- native histograms: [boundaries, lower, upper, count] ----

enum Boundaries { kOpenLeft = 0, kOpenRight = 1, kOpenBoth = 2, kClosedBoth = 3 };

struct NativeBucket {
  Boundaries boundaries;
  double lower, upper, count;
};

// Upper bound of bucket `index` of exponential schemas.
double BoundOf(int32_t index, int32_t schema) {
  if (schema < 0) return std::ldexp(1.0, index * (1 << -schema));
  const int32_t n = 1 << schema;
  const int32_t whole = index >= 0 ? index / n : -((-index + n - 1) / n);
  return std::ldexp(std::exp2(static_cast<double>(index - whole * n) / n), whole);
}

constexpr size_t kMaxShownBuckets = 10'000;  // spans come from outside

std::vector<NativeBucket> Side(const NativeHistogram& h, bool positive) {
  std::vector<NativeBucket> buckets;
  const auto& spans = positive ? h.positive_spans : h.negative_spans;
  const auto& deltas = positive ? h.positive_deltas : h.negative_deltas;
  const auto& counts = positive ? h.positive_counts : h.negative_counts;
  int32_t index = 0;
  double count = 0;
  size_t at = 0;
  const size_t values = h.is_float ? counts.size() : deltas.size();
  for (const auto& span : spans) {
    index += span.offset;
    for (uint32_t i = 0; i < span.length && at < values; ++i, ++index, ++at) {
      count = h.is_float ? counts[at] : count + static_cast<double>(deltas[at]);
      if (count == 0 || buckets.size() >= kMaxShownBuckets) continue;
      const double upper = BoundOf(index, h.schema), lower = BoundOf(index - 1, h.schema);
      buckets.push_back(positive ? NativeBucket{kOpenLeft, lower, upper, count}
                                 : NativeBucket{kOpenRight, -upper, -lower, count});
    }
  }
  return buckets;
}

void WriteNativeBuckets(const NativeHistogram& h, JsonWriter& json) {
  std::vector<NativeBucket> buckets = Side(h, false);
  std::reverse(buckets.begin(), buckets.end());
  if (h.zero_count != 0) {
    buckets.push_back({kClosedBoth, -h.zero_threshold, h.zero_threshold, h.zero_count});
  }
  const auto positive = Side(h, true);
  buckets.insert(buckets.end(), positive.begin(), positive.end());
  json.Key("buckets").BeginArray();
  for (const NativeBucket& b : buckets) {
    json.BeginArray().Int(b.boundaries).String(NumberText(b.lower)).String(NumberText(b.upper));
    json.String(NumberText(b.count)).EndArray();
  }
  json.EndArray();
}

// ---- samples, families, groups ----

void WriteSample(MetricType type, const MetricSample& sample, JsonWriter& json) {
  json.BeginObject();
  WriteLabels(sample.labels, json);
  const bool summary = type == MetricType::kSummary;
  if (!summary && type != MetricType::kHistogram && type != MetricType::kGaugeHistogram) {
    json.Member("value", NumberText(sample.value)).EndObject();
    return;
  }
  json.Member("count", NumberText(sample.sample_count));
  json.Member("sum", NumberText(sample.sample_sum));
  if (summary) {
    json.Key("quantiles").BeginObject();
    for (const auto& q : sample.quantiles) json.Member(NumberText(q.quantile), NumberText(q.value));
    json.EndObject();
  } else if (sample.native != nullptr) {
    WriteNativeBuckets(*sample.native, json);
  } else {
    json.Key("buckets").BeginObject();
    for (const auto& b : sample.buckets) {
      json.Member(NumberText(b.upper_bound), NumberText(b.cumulative_count));
    }
    json.EndObject();
  }
  json.EndObject();
}

void WriteFamily(const MetricFamily& family, int64_t noted_ns, JsonWriter& json) {
  json.Key(family.name).BeginObject();
  json.Member("time_stamp", FormatRfc3339Nanos(noted_ns));
  json.Member("type", UpperTypeName(family.type));
  if (!family.help.empty()) json.Member("help", family.help);
  json.Key("metrics").BeginArray();
  for (const MetricSample& sample : family.samples) WriteSample(family.type, sample, json);
  json.EndArray().EndObject();
}

}  // namespace

std::string_view UpperTypeName(MetricType type) {
  switch (type) {
    case MetricType::kCounter: return "COUNTER";
    case MetricType::kGauge: return "GAUGE";
    case MetricType::kUntyped: return "UNTYPED";
    case MetricType::kSummary: return "SUMMARY";
    case MetricType::kHistogram: return "HISTOGRAM";
    case MetricType::kGaugeHistogram: return "GAUGE_HISTOGRAM";
  }
  return "UNTYPED";
}

std::string NumberText(double v) {
  std::string text;
  AppendExpositionFloat(&text, v);
  return text;
}

std::string MetricsJson(const GroupStore::Snapshot& groups) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject().Member("status", "success").Key("data").BeginArray();
  for (const auto& group : groups) {
    json.BeginObject().Key("labels").BeginObject();
    for (const auto& [name, value] : group->labels) json.Member(name, value);
    json.EndObject().Key("last_push_successful").Bool(group->last_push_successful());
    for (const auto& [name, stored] : group->families) {
      WriteFamily(stored.Unpack(), stored.pushed_ns(), json);
    }
    WriteFamily(PushFailureTimeFamily(*group), group->failure.noted_ns, json);
    WriteFamily(PushTimeFamily(*group), group->success.noted_ns, json);
    json.EndObject();
  }
  json.EndArray().EndObject();
  return out;
}

std::string StatusJson(const std::vector<std::pair<std::string, std::string>>& flags,
                       int64_t start_ns) {
  const BuildInfo& build = GetBuildInfo("pushgateway");
  std::string out;
  JsonWriter json(&out);
  json.BeginObject().Member("status", "success").Key("data").BeginObject();
  json.Key("build_information").BeginObject();
  json.Member("branch", build.branch).Member("buildDate", build.build_date);
  json.Member("buildUser", build.build_user).Member("goVersion", build.compiler);
  json.Member("revision", build.revision).Member("version", build.version).EndObject();
  json.Key("flags").BeginObject();
  for (const auto& [name, value] : flags) json.Member(name, value);
  json.EndObject();
  json.Member("start_time", FormatRfc3339Nanos(start_ns)).EndObject().EndObject();
  return out;
}

}  // namespace narthex::pushgateway
