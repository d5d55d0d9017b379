#pragma once
// What the rest of the server sees of the storage: PromQL, rules, scrape, remote and the API all
// work against these classes; only cmd/ knows the concrete engine.
//
// Writing: samples enter either through a GroupWriter (a source that writes all its series with one
// timestamp: a scrape target, a rule) or through an Appender (anything else).
// Reading: a Querier is a consistent snapshot; Select resolves matchers to a SeriesList whose
// series are then decoded independently and concurrently into columns.
//
// Timestamps are milliseconds since the Unix epoch; ranges given as [mint, maxt] are closed.

#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/histogram/histogram.h"
#include "core/labels/labels.h"
#include "core/labels/matcher.h"

namespace narthex::storage {

// The value that ends a series, and what a parsed NaN is normalised to. Compared by bits.
inline constexpr uint64_t kStaleNaNBits = 0x7ff0000000000002ULL;
inline constexpr uint64_t kNormalNaNBits = 0x7ff8000000000001ULL;
inline double StaleNaN() { return std::bit_cast<double>(kStaleNaNBits); }
inline double NormalNaN() { return std::bit_cast<double>(kNormalNaNBits); }
// What stands where only a float fits and the sample is a histogram that is no stale marker.
inline constexpr uint64_t kHistogramNaNBits = 0x7ff0000000000003ULL;
inline bool IsHistogramNaN(double v) { return std::bit_cast<uint64_t>(v) == kHistogramNaNBits; }
inline bool IsStaleNaN(double v) { return std::bit_cast<uint64_t>(v) == kStaleNaNBits; }

// Outcome of one appended sample, upstream's error classes.
enum class AppendResult : uint8_t {
  kOk,
  kDuplicate,    // duplicate sample for timestamp
  kOutOfOrder,   // out of order sample
  kOutOfBounds,  // out of bounds
  kTooOld,       // too old sample
  kRefused,      // the head refuses growth (series limit, memory budget, read-only after ENOSPC)
};

// A sample of a trace attached to a series.
struct Exemplar {
  Labels labels;
  double value = 0;
  TimestampMs timestamp = 0;
  bool has_timestamp = true;
};

// TYPE, HELP and UNIT of a metric; type by its name in the exposition formats ("counter", …).
struct MetricMetadata {
  std::string type, help, unit;
};
// The same, of all series of a family of an exposition.
struct FamilyMetadata {
  std::string family;
  MetricMetadata metadata;
};

// ---- Writing ----

// One source of series that tick together. Owned and used by one thread at a time.
class GroupWriter {
 public:
  virtual ~GroupWriter() = default;

  // Adds a series (created in the head when new) and returns its member index, dense from 0. A
  // series that is a live member already stays that member.
  // `created` tells whether the head did not know the series. Refused when the head is full.
  virtual StatusOr<uint32_t> AddMember(const Labels& labels, bool* created) = 0;
  // Members that end: they get a stale marker in the next tick and their index may be reused by a
  // later AddMember after that tick.
  virtual void RetireMember(uint32_t member) = 0;
  virtual size_t member_count() const = 0;  // highest index in use + 1

  struct Commit {
    uint32_t appended = 0;
    uint32_t out_of_order = 0;
    uint32_t duplicate = 0;
    uint32_t out_of_bounds = 0;
    uint32_t refused = 0;
  };
  // One tick: values[i] belongs to member i; a slot that holds no live member is ignored.
  // StaleNaN() as a value writes a stale marker; a member that never had a sample, or whose newest
  // one is a stale marker already, skips it. So a writer may pass StaleNaN() for what is absent.
  // All or nothing towards readers; visible to queries when it returns, in the WAL shortly after.
  virtual Commit CommitTick(TimestampMs timestamp, std::span<const double> values) = 0;
  // The same by a caller whose CommitTick of another group follows at once: both go to the WAL in
  // one write then.
  virtual Commit CommitTickBeforeNext(TimestampMs timestamp, std::span<const double> values) {
    return CommitTick(timestamp, values);
  }

  // Exemplars of members, which must have had a tick. One that repeats the newest one of its member
  // is dropped silently. Returns how many came out of order and were dropped.
  struct MemberExemplar {
    uint32_t member = 0;
    Exemplar exemplar;
  };
  virtual uint32_t AppendExemplars(std::span<const MemberExemplar>) { return 0; }

