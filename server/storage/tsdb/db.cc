#include "server/storage/tsdb/db.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "core/log/log.h"
#include "server/storage/tsdb/db_impl.h"
#include "server/storage/tsdb/head/replay.h"
#include "server/storage/tsdb/merged_querier.h"
#include "server/storage/tsdb/promwal/takeover.h"

namespace narthex::tsdb {
double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Db::Impl::Impl(const Options& o)
    : options(o),
      wal_dir(JoinPath(o.dir, "head")),
      metrics(o.registry),
      head(o),
      blocks(o.dir),
      delay_file(o.delay_compact_file, o.clock != nullptr ? *o.clock : Clock::System()),
      stale_threshold(o.stale_series_threshold),
      retention{o.retention_ms, o.retention_bytes, o.retention_percentage} {}

Db::Impl::~Impl() {
  for (const auto& collector : collectors) options.registry->RemoveCollector(collector.get());
}

Status Db::Impl::Lock() {
  if (!options.use_lock_file) {
    metrics.clean_start->Set(-1);
    return OkStatus();
  }
  const std::string path = LockPath();
  metrics.clean_start->Set(FileExists(path) ? 0 : 1);
  struct stat locked{}, there{};
  do {
    NX_ASSIGN_OR_RETURN(lock_file, OpenFile(path, O_RDWR | O_CREAT | O_CLOEXEC));
    if (::flock(lock_file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return ErrnoStatus(errno, "lock " + path);
      return FailedPrecondition("the data directory is in use: {} is locked by another process",
                                path);
    }
    if (::fstat(lock_file.get(), &locked) != 0) return ErrnoStatus(errno, "stat " + path);
    // Who had it may have removed the file meanwhile: then it locks out nobody.
  } while (::stat(path.c_str(), &there) != 0 || there.st_ino != locked.st_ino);
  return OkStatus();
}

Status Db::Impl::Start() {
  const auto start = std::chrono::steady_clock::now();
  HeadCore& core = head.core();
  NX_ASSIGN_OR_RETURN(const ReplayResult replay, Replay(&head, wal_dir).Run());
  metrics.replay_seconds->Set(SecondsSince(start));
  metrics.snapshot_replay_errors->Add(static_cast<double>(replay.damaged_checkpoints));
  metrics.wal_corruptions->Add(static_cast<double>(replay.corruptions + core.chunks.damaged()));
  if (replay.lost_rows + replay.unknown_series > 0) {
    NX_LOG(Warn, "Part of the log could not be applied", {"rows", replay.lost_rows},
           {"series", replay.unknown_series});
  }
  NX_LOG(Info, "Log replay completed", {"records", replay.records}, {"bytes", replay.bytes},
         {"duration", fmt::format("{:.3f}s", SecondsSince(start))});
  NX_ASSIGN_OR_RETURN(
      core.wal,
      WalWriter::Open({.dir = wal_dir,
                       .first_segment = replay.next_segment,
                       .segment_bytes = options.wal_segment_bytes,
                       .flush_window = options.wal_flush_window,
                       .sync_interval = options.wal_sync_interval,
                       .compression = options.wal_compression,
                       .observe_sync = [this](double s) { metrics.fsync_seconds->Observe(s); }}));
  // Chunk files are dropped whole: what was truncated inside them came back. A checkpoint names
  // its chunks.
  if (core.truncated_before.load() > replay.checkpoint_cut) {
    head.Truncate(core.truncated_before.load());
  }
  {
    MutexLock lock(maintenance);
    log_replaced = {-static_cast<int64_t>(replay.bytes), -static_cast<int64_t>(replay.samples)};
  }
  {
    MutexLock lock(maintenance);
    const Status status = ReloadBlocks(core.truncated_before.load(), {});
    if (!status.ok()) NX_LOG(Warn, "Blocks could not all be loaded", {"err", status});
  }
  core.writable = true;
  ::malloc_trim(0);  // the tables of the replay
  if (options.registry != nullptr) {
    collectors = {MakeHeadCollector(&head, &metrics, wal_dir), MakeBlockCollector(&blocks, &head)};
    for (const auto& collector : collectors) options.registry->AddCollector(collector);
  }
  ShowLimits();
  if (options.maintenance_interval.count() > 0) {
    thread = NamedThread("tsdb-maintain", [this] { Run(); });
  } else {
    VerifyChunks();
  }
  return OkStatus();
}

Db::Db(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Db::~Db() { (void)Close(); }

StatusOr<std::unique_ptr<Db>> Db::Open(const Options& options) {
  Status status = CreateDirectories(options.dir);
  if (!status.ok()) return Annotate(status, "data directory");
  auto impl = std::make_unique<Impl>(options);
  NX_RETURN_IF_ERROR(impl->Lock());
  BlockSet::RemoveTemporaries(options.dir);
  NX_ASSIGN_OR_RETURN(
      const promwal::TakenOver taken,
      promwal::TakeOver({.dir = options.dir,
                         .block_range_ms = options.chunk_range_ms,
                         .samples_per_chunk = options.samples_per_chunk,
                         .max_exemplars = static_cast<size_t>(options.max_exemplars)}));
  NX_RETURN_IF_ERROR(impl->Start());
  NX_RETURN_IF_ERROR(impl->Adopt(taken));
  return std::unique_ptr<Db>(new Db(std::move(impl)));
}

std::unique_ptr<storage::GroupWriter> Db::NewGroup() { return impl_->head.NewGroup(); }
std::unique_ptr<storage::Appender> Db::NewAppender() { return impl_->head.NewAppender(); }

StatusOr<std::unique_ptr<storage::Querier>> Db::NewQuerier(TimestampMs mint,
                                                           TimestampMs maxt) const {
  std::vector<std::unique_ptr<storage::Querier>> queriers;
  {
    // In one moment: what a cut takes from the head is in its block, or still in the head.
    MutexLock lock(impl_->view_mutex);
    const std::shared_ptr<const BlockSet::List> blocks = impl_->blocks.list();
    for (const BlockPtr& block : *blocks) {
      if (block->OverlapsClosedRange(mint, maxt)) {
        queriers.push_back(block->NewQuerier(mint, maxt));
      }
    }
    const int64_t head_mint = impl_->view_head_mint;
    if (maxt >= head_mint || queriers.empty()) {
      queriers.push_back(impl_->head.NewQuerier(std::max(mint, head_mint), maxt));
    }
    if (auto late = impl_->head.NewLateQuerier(mint, maxt)) queriers.push_back(std::move(late));
  }
  return MergeQueriers(std::move(queriers));
}

StatusOr<std::vector<storage::ExemplarQueryable::SeriesExemplars>> Db::SelectExemplars(
    TimestampMs mint, TimestampMs maxt, std::span<const std::vector<Matcher>> selectors) const {
  return impl_->head.core().exemplars.Select(mint, maxt, selectors);
}

std::optional<storage::MetricMetadata> Db::MetadataOf(const Labels& series) const {
  const HeadCore& core = impl_->head.core();
  ReaderLock lock(core.index.mutex());
  const uint32_t slot = core.index.Find(series);
  if (slot == kNoSlot) return std::nullopt;
  return core.metadata.Get(core.index.table()[slot].ref);
}

void Db::SetMaxExemplars(uint64_t n) {
  impl_->head.core().exemplars.Resize(static_cast<size_t>(n));
}

Status Db::Close() {
  {
    MutexLock lock(impl_->stop_mutex);
    impl_->stop = true;
    impl_->cancel = true;
    impl_->stop_signal.NotifyAll();
  }
  impl_->thread.Join();
  MutexLock lock(impl_->maintenance);
  if (std::exchange(impl_->closed, true)) return OkStatus();
  HeadCore& core = impl_->head.core();
  core.writable = false;
  if (impl_->options.checkpoint_on_close && !impl_->exported && impl_->LogIsLong()) {
    // Without it the next start takes longer, that is all.
    const Status status = impl_->CheckpointLocked();
    if (!status.ok()) NX_LOG(Warn, "No checkpoint was made at the end", {"err", status});
  }
  const Status log = core.wal->Close();
  const Status chunks = core.chunks.Close();
  // A file that stays says that the end was not clean.
  if (impl_->lock_file.valid() && log.ok() && chunks.ok()) ::unlink(impl_->LockPath().c_str());
  impl_->lock_file.Reset();
  return log.ok() ? chunks : log;
}

Stats Db::GetStats(size_t limit) const {
  Stats stats;
  const HeadCore& core = impl_->head.core();
  {
    ReaderLock lock(core.index.mutex());
    core.index.FillStats(limit, &stats);
  }
  stats.min_time = core.min_time.load();
  stats.max_time = core.max_time.load();
  stats.chunks = impl_->head.CountChunks();
  return stats;
}

TimestampMs Db::min_time() const {
  int64_t oldest = impl_->head.core().min_time.load();
  const auto blocks = impl_->blocks.list();
  if (!blocks->empty()) oldest = std::min(oldest, blocks->front()->min_time());
  return oldest;
}

TimestampMs Db::max_time() const {
  int64_t newest = impl_->head.core().max_time.load();
  const std::shared_ptr<const BlockSet::List> served = impl_->blocks.list();
  for (const BlockPtr& block : *served) {
    newest = std::max(newest, block->max_time() - 1);
  }
  return newest;
}

uint64_t Db::series_count() const {
  ReaderLock lock(impl_->head.core().index.mutex());
  return impl_->head.core().index.size();
}

Status Db::Truncate(TimestampMs mint) {
  MutexLock lock(impl_->maintenance);
  if (impl_->closed) return FailedPrecondition("the database is closed");
  {
    MutexLock view(impl_->view_mutex);
    impl_->view_head_mint = std::max(impl_->view_head_mint, mint);
  }
  impl_->TruncateLocked(mint);
  return OkStatus();
}

Status Db::Checkpoint() {
  MutexLock lock(impl_->maintenance);
  if (impl_->closed) return FailedPrecondition("the database is closed");
  return impl_->CheckpointLocked();
}

Status Db::Maintain() { return impl_->Housekeep(); }

Status Db::Flush(bool sync) {
  HeadCore& core = impl_->head.core();
  if (sync) NX_RETURN_IF_ERROR(core.chunks.Sync());
  return core.wal->Flush(sync);
}

Status Db::CompactNow() {
  MutexLock lock(impl_->maintenance);
  if (impl_->closed) return FailedPrecondition("the database is closed");
  return impl_->Compact(/*may_wait=*/false);
}

void Db::SetOutOfOrderWindow(int64_t window_ms) { impl_->head.core().late.window_ms = window_ms; }

void Db::SetStaleSeriesThreshold(double threshold) { impl_->stale_threshold = threshold; }

void Db::SetRetention(const RetentionLimits& limits) {
  {
    MutexLock lock(impl_->view_mutex);
    impl_->retention = limits;
  }
  impl_->ShowLimits();
}

}  // namespace narthex::tsdb
