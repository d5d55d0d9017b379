#pragma once
// The prometheus_tsdb_* metrics of the head, its log and the blocks, under the names dashboards
// know.

#include "core/metrics/registry.h"
#include "server/storage/tsdb/block_set.h"
#include "server/storage/tsdb/compact/observe.h"
#include "server/storage/tsdb/head/head.h"

namespace narthex::tsdb {

// Counters that Db keeps itself.
struct DbMetrics {
  // Registers everything; `head` must outlive the registry's use, see DbMetrics::Detach.
  explicit DbMetrics(Registry* registry);

  Counter* checkpoint_creations = nullptr;
  Counter* checkpoint_failures = nullptr;
  Counter* checkpoint_deletions = nullptr;
  Counter* truncations = nullptr;
  Counter* truncations_failed = nullptr;
  Counter* wal_corruptions = nullptr;
  Counter* wal_truncations = nullptr;
  Counter* wal_truncations_failed = nullptr;
  Counter* time_retentions = nullptr;
  Counter* size_retentions = nullptr;
  Counter* reloads = nullptr;
  Counter* reload_failures = nullptr;
  Counter* compactions = nullptr;
  Counter* compactions_failed = nullptr;
  Counter* compactions_triggered = nullptr;
  Counter* compactions_skipped = nullptr;
  Counter* vertical_compactions = nullptr;
  Gauge* blocks_damaged = nullptr;
  Gauge* populating_block = nullptr;
  Counter* snapshot_replay_errors = nullptr;  // damaged checkpoints
  Gauge* replay_seconds = nullptr;
  Gauge* clean_start = nullptr;
  Gauge* retention_seconds = nullptr;
  Gauge* retention_bytes = nullptr;
  Gauge* retention_percentage = nullptr;
  Histogram* compaction_seconds = nullptr;
  Histogram* chunk_bytes = nullptr;
  Histogram* chunk_samples = nullptr;
  Histogram* chunk_range_seconds = nullptr;
  Histogram* tombstone_seconds = nullptr;
  Summary* gc_seconds = nullptr;
  Summary* fsync_seconds = nullptr;
  Summary* truncate_seconds = nullptr;

  // Counts the chunks of compactions.
  ChunkObserver chunk_observer() const;

 private:
  std::unique_ptr<Registry> own_;  // when the caller has none
};

// Families read from the head at gather time. Goes out of the registry before the head does.
std::shared_ptr<Collector> MakeHeadCollector(const Head* head, const DbMetrics* metrics,
                                             std::string wal_dir);
// The same for the blocks.
std::shared_ptr<Collector> MakeBlockCollector(const BlockSet* blocks, const Head* head);

}  // namespace narthex::tsdb