  // What is known of the families, sorted by name; each live member takes that of its own family
  // (family_metadata.h). Costs a look-up a member.
  virtual void UpdateMetadata(std::span<const FamilyMetadata>) {}
};

// Samples with timestamps of their own, from any source, committed together.
class Appender {
 public:
  virtual ~Appender() = default;
  // Creates the series when new. The sample is seen by nobody until Commit.
  virtual StatusOr<AppendResult> Append(const Labels& labels, TimestampMs t, double v) = 0;
  // As Append. The histogram is valid (Validate); a StaleNaN sum writes a stale marker.
  virtual StatusOr<AppendResult> AppendHistogram(const Labels&, TimestampMs, const IntHistogram&) {
    return Unimplemented("this storage takes no native histograms");
  }
  virtual StatusOr<AppendResult> AppendHistogram(const Labels&, TimestampMs,
                                                 const FloatHistogram&) {
    return Unimplemented("this storage takes no native histograms");
  }
  // A zero at `start`, where the series of a sample at `t` began to count; creates it when new.
  // Only one that is newer than all the series has is taken, never one out of order. Samples of the
  // series come after that, once it is committed. What is not taken is counted nowhere. A histogram
  // is empty, with the buckets of `like`.
  virtual StatusOr<AppendResult> AppendStart(const Labels&, TimestampMs /*t*/,
                                             TimestampMs /*start*/) {
    return Unimplemented("this storage takes no start timestamps");
  }
  virtual StatusOr<AppendResult> AppendStart(const Labels&, TimestampMs, TimestampMs,
                                             const IntHistogram&) {
    return Unimplemented("this storage takes no start timestamps");
  }
  virtual StatusOr<AppendResult> AppendStart(const Labels&, TimestampMs, TimestampMs,
                                             const FloatHistogram&) {
    return Unimplemented("this storage takes no start timestamps");
  }
  // The series must exist, in the store or in this appender; kNotFound otherwise. An exemplar equal
  // to the newest one of its series is dropped silently.
  virtual StatusOr<AppendResult> AppendExemplar(const Labels&, const Exemplar&) {
    return Unimplemented("this storage takes no exemplars");
  }
  // The series must exist, in the store or in this appender; kNotFound otherwise.
  virtual Status UpdateMetadata(const Labels&, const MetricMetadata&) {
    return Unimplemented("this storage takes no metadata");
  }
  // What the last sample that was not kOk collided with.
  struct Conflict {
    // An earlier sample of this appender, not one of the store. Writers that go by upstream's rules
    // let such a sample fall: upstream finds out only when it commits.
    bool pending = false;
    std::optional<double> value;  // kDuplicate: the float that is there; none for a histogram
  };
  virtual Conflict conflict() const { return {}; }
  // Makes the samples visible. `durable`: returns only when they are on their way to disk.
  virtual Status Commit(bool durable = false) = 0;
  virtual void Rollback() = 0;
};

class Appendable {
 public:
  virtual ~Appendable() = default;
  virtual std::unique_ptr<GroupWriter> NewGroup() = 0;
  virtual std::unique_ptr<Appender> NewAppender() = 0;
};

// ---- Reading ----

inline constexpr uint32_t kNoHistogram = UINT32_MAX;

// Decoded samples of one series, column-wise, ascending in time. Reused between reads. A sample
// whose histogram index is not kNoHistogram is a histogram and its value is StaleNaN (a stale
// marker) or IsHistogramNaN; the column is empty when a series holds floats alone.
struct SampleColumns {
  std::vector<int64_t> timestamps;
  std::vector<double> values;
  std::vector<uint32_t> histogram_index;   // into histograms; empty, or as long as timestamps
  std::vector<FloatHistogram> histograms;  // integer ones converted; hints as PromQL needs them
  void Clear() {
    timestamps.clear();
    values.clear();
    histogram_index.clear();
    histograms.clear();
  }
  size_t size() const { return timestamps.size(); }
  bool IsHistogram(size_t i) const {
    return !histogram_index.empty() && histogram_index[i] != kNoHistogram;
  }
};

// A run of samples as it is stored. Numbers and layouts of the encodings are those of Prometheus'
// blocks: 1 floats, 2 histograms, 3 float histograms; later ones may come along.
struct Chunk {
  TimestampMs mint = 0;
  TimestampMs maxt = 0;  // both inclusive
  uint8_t encoding = 0;
  std::string_view data;
};

// Chunks of one series, and what their data is in unless the SeriesList holds it. Reused between
// reads.
struct ChunkList {
  std::vector<Chunk> chunks;
  std::vector<std::shared_ptr<const void>> owned;

