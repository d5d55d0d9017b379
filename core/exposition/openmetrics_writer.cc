// OpenMetrics 0.0.1 and 1.0.0. As the reference: a counter whose name does not end in _total is
// rendered as unknown, units and created lines are left out.
#include <cmath>

#include "core/exposition/escaped_names.h"
#include "core/exposition/family_writers.h"
#include "core/exposition/writer.h"
#include "core/strings/numbers.h"

namespace narthex {
namespace {

constexpr std::string_view kTotal = "_total";
constexpr double kMillisPerSecond = 1000;

class OpenMetricsFamilyWriter {
 public:
  OpenMetricsFamilyWriter(std::string_view name, NameEscaping escaping, std::string* out)
      : name_(name), escaping_(escaping), out_(out) {}

  struct Extra {
    std::string_view label;  // le or quantile, or none
    double label_value = 0;
    bool integer = false;  // a count, printed without a point
    const std::optional<MetricExemplar>* exemplar = nullptr;
  };

  void Sample(std::string_view suffix, const MetricSample& sample, double value,
              const Extra& extra) {
    full_name_.assign(name_).append(suffix);
    bool open = false;
    AppendSeriesHead(full_name_, sample.labels, escaping_, &open, out_);
    if (!extra.label.empty()) {
      out_->push_back(open ? ',' : '{');
      out_->append(extra.label).append("=\"");
      AppendOpenMetricsFloat(out_, extra.label_value);
      out_->push_back('"');
      open = true;
    }
    if (open) out_->push_back('}');
    out_->push_back(' ');
    Value(value, extra.integer);
    if (sample.timestamp_ms) Seconds(*sample.timestamp_ms);
    if (extra.exemplar != nullptr && *extra.exemplar) Exemplar(**extra.exemplar);
    out_->push_back('\n');
  }

 private:
  void Value(double value, bool integer) {
    constexpr double kMaxExact = 18446744073709549568.0;  // below 2^64
    if (integer && value >= 0 && value <= kMaxExact && value == std::floor(value)) {
      out_->append(std::to_string(static_cast<uint64_t>(value)));
    } else {
      AppendOpenMetricsFloat(out_, value);
    }
  }
  void Seconds(int64_t ms) {
    out_->push_back(' ');
    AppendOpenMetricsFloat(out_, static_cast<double>(ms) / kMillisPerSecond);
  }
  void Exemplar(const MetricExemplar& exemplar) {
    if (exemplar.labels.empty()) return;
    out_->append(" # ");
    bool open = false;
    AppendSeriesHead("", exemplar.labels, NameEscaping::kAllowUtf8, &open, out_);
    out_->append("} ");
    AppendOpenMetricsFloat(out_, exemplar.value);
    if (exemplar.timestamp_ms) Seconds(*exemplar.timestamp_ms);
  }

  std::string_view name_;
  NameEscaping escaping_;
  std::string* out_;
  std::string full_name_;
};

std::string_view TypeName(const MetricFamily& family, bool total) {
  switch (family.type) {
    case MetricType::kCounter: return total ? "counter" : "unknown";
    case MetricType::kGauge: return "gauge";
    case MetricType::kSummary: return "summary";
    case MetricType::kHistogram: return "histogram";
    case MetricType::kGaugeHistogram: return "gaugehistogram";
    case MetricType::kUntyped: break;
  }
  return "unknown";
}

void WriteSummary(const MetricSample& sample, OpenMetricsFamilyWriter* writer) {
  for (const MetricQuantile& q : sample.quantiles) {
    writer->Sample("", sample, q.value, {.label = "quantile", .label_value = q.quantile});
  }
  writer->Sample("_sum", sample, sample.sample_sum, {});
  writer->Sample("_count", sample, sample.sample_count, {.integer = true});
}

void WriteHistogram(const MetricSample& sample, bool gauge, OpenMetricsFamilyWriter* writer) {
  bool inf_seen = false;
  for (const MetricBucket& bucket : sample.buckets) {
    writer->Sample("_bucket", sample, bucket.cumulative_count,
                   {.label = "le",
                    .label_value = bucket.upper_bound,
                    .integer = true,
                    .exemplar = &bucket.exemplar});
    inf_seen |= bucket.upper_bound == INFINITY;
  }
  if (!inf_seen) {
    writer->Sample("_bucket", sample, sample.sample_count,
                   {.label = "le", .label_value = INFINITY, .integer = true});
  }
  writer->Sample(gauge ? "_gsum" : "_sum", sample, sample.sample_sum, {});
  writer->Sample(gauge ? "_gcount" : "_count", sample, sample.sample_count, {.integer = true});
}

}  // namespace

void AppendOpenMetricsFloat(std::string* out, double v) {
  size_t before = out->size();
  AppendExpositionFloat(out, WithoutMinusZero(v));
  if (!std::isfinite(v)) return;
  if (std::string_view(*out).substr(before).find_first_of("e.") == std::string_view::npos) {
    out->append(".0");
  }
}

void AppendOpenMetricsFamily(const MetricFamily& family, NameEscaping escaping, std::string* out) {
  std::string scratch;
  std::string_view name = EscapedName(family.name, escaping, &scratch);
  bool total = name.ends_with(kTotal);
  std::string_view family_name = name;
  if (family.type == MetricType::kCounter && total) family_name.remove_suffix(kTotal.size());
  if (!family.help.empty()) {
    out->append("# HELP ");
    AppendName(family_name, out);
    out->push_back(' ');
    AppendEscaped(family.help, QuoteEscape::kYes, out);
    out->push_back('\n');
  }
  out->append("# TYPE ");
  AppendName(family_name, out);
  out->push_back(' ');
  out->append(TypeName(family, total));
  out->push_back('\n');

  OpenMetricsFamilyWriter writer(name, escaping, out);
  for (const MetricSample& sample : family.samples) {
    switch (family.type) {
      case MetricType::kSummary: WriteSummary(sample, &writer); break;
      case MetricType::kHistogram: WriteHistogram(sample, false, &writer); break;
      case MetricType::kGaugeHistogram: WriteHistogram(sample, true, &writer); break;
      case MetricType::kCounter:
        writer.Sample("", sample, sample.value, {.exemplar = &sample.exemplar});
        break;
      default: writer.Sample("", sample, sample.value, {});
    }
  }
}

}  // namespace narthex
