#pragma once
// Samples that came after a newer one of their series, within the out-of-order window. They live
// beside the series, in memory and in the log, and readers merge them in, until they are written to
// blocks of their own.
//
//   Insert ──▶ current generation ──Freeze──▶ frozen generation ──block written──▶ DropFrozen
//
// A series gathers up to `cap` samples sorted by time; full ones become XOR chunks, which may
// overlap. Of samples with one time the first that came stays.
//
// Thread safety: every method. A reader holds the generations it saw; it pins an epoch before.

#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/mutex.h"
#include "server/storage/tsdb/chunk_series.h"

namespace narthex::tsdb {

struct HeadCore;
class Head;

struct LateSample {
  int64_t time = 0;
  uint64_t bits = 0;
};

class LateGeneration {
 public:
  explicit LateGeneration(size_t cap) : cap_(cap) {}
  // False when there is a sample of that time.
  bool Insert(uint32_t slot, int64_t t, uint64_t bits);
  bool Has(uint32_t slot) const;
  std::vector<uint32_t> Slots() const;  // ascending
  // Appends the samples of [mint, maxt], ascending.
  void Read(uint32_t slot, int64_t mint, int64_t maxt, std::vector<LateSample>* out) const;
  // INT64_MAX, INT64_MIN when empty.
  std::pair<int64_t, int64_t> bounds() const;
  void Forget(uint32_t slot);

 private:
  struct Chunk {
    int64_t mint, maxt;
    std::string bytes;
  };
  struct Series {
    std::vector<LateSample> open;  // ascending
    std::vector<Chunk> full;
  };
  static bool HasTime(const Series& series, int64_t t);

  const size_t cap_;
  mutable Mutex mutex_;
  absl::flat_hash_map<uint32_t, Series> series_ GUARDED_BY(mutex_);
  int64_t mint_ GUARDED_BY(mutex_) = INT64_MAX;
  int64_t maxt_ GUARDED_BY(mutex_) = INT64_MIN;
};

class OutOfOrder {
 public:
  using Generations =
      std::vector<std::shared_ptr<LateGeneration>>;  // oldest first; never empty ones

  explicit OutOfOrder(size_t cap) : cap_(cap) {}

  // 0: samples must be in order.
  std::atomic<int64_t> window_ms{0};
  std::atomic<uint64_t> appended{0};
  std::atomic<uint64_t> too_old{0};

  bool Insert(uint32_t slot, int64_t t, uint64_t bits);
  bool Has(uint32_t slot) const;
  void Forget(uint32_t slot);  // when the series is gone
  Generations generations() const;
  // What was inserted so far waits to be written; null when there is nothing.
  std::shared_ptr<LateGeneration> Freeze();
  void DropFrozen();

 private:
  const size_t cap_;
  mutable Mutex mutex_;
  std::shared_ptr<LateGeneration> current_ GUARDED_BY(mutex_);
  std::shared_ptr<LateGeneration> frozen_ GUARDED_BY(mutex_);
};

// The samples of a generation in [mint, maxt] as series with chunks that do not overlap.
std::unique_ptr<ChunkSeriesSet> NewLateChunks(HeadCore* core,
                                              std::shared_ptr<const LateGeneration> generation,
                                              int64_t mint, int64_t maxt);

}  // namespace narthex::tsdb
