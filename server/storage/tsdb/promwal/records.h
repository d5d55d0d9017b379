#pragma once
// The records of Prometheus' log (wal/, wbl/, checkpoints), decoded and encoded. Layouts:
// docs/formats/prometheus-wal.md.
//
// Thread safety: none; distinct objects are independent.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/status.h"
#include "core/histogram/histogram.h"
#include "core/labels/labels.h"

namespace narthex::tsdb::promwal {

enum class RecordType : uint8_t {
  kSeries = 1,
  kSamples = 2,
  kTombstones = 3,
  kExemplars = 4,
  kMmapMarkers = 5,  // wbl/ only
  kMetadata = 6,
  kHistograms = 7,
  kFloatHistograms = 8,
  kCustomHistograms = 9,  // as 7 and 8, with custom buckets among them
  kCustomFloatHistograms = 10,
  kSamplesV2 = 11,  // with start timestamps: an experimental feature; known, not decoded
  kHistogramsV2 = 12,
  kFloatHistogramsV2 = 13,
};

struct SampleRecord {
  uint64_t ref = 0;
  int64_t time = 0;
  uint64_t bits = 0;
};
struct TombstoneRecord {
  uint64_t ref = 0;
  int64_t mint = 0, maxt = 0;  // closed
};
struct ExemplarRecord {
  uint64_t ref = 0;
  int64_t time = 0;
  double value = 0;
  Labels labels;
};
struct MetadataRecord {
  uint64_t ref = 0;
  uint8_t type = 0;
  std::string_view unit, help;
};
// The types of metrics by their names in the exposition formats; what is not known is "unknown".
std::string_view MetricTypeName(uint8_t type);
uint8_t MetricTypeNumber(std::string_view name);

inline constexpr size_t kMostSamplesAtOnce = 64;

// What is found in records; each method is called once an entry. Those a reader has no use for stay
// empty.
class RecordSink {
 public:
  virtual ~RecordSink() = default;
  // NOLINTNEXTLINE(performance-unnecessary-value-param): those who keep labels move them
  virtual void OnSeries(uint64_t ref, Labels labels) {}
  virtual void OnSample(const SampleRecord& sample) {}
  // For who can do better than one by one: some that stand behind each other in a record.
  virtual void OnSamples(std::span<const SampleRecord> samples) {
    for (const SampleRecord& sample : samples) OnSample(sample);
  }
  virtual void OnHistogram(uint64_t ref, int64_t time, const IntHistogram& histogram) {}
  virtual void OnHistogram(uint64_t ref, int64_t time, const FloatHistogram& histogram) {}
  // False: histograms need not be decoded.
  virtual bool WantsHistogram(uint64_t ref, int64_t time) { return true; }
  virtual void OnTombstone(const TombstoneRecord& tombstone) {}
  virtual void OnExemplar(const ExemplarRecord& exemplar) {}
  virtual void OnMetadata(const MetadataRecord& metadata) {}
  virtual void OnUnknown(uint8_t type) {}
};

// Hands the entries of a record to `sink`. Any bytes are safe; entries before the damage have been
// handed out when it fails (DataLoss). Labels that are not sorted or repeat are damage.
Status DecodeRecord(std::string_view record, RecordSink* sink);

// Labels as they stand in records; false when they are damaged, not sorted or repeat.
bool DecodeRecordLabels(ByteReader* in, Labels* out);

// ---- Writing: a record at a time into *out, which is replaced ----

class RecordEncoder {
 public:
  void Series(std::span<const std::pair<uint64_t, Labels>> series, std::string* out);
  void Samples(std::span<const SampleRecord> samples, std::string* out);
  // Begins a record of kHistograms, kFloatHistograms or a custom one, which Histogram continues.
  void BeginHistograms(RecordType type, uint64_t ref, int64_t time, std::string* out);
  void Histogram(uint64_t ref, int64_t time, const IntHistogram& histogram, std::string* out);
  void Histogram(uint64_t ref, int64_t time, const FloatHistogram& histogram, std::string* out);
  void Tombstones(std::span<const TombstoneRecord> tombstones, std::string* out);
  void Exemplars(std::span<const ExemplarRecord> exemplars, std::string* out);
  void Metadata(const MetadataRecord& metadata, std::string* out);

 private:
  uint64_t base_ref_ = 0;
  int64_t base_time_ = 0;
};

}  // namespace narthex::tsdb::promwal
