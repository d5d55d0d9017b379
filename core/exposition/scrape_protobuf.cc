// A delimited protobuf body against the table. Series have no text here; what identifies one is a
// key of family, part and labels, built anew for every sample and hashed as text would be:
//
//   family ┃ 0xff ┃ part ┃ name ┃ 0xff ┃ value ┃ 0xff …  and for buckets and quantiles: ┃ bound, 8
//   bytes
#include <cmath>

#include "core/base/bytes.h"
#include "core/exposition/label_text.h"
#include "core/exposition/protobuf_decode.h"
#include "core/exposition/scrape_text.h"
#include "core/exposition/type_unit_labels.h"
#include "core/exposition/writer.h"
#include "core/labels/names.h"
#include "core/strings/quote.h"

namespace narthex {
namespace {

constexpr uint64_t kNormalNaN = 0x7ff8000000000001ULL;

// Which series of a family's metric; the suffix its name gets.
enum class Part : uint8_t { kPlain, kNative, kCount, kSum, kBucket, kQuantile };

std::string_view SuffixOf(Part part) {
  switch (part) {
    case Part::kCount: return "_count";
    case Part::kSum: return "_sum";
    case Part::kBucket: return "_bucket";
    default: return "";
  }
}

ScrapedType TypeOf(MetricType type) {
  switch (type) {
    case MetricType::kCounter: return ScrapedType::kCounter;
    case MetricType::kGauge: return ScrapedType::kGauge;
    case MetricType::kSummary: return ScrapedType::kSummary;
    case MetricType::kHistogram: return ScrapedType::kHistogram;
    case MetricType::kGaugeHistogram: return ScrapedType::kGaugeHistogram;
    case MetricType::kUntyped: break;
  }
  return ScrapedType::kUnknown;
}

class ProtobufScrape {
 public:
  ProtobufScrape(const ScrapeOptions& options, ScrapeTable::Impl* table, ScrapeWalk* walk,
                 ScrapeSink* sink, ScrapeResult* result)
      : options_(options), table_(table), walk_(walk), sink_(sink), result_(result) {
    limits_.max_labels = options.limits.max_labels;
  }

  Status Run(std::string_view body) {
    while (!body.empty()) {
      std::string_view message;
      NX_RETURN_IF_ERROR(NextDelimited(&body, &message));
      NX_RETURN_IF_ERROR(Family(message));
    }
    return OkStatus();
  }

 private:
  Status Family(std::string_view message);
  Status CheckUnit() const;
  Status Metadata();
  Status Metric(std::string_view message);
  Status Histogram();
  Status NativeExemplars(uint32_t slot);
  Status ClassicHistogram();
  Status Sample(Part part, double bound, double value,
                const std::optional<MetricExemplar>* exemplar);
  StatusOr<ScrapeEntry*> Entry(Part part, double bound, bool* repeated);
  void BuildKey(Part part, double bound);
  StatusOr<Labels> DecodeLabels(Part part, double bound);
  StatusOr<ScrapedExemplar> Convert(const MetricExemplar& exemplar);
  int64_t TimestampMs() const {
    // Zero is how writers say that there is none.
    return sample_.timestamp_ms.value_or(0) == 0 ? kNoTimestamp : *sample_.timestamp_ms;
  }
  int64_t StartMs() const {
    return options_.starts ? sample_.created_ms.value_or(kNoStart) : kNoStart;
  }

  const ScrapeOptions& options_;
  ScrapeTable::Impl* table_;
  ScrapeWalk* walk_;
  ScrapeSink* sink_;
  ScrapeResult* result_;
  FamilyLimits limits_;

