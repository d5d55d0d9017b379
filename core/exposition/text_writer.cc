// Text 0.0.4 and 1.0.0.
#include <cmath>

#include "core/exposition/escaped_names.h"
#include "core/exposition/family_writers.h"
#include "core/strings/numbers.h"

namespace narthex {
namespace {

std::string_view TypeName(MetricType type) {
  switch (type) {
    case MetricType::kCounter: return "counter";
    case MetricType::kGauge: return "gauge";
    case MetricType::kSummary: return "summary";
    case MetricType::kHistogram:
    case MetricType::kGaugeHistogram: return "histogram";
    case MetricType::kUntyped: break;
  }
  return "untyped";
}

class TextFamilyWriter {
 public:
  TextFamilyWriter(std::string_view name, NameEscaping escaping, std::string* out)
      : name_(name), escaping_(escaping), out_(out) {}

  void Sample(std::string_view suffix, const MetricSample& sample, double value) {
    Head(suffix, sample);
    if (open_) out_->push_back('}');
    Tail(sample, value);
  }

  void Sample(std::string_view suffix, const MetricSample& sample, std::string_view label,
              double label_value, double value) {
    Head(suffix, sample);
    out_->push_back(open_ ? ',' : '{');
    out_->append(label);
    out_->append("=\"");
    AppendExpositionFloat(out_, WithoutMinusZero(label_value));
    out_->append("\"}");
    Tail(sample, value);
  }

 private:
  void Head(std::string_view suffix, const MetricSample& sample) {
    full_name_.assign(name_).append(suffix);
    AppendSeriesHead(full_name_, sample.labels, escaping_, &open_, out_);
  }
  void Tail(const MetricSample& sample, double value) {
    out_->push_back(' ');
    AppendExpositionFloat(out_, WithoutMinusZero(value));
    if (sample.timestamp_ms) {
      out_->push_back(' ');
      out_->append(std::to_string(*sample.timestamp_ms));
    }
    out_->push_back('\n');
  }

  std::string_view name_;
  NameEscaping escaping_;
  std::string* out_;
  std::string full_name_;
  bool open_ = false;
};

void WriteSummary(const MetricSample& sample, TextFamilyWriter* writer) {
  for (const MetricQuantile& q : sample.quantiles) {
    writer->Sample("", sample, "quantile", q.quantile, q.value);
  }
  writer->Sample("_sum", sample, sample.sample_sum);
  writer->Sample("_count", sample, sample.sample_count);
}

void WriteHistogram(const MetricSample& sample, TextFamilyWriter* writer) {
  bool inf_seen = false;
  for (const MetricBucket& bucket : sample.buckets) {
    writer->Sample("_bucket", sample, "le", bucket.upper_bound, bucket.cumulative_count);
    inf_seen |= bucket.upper_bound == INFINITY;
  }
  if (!inf_seen) writer->Sample("_bucket", sample, "le", INFINITY, sample.sample_count);
  writer->Sample("_sum", sample, sample.sample_sum);
  writer->Sample("_count", sample, sample.sample_count);
}

}  // namespace

void AppendTextFamily(const MetricFamily& family, NameEscaping escaping, std::string* out) {
  std::string scratch;
  std::string_view name = EscapedName(family.name, escaping, &scratch);
  if (!family.help.empty()) {
    out->append("# HELP ");
    AppendName(name, out);
    out->push_back(' ');
    AppendEscaped(family.help, QuoteEscape::kNo, out);
    out->push_back('\n');
  }
  out->append("# TYPE ");
  AppendName(name, out);
  out->push_back(' ');
  out->append(TypeName(family.type));
  out->push_back('\n');

  TextFamilyWriter writer(name, escaping, out);
  for (const MetricSample& sample : family.samples) {
    switch (family.type) {
      case MetricType::kSummary: WriteSummary(sample, &writer); break;
      case MetricType::kHistogram:
      case MetricType::kGaugeHistogram: WriteHistogram(sample, &writer); break;
      default: writer.Sample("", sample, sample.value);
    }
  }
}

}  // namespace narthex
