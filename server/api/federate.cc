// /federate: the newest sample of every selected series in an exposition format. The samples are
// held, and count as the memory of a query does; the text is made in pieces while it is sent.
#include <algorithm>
#include <limits>
#include <memory>

#include "core/exposition/writer.h"
#include "core/log/log.h"
#include "server/api/impl.h"
#include "server/promql/engine/memory.h"
#include "server/promql/parser/parser.h"

namespace narthex::api {
namespace {

constexpr size_t kChunkBytes = 64 << 10;
constexpr size_t kPieceSamples = 512;  // of a family, in the text formats

struct Newest {
  Labels labels;
  TimestampMs t = 0;
  double v = 0;
  std::shared_ptr<const FloatHistogram> histogram;  // instead of a value

  MetricType type() const {
    if (histogram == nullptr) return MetricType::kUntyped;
    return histogram->reset == CounterResetHint::kGauge ? MetricType::kGaugeHistogram
                                                        : MetricType::kHistogram;
  }
};

size_t HeapBytes(const FloatHistogram& h) {
  const size_t numbers = h.positive_buckets.size() + h.negative_buckets.size() +
                         h.custom_values.size() + h.positive_spans.size() + h.negative_spans.size();
  return sizeof h + numbers * sizeof(double);
}

// The histogram that series `i` has at `t`.
StatusOr<std::shared_ptr<const FloatHistogram>> ReadHistogram(const storage::SeriesList& series,
                                                              size_t i, TimestampMs t) {
  storage::SampleColumns columns;
  NX_RETURN_IF_ERROR(series.Read(i, t, t, &columns));
  if (columns.histograms.empty()) return std::shared_ptr<const FloatHistogram>();
  return std::make_shared<const FloatHistogram>(std::move(columns.histograms.back()));
}

StatusOr<std::vector<Newest>> Select(const storage::Queryable& storage, TimestampMs now,
                                     int64_t lookback_ms,
                                     const std::vector<std::vector<Matcher>>& sets, bool histograms,
                                     promql::MemoryHold* hold) {
  NX_ASSIGN_OR_RETURN(auto querier, storage.NewQuerier(now - lookback_ms, now));
  storage::SelectHints hints;
  hints.start = now - lookback_ms;
  hints.end = now;
  std::vector<Newest> found;
  for (const auto& set : sets) {
    if (set.empty()) continue;  // {} selects nothing here
    NX_ASSIGN_OR_RETURN(auto series, querier->Select(hints, set));
    for (size_t i = 0; i < series->size(); ++i) {
      Newest sample;
      if (!series->Last(i, hints.start - 1, now, &sample.t, &sample.v)) continue;
      if (storage::IsStaleNaN(sample.v)) continue;
      if (storage::IsHistogramNaN(sample.v)) {
        if (!histograms) continue;
        NX_ASSIGN_OR_RETURN(sample.histogram, ReadHistogram(*series, i, sample.t));
        if (sample.histogram == nullptr) continue;  // deleted meanwhile
      }
      sample.labels = series->labels(i);
      size_t bytes = sizeof(Newest) + sample.labels.flat().size();
      if (sample.histogram != nullptr) bytes += HeapBytes(*sample.histogram);
      if (!hold->Grow(bytes)) return ResourceExhausted("no memory");  // the hold knows which
      found.push_back(std::move(sample));
    }
  }
  // By metric, then by labels: one family each, and what several selectors found beside itself.
  std::sort(found.begin(), found.end(), [](const Newest& a, const Newest& b) {
    const auto order = a.labels.metric_name() <=> b.labels.metric_name();
    return order != 0 ? order < 0 : a.labels < b.labels;
  });
  found.erase(std::unique(found.begin(), found.end(),
                          [](const Newest& a, const Newest& b) { return a.labels == b.labels; }),
              found.end());
  return found;
}

std::vector<NativeHistogram::Span> SpansOf(const std::vector<BucketSpan>& spans) {
  std::vector<NativeHistogram::Span> out;
  for (const BucketSpan& span : spans) out.push_back({span.offset, span.length});
  return out;
}

// Custom buckets are shown as those of a classic histogram, which is what they mean.
std::vector<MetricBucket> ClassicBuckets(const FloatHistogram& h) {
  std::vector<MetricBucket> out;
  for (const double bound : h.custom_values) out.push_back({.upper_bound = bound});
  out.push_back({.upper_bound = std::numeric_limits<double>::infinity()});
  size_t at = 0;
  int64_t index = 0;
  for (const BucketSpan& span : h.positive_spans) {
    index += span.offset;
    for (uint32_t k = 0; k < span.length && at < h.positive_buckets.size(); ++k, ++index, ++at) {
      if (index >= 0 && static_cast<size_t>(index) < out.size()) {
        out[static_cast<size_t>(index)].cumulative_count = h.positive_buckets[at];
      }
    }
  }
  for (size_t i = 1; i < out.size(); ++i) out[i].cumulative_count += out[i - 1].cumulative_count;
  return out;
}

void AddHistogram(const FloatHistogram& h, MetricSample* sample) {
  sample->sample_count = h.count;
  sample->sample_sum = h.sum;
  if (h.custom_buckets()) {
    sample->buckets = ClassicBuckets(h);
    return;
  }
  NativeHistogram native;
  native.is_float = true;
  native.schema = h.schema;
  native.zero_threshold = h.zero_threshold;
  native.zero_count = h.zero_count;
  native.positive_spans = SpansOf(h.positive_spans);
  native.negative_spans = SpansOf(h.negative_spans);
  native.positive_counts = h.positive_buckets;
  native.negative_counts = h.negative_buckets;
  sample->native = std::make_shared<const NativeHistogram>(std::move(native));
}

// The labels of the series, then those of the server that it lacks, as upstream orders them.
MetricSample ToSample(const Newest& newest, const Labels& external) {
  MetricSample sample;
  for (const Label& label : newest.labels) {
    if (label.name == kMetricNameLabel) continue;
    sample.labels.push_back({std::string(label.name), std::string(label.value)});
  }
  const auto add = [&](std::string_view name, std::string_view value) {
    if (newest.labels.Has(name)) return;
    sample.labels.push_back({std::string(name), std::string(value)});
  };
  bool instance = external.Has(kInstanceLabel);
  for (const Label& label : external) {
    if (!instance && label.name > kInstanceLabel) {
      add(kInstanceLabel, "");
      instance = true;
    }
    add(label.name, label.value);
  }
  if (!instance) add(kInstanceLabel, "");
  if (newest.histogram != nullptr) {
    AddHistogram(*newest.histogram, &sample);
  } else {
    sample.value = newest.v;
  }
  sample.timestamp_ms = newest.t;
  return sample;
}

// What a sample takes while its family is gathered, and its text.
size_t BytesShown(const Newest& newest) {
  constexpr size_t kLabels = 8;
  size_t bytes =
      sizeof(MetricSample) + kLabels * sizeof(MetricLabel) + 2 * newest.labels.flat().size();
  if (newest.histogram != nullptr) bytes += 2 * HeapBytes(*newest.histogram);
  return bytes;
}

// Gathers families and sends them when there is enough.
class Output {
 public:
  Output(const OutputFormat& format, promql::QueryMemory* memory, http::ResponseWriter* response)
      : format_(format),
        most_samples_(format.format == ExpositionFormat::kProtobuf ? SIZE_MAX : kPieceSamples),
        hold_(memory),
        response_(*response) {}