  FamilyView family_;
  MetricSample sample_;
  std::string key_;
  std::vector<Label> labels_;
  std::vector<std::string_view> empty_;
};

Status ProtobufScrape::Family(std::string_view message) {
  family_ = FamilyView();
  NX_RETURN_IF_ERROR(DecodeFamilyView(message, &family_));
  if (!IsValidMetricName(family_.name, NameValidation::kUtf8)) {
    return InvalidArgument("invalid metric name: {}", GoQuote(family_.name.substr(0, 4096)));
  }
  if (!IsValidUtf8(family_.help)) {
    return InvalidArgument("invalid help for metric {}: {}", GoQuote(family_.name),
                           GoQuote(family_.help.substr(0, 4096)));
  }
  NX_RETURN_IF_ERROR(CheckUnit());
  NX_RETURN_IF_ERROR(Metadata());
  for (std::string_view metric : family_.metrics) NX_RETURN_IF_ERROR(Metric(metric));
  return OkStatus();
}

// The unit ends the name, before the _total of a counter.
Status ProtobufScrape::CheckUnit() const {
  if (family_.unit.empty()) return OkStatus();
  constexpr std::string_view kTotal = "_total";
  std::string_view name = family_.name;
  const bool total = family_.type == MetricType::kCounter && name.ends_with(kTotal);
  if (total) name.remove_suffix(kTotal.size());
  if (IsUnitOf(family_.unit, name)) return OkStatus();
  return InvalidArgument("unit {} not a suffix of {} {}", GoQuote(family_.unit),
                         total ? "counter" : "metric", GoQuote(family_.name));
}

Status ProtobufScrape::Metadata() {
  std::string_view type = ScrapedTypeName(TypeOf(family_.type));
  key_.assign(family_.name).push_back('\xff');
  key_.append(type).push_back('\xff');
  key_.append(family_.unit).push_back('\xff');
  key_.append(family_.help);
  if (key_.size() > ScrapeEntry::kMaxLength) return ResourceExhausted("metadata too long");
  const uint64_t hash = table_->Hash(key_.data(), key_.size(), ScrapeTable::Impl::kCommentContext);
  bool repeated = false;
  if (walk_->TakeIfPredicted(hash, key_.size(), true) != nullptr) return OkStatus();
  if (walk_->Find(hash, key_.size(), true, &repeated) != nullptr) return OkStatus();
  std::vector<MetadataLine> lines;
  lines.push_back({MetadataLine::Kind::kHelp, family_.name, family_.help});
  lines.push_back({MetadataLine::Kind::kType, family_.name, type});
  if (!family_.unit.empty()) {
    lines.push_back({MetadataLine::Kind::kUnit, family_.name, family_.unit});
  }
  walk_->Add(hash, key_.size(), sink_->OnMetadata(lines), ScrapeEntry::kComment);
  return OkStatus();
}

Status ProtobufScrape::Metric(std::string_view message) {
  sample_ = MetricSample();
  bool has_value = false;  // without one it is zero, as for the reference
  NX_RETURN_IF_ERROR(DecodeMetric(message, family_.type, limits_, &sample_, &has_value));
  switch (family_.type) {
    case MetricType::kHistogram:
    case MetricType::kGaugeHistogram: return Histogram();
    case MetricType::kSummary:
      NX_RETURN_IF_ERROR(Sample(Part::kCount, 0, sample_.sample_count, nullptr));
      NX_RETURN_IF_ERROR(Sample(Part::kSum, 0, sample_.sample_sum, nullptr));
      for (const MetricQuantile& q : sample_.quantiles) {
        NX_RETURN_IF_ERROR(Sample(Part::kQuantile, q.quantile, q.value, nullptr));
      }
      return OkStatus();
    default: return Sample(Part::kPlain, 0, sample_.value, &sample_.exemplar);
  }
}

Status ProtobufScrape::Histogram() {
  const bool native = options_.native_histograms && sample_.native != nullptr;
  if (native) {
    bool repeated = false;
    NX_ASSIGN_OR_RETURN(ScrapeEntry * entry, Entry(Part::kNative, 0, &repeated));
    ++result_->scraped;
    if (entry->slot != kDropSlot) {
      result_->histograms.push_back({entry->slot, TimestampMs(),
                                     std::make_shared<const MetricSample>(sample_),
                                     family_.type == MetricType::kGaugeHistogram, StartMs()});
      NX_RETURN_IF_ERROR(NativeExemplars(entry->slot));
    }
  }
  const bool classic =
      options_.always_classic && (options_.classic_without_buckets || !sample_.buckets.empty());
  return native && !classic ? OkStatus() : ClassicHistogram();
}

// The native part's own exemplars or, when it has none, those of the classic buckets. Only such
// with a timestamp count.
Status ProtobufScrape::NativeExemplars(uint32_t slot) {
  auto take = [&](const MetricExemplar& exemplar) -> Status {
    if (!exemplar.timestamp_ms) return OkStatus();
    NX_ASSIGN_OR_RETURN(ScrapedExemplar converted, Convert(exemplar));
    result_->exemplars.push_back({slot, TimestampMs(), std::move(converted)});
    return OkStatus();
  };
  for (const MetricExemplar& exemplar : sample_.native->exemplars) {
    NX_RETURN_IF_ERROR(take(exemplar));
  }
  if (!sample_.native->exemplars.empty()) return OkStatus();
  for (const MetricBucket& bucket : sample_.buckets) {
    if (bucket.exemplar) NX_RETURN_IF_ERROR(take(*bucket.exemplar));
  }
  return OkStatus();
}

Status ProtobufScrape::ClassicHistogram() {
  NX_RETURN_IF_ERROR(Sample(Part::kCount, 0, sample_.sample_count, nullptr));
  NX_RETURN_IF_ERROR(Sample(Part::kSum, 0, sample_.sample_sum, nullptr));
  bool inf_seen = false;
  for (const MetricBucket& bucket : sample_.buckets) {
    NX_RETURN_IF_ERROR(
        Sample(Part::kBucket, bucket.upper_bound, bucket.cumulative_count, &bucket.exemplar));
    inf_seen |= bucket.upper_bound == INFINITY;
  }
  return inf_seen ? OkStatus() : Sample(Part::kBucket, INFINITY, sample_.sample_count, nullptr);
}

Status ProtobufScrape::Sample(Part part, double bound, double value,
                              const std::optional<MetricExemplar>* exemplar) {
  bool repeated = false;
  NX_ASSIGN_OR_RETURN(ScrapeEntry * entry, Entry(part, bound, &repeated));
  if (std::isnan(value)) value = std::bit_cast<double>(kNormalNaN);
  walk_->Emit(entry, value, TimestampMs(), repeated);
  if (StartMs() != kNoStart && entry->slot != kDropSlot && !repeated) {
    result_->starts.push_back({entry->slot, TimestampMs(), StartMs()});
  }
  if (exemplar == nullptr || !*exemplar || entry->slot == kDropSlot) return OkStatus();
  NX_ASSIGN_OR_RETURN(ScrapedExemplar converted, Convert(**exemplar));
  result_->exemplars.push_back({entry->slot, TimestampMs(), std::move(converted)});
  return OkStatus();
}

StatusOr<ScrapeEntry*> ProtobufScrape::Entry(Part part, double bound, bool* repeated) {
  BuildKey(part, bound);
  if (key_.size() > ScrapeEntry::kMaxLength) return ResourceExhausted("series too long");
  const uint64_t hash = table_->Hash(key_.data(), key_.size(), 0);
  if (ScrapeEntry* entry = walk_->TakeIfPredicted(hash, key_.size(), false)) return entry;
  if (ScrapeEntry* entry = walk_->Find(hash, key_.size(), false, repeated)) return entry;
  ++result_->scraped;  // also when it is refused
  NX_ASSIGN_OR_RETURN(Labels labels, DecodeLabels(part, bound));
  empty_.clear();
  for (const MetricLabel& label : sample_.labels) {
    if (label.value.empty()) empty_.push_back(label.name);
  }
  if (options_.type_and_unit_labels) {
    labels = WithTypeAndUnit(labels, TypeOf(family_.type), family_.unit, &empty_);
  }
  if (!empty_.empty()) sink_->OnEmptyLabels(empty_);
  NX_ASSIGN_OR_RETURN(uint32_t slot, sink_->OnSeries(labels));
  --result_->scraped;  // Emit counts it
  ++result_->added;
  return walk_->Add(hash, key_.size(), slot, 0);
}

void ProtobufScrape::BuildKey(Part part, double bound) {
  key_.assign(family_.name).push_back('\xff');
  key_.push_back(static_cast<char>(part));
  for (const MetricLabel& label : sample_.labels) {
    key_.append(label.name).push_back('\xff');
    key_.append(label.value).push_back('\xff');
  }
  if (part == Part::kBucket || part == Part::kQuantile) ByteWriter(&key_).LeDouble(bound);
}

StatusOr<Labels> ProtobufScrape::DecodeLabels(Part part, double bound) {
  std::string name = std::string(family_.name).append(SuffixOf(part));
  std::string bound_text;
  labels_.clear();
  labels_.push_back({kMetricNameLabel, name});
  for (const MetricLabel& label : sample_.labels) {
    if (!IsValidLabelName(label.name, NameValidation::kUtf8)) {
      return InvalidArgument("invalid label name: {}", GoQuote(label.name.substr(0, 4096)));
    }
    if (!IsValidLabelValue(label.value)) {
      return InvalidArgument("invalid label value: {}", GoQuote(label.value.substr(0, 4096)));
    }
    labels_.push_back({label.name, label.value});
  }
  if (part == Part::kBucket || part == Part::kQuantile) {
    AppendOpenMetricsFloat(&bound_text, bound);
    labels_.push_back({part == Part::kBucket ? kBucketLabel : kQuantileLabel, bound_text});
  }
  return SortedLabels(&labels_);
}

StatusOr<ScrapedExemplar> ProtobufScrape::Convert(const MetricExemplar& exemplar) {
  labels_.clear();
  for (const MetricLabel& label : exemplar.labels) labels_.push_back({label.name, label.value});
  ScrapedExemplar converted;
  NX_ASSIGN_OR_RETURN(converted.labels, SortedLabels(&labels_));
  converted.value = exemplar.value;
  converted.timestamp_ms = exemplar.timestamp_ms;
  return converted;
}

}  // namespace

Status ScrapeProtobuf(std::string_view body, const ScrapeOptions& options, ScrapeTable::Impl* table,
                      ScrapeWalk* walk, ScrapeSink* sink, ScrapeResult* result) {
  return ProtobufScrape(options, table, walk, sink, result).Run(body);
}

}  // namespace narthex
