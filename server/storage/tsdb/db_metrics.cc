#include "server/storage/tsdb/db_metrics.h"

#include <sys/stat.h>

#include "core/base/file.h"

namespace narthex::tsdb {
namespace {

SummaryOptions Quantiles() {
  return {.objectives = {{0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}}};
}

class HeadCollector final : public Collector {
 public:
  HeadCollector(const Head* head, std::string wal_dir)
      : head_(*head), core_(head->core()), wal_dir_(std::move(wal_dir)) {}

  void Collect(std::vector<MetricFamily>* out) override {
    size_t series = 0, symbols = 0;
    {
      ReaderLock lock(core_.index.mutex());
      series = core_.index.size();
      symbols = core_.index.symbol_bytes();
    }
    const HeadCounters& c = core_.counters;
    const int64_t mint = core_.min_time.load(), maxt = core_.max_time.load();
    Add(out, "head_series", "Total number of series in the head block.", MetricType::kGauge, series);
    Add(out, "head_chunks", "Total number of chunks in the head block.", MetricType::kGauge,
        head_.CountChunks());
    Add(out, "head_series_created_total", "Total number of series created in the head.",
        MetricType::kCounter, c.series_created.load());
    Add(out, "head_series_removed_total", "Total number of series removed in the head.",
        MetricType::kCounter, c.series_removed.load());
    Add(out, "head_active_appenders", "Number of currently active appender transactions.",
        MetricType::kGauge, c.active_appenders.load());
    Add(out, "head_min_time", "Minimum time bound of the head block. The unit is decided by the library consumer.",
        MetricType::kGauge, mint);
    Add(out, "head_max_time", "Maximum timestamp of the head block. The unit is decided by the library consumer.",
        MetricType::kGauge, maxt);
    Add(out, "head_min_time_seconds", "Minimum time bound of the head block in seconds.",
        MetricType::kGauge, mint / 1000);
    Add(out, "head_max_time_seconds", "Maximum timestamp of the head block in seconds.",
        MetricType::kGauge, maxt / 1000);
    Add(out, "head_chunks_storage_size_bytes", "Size of the chunks_head directory.",
        MetricType::kGauge, core_.chunks.bytes());
    Add(out, "mmap_chunks_total", "Total number of chunks that were memory-mapped.",
        MetricType::kCounter, core_.chunks.written());
    Add(out, "symbol_table_size_bytes", "Size of symbol table in memory for loaded blocks.",
        MetricType::kGauge, symbols);
    AddTyped(out, "head_samples_appended_total", "Total number of appended samples.",
             c.samples_appended.load());
    AddTyped(out, "out_of_order_samples_total",
             "Total number of out of order samples ingestion failed attempts due to out of order being disabled.",
             c.out_of_order.load());
    AddTyped(out, "out_of_bound_samples_total",
             "Total number of out of bound samples ingestion failed attempts with out of order support disabled.",
             c.out_of_bounds.load());
    // Without an out-of-order window nothing is "too old"; the family exists all the same.
    AddTyped(out, "too_old_samples_total",
             "Total number of out of order samples ingestion failed attempts with out of support enabled, but sample outside of time window.",
             0);
    CollectWal(out);
  }

 private:
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
    uint64_t bytes = 0;
    const auto names = ListDirectory(wal_dir_);
    for (size_t i = 0; names.ok() && i < names->size(); ++i) {
      struct stat st;
      if (::stat(JoinPath(wal_dir_, (*names)[i]).c_str(), &st) == 0) {
        bytes += static_cast<uint64_t>(st.st_size);
      }
    }
    Add(out, "wal_storage_size_bytes", "Size of the write log directory.", MetricType::kGauge, bytes);
  }

  template <typename T>
  static void Add(std::vector<MetricFamily>* out, std::string_view name, std::string_view help,
                  MetricType type, T value) {
    MetricFamily family{.name = fmt::format("prometheus_tsdb_{}", name), .help = std::string(help),
                        .type = type};
    family.samples.push_back({.value = static_cast<double>(value)});
    out->push_back(std::move(family));
  }
  static void AddTyped(std::vector<MetricFamily>* out, std::string_view name,
                       std::string_view help, uint64_t value) {
    Add(out, name, help, MetricType::kCounter, value);
    out->back().samples[0].labels = {{"type", "float"}};
  }

  const Head& head_;
  const HeadCore& core_;
  const std::string wal_dir_;
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
  checkpoint_failures =
      counter("checkpoint_creations_failed_total", "Total number of checkpoint creations that failed.");
  truncations = counter("head_truncations_total", "Total number of head truncations attempted.");
  truncations_failed =
      counter("head_truncations_failed_total", "Total number of head truncations that failed.");
  wal_corruptions = counter("wal_corruptions_total", "Total number of WAL corruptions.");
  retentions = counter("time_retentions_total",
                       "The number of times that blocks were deleted because the maximum time limit was exceeded.");
  replay_seconds = gauge("data_replay_duration_seconds", "Time taken to replay the data on disk.");
  clean_start = gauge("clean_start",
                      "-1: lockfile is disabled. 0: a lockfile from a previous execution was replaced. 1: lockfile creation was clean");
  retention_seconds =
      gauge("retention_limit_seconds", "How long to retain samples in storage.");
  gc_seconds = summary("head_gc_duration_seconds", "Runtime of garbage collection in the head block.", {});
  fsync_seconds = summary("wal_fsync_duration_seconds", "Duration of write log fsync.", Quantiles());
  truncate_seconds = summary("wal_truncate_duration_seconds", "Duration of WAL truncation.", {});
}

std::shared_ptr<Collector> MakeHeadCollector(const Head* head, std::string wal_dir) {
  return std::make_shared<HeadCollector>(head, std::move(wal_dir));
}

}  // namespace narthex::tsdb