  void Clear() {
    chunks.clear();
    owned.clear();
  }
};

// Takes samples one by one, histograms as they were written. Not thread-safe.
class SampleSink {
 public:
  virtual ~SampleSink() = default;
  // False: no more of them.
  virtual bool OnFloat(TimestampMs t, double v) = 0;
  virtual bool OnHistogram(TimestampMs t, const IntHistogram& h) = 0;
  virtual bool OnHistogram(TimestampMs t, const FloatHistogram& h) = 0;
};

// What a selector is for; hints only, results may ignore them.
struct SelectHints {
  TimestampMs start = 0;
  TimestampMs end = 0;
  int64_t step_ms = 0;
  int64_t range_ms = 0;
  std::string function;
  std::vector<std::string> grouping;
  bool by = false;
  size_t limit = 0;   // series; 0 = none
  bool sort = false;  // by labels; else storage order
};

// The series of one selector, fixed when it was selected. All methods are const and may run
// concurrently, also for the same index.
class SeriesList {
 public:
  virtual ~SeriesList() = default;
  virtual size_t size() const = 0;
  virtual Labels labels(size_t index) const = 0;
  // Appends the labels of `count` series from `first` on; of each only those with one of the names,
  // which are sorted.
  virtual void AppendLabels(size_t first, size_t count, std::span<const std::string> names,
                            std::vector<Labels>* out) const {
    for (size_t i = first; i < first + count; ++i) {
      out->push_back(LabelsBuilder(labels(i)).Keep(names).Build());
    }
  }
  // A label by two numbers, which stand for the same label wherever the list has them: for who
  // compares series of several lists.
  using LabelId = std::pair<uint32_t, uint32_t>;
  // The labels of a series, by name; false when the list has no numbers for them.
  virtual bool LabelIds(size_t /*index*/, std::vector<LabelId>* /*out*/) const { return false; }
  // Lives as long as the list.
  virtual Label LabelOf(const LabelId&) const { return {}; }
  // Appends the samples of [mint, maxt], stale markers included, to *out. Errors are I/O or
  // corruption; the caller fails the query.
  virtual Status Read(size_t index, TimestampMs mint, TimestampMs maxt,
                      SampleColumns* out) const = 0;
  // The newest sample with mint < timestamp <= t, stale markers included; O(1) for the head's
  // newest sample. False when there is none. IsHistogramNaN(*value): a histogram; Read has it.
  virtual bool Last(size_t index, TimestampMs mint, TimestampMs t, TimestampMs* timestamp,
                    double* value) const = 0;
  // Appends the samples of [mint, maxt] as chunks that ascend in time and do not overlap. Those
  // that need no cut are handed on as they are stored. Valid as long as the list and *out.
  virtual Status ReadChunks(size_t /*index*/, TimestampMs /*mint*/, TimestampMs /*maxt*/,
                            ChunkList* /*out*/) const {
    return Unimplemented("this storage hands out no chunks");
  }
  // Gives the sink the samples of [mint, maxt], ascending in time, stale markers included.
  virtual Status Visit(size_t /*index*/, TimestampMs /*mint*/, TimestampMs /*maxt*/,
                       SampleSink* /*sink*/) const {
    return Unimplemented("this storage hands out no single samples");
  }
};

class Querier {
 public:
  virtual ~Querier() = default;
  virtual StatusOr<std::unique_ptr<SeriesList>> Select(const SelectHints& hints,
                                                       std::span<const Matcher> matchers) const = 0;
  // Sorted. `limit` 0 = none; *truncated is set when it cut something.
  virtual StatusOr<std::vector<std::string>> LabelNames(std::span<const Matcher> matchers,
                                                        size_t limit, bool* truncated) const = 0;
  virtual StatusOr<std::vector<std::string>> LabelValues(const std::string& name,
                                                         std::span<const Matcher> matchers,
                                                         size_t limit, bool* truncated) const = 0;
};

// Exemplars of the series that match any of several selectors.
class ExemplarQueryable {
 public:
  struct SeriesExemplars {
    Labels series;
    std::vector<Exemplar> exemplars;  // ascending in time
  };
  virtual ~ExemplarQueryable() = default;
  // Sorted by series labels; [mint, maxt].
  virtual StatusOr<std::vector<SeriesExemplars>> SelectExemplars(
      TimestampMs mint, TimestampMs maxt,
      std::span<const std::vector<Matcher>> selectors) const = 0;
};

class Queryable {
 public:
  virtual ~Queryable() = default;
  virtual StatusOr<std::unique_ptr<Querier>> NewQuerier(TimestampMs mint,
                                                        TimestampMs maxt) const = 0;
};

}  // namespace narthex::storage
