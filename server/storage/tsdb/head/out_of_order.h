#pragma once
// Samples that came after a newer one of their series, within the out-of-order window. They live
// beside the series, in memory and in the log, and readers merge them in, until they are written to
// blocks of their own.
//
//   Insert ──▶ current generation ──Freeze──▶ frozen generation ──block written──▶ DropFrozen
//
// A series gathers up to `cap` floats sorted by time and as many histograms; full ones become
// chunks, which may overlap. Of samples with one time the first that came stays. Histograms lose
// what they say of counter resets: it is about a sample before them that may be another one now.
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
#include "core/histogram/histogram.h"
#include "server/storage/tsdb/block/tombstones.h"
#include "server/storage/tsdb/chunk_series.h"
#include "server/storage/tsdb/chunkenc/chunk_iterator.h"
#include "server/storage/tsdb/chunkenc/chunk_list.h"

namespace narthex::tsdb {

struct HeadCore;
class Head;

// Samples of one series, of any kinds.
class LateSamples {
 public:
  void Add(int64_t t, uint64_t bits) { items_.push_back({t, SampleKind::kFloat, bits}); }
  void Add(int64_t t, IntHistogram h);
  void Add(int64_t t, FloatHistogram h);
  void Add(const ChunkIterator& it);  // its current sample
  // Ascending in time; of those with one time the first that was added stays.
  void Sort();
  void Erase(const std::vector<Interval>& deleted);
  void Clear();

  size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  bool HasTime(int64_t t) const;
  // Calls f(time, value) with bits or a histogram.
  template <typename F>
  void ForEach(F&& f) const {
    for (const Item& item : items_) {
      switch (item.kind) {
        case SampleKind::kHistogram: f(item.time, integers_[item.value]); break;
        case SampleKind::kFloatHistogram: f(item.time, floats_[item.value]); break;
        default: f(item.time, item.value);
      }
    }
  }

 private:
  struct Item {
    int64_t time;
    SampleKind kind;
    uint64_t value;  // bits, or the place of the histogram
  };
  std::vector<Item> items_;
  std::vector<IntHistogram> integers_;
  std::vector<FloatHistogram> floats_;
};

class LateGeneration {
 public:
  explicit LateGeneration(size_t cap) : cap_(cap) {}
  // False when there is a sample of that time.
  bool Insert(uint32_t slot, int64_t t, uint64_t bits);
  bool Insert(uint32_t slot, int64_t t, const IntHistogram& h);
  bool Insert(uint32_t slot, int64_t t, const FloatHistogram& h);
  bool Has(uint32_t slot) const;
  std::vector<uint32_t> Slots() const;  // ascending
  // Appends the samples of [mint, maxt], in no order.
  void Read(uint32_t slot, int64_t mint, int64_t maxt, LateSamples* out) const;
  // INT64_MAX, INT64_MIN when empty.
  std::pair<int64_t, int64_t> bounds() const;
  void Forget(uint32_t slot);

 private:
  struct Float {
    int64_t time;
    uint64_t bits;
  };
  struct Series {
    std::vector<Float> open;                  // ascending
    std::unique_ptr<LateSamples> histograms;  // as they came; none for most series
    std::vector<EncodedChunk> full;
  };
  static bool Earlier(const Float& a, const Float& b) { return a.time < b.time; }
  static bool HasTime(const Series& series, int64_t t);
  template <typename Histogram>
  bool InsertHistogram(uint32_t slot, int64_t t, const Histogram& h);
  void NoteTime(int64_t t) REQUIRES(mutex_);

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
  std::atomic<uint64_t> histograms_appended{0};
  std::atomic<uint64_t> histograms_too_old{0};

  template <typename Value>
  bool Insert(uint32_t slot, int64_t t, const Value& value) {
    MutexLock lock(mutex_);
    if (current_ == nullptr) current_ = std::make_shared<LateGeneration>(cap_);
    return current_->Insert(slot, t, value);
  }
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
