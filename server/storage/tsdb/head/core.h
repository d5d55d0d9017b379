#pragma once
// What all parts of the head share. Locks are taken in this order:
//
//   structure_mutex   series appear, move between homes, leave; commits of appenders
//   Group::commit_mutex
//   SeriesIndex::mutex, or a Home's mutex (never both)
//   the insides of Slab, ChunkFiles, WalWriter, Epochs
//
// A tick of a group takes only its commit_mutex and the mutexes of its blocks.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "server/storage/interface.h"
#include "server/storage/tsdb/chunkenc/chunk_iterator.h"
#include "server/storage/tsdb/chunkenc/xor_chunk.h"
#include "server/storage/tsdb/head/chunk_files.h"
#include "server/storage/tsdb/head/epoch.h"
#include "server/storage/tsdb/head/exemplars.h"
#include "server/storage/tsdb/head/head_deletes.h"
#include "server/storage/tsdb/head/out_of_order.h"
#include "server/storage/tsdb/head/series_metadata.h"
#include "server/storage/tsdb/options.h"
#include "server/storage/tsdb/series/series_index.h"
#include "server/storage/tsdb/series/slab.h"
#include "server/storage/tsdb/wal/wal_format.h"
#include "server/storage/tsdb/wal/wal_writer.h"

namespace narthex::tsdb {

inline constexpr int64_t kNoMinTime = INT64_MAX;
inline constexpr int64_t kNoMaxTime = INT64_MIN;

// The newest sample of a series. The bits of a histogram are those of its sum.
struct NewestSample {
  int64_t time = kNoMaxTime;
  uint64_t bits = storage::kStaleNaNBits;
  SampleKind kind = SampleKind::kFloat;
};

// Of the data directory. Not where Prometheus has its chunk files: of these it reads all, and does
// not start when one is missing between others; ours go when they are old, wherever they stand.
inline constexpr char kHeadChunksDir[] = "head/chunks_head";

// Prometheus counts its references from 1. Ours begin where it never gets to, so that chunks of
// both are never taken for each other's.
inline constexpr uint64_t kFirstRef = uint64_t{1} << 40;

struct HeadCounters {
  std::atomic<uint64_t> samples_appended{0};
  std::atomic<uint64_t> histograms_appended{0};
  std::atomic<uint64_t> series_created{0};
  std::atomic<uint64_t> series_removed{0};
  std::atomic<uint64_t> chunks_removed{0};
  std::atomic<uint64_t> checkpoint_deletions_failed{0};
  std::atomic<uint64_t> out_of_order{0};
  std::atomic<uint64_t> out_of_bounds{0};
  std::atomic<uint64_t> histograms_out_of_order{0};
  std::atomic<uint64_t> histograms_out_of_bounds{0};
  std::atomic<uint64_t> duplicates{0};
  std::atomic<uint64_t> refused{0};
  std::atomic<uint64_t> series_over_limit{0};   // attempts to create one that were refused
  std::atomic<uint64_t> series_over_budget{0};  // the same, for want of memory
  std::atomic<int64_t> active_appenders{0};
};

// Tells replay which samples of a series are in chunk files already.
class ReplayCoverage {
 public:
  virtual ~ReplayCoverage() = default;
  virtual bool Covered(uint32_t slot, int64_t t) = 0;
  virtual void ChunksChanged(uint32_t slot) = 0;
};

struct HeadCore {
  explicit HeadCore(const Options& o)
      : options(o),
        chunks(JoinPath(o.dir, kHeadChunksDir), &epochs),
        late(o.out_of_order_cap),
        exemplars(static_cast<size_t>(o.max_exemplars)) {}

  const Options options;
  const int max_chunk_samples = std::clamp(options.samples_per_chunk, 1, kSamplesPerChunk);
  std::array<Slab, 4> slabs;  // first: what waits in epochs may still use it
  Epochs epochs;
  Mutex structure_mutex;
  SeriesIndex index;
  ChunkFiles chunks;
  OutOfOrder late;
  ExemplarRing exemplars;
  SeriesMetadata metadata;
  // Series with nothing but full chunks; spread over several locks.
  std::array<Home, 64> parked = MakeParked(std::make_index_sequence<64>());
  std::unique_ptr<WalWriter> wal;      // null during replay and after Close
  std::atomic<bool> writable{false};   // false before replay ended and after Close
  ReplayCoverage* coverage = nullptr;  // only during replay
  HeadCounters counters;
  std::atomic<int64_t> full_chunks{0};  // of all series
  std::atomic<int64_t> min_time{kNoMinTime};
  std::atomic<int64_t> max_time{kNoMaxTime};
  std::atomic<int64_t> truncated_before{INT64_MIN};
  std::atomic<int64_t> fence{INT64_MIN};  // nothing older comes in: a block is being cut there
  // The oldest uncommitted sample of each appender; guarded by structure_mutex.
  std::multiset<int64_t> pending_times;
  HeadDeletes deletes;
  uint64_t next_ref = kFirstRef;                              // guarded by structure_mutex
  std::chrono::steady_clock::time_point next_growth_warning;  // guarded by structure_mutex

  Home* ParkedHome(uint32_t slot) { return &parked[slot % parked.size()]; }
  Slab& SlabFor(uint32_t id) { return slabs[id % slabs.size()]; }
  bool Refusing() const {
    return !writable.load(std::memory_order_relaxed) || (wal != nullptr && wal->failing()) ||
           chunks.failing();
  }
  // Samples before this are out of bounds.
  int64_t MinValidTime() const;
  // What a sample that comes too late is under the out-of-order window: kOk means that it belongs
  // to `late`.
  storage::AppendResult JudgeLate(int64_t t, storage::AppendResult without_window) {
    return JudgeLate(t, without_window, max_time.load(std::memory_order_relaxed));
  }
  // The same behind another newest sample, kNoMaxTime: there is none.
  storage::AppendResult JudgeLate(int64_t t, storage::AppendResult without_window, int64_t newest);
  void NoteTimes(int64_t mint, int64_t maxt);
  void NoteMinTime(int64_t mint);

  // The series with these labels, created and logged when new. structure_mutex is held.
  StatusOr<uint32_t> FindOrCreate(const Labels& labels, BaseGuess* guess, bool* created);
  // Whether one more series may be created.
  Status AdmitSeries(size_t series);
  // Writes the series created last and what it needs to be understood into the current log segment.
  void LogSeries(uint64_t ref) REQUIRES(index.mutex());
  uint32_t series_segment GUARDED_BY(index.mutex()) = 0;  // where the last one went
  // The newest sample in the full chunks of a series; the home is locked. None: no chunks.
  std::optional<NewestSample> LastOfChunks(const SeriesRecord& series) const;
  // Writes a full chunk and links it to the series, whose home is locked.
  Status AddChunk(uint32_t slot, const ChunkView& chunk);
  // The same for the newest chunks of many series, by slot, in one write: their lists are not full
  // and nothing is replayed.
  Status AddChunks(std::span<const uint32_t> slots, const ChunkBatch& chunks);

 private:
  template <size_t... I>
  static std::array<Home, 64> MakeParked(std::index_sequence<I...>) {
    return {((void)I, Home(Home::Kind::kParked))...};
  }
};

}  // namespace narthex::tsdb
