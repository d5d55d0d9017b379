// How the app opens the storage its flags and configuration describe.

#include <algorithm>
#include <cstdlib>
#include <future>

#include "core/base/memory_budget.h"
#include "core/base/thread.h"
#include "core/log/log.h"
#include "server/cmd/prometheus/app.h"

namespace narthex::prometheus {
namespace {

using std::chrono::milliseconds;

// What upstream takes for a percentage that is none.
constexpr int kDefaultDelayPercent = 10;

}  // namespace

tsdb::Options App::StorageOptions() {
  tsdb::Options options;
  options.dir = *flags_.storage_path;
  options.use_lock_file = !*flags_.no_lockfile;
  const tsdb::RetentionLimits retention = Retention(*current());
  options.retention_ms = retention.time_ms;
  options.retention_bytes = retention.bytes;
  options.retention_percentage = retention.percentage;
  options.chunk_range_ms = *flags_.min_block_ms;
  options.max_block_ms = *flags_.max_block_ms;
  options.overlapping_compaction = *flags_.overlapping_compaction;
  options.delay_compact_file = *flags_.delay_compact_file;
  options.block_segment_bytes = static_cast<uint64_t>(*flags_.block_segment_bytes);
  options.maintenance_interval = milliseconds(*flags_.block_reload_ms);
  options.max_exemplars = MaxExemplars(*current());
  options.out_of_order_window_ms = current()->storage.out_of_order_window_ms;
  options.stale_series_threshold = current()->storage.stale_series_threshold;
  if (flags_.features.contains("delayed-compaction")) {
    const int64_t percent = *flags_.compaction_delay_percent;
    options.compaction_delay_percent =
        percent > 0 && percent <= 100 ? static_cast<int>(percent) : kDefaultDelayPercent;
  }
  constexpr int64_t kMostSamples = 65535;  // a chunk counts no further
  if (*flags_.samples_per_chunk > 0) {     // else the default, as upstream
    options.samples_per_chunk = static_cast<int>(std::min(*flags_.samples_per_chunk, kMostSamples));
  }
  if (*flags_.write_queue_size != 0) {
    NX_LOG(Warn,
           "--storage.tsdb.head-chunks-write-queue-size has no effect: chunks of the head are "
           "written without a queue");
  }
  options.wal_compression = *flags_.wal_compression;
  options.checkpoint_on_close = true;
  if (*flags_.wal_segment_bytes > 0) {
    options.wal_segment_bytes = static_cast<uint64_t>(*flags_.wal_segment_bytes);
  }
  // What a query has shown must survive kill -9: rows go to write(2) as they come, and gather only
  // while the log thread is busy writing.
  options.wal_flush_window = milliseconds(0);
  options.max_series = static_cast<uint64_t>(*flags_.head_series_limit);
  const auto budget = std::make_shared<MemoryBudget>(static_cast<uint64_t>(
      *flags_.memory_budget_ratio * static_cast<double>(CgroupMemoryLimit())));
  if (budget->bytes() > 0) {
    NX_LOG(Info, "New series are refused above this memory", {"bytes", budget->bytes()});
    options.refuse_growth = [budget] { return budget->Exhausted(); };
  }
  options.registry = &registry_;
  options.progress = &replay_;
  return options;
}

// Of the log that is written for Prometheus.
tsdb::LogCompression App::ExportCompression() const {
  if (!*flags_.wal_compression) return tsdb::LogCompression::kNone;
  return *flags_.wal_compression_type == "zstd" ? tsdb::LogCompression::kZstd
                                                : tsdb::LogCompression::kSnappy;
}

Status App::OpenStorage() {
  const tsdb::Options options = StorageOptions();
  NX_LOG(Info, "Starting TSDB ...", {"path", options.dir});
  // In a thread of its own, so that a signal is heard during a long replay.
  std::promise<StatusOr<std::unique_ptr<tsdb::Db>>> promise;
  auto opened = promise.get_future();
  NamedThread opener("tsdb-open", [&] {
    promise.set_value(tsdb::Db::Open(options));
    requests_.Wake();
  });
  while (opened.wait_for(milliseconds(0)) != std::future_status::ready) {
    const Requests::Event event = requests_.Wait(-1);
    reload_asked_ |= event == Requests::Event::kReload;
    if (event == Requests::Event::kStop) {
      NX_LOG(Info, "Stopping before the storage is open");
      // Nothing was written yet: the log is only being read.
      std::_Exit(0);
    }
  }
  StatusOr<std::unique_ptr<tsdb::Db>> db = opened.get();
  if (!db.ok()) return db.status();
  db_ = *std::move(db);
  NX_LOG(Info, "TSDB started", {"series", db_->series_count()});
  NX_ASSIGN_OR_RETURN(
      active_queries_,
      ActiveQueries::Open(*flags_.storage_path,
                          promql::QueryGate::Places(static_cast<int>(*flags_.query_concurrency))));
  return OkStatus();
}

}  // namespace narthex::prometheus
