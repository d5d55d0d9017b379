#pragma once
// Series with timestamps of their own: written by an appender, by two sources, or too sparse for a
// group. Each keeps its open chunk as Prometheus' XOR chunk, so that filling it up is a plain
// write.
//
// Thread safety: HeadCore::structure_mutex guards the store and all but the samples; the samples
// are guarded by the series' own mutex, so readers need only that.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "server/storage/tsdb/chunkenc/xor_chunk.h"
#include "server/storage/tsdb/head/core.h"

namespace narthex::tsdb {

struct Detached : Home {
  explicit Detached(uint32_t s) : Home(Kind::kDetached), slot(s) {}

  const uint32_t slot;
  uint32_t position = 0;     // in the store
  uint32_t owners = 0;       // members of open groups that write it
  uint32_t pending = 0;      // samples in appenders that have not committed
  bool by_appender = false;  // an appender wrote to it: it stays detached while in use
  bool filled = false;       // the last append completed a chunk

  XorChunk open;  // guarded by mutex, as is all below
  int64_t max_time = kNoMaxTime;
  uint64_t last_bits = storage::kStaleNaNBits;
};

struct DetachedSample {
  uint32_t slot = 0;
  int64_t time = 0;
  uint64_t bits = 0;
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
  static storage::AppendResult Check(const Detached& series, int64_t min_valid, int64_t t,
                                     uint64_t bits);
  // Appends under the rules; the series' mutex is not held.
  storage::AppendResult Append(Detached* series, int64_t min_valid, int64_t t, uint64_t bits);
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
  HeadCore& core_;
  std::vector<std::unique_ptr<Detached>> all_;
};

// The payload of a kDetached record.
void EncodeDetached(const SeriesTable& table, std::span<const DetachedSample> samples,
                    std::string* out);

}  // namespace narthex::tsdb