  // False: the client is gone, or there is no memory for a family in one message.
  bool Add(const Newest& newest, std::string_view name, const Labels& external) {
    if (name != family_.name || newest.type() != family_.type) {
      if (!Flush()) return false;
      family_.name = name;
      family_.type = newest.type();
      begun_ = false;
    }
    if (!hold_.Grow(BytesShown(newest))) return false;
    family_.samples.push_back(ToSample(newest, external));
    return family_.samples.size() < most_samples_ || Flush();
  }
  void Finish() {
    if (!Flush()) return;
    if (!streaming_) return response_.Send(std::move(out_));
    if (!out_.empty()) response_.Write(out_);
  }
  void Fail(const Status& status) {
    if (streaming_) return response_.Abort();
    response_.Error(503, MessageOf(status));
  }

 private:
  bool Flush() {
    const size_t begin = out_.size();
    AppendFamily(family_, format_, &out_);
    // The first piece of a family said its type, in a line.
    if (begun_ && out_.size() > begin) out_.erase(begin, out_.find('\n', begin) + 1 - begin);
    begun_ = true;
    family_.samples.clear();
    hold_.Release();
    if (out_.size() < kChunkBytes) return true;
    streaming_ = true;
    const bool there = response_.Write(out_);
    out_.clear();
    return there;
  }

  const OutputFormat format_;
  const size_t most_samples_;  // of a family at a time
  promql::MemoryHold hold_;    // of family_
  http::ResponseWriter& response_;
  MetricFamily family_;
  bool begun_ = false;  // a piece of the family is written
  std::string out_;
  bool streaming_ = false;
};

}  // namespace

void Api::Impl::Federate(const http::Request& request, http::ResponseWriter& response) {
  if (RefuseUnlessReady(response)) return;
  auto form = request.Form();
  if (!form.ok()) {
    return response.Error(400,
                          fmt::format("error parsing form values: {}", MessageOf(form.status())));
  }
  std::vector<std::vector<Matcher>> sets;
  for (const std::string& text : form->GetAll("match[]")) {
    auto matchers = promql::ParseAnySelector(text);
    if (!matchers.ok()) return response.Error(400, MessageOf(matchers.status()));
    sets.push_back(*std::move(matchers));
  }
  const OutputFormat format = NegotiateFormat(request.headers.Get("Accept"));
  // The text formats have no words for native histograms.
  const bool histograms = format.format == ExpositionFormat::kProtobuf;
  const std::shared_ptr<promql::QueryMemory> memory = engine.load()->NewMemory();
  promql::MemoryHold hold(memory.get());
  auto found = Select(*storage.load(), options.clock->NowMs(), options.lookback_delta_ms, sets,
                      histograms, &hold);
  if (!found.ok()) {
    federation_errors.Inc();
    if (memory->exceeded()) return response.Error(503, MessageOf(memory->status()));
    return response.Error(500, MessageOf(found.status()));
  }
  const Labels external = sources.external_labels ? sources.external_labels() : Labels();
  response.headers().Set("Content-Type", ContentTypeOf(format));
  Output out(format, memory.get(), &response);
  for (size_t i = 0; i < found->size(); ++i) {
    const Newest& sample = (*found)[i];
    const std::string_view name = sample.labels.metric_name();
    if (name.empty()) {
      NX_LOG(Warn, "Ignoring nameless metric during federation", {"component", "web"},
             {"metric", sample.labels.ToString()});
      continue;
    }
    if (out.Add(sample, name, external)) continue;
    if (!memory->exceeded()) return;  // the client is gone
    federation_errors.Inc();
    return out.Fail(memory->status());
  }
  out.Finish();
}

}  // namespace narthex::api
