#include "server/storage/tsdb/db_metrics.h"

#include "server/storage/tsdb/chunkenc/chunk_iterator.h"
#include "server/storage/tsdb/retention.h"

namespace narthex::tsdb {
namespace {

SummaryOptions Quantiles() { return {.objectives = {{0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}}}; }

template <typename T>
void Add(std::vector<MetricFamily>* out, std::string_view name, std::string_view help,
         MetricType type, T value) {
  MetricFamily family{
      .name = fmt::format("prometheus_tsdb_{}", name), .help = std::string(help), .type = type};
  family.samples.push_back({.value = static_cast<double>(value)});
  out->push_back(std::move(family));
}

class BlockCollector final : public Collector {
 public:
  BlockCollector(const BlockSet* blocks, const Head* head) : blocks_(*blocks), head_(*head) {}
  void Collect(std::vector<MetricFamily>* out) override {
    const auto list = blocks_.list();
    uint64_t bytes = 0, memory = 0;
    for (const BlockPtr& block : *list) {
      bytes += block->bytes();
      memory += block->index().memory_bytes();
    }
    const int64_t lowest = list->empty() ? head_.core().min_time.load() : list->front()->min_time();
    Add(out, "blocks_loaded", "Number of currently loaded data blocks", MetricType::kGauge,
        list->size());
    Add(out, "storage_blocks_bytes",
        "The number of bytes that are currently used for local storage by all blocks.",
        MetricType::kGauge, bytes);
    Add(out, "symbol_table_size_bytes", "Size of symbol table in memory for loaded blocks",
        MetricType::kGauge, memory);
    Add(out, "lowest_timestamp",
        "Lowest timestamp value stored in the database. The unit is decided by the library "
        "consumer.",
        MetricType::kGauge, lowest);
    Add(out, "lowest_timestamp_seconds", "Lowest timestamp value stored in the database.",
        MetricType::kGauge, lowest / 1000);
  }

 private:
  const BlockSet& blocks_;
  const Head& head_;
};

class HeadCollector final : public Collector {
 public:
  HeadCollector(const Head* head, const DbMetrics* metrics, std::string wal_dir)
      : head_(*head), metrics_(*metrics), core_(head->core()), wal_dir_(std::move(wal_dir)) {}

