// The rounds of housekeeping: blocks and retention, compaction, idle series, checkpoints.

#include <malloc.h>

#include <algorithm>

#include "core/log/log.h"
#include "server/storage/tsdb/db_impl.h"
#include "server/storage/tsdb/head/checkpoint.h"

namespace narthex::tsdb {
namespace {

// How soon it is noticed that a full disk has room again.
constexpr std::chrono::milliseconds kProbeEvery{2000};
constexpr std::chrono::seconds kFirstRetry{1};
constexpr std::chrono::seconds kLastRetry{60};
// A checkpoint costs about as much as reading a dozen samples of every series. This many samples of
// a series (eight minutes at 15 s) are read in less than half a second per million series.
constexpr int64_t kCheckpointTicks = 32;
constexpr int64_t kCheckpointSamples = 8 << 20;  // fewer are read in no time
constexpr int64_t kLongLog = 1 << 20;            // bytes

std::vector<BlockExtent> ExtentsOf(const BlockSet::List& blocks) {
  std::vector<BlockExtent> out;
  for (const BlockPtr& block : blocks) {
    out.push_back({block->ulid(), block->min_time(), block->max_time(), block->bytes()});
  }
  return out;
}

}  // namespace

void Db::Impl::Run() {
  VerifyChunks();
  std::chrono::milliseconds retry = kFirstRetry;
  auto due = std::chrono::steady_clock::now() + options.maintenance_interval;
  MutexLock lock(stop_mutex);
  for (;;) {
    stop_signal.WaitFor(lock, kProbeEvery, [this]() NO_THREAD_SAFETY_ANALYSIS { return stop; });
    if (stop) return;
    lock.Unlock();
    if (head.core().chunks.failing()) head.core().chunks.Probe();
    if (std::chrono::steady_clock::now() >= due) {
      const Status status = Housekeep();
      std::chrono::milliseconds wait = options.maintenance_interval;
      if (!status.ok() && !Stopping()) {
        NX_LOG(Error, "Storage housekeeping failed", {"err", status});
        wait = std::min(wait, retry);
        retry = std::min<std::chrono::milliseconds>(retry * 2, kLastRetry);
      } else {
        retry = kFirstRetry;
      }
      due = std::chrono::steady_clock::now() + wait;
    }
    lock.Lock();
  }
}

Status Db::Impl::Housekeep() {
  MutexLock lock(maintenance);
  if (closed) return OkStatus();
  HeadCore& core = head.core();
  if (core.chunks.failing()) core.chunks.Probe();
  FinishCut();
  // One part's failure (most likely a full disk) must not keep the others from their work: what
  // they free may be what the first one lacks.
  Status status = ReloadBlocks();
  if (compactions_enabled) {
    metrics.compactions_triggered->Inc();
    const Status compacted = Compact(/*may_wait=*/true);
    if (status.ok()) status = compacted;
  } else {
    metrics.compactions_skipped->Inc();
  }
  head.ParkIdle();
  core.epochs.Drain();
  core.chunks.DropMappedPages();
  if (GrewMuch()) ::malloc_trim(0);
  if (CheckpointDue()) {
    const Status checkpoint = CheckpointLocked();
    if (status.ok()) status = checkpoint;
    ::malloc_trim(0);  // its tables of symbols
  }
  return status;
}

// Since this was true last. What new series took on their way in is free again by now, in pieces
// that malloc would keep.
bool Db::Impl::GrewMuch() {
  constexpr uint64_t kMany = 10'000;
  const uint64_t created = head.core().counters.series_created.load();
  if (created - trimmed_at < kMany) return false;
  trimmed_at = created;
  return true;
}

uint64_t Db::Impl::HeadBytes() const {
  return head.core().chunks.bytes() + DirectoryBytes(wal_dir);
}

void Db::Impl::ApplyRetention(BlockSet::Change* change) {
  const RetentionLimits limit = limits();
  const std::vector<Ulid> old = BeyondTime(ExtentsOf(*change->blocks), limit.time_ms);
  if (!old.empty()) {
    metrics.time_retentions->Inc();
    BlockSet::Drop(old, change);
  }
  const uint64_t bytes = SizeLimit(limit, FilesystemBytes(options.dir.c_str()));
  const std::vector<Ulid> large = BeyondSize(ExtentsOf(*change->blocks), HeadBytes(), bytes);
  if (large.empty()) return;
  metrics.size_retentions->Inc();
  BlockSet::Drop(large, change);
}

Status Db::Impl::CheckOpened(const BlockSet::Change& change, std::span<const BlockMeta> written) {
  Status status;
  for (const BlockMeta& block : written) {
    const bool open =
        block.stats.samples == 0 ||
        std::any_of(change.blocks->begin(), change.blocks->end(),
                    [&](const BlockPtr& served) { return served->ulid() == block.ulid; });
    if (!open) status = DataLoss("the new block {} cannot be opened", block.ulid.ToString());
  }
  if (status.ok()) return status;
  for (const BlockMeta& block : written) {
    const std::string dir = JoinPath(options.dir, block.ulid.ToString());
    if (FileExists(dir)) (void)DeleteBlockDir(dir);
  }
  return status;
}

Status Db::Impl::ReloadBlocks(int64_t new_head_mint, std::span<const BlockMeta> written) {
  metrics.reloads->Inc();
  for (const BlockMeta& block : written) {
    if (!options.block_written || block.stats.samples == 0) continue;
    options.block_written(JoinPath(options.dir, block.ulid.ToString()));
  }
  auto change = blocks.Scan();
  if (!change.ok()) {
    metrics.reload_failures->Inc();
    return Annotate(change.status(), "reload blocks");
  }
  if (const Status opened = CheckOpened(*change, written); !opened.ok()) {
    metrics.reload_failures->Inc();
    return opened;
  }
  ApplyRetention(&*change);
  {
    MutexLock lock(view_mutex);
    blocks.Show(*change);
    view_head_mint = std::max(view_head_mint, new_head_mint);
  }
  metrics.blocks_damaged->Set(static_cast<double>(blocks.damaged()));
  const Status status = BlockSet::DeleteObsolete(*change);
  if (!status.ok() || blocks.damaged() > 0) metrics.reload_failures->Inc();
  return status;
}

void Db::Impl::TruncateLocked(int64_t mint) {
  const auto start = std::chrono::steady_clock::now();
  metrics.truncations->Inc();
  head.ParkIdle();
  // The next file holds nothing that this truncation is about.
  head.core().chunks.CutIfOlder(options.chunk_range_ms / 2);
  head.Truncate(mint);
  metrics.gc_seconds->Observe(SecondsSince(start));
}

LogLength Db::Impl::LogSoFar() const {
  const HeadCore& core = head.core();
  return {static_cast<int64_t>(core.wal->counters().bytes_written.load()),
          static_cast<int64_t>(core.counters.samples_appended.load() +
                               core.counters.histograms_appended.load())};
}

bool Db::Impl::CheckpointDue() {
  const LogLength now = LogSoFar();
  const int64_t samples = now.samples - log_replaced.samples;
  if (now.bytes - log_replaced.bytes >= static_cast<int64_t>(options.wal_checkpoint_bytes)) {
    return true;
  }
  if (samples < kCheckpointSamples) return false;
  ReaderLock lock(head.core().index.mutex());
  return samples >= kCheckpointTicks * static_cast<int64_t>(head.core().index.size());
}

bool Db::Impl::LogIsLong() { return LogSoFar().bytes - log_replaced.bytes >= kLongLog; }

void Db::Impl::VerifyChunks() {
  HeadCore& core = head.core();
  const std::vector<ChunkRef> damaged = core.chunks.Verify([this] { return Stopping(); });
  if (damaged.empty()) return;
  metrics.wal_corruptions->Add(static_cast<double>(damaged.size()));
  head.DropChunks(damaged);
}

Status Db::Impl::CheckpointLocked() {
  const auto start = std::chrono::steady_clock::now();
  metrics.checkpoint_creations->Inc();
  const LogLength so_far = LogSoFar();
  metrics.wal_truncations->Inc();
  const Status status = WriteCheckpoint(&head, wal_dir);
  if (!status.ok()) {
    metrics.checkpoint_failures->Inc();
    metrics.wal_truncations_failed->Inc();
    return status;
  }
  metrics.checkpoint_deletions->Inc();
  log_replaced = so_far;
  metrics.truncate_seconds->Observe(SecondsSince(start));
  return OkStatus();
}

void Db::Impl::ShowLimits() {
  const RetentionLimits limit = limits();
  metrics.retention_seconds->Set(static_cast<double>(limit.time_ms) / 1000);
  metrics.retention_bytes->Set(static_cast<double>(limit.bytes));
  metrics.retention_percentage->Set(limit.percentage);
}

}  // namespace narthex::tsdb
