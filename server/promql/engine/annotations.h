#pragma once
// The texts of warnings and infos, in upstream's words. QueryContext::Warn and Inform put the
// prefix in front and the position behind.

#include <string>
#include <string_view>

#include "core/strings/numbers.h"
#include "core/strings/quote.h"

namespace narthex::promql::note {

inline std::string ForMetric(std::string text, std::string_view metric) {
  return metric.empty() ? text : fmt::format("{} for metric name {}", text, GoQuote(metric));
}

// ---- Warnings ----

inline std::string InvalidQuantile(double q) {
  return fmt::format("quantile value should be between 0 and 1, got {}", FormatFloat(q));
}
inline std::string InvalidRatio(double ratio, double capped) {
  return fmt::format("ratio value should be between -1 and 1, got {}, capping to {}",
                     FormatFloat(ratio), FormatFloat(capped));
}
inline std::string BadBucketLabel(std::string_view metric, std::string_view label) {
  return ForMetric(
      fmt::format("bucket label \"le\" is missing or has a malformed value of {}", GoQuote(label)),
      metric);
}
inline std::string MixedFloatsHistograms(std::string_view metric) {
  return fmt::format("encountered a mix of histograms and floats for metric name {}",
                     GoQuote(metric));
}
inline std::string MixedFloatsHistogramsInAggregation() {
  return "encountered a mix of histograms and floats for aggregation";
}
inline std::string MixedClassicNative(std::string_view metric) {
  return ForMetric("vector contains a mix of classic and native histograms", metric);
}
inline std::string NotCounter(std::string_view metric) {
  return fmt::format("this native histogram metric is not a counter: {}", GoQuote(metric));
}
inline std::string NotGauge(std::string_view metric) {
  return fmt::format("this native histogram metric is not a gauge: {}", GoQuote(metric));
}
inline std::string MixedExponentialCustom(std::string_view metric) {
  return fmt::format(
      "vector contains a mix of histograms with exponential and custom buckets schemas for metric "
      "name {}",
      GoQuote(metric));
}
inline std::string IncompatibleBuckets(std::string_view op) {
  return fmt::format("incompatible bucket layout encountered for binary operator {}", op);
}
// `operation`: "addition", "subtraction" or "aggregation".
inline std::string ResetCollision(std::string_view operation) {
  return fmt::format("conflicting counter resets during histogram {}", operation);
}

// ---- Infos ----

inline std::string PossibleNonCounter(std::string_view metric) {
  return fmt::format(
      "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {}",
      GoQuote(metric));
}
inline std::string PossibleNonCounterLabel(std::string_view metric, std::string_view type) {
  return fmt::format(
      "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", "
      "got {}: {}",
      GoQuote(type), GoQuote(metric));
}
inline std::string ForcedMonotonicity(std::string_view metric) {
  return ForMetric(
      "input to histogram_quantile needed to be fixed for monotonicity (see "
      "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)",
      metric);
}
inline std::string IncompatibleTypes(std::string_view left, std::string_view op,
                                     std::string_view right) {
  return fmt::format("incompatible sample types encountered for binary operator {}: {} {} {}",
                     GoQuote(op), left, op, right);
}
inline std::string IgnoredInAggregation(std::string_view aggregation) {
  return fmt::format("ignored histogram in {} aggregation", aggregation);
}
inline std::string IgnoredInMixedRange(std::string_view metric) {
  return fmt::format(
      "ignored histograms in a range containing both floats and histograms for metric name {}",
      GoQuote(metric));
}
inline std::string QuantileIsNaN(std::string_view metric) {
  return ForMetric("input to histogram_quantile has NaN observations, result is NaN", metric);
}
inline std::string QuantileIsSkewed(std::string_view metric) {
  return ForMetric("input to histogram_quantile has NaN observations, result is skewed higher",
                   metric);
}
inline std::string FractionHasNaNs(std::string_view metric) {
  return ForMetric(
      "input to histogram_fraction has NaN observations, which are excluded from all fractions",
      metric);
}
inline std::string BoundsReconciled(std::string_view operation) {
  return fmt::format("mismatched custom buckets were reconciled during {}", operation);
}

}  // namespace narthex::promql::note