  void Collect(std::vector<MetricFamily>* out) override {
    size_t series = 0;
    {
      ReaderLock lock(core_.index.mutex());
      series = core_.index.size();
    }
    const HeadCounters& c = core_.counters;
    const int64_t mint = core_.min_time.load(), maxt = core_.max_time.load();
    Add(out, "head_series", "Total number of series in the head block.", MetricType::kGauge,
        series);
    Add(out, "head_series_over_limit_total",
        "Number of times a new series was refused because of the limit on series in the head.",
        MetricType::kCounter, c.series_over_limit.load());
    Add(out, "head_series_over_memory_budget_total",
        "Number of times a new series was refused because the memory budget was used up.",
        MetricType::kCounter, c.series_over_budget.load());
    // What was created is what is there and what has gone. Taken one after the other: the counter
    // must not fall because something went in between.
    const uint64_t chunks_removed = c.chunks_removed.load();
    const uint64_t chunks = head_.CountChunks();
    uint64_t created = chunks_created_.load();
    while (created < chunks + chunks_removed &&
           !chunks_created_.compare_exchange_weak(created, chunks + chunks_removed)) {
    }
    Add(out, "head_chunks", "Total number of chunks in the head block.", MetricType::kGauge,
        chunks);
    Add(out, "head_chunks_created_total", "Total number of chunks created in the head",
        MetricType::kCounter, chunks_created_.load());
    Add(out, "head_chunks_removed_total", "Total number of chunks removed in the head",
        MetricType::kCounter, chunks_removed);
    CollectReaders(out);
    Add(out, "head_series_created_total", "Total number of series created in the head",
        MetricType::kCounter, c.series_created.load());
    Add(out, "head_series_removed_total", "Total number of series removed in the head",
        MetricType::kCounter, c.series_removed.load());
    Add(out, "head_active_appenders", "Number of currently active appender transactions",
        MetricType::kGauge, c.active_appenders.load());
    Add(out, "head_min_time",
        "Minimum time bound of the head block. The unit is decided by the library consumer.",
        MetricType::kGauge, mint);
    Add(out, "head_max_time",
        "Maximum timestamp of the head block. The unit is decided by the library consumer.",
        MetricType::kGauge, maxt);
    Add(out, "head_min_time_seconds", "Minimum time bound of the head block.", MetricType::kGauge,
        mint / 1000);
    Add(out, "head_max_time_seconds", "Maximum timestamp of the head block.", MetricType::kGauge,
        maxt / 1000);
    Add(out, "head_chunks_storage_size_bytes", "Size of the chunks_head directory.",
        MetricType::kGauge, core_.chunks.bytes());
    Add(out, "ingestion_stopped",
        "Whether new samples are refused, because the log or the head chunks cannot be written.",
        MetricType::kGauge, core_.Refusing() ? 1 : 0);
    Add(out, "checkpoint_deletions_failed_total",
        "Total number of checkpoint deletions that failed.", MetricType::kCounter,
        c.checkpoint_deletions_failed.load());
    Add(out, "mmap_chunk_corruptions_total", "Total number of memory-mapped chunk corruptions.",
        MetricType::kCounter, core_.chunks.damaged());
    Add(out, "mmap_chunks_total", "Total number of chunks that were memory-mapped.",
        MetricType::kCounter, core_.chunks.written());
    AddTyped(out, "head_samples_appended_total", "Total number of appended samples.",
             c.samples_appended.load(), c.histograms_appended.load());
    AddTyped(out, "out_of_order_samples_total",
             "Total number of out of order samples ingestion failed attempts due to out of order "
             "being disabled.",
             c.out_of_order.load(), c.histograms_out_of_order.load());
    AddTyped(out, "out_of_bound_samples_total",
             "Total number of out of bound samples ingestion failed attempts with out of order "
             "support disabled.",
             c.out_of_bounds.load(), c.histograms_out_of_bounds.load());
    AddTyped(out, "too_old_samples_total",
             "Total number of out of order samples ingestion failed attempts with out of support "
             "enabled, but sample outside of time window.",
             core_.late.too_old.load(), core_.late.histograms_too_old.load());
    AddTyped(out, "head_out_of_order_samples_appended_total",
             "Total number of appended out of order samples.", core_.late.appended.load(),
             core_.late.histograms_appended.load());
    Add(out, "head_series_not_found_total",
        "Total number of requests for series that were not found.", MetricType::kCounter,
        0);  // readers hold what they have found
    CollectWal(out);
    if (core_.late.window_ms.load() > 0) CollectLateLog(out);
    CollectExemplars(out);
    CollectFanOut(out);
  }

 private:
  void CollectExemplars(std::vector<MetricFamily>* out) const {
    const ExemplarRing::Figures f = core_.exemplars.figures();
    Add(out, "exemplar_exemplars_appended_total", "Total number of appended exemplars.",
        MetricType::kCounter, f.appended);
    Add(out, "exemplar_exemplars_in_storage", "Number of exemplars currently in circular storage.",
        MetricType::kGauge, f.size);
    Add(out, "exemplar_series_with_exemplars_in_storage",
        "Number of series with exemplars currently in circular storage.", MetricType::kGauge,
        f.series);
    Add(out, "exemplar_last_exemplars_timestamp_seconds",
        "The timestamp of the oldest exemplar stored in circular storage. Useful to check for "
        "what timerange the current exemplar buffer limit allows. This usually means the last "
        "timestampfor all exemplars for a typical setup. This is not true though if one of the "
        "series timestamp is in future compared to rest series.",
        MetricType::kGauge, static_cast<double>(f.oldest_time) / 1000);
    Add(out, "exemplar_max_exemplars",
        "Total number of exemplars the exemplar storage can store, resizeable.", MetricType::kGauge,
        f.capacity);
    Add(out, "exemplar_out_of_order_exemplars_total",
        "Total number of out of order exemplar ingestion failed attempts.", MetricType::kCounter,
        f.out_of_order);
  }

