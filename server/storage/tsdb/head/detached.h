#pragma once
// Series with timestamps of their own: written by an appender, by two sources, or too sparse for a
// group, or of histograms. Each keeps its open chunk in Prometheus' encoding, so that filling it up
// is a plain write.
//
// Thread safety: HeadCore::structure_mutex guards the store and all but the samples; the samples
// are guarded by the series' own mutex, so readers need only that.

#include <memory>
#include <string>
#include <vector>

#include "server/storage/tsdb/chunkenc/open_chunk.h"
#include "server/storage/tsdb/head/core.h"
#include "server/storage/tsdb/wal/sample_records.h"

namespace narthex::tsdb {

struct Detached : Home {
  explicit Detached(uint32_t s) : Home(Kind::kDetached), slot(s) {}

  const uint32_t slot;
  uint32_t position = 0;     // in the store
  uint32_t owners = 0;       // members of open groups that write it
  uint32_t pending = 0;      // samples in appenders that have not committed
  bool by_appender = false;  // an appender wrote to it: it stays detached while in use
  bool filled = false;       // the last append completed a chunk

  OpenChunk open;  // guarded by mutex, as is all below
  int64_t max_time = kNoMaxTime;
  uint64_t last_bits = storage::kStaleNaNBits;  // of the newest sample; of a histogram its sum
  SampleKind last_kind = SampleKind::kFloat;

  void SetNewest(const NewestSample& newest) {
    max_time = newest.time;
    last_bits = newest.bits;
    last_kind = newest.kind;
  }
};

class DetachedStore {
 public:
  explicit DetachedStore(HeadCore* core) : core_(*core) {}
  ~DetachedStore();

  // The detached series behind a slot; nullptr when it lives elsewhere.
  Detached* Get(uint32_t slot) const;
  // A detached series for a slot that is parked.
  Detached* FromParked(uint32_t slot);
  // Adopts a new object for a slot; the caller has locked the slot's old home and moves the
  // samples.
  Detached* Create(uint32_t slot);
  // What Append would say, without doing it.
  storage::AppendResult Check(const Detached& series, int64_t min_valid, int64_t t,
                              uint64_t bits) const;
  storage::AppendResult Check(const Detached& series, int64_t min_valid, int64_t t,
                              const IntHistogram& h) const;
  storage::AppendResult Check(const Detached& series, int64_t min_valid, int64_t t,
                              const FloatHistogram& h) const;
  // Appends under the rules; the series' mutex is not held. A float that is a stale marker becomes
  // a histogram that is one behind a histogram: last_kind tells. Histograms are valid.
  storage::AppendResult Append(Detached* series, int64_t min_valid, int64_t t, uint64_t bits);
  storage::AppendResult Append(Detached* series, int64_t min_valid, int64_t t,
                               const IntHistogram& h);
  storage::AppendResult Append(Detached* series, int64_t min_valid, int64_t t,
                               const FloatHistogram& h);
  // Writes the open chunk out, whatever its size. The series' mutex is not held.
  Status Seal(Detached* series);
  // Moves a series without open samples to the parking place and forgets the object.
  void Park(Detached* series);
  // Forgets the object after its series moved elsewhere.
  void Remove(Detached* series);
  size_t size() const { return all_.size(); }
  Detached* at(size_t i) const { return all_[i].get(); }

 private:
  Status SealLocked(Detached* series);
  template <typename Histogram>
  bool IsNewest(const Detached& series, const Histogram& h) const;
  template <typename Histogram>
  storage::AppendResult CheckHistogram(const Detached& series, int64_t min_valid, int64_t t,
                                       const Histogram& h) const;
  template <typename Histogram>
  storage::AppendResult AppendHistogram(Detached* series, int64_t min_valid, int64_t t,
                                        const Histogram& h);
  template <typename Value>
  bool Store(Detached* series, int64_t t, const Value& value);
  HeadCore& core_;
  std::vector<std::unique_ptr<Detached>> all_;
};

// Adds the samples of a chunk to what is to be logged.
void LogChunk(uint64_t ref, const OpenChunk& chunk, SampleRecords* log);
// Adds a sample that was appended to what is to be logged: a stale marker as what it became.
void LogSample(const Detached& series, uint64_t ref, int64_t t, uint64_t bits, SampleRecords* log);
void LogSample(const Detached& series, uint64_t ref, int64_t t, const IntHistogram& h,
               SampleRecords* log);
void LogSample(const Detached& series, uint64_t ref, int64_t t, const FloatHistogram& h,
               SampleRecords* log);

}  // namespace narthex::tsdb
