#include "server/storage/tsdb/promwal/export.h"

#include <vector>

#include "server/storage/tsdb/chunkenc/chunk_iterator.h"
#include "server/storage/tsdb/promwal/log_writer.h"
#include "server/storage/tsdb/promwal/records.h"

namespace narthex::tsdb::promwal {
namespace {

constexpr size_t kSamplesPerRecord = 5000;
constexpr size_t kHistogramRecordBytes = 64 << 10;

// Gathers samples into records; those of one series keep their order, whatever their kinds.
class SampleWriter {
 public:
  explicit SampleWriter(LogWriter* log) : log_(*log) {}

  Status Add(uint64_t ref, const ChunkIterator& it) {
    switch (it.kind()) {
      case SampleKind::kFloat:
        NX_RETURN_IF_ERROR(Prepare(RecordType::kSamples, ref, it.time()));
        samples_.push_back({ref, it.time(), it.bits()});
        return samples_.size() < kSamplesPerRecord ? OkStatus() : Flush();
      case SampleKind::kHistogram:
        it.Get(&integer_);
        return AddHistogram(ref, it.time(), &integer_, RecordType::kHistograms,
                            RecordType::kCustomHistograms);
      case SampleKind::kFloatHistogram:
        it.Get(&floating_);
        return AddHistogram(ref, it.time(), &floating_, RecordType::kFloatHistograms,
                            RecordType::kCustomFloatHistograms);
      case SampleKind::kNone: break;
    }
    return OkStatus();
  }

  Status Flush() {
    if (type_ == RecordType::kSamples) {
      if (samples_.empty()) return OkStatus();
      encoder_.Samples(samples_, &record_);
      samples_.clear();
    } else if (record_.empty()) {
      return OkStatus();
    }
    const Status status = log_.Append(record_);
    record_.clear();
    return status;
  }

 private:
  Status Prepare(RecordType type, uint64_t ref, int64_t t) {
    if (type != type_) NX_RETURN_IF_ERROR(Flush());
    type_ = type;
    if (type != RecordType::kSamples && record_.empty()) {
      encoder_.BeginHistograms(type, ref, t, &record_);
    }
    return OkStatus();
  }
  template <typename H>
  Status AddHistogram(uint64_t ref, int64_t t, H* h, RecordType plain, RecordType custom) {
    // "No reset" is what replay finds out by itself.
    if (h->reset == CounterResetHint::kNotReset) h->reset = CounterResetHint::kUnknown;
    NX_RETURN_IF_ERROR(Prepare(h->custom_buckets() ? custom : plain, ref, t));
    encoder_.Histogram(ref, t, *h, &record_);
    return record_.size() < kHistogramRecordBytes ? OkStatus() : Flush();
  }

  LogWriter& log_;
  RecordEncoder encoder_;
  RecordType type_ = RecordType::kSamples;
  std::vector<SampleRecord> samples_;
  std::string record_;
  IntHistogram integer_;
  FloatHistogram floating_;
};

using SeriesExemplars = storage::ExemplarQueryable::SeriesExemplars;

// Writes the definitions of series, their metadata and their exemplars; also of those that have
// nothing else, since their samples are in blocks already.
class SeriesWriter {
 public:
  SeriesWriter(LogWriter* log, const MetadataTable& metadata,
               std::span<const SeriesExemplars> exemplars, ExportResult* result)
      : log_(*log),
        table_(metadata),
        metadata_(metadata.series),
        exemplars_(exemplars),
        result_(*result) {}

  // After those that come before it in label order.
  StatusOr<uint64_t> Add(const Labels& labels) {
    for (const Labels* next = Next(); next != nullptr && *next < labels; next = Next()) {
      NX_RETURN_IF_ERROR(Define(*next));
    }
    NX_RETURN_IF_ERROR(Define(labels));
    return ref_;
  }
  Status Finish() {
    for (const Labels* next = Next(); next != nullptr; next = Next()) {
      NX_RETURN_IF_ERROR(Define(*next));
    }
    return OkStatus();
  }

 private:
  // The first that has metadata or exemplars.
  const Labels* Next() const {
    const Labels* metadata = metadata_.empty() ? nullptr : &metadata_.front().first;
    const Labels* exemplars = exemplars_.empty() ? nullptr : &exemplars_.front().series;
    if (metadata == nullptr || exemplars == nullptr) return metadata ? metadata : exemplars;
    return *exemplars < *metadata ? exemplars : metadata;
  }
  Status Define(const Labels& labels) {
    const std::pair<uint64_t, Labels> one[] = {{++ref_, labels}};
    ++result_.series;
    encoder_.Series(one, &record_);
    NX_RETURN_IF_ERROR(log_.Append(record_));
    if (!metadata_.empty() && metadata_.front().first == labels) {
      NX_RETURN_IF_ERROR(AddMetadata(table_.text(metadata_.front().second)));
      metadata_ = metadata_.subspan(1);
    }
    if (!exemplars_.empty() && exemplars_.front().series == labels) {
      NX_RETURN_IF_ERROR(AddExemplars(exemplars_.front().exemplars));
      exemplars_ = exemplars_.subspan(1);
    }
    return OkStatus();
  }
  Status AddMetadata(const storage::MetricMetadata& m) {
    ++result_.metadata;
    encoder_.Metadata({ref_, MetricTypeNumber(m.type), m.unit, m.help}, &record_);
    return log_.Append(record_);
  }
  Status AddExemplars(std::span<const storage::Exemplar> exemplars) {
    std::vector<ExemplarRecord> records;
    records.reserve(exemplars.size());
    for (const storage::Exemplar& e : exemplars) {
      records.push_back({ref_, e.timestamp, e.value, e.labels});
    }
    result_.exemplars += records.size();
    encoder_.Exemplars(records, &record_);
    return log_.Append(record_);
  }

  LogWriter& log_;
  const MetadataTable& table_;
  std::span<const std::pair<Labels, uint32_t>> metadata_;
  std::span<const SeriesExemplars> exemplars_;
  ExportResult& result_;
  RecordEncoder encoder_;
  std::string record_;
  uint64_t ref_ = 0;
};

}  // namespace

StatusOr<ExportResult> WriteLog(const std::string& dir, LogCompression compression,
                                ChunkSeriesSet* series, std::span<const SeriesExemplars> exemplars,
                                const MetadataTable& metadata, const std::atomic<bool>* cancel) {
  ExportResult result;
  LogWriter log(dir, compression);
  SampleWriter samples(&log);
  SeriesWriter definitions(&log, metadata, exemplars, &result);
  NX_RETURN_IF_ERROR(series->Symbols().status());  // comes before Next
  while (series->Next()) {
    if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) {
      return Cancelled("the export was told to stop");
    }
    // Samples are gathered only once their series is known.
    NX_ASSIGN_OR_RETURN(const uint64_t ref, definitions.Add(series->labels()));
    for (const ChunkView& chunk : series->chunks()) {
      const auto it = NewChunkIterator(chunk);
      while (it->Next() != SampleKind::kNone) {
        NX_RETURN_IF_ERROR(samples.Add(ref, *it));
        ++result.samples;
      }
      NX_RETURN_IF_ERROR(it->status());
    }
  }
  NX_RETURN_IF_ERROR(series->status());
  NX_RETURN_IF_ERROR(definitions.Finish());
  NX_RETURN_IF_ERROR(samples.Flush());
  NX_RETURN_IF_ERROR(log.Close());
  result.bytes = log.bytes();
  return result;
}

}  // namespace narthex::tsdb::promwal