  // What upstream counts where samples fan out to the storage and to remote ones.
  void CollectFanOut(std::vector<MetricFamily>* out) const {
    const auto add = [out](const std::string& name, std::string help, MetricType type,
                           double value) {
      MetricFamily& family = out->emplace_back();
      family.name = "prometheus_remote_storage_" + name;
      family.help = std::move(help);
      family.type = type;
      family.samples.push_back({.value = value});
    };
    const HeadCounters& c = core_.counters;
    const auto in = [&](const char* what, const char* kind, uint64_t value) {
      add(fmt::format("{}_in_total", what),
          fmt::format("{} in to remote storage, compare to {} out for queue managers.", kind, what),
          MetricType::kCounter, static_cast<double>(value));
    };
    in("samples", "Samples", c.samples_appended.load());
    in("histograms", "HistogramSamples", c.histograms_appended.load());
    in("exemplars", "Exemplars", core_.exemplars.figures().appended);
    const int64_t newest = core_.max_time.load();
    add("highest_timestamp_in_seconds",
        "Highest timestamp that has come into the remote storage via the Appender interface, in "
        "seconds since epoch. Initialized to 0 when no data has been received yet.",
        MetricType::kGauge, newest == kNoMaxTime ? 0 : static_cast<double>(newest / 1000));
  }

  // Readers pin epochs, which stand for upstream's append IDs.
  void CollectReaders(std::vector<MetricFamily>* out) const {
    const Epochs::Marks marks = core_.epochs.marks();
    Add(out, "isolation_high_watermark", "The highest TSDB append ID that has been given out.",
        MetricType::kGauge, marks.newest);
    Add(out, "isolation_low_watermark", "The lowest TSDB append ID that is still referenced.",
        MetricType::kGauge, marks.oldest);
  }

  void CollectWal(std::vector<MetricFamily>* out) const {
    if (core_.wal == nullptr) return;
    const WalCounters& w = core_.wal->counters();
    Add(out, "wal_segment_current", "Write log segment index that TSDB is currently writing to.",
        MetricType::kGauge, core_.wal->segment());
    Add(out, "wal_page_flushes_total", "Total number of page flushes.", MetricType::kCounter,
        w.flushes.load());
    Add(out, "wal_completed_pages_total", "Total number of completed pages.", MetricType::kCounter,
        w.completed_segments.load());
    Add(out, "wal_writes_failed_total", "Total number of write log writes that failed.",
        MetricType::kCounter, w.write_failures.load());
    Add(out, "wal_record_bytes_saved_total",
        "Total number of bytes saved by the optional record compression. Use this metric to learn "
        "about the effectiveness compression.",
        MetricType::kCounter, w.bytes_saved.load());
    out->back().samples[0].labels = {{"compression", "zstd"}};
    Add(out, "wal_record_part_writes_total",
        "Total number of record parts written before flushing.", MetricType::kCounter,
        w.records.load());
    Add(out, "wal_record_parts_bytes_written_total",
        "Total number of record part bytes written before flushing, including CRC and compression "
        "headers.",
        MetricType::kCounter, w.record_bytes.load());
    Add(out, "wal_storage_size_bytes", "Size of the write log directory.", MetricType::kGauge,
        DirectoryBytes(wal_dir_));
  }

