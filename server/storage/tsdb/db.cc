#include "server/storage/tsdb/db.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "core/base/file.h"
#include "core/base/thread.h"
#include "core/log/log.h"
#include "server/storage/tsdb/db_metrics.h"
#include "server/storage/tsdb/foreign_data.h"
#include "server/storage/tsdb/head/checkpoint.h"
#include "server/storage/tsdb/head/head.h"
#include "server/storage/tsdb/head/replay.h"

namespace narthex::tsdb {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

struct Db::Impl {
  explicit Impl(const Options& o)
      : options(o),
        wal_dir(JoinPath(o.dir, "head")),
        metrics(o.registry),
        head(o),
        retention_ms(o.retention_ms) {}
  ~Impl() {
    if (collector != nullptr) options.registry->RemoveCollector(collector.get());
  }

  Status Lock();
  Status Start();
  Status Housekeep() EXCLUDES(maintenance);
  Status CheckpointLocked() REQUIRES(maintenance);
  void TruncateLocked(int64_t mint) REQUIRES(maintenance);
  void Run();

  const Options options;
  const std::string wal_dir;
  DbMetrics metrics;
  UniqueFd lock_file;
  Head head;
  std::shared_ptr<Collector> collector;
  std::atomic<int64_t> retention_ms;
  Mutex maintenance;                                    // one housekeeping job at a time
  uint64_t checkpoint_due GUARDED_BY(maintenance) = 0;  // bytes written when the next one is made
  bool closed GUARDED_BY(maintenance) = false;
  Mutex stop_mutex;
  CondVar stop_signal;
  bool stop GUARDED_BY(stop_mutex) = false;
  NamedThread thread;
};

Status Db::Impl::Lock() {
  if (!options.use_lock_file) {
    metrics.clean_start->Set(-1);
    return OkStatus();
  }
  const std::string path = JoinPath(options.dir, "lock");
  metrics.clean_start->Set(FileExists(path) ? 0 : 1);
  NX_ASSIGN_OR_RETURN(lock_file, OpenFile(path, O_RDWR | O_CREAT | O_CLOEXEC));
  if (::flock(lock_file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoStatus(errno, "lock " + path);
    return FailedPrecondition("the data directory is in use: {} is locked by another process",
                              path);
  }
  return OkStatus();
}

Status Db::Impl::Start() {
  const auto start = std::chrono::steady_clock::now();
  HeadCore& core = head.core();
  NX_ASSIGN_OR_RETURN(const ReplayResult replay, Replay(&head, wal_dir).Run());
  metrics.replay_seconds->Set(SecondsSince(start));
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
  // Chunk files are dropped whole: what was truncated inside them came back.
  if (core.truncated_before.load() != INT64_MIN) head.Truncate(core.truncated_before.load());
  {
    MutexLock lock(maintenance);
    const uint64_t limit = options.wal_checkpoint_bytes;
    checkpoint_due = replay.bytes >= limit ? 0 : limit - replay.bytes;
  }
  core.writable = true;
  if (options.registry != nullptr) {
    collector = MakeHeadCollector(&head, wal_dir);
    options.registry->AddCollector(collector);
  }
  metrics.retention_seconds->Set(static_cast<double>(retention_ms) / 1000);
  if (options.maintenance_interval.count() > 0) {
    thread = NamedThread("tsdb-maintain", [this] { Run(); });
  }
  return OkStatus();
}

void Db::Impl::Run() {
  MutexLock lock(stop_mutex);
  for (;;) {
    stop_signal.WaitFor(lock, options.maintenance_interval,
                        [this]() NO_THREAD_SAFETY_ANALYSIS { return stop; });
    if (stop) return;
    lock.Unlock();
    const Status status = Housekeep();
    if (!status.ok()) NX_LOG(Error, "Storage housekeeping failed", {"err", status});
    lock.Lock();
  }
}

void Db::Impl::TruncateLocked(int64_t mint) {
  const auto start = std::chrono::steady_clock::now();
  metrics.truncations->Inc();
  head.ParkIdle();
  head.core().chunks.CutIfOlder(std::max(options.chunk_range_ms, retention_ms.load() / 8));
  head.Truncate(mint);
  metrics.gc_seconds->Observe(SecondsSince(start));
}

Status Db::Impl::CheckpointLocked() {
  const auto start = std::chrono::steady_clock::now();
  metrics.checkpoint_creations->Inc();
  const Status status = WriteCheckpoint(&head, wal_dir);
  if (!status.ok()) {
    metrics.checkpoint_failures->Inc();
    return status;
  }
  checkpoint_due = head.core().wal->counters().bytes_written.load() + options.wal_checkpoint_bytes;
  metrics.truncate_seconds->Observe(SecondsSince(start));
  return OkStatus();
}

Status Db::Impl::Housekeep() {
  MutexLock lock(maintenance);
  if (closed) return OkStatus();
  HeadCore& core = head.core();
  const int64_t retention = retention_ms.load();
  const int64_t newest = core.max_time.load();
  // Without anything to drop a round still parks what is idle.
  const bool expired =
      retention > 0 && newest != kNoMaxTime && newest - retention > core.min_time.load();
  if (expired) {
    metrics.retentions->Inc();
    TruncateLocked(newest - retention);
  } else {
    head.ParkIdle();
    core.epochs.Drain();
  }
  if (core.wal->counters().bytes_written.load() < checkpoint_due) return OkStatus();
  return CheckpointLocked();
}

Db::Db(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Db::~Db() { (void)Close(); }

StatusOr<std::unique_ptr<Db>> Db::Open(const Options& options) {
  Status status = CreateDirectories(options.dir);
  if (!status.ok()) return Annotate(status, "data directory");
  auto impl = std::make_unique<Impl>(options);
  NX_RETURN_IF_ERROR(impl->Lock());
  NX_RETURN_IF_ERROR(CheckForeignData(options.dir));
  NX_RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<Db>(new Db(std::move(impl)));
}

std::unique_ptr<storage::GroupWriter> Db::NewGroup() { return impl_->head.NewGroup(); }
std::unique_ptr<storage::Appender> Db::NewAppender() { return impl_->head.NewAppender(); }

StatusOr<std::unique_ptr<storage::Querier>> Db::NewQuerier(TimestampMs mint,
                                                           TimestampMs maxt) const {
  return impl_->head.NewQuerier(mint, maxt);
}

Status Db::Close() {
  {
    MutexLock lock(impl_->stop_mutex);
    impl_->stop = true;
    impl_->stop_signal.NotifyAll();
  }
  impl_->thread.Join();
  MutexLock lock(impl_->maintenance);
  if (std::exchange(impl_->closed, true)) return OkStatus();
  HeadCore& core = impl_->head.core();
  core.writable = false;
  const Status log = core.wal->Close();
  const Status chunks = core.chunks.Close();
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
  stats.min_time = min_time();
  stats.max_time = max_time();
  stats.chunks = impl_->head.CountChunks();
  return stats;
}

TimestampMs Db::min_time() const { return impl_->head.core().min_time.load(); }
TimestampMs Db::max_time() const { return impl_->head.core().max_time.load(); }

uint64_t Db::series_count() const {
  ReaderLock lock(impl_->head.core().index.mutex());
  return impl_->head.core().index.size();
}

Status Db::Truncate(TimestampMs mint) {
  MutexLock lock(impl_->maintenance);
  if (impl_->closed) return FailedPrecondition("the database is closed");
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

void Db::SetRetention(int64_t retention_ms) {
  impl_->retention_ms = retention_ms;
  impl_->metrics.retention_seconds->Set(static_cast<double>(retention_ms) / 1000);
}

}  // namespace narthex::tsdb
