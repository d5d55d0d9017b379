#pragma once
// Settings and figures of the storage engine, in plain structs.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.h"

namespace narthex {
class Registry;
}

namespace narthex::tsdb {

// How the log is compressed that an export writes for Prometheus.
enum class LogCompression : uint8_t { kNone, kSnappy, kZstd };

// Progress of the log replay, readable while Open still runs (/api/v1/status/walreplay).
struct ReplayProgress {
  std::atomic<int64_t> min{0};      // first segment to read
  std::atomic<int64_t> max{0};      // last segment to read
  std::atomic<int64_t> current{0};  // segment being read
};

struct Options {
  std::string dir = "data/";
  bool use_lock_file = true;

  // Blocks that end this much before the newest one are deleted. 0 keeps everything.
  int64_t retention_ms = int64_t{15} * 24 * 3600 * 1000;
  // The oldest blocks are deleted when all files together are larger. 0: no limit.
  uint64_t retention_bytes = 0;
  // The same as a part of the file system; wins over bytes. 0: no limit.
  double retention_percentage = 0;
  // The range of a block cut from the head. Chunks never cross a multiple of it; samples may be
  // half of it behind the newest one.
  int64_t chunk_range_ms = int64_t{2} * 3600 * 1000;
  // Floats of a full chunk. In memory a chunk ends at 120 at most; in blocks they are joined to
  // more.
  int samples_per_chunk = 120;
  // Blocks are merged up to this range; not above chunk_range_ms: not at all. 0: a tenth of the
  // retention by time, at most 31 days.
  int64_t max_block_ms = 0;
  // Blocks that overlap in time are merged.
  bool overlapping_compaction = true;
  // A cut waits, from when it is due, for a random time of up to this much of the chunk range, so
  // that many servers do not cut at once. 0: it does not wait.
  int compaction_delay_percent = 0;
  // When this part of the head's series has ended with a stale marker, they go to blocks of their
  // own and out of the head. 0: they stay until the head is cut. Can be changed at run time.
  double stale_series_threshold = 0;
  // Thanos' list of uploaded blocks: level-1 blocks that are not in it are not merged yet.
  std::string delay_compact_file;
  uint64_t block_segment_bytes = uint64_t{512} << 20;  // of a block's chunk files
  // How much older than the newest sample of the database one may be that comes after a newer one
  // of its series; 0: none. Can be changed at run time.
  int64_t out_of_order_window_ms = 0;
  // Samples of a series that gather before they are packed.
  size_t out_of_order_cap = 32;
  // Refuse to create more series than this. 0: no limit. Known series go on.
  uint64_t max_series = 0;
  // Refuse to create series while this says so: memory is short. May be empty. Called with locks.
  std::function<bool()> refuse_growth;
  // Exemplars kept for all series together. 0: none.
  uint64_t max_exemplars = 0;

  // Longest time a committed sample stays in memory before write(2). 0: written at once by the log
  // thread. Data handed to write(2) survives the death of the process.
  std::chrono::milliseconds wal_flush_window{100};
  // Longest time between write(2) and fdatasync. 0: only when a segment ends.
  std::chrono::milliseconds wal_sync_interval{5000};
  uint64_t wal_segment_bytes = uint64_t{64} << 20;
  // A checkpoint replaces the log when it has grown by this much since the last one, or holds so
  // many samples that a restart would take longer than it must.
  uint64_t wal_checkpoint_bytes = uint64_t{256} << 20;
  // Close makes one too, when the log is not short.
  bool checkpoint_on_close = false;
  // Compresses large flushes with zstd when that pays.
  bool wal_compression = true;

  // Interval of the housekeeping thread (blocks, retention, checkpoints). 0: no thread; call
  // Maintain().
  std::chrono::milliseconds maintenance_interval{60'000};

  const Clock* clock = nullptr;        // nullptr: Clock::System()
  std::function<double()> random;      // from [0, 1); empty: seeded by the system
  Registry* registry = nullptr;        // nullptr: no metrics
  ReplayProgress* progress = nullptr;  // may be nullptr
  // For tests: called between the steps of a checkpoint, without locks.
  std::function<void()> checkpoint_step;
  // For tests: called with the directory of a block that was written, before it is opened.
  std::function<void(const std::string&)> block_written;
};

// What /api/v1/status/tsdb shows.
struct Stats {
  using Entry = std::pair<std::string, uint64_t>;
  uint64_t series = 0;
  uint64_t label_pairs = 0;
  uint64_t chunks = 0;
  TimestampMs min_time = 0;                  // INT64_MAX when the head is empty
  TimestampMs max_time = 0;                  // INT64_MIN when the head is empty
  std::vector<Entry> series_by_metric_name;  // each sorted by falling value, then name
  std::vector<Entry> values_by_label_name;
  std::vector<Entry> bytes_by_label_name;
  std::vector<Entry> series_by_label_pair;  // name=value
};

}  // namespace narthex::tsdb