  // Late samples have no log of their own: what is shown is the one they go to, and of it alone
  // their records. Nothing takes space besides it.
  void CollectLateLog(std::vector<MetricFamily>* out) const {
    if (core_.wal == nullptr) return;
    const WalCounters& w = core_.wal->counters();
    const auto add = [out](std::string_view name, std::string_view help, MetricType type,
                           auto value) {
      Add(out, fmt::format("out_of_order_wbl_{}", name), help, type, value);
    };
    add("segment_current", "Write log segment index that TSDB is currently writing to.",
        MetricType::kGauge, core_.wal->segment());
    add("page_flushes_total", "Total number of page flushes.", MetricType::kCounter,
        w.flushes.load());
    add("completed_pages_total", "Total number of completed pages.", MetricType::kCounter,
        w.completed_segments.load());
    add("writes_failed_total", "Total number of write log writes that failed.",
        MetricType::kCounter, w.write_failures.load());
    add("truncations_total", "Total number of write log truncations attempted.",
        MetricType::kCounter, metrics_.wal_truncations->value());
    add("truncations_failed_total", "Total number of write log truncations that failed.",
        MetricType::kCounter, metrics_.wal_truncations_failed->value());
    add("record_part_writes_total", "Total number of record parts written before flushing.",
        MetricType::kCounter, w.late_records.load());
    add("record_parts_bytes_written_total",
        "Total number of record part bytes written before flushing, including CRC and compression "
        "headers.",
        MetricType::kCounter, w.late_record_bytes.load());
    add("storage_size_bytes", "Size of the write log directory.", MetricType::kGauge, 0);
    add("fsync_duration_seconds", "Duration of write log fsync.", MetricType::kSummary, 0);
    metrics_.fsync_seconds->Collect(&out->back().samples[0]);
  }

  static void AddTyped(std::vector<MetricFamily>* out, std::string_view name, std::string_view help,
                       uint64_t floats, uint64_t histograms) {
    Add(out, name, help, MetricType::kCounter, floats);
    std::vector<MetricSample>& samples = out->back().samples;
    samples.push_back({.value = static_cast<double>(histograms)});
    samples[0].labels = {{"type", "float"}};
    samples[1].labels = {{"type", "histogram"}};
  }

