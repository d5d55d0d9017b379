// What an administrator asks for: deletions, snapshots, lists of blocks.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "core/log/log.h"
#include "server/storage/tsdb/compact/compactor.h"
#include "server/storage/tsdb/db_impl.h"
#include "server/storage/tsdb/head/head_chunks.h"

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

Status LinkFiles(const std::string& from, const std::string& to) {
  NX_RETURN_IF_ERROR(CreateDirectories(to));
  NX_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(from));
  for (const std::string& name : names) {
    const std::string source = JoinPath(from, name), target = JoinPath(to, name);
    std::error_code error;
    if (!fs::is_regular_file(source, error)) continue;
    if (::link(source.c_str(), target.c_str()) != 0) {
      return ErrnoStatus(errno, "link " + target);
    }
  }
  return SyncDirectory(to);
}

// The directory is complete when it has its name.
Status LinkBlock(const Block& block, const std::string& dir) {
  const std::string target = JoinPath(dir, block.ulid().ToString());
  const std::string temporary = target + std::string(kTmpForCreationSuffix);
  NX_RETURN_IF_ERROR(LinkFiles(block.dir(), temporary));
  NX_RETURN_IF_ERROR(LinkFiles(JoinPath(block.dir(), kChunksDir), JoinPath(temporary, kChunksDir)));
  if (::rename(temporary.c_str(), target.c_str()) != 0) {
    return ErrnoStatus(errno, "rename " + target);
  }
  return SyncDirectory(dir);
}

}  // namespace

std::vector<BlockMeta> Db::Blocks() const {
  std::vector<BlockMeta> out;
  const std::shared_ptr<const BlockSet::List> served = impl_->blocks.list();
  for (const BlockPtr& block : *served) out.push_back(block->meta());
  return out;
}

Status Db::Delete(TimestampMs mint, TimestampMs maxt, std::span<const Matcher> matchers) {
  MutexLock lock(impl_->maintenance);
  if (impl_->closed) return FailedPrecondition("the database is closed");
  const std::shared_ptr<const BlockSet::List> served = impl_->blocks.list();
  for (const BlockPtr& block : *served) {
    if (!block->OverlapsClosedRange(mint, maxt)) continue;
    NX_RETURN_IF_ERROR(block->Delete(mint, maxt, matchers));
  }
  return impl_->head.Delete(std::max(mint, impl_->head_mint()), maxt, matchers);
}

Status Db::CleanTombstones() {
  MutexLock lock(impl_->maintenance);
  if (impl_->closed) return FailedPrecondition("the database is closed");
  const auto start = std::chrono::steady_clock::now();
  const std::shared_ptr<const BlockSet::List> served = impl_->blocks.list();
  for (const BlockPtr& block : *served) {
    if (block->tombstones()->empty()) continue;
    NX_ASSIGN_OR_RETURN(const BlockMeta written,
                        RewriteBlock(block, impl_->options.dir, impl_->WriterOptions()));
    if (written.stats.samples == 0) NX_RETURN_IF_ERROR(block->SetDeletable());
    NX_RETURN_IF_ERROR(impl_->ReloadBlocks(std::span(&written, 1)));
  }
  impl_->metrics.tombstone_seconds->Observe(SecondsSince(start));
  return OkStatus();
}

Status Db::Snapshot(const std::string& dir, bool with_head) {
  MutexLock lock(impl_->maintenance);
  if (impl_->closed) return FailedPrecondition("the database is closed");
  NX_RETURN_IF_ERROR(CreateDirectories(dir));
  const std::shared_ptr<const BlockSet::List> served = impl_->blocks.list();
  for (const BlockPtr& block : *served) {
    NX_RETURN_IF_ERROR(LinkBlock(*block, dir));
  }
  if (!with_head) return OkStatus();
  HeadCore& core = impl_->head.core();
  for (const std::shared_ptr<LateGeneration>& late : core.late.generations()) {
    BlockMeta meta;
    std::tie(meta.min_time, meta.max_time) = late->bounds();
    const std::unique_ptr<ChunkSeriesSet> series =
        NewLateChunks(&core, late, meta.min_time, meta.max_time);
    ++meta.max_time;  // exclusive in blocks
    meta.compaction.AddHint(kHintOutOfOrder);
    NX_RETURN_IF_ERROR(BlockWriter(dir, impl_->WriterOptions()).Write(meta, series.get()).status());
  }
  BlockMeta meta;
  meta.min_time = core.min_time.load();
  const int64_t newest = core.max_time.load();
  if (meta.min_time == kNoMinTime || newest == kNoMaxTime) return OkStatus();
  meta.max_time = newest + 1;
  const std::unique_ptr<ChunkSeriesSet> series =
      NewHeadChunks(&impl_->head, std::max(meta.min_time, impl_->head_mint()), newest);
  return BlockWriter(dir, impl_->WriterOptions()).Write(meta, series.get()).status();
}

void Db::SetCompactions(bool enabled) { impl_->compactions_enabled = enabled; }

}  // namespace narthex::tsdb