  const Head& head_;
  const DbMetrics& metrics_;
  const HeadCore& core_;
  const std::string wal_dir_;
  std::atomic<uint64_t> chunks_created_{0};
};

}  // namespace

DbMetrics::DbMetrics(Registry* registry) {
  if (registry == nullptr) {
    own_ = std::make_unique<Registry>();
    registry = own_.get();
  }
  const auto counter = [&](std::string_view name, std::string help) {
    return &registry->AddCounter(fmt::format("prometheus_tsdb_{}", name), std::move(help));
  };
  const auto gauge = [&](std::string_view name, std::string help) {
    return &registry->AddGauge(fmt::format("prometheus_tsdb_{}", name), std::move(help));
  };
  const auto summary = [&](std::string_view name, std::string help, SummaryOptions options) {
    return &registry->AddSummary(fmt::format("prometheus_tsdb_{}", name), std::move(help),
                                 std::move(options));
  };
  checkpoint_creations =
      counter("checkpoint_creations_total", "Total number of checkpoint creations attempted.");
  checkpoint_failures = counter("checkpoint_creations_failed_total",
                                "Total number of checkpoint creations that failed.");
  checkpoint_deletions =
      counter("checkpoint_deletions_total", "Total number of checkpoint deletions attempted.");
  truncations = counter("head_truncations_total", "Total number of head truncations attempted.");
  truncations_failed =
      counter("head_truncations_failed_total", "Total number of head truncations that failed.");
  wal_corruptions = counter("wal_corruptions_total", "Total number of WAL corruptions.");
  wal_truncations =
      counter("wal_truncations_total", "Total number of write log truncations attempted.");
  wal_truncations_failed =
      counter("wal_truncations_failed_total", "Total number of write log truncations that failed.");
  time_retentions = counter(
      "time_retentions_total",
      "The number of times that blocks were deleted because the maximum time limit was exceeded.");
  size_retentions = counter("size_retentions_total",
                            "The number of times that blocks were deleted because the maximum "
                            "number of bytes was exceeded.");
  reloads = counter("reloads_total", "Number of times the database reloaded block data from disk.");
  reload_failures =
      counter("reloads_failures_total",
              "Number of times the database failed to reloadBlocks block data from disk.");
  compactions = counter("compactions_total",
                        "Total number of compactions that were executed for the partition.");
  compactions_failed = counter("compactions_failed_total",
                               "Total number of compactions that failed for the partition.");
  compactions_triggered = counter("compactions_triggered_total",
                                  "Total number of triggered compactions for the partition.");
  compactions_skipped =
      counter("compactions_skipped_total",
              "Total number of skipped compactions due to disabled auto compaction.");
  vertical_compactions = counter("vertical_compactions_total",
                                 "Total number of compactions done on overlapping blocks.");
  blocks_damaged =
      gauge("blocks_damaged", "Number of blocks that cannot be read and are left out.");
  populating_block = gauge("compaction_populating_block",
                           "Set to 1 when a block is currently being written to the disk.");
  const auto histogram = [&](std::string_view name, std::string help, std::vector<double> buckets) {
    return &registry->AddHistogram(fmt::format("prometheus_tsdb_{}", name), std::move(help),
                                   {.buckets = std::move(buckets)});
  };
  compaction_seconds = histogram("compaction_duration_seconds", "Duration of compaction runs",
                                 ExponentialBuckets(1, 2, 14));
  chunk_bytes =
      histogram("compaction_chunk_size_bytes", "Final size of chunks on their first compaction",
                ExponentialBuckets(32, 1.5, 12));
  chunk_samples =
      histogram("compaction_chunk_samples", "Final number of samples on their first compaction",
                ExponentialBuckets(4, 1.5, 12));
  chunk_range_seconds = histogram("compaction_chunk_range_seconds",
                                  "Final time range of chunks on their first compaction",
                                  ExponentialBuckets(100, 4, 10));
  tombstone_seconds = histogram("tombstone_cleanup_seconds",
                                "The time taken to recompact blocks to remove tombstones.",
                                {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10});
  snapshot_replay_errors =
      counter("snapshot_replay_error_total", "Total number snapshot replays that failed.");
  replay_seconds = gauge("data_replay_duration_seconds", "Time taken to replay the data on disk.");
  clean_start = gauge("clean_start",
                      "-1: lockfile is disabled. 0: a lockfile from a previous execution was "
                      "replaced. 1: lockfile creation was clean");
  retention_seconds = gauge("retention_limit_seconds", "How long to retain samples in storage.");
  retention_bytes =
      gauge("retention_limit_bytes",
            "Max number of bytes to be retained in the tsdb blocks, configured 0 means disabled");
  retention_percentage =
      gauge("retention_limit_percentage",
            "Max percentage of the file system to be retained, configured 0 means disabled");
  gc_seconds =
      summary("head_gc_duration_seconds", "Runtime of garbage collection in the head block.", {});
  fsync_seconds =
      summary("wal_fsync_duration_seconds", "Duration of write log fsync.", Quantiles());
  truncate_seconds = summary("wal_truncate_duration_seconds", "Duration of WAL truncation.", {});
}

ChunkObserver DbMetrics::chunk_observer() const {
  return [this](const ChunkView& chunk) {
    chunk_bytes->Observe(static_cast<double>(chunk.data.size()));
    chunk_samples->Observe(SamplesOf(chunk.data));
    chunk_range_seconds->Observe(static_cast<double>(chunk.maxt - chunk.mint));
  };
}

std::shared_ptr<Collector> MakeBlockCollector(const BlockSet* blocks, const Head* head) {
  return std::make_shared<BlockCollector>(blocks, head);
}

std::shared_ptr<Collector> MakeHeadCollector(const Head* head, const DbMetrics* metrics,
                                             std::string wal_dir) {
  return std::make_shared<HeadCollector>(head, metrics, std::move(wal_dir));
}

}  // namespace narthex::tsdb
