#include "server/storage/tsdb/block/block_writer.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "core/base/file.h"
#include "server/storage/tsdb/block/chunk_segments.h"
#include "server/storage/tsdb/block/tombstones.h"
#include "server/storage/tsdb/chunkenc/chunk_iterator.h"
#include "server/storage/tsdb/index/index_writer.h"

namespace narthex::tsdb {
namespace {

void RemoveAll(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

Status Rename(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) == 0) return OkStatus();
  return ErrnoStatus(errno, "rename " + from + " to " + to);
}

bool IsFloat(Encoding encoding) {
  return encoding == Encoding::kXor || encoding == Encoding::kXor2;
}

void Count(const ChunkView& chunk, BlockStats* stats) {
  const uint16_t samples = SamplesOf(chunk.data);
  ++stats->chunks;
  stats->samples += samples;
  (IsFloat(chunk.encoding) ? stats->float_samples : stats->histogram_samples) += samples;
}

}  // namespace

Status BlockWriter::WriteFiles(const std::string& dir, ChunkSeriesSet* series, BlockMeta* meta) {
  NX_ASSIGN_OR_RETURN(const std::vector<std::string> symbols, series->Symbols());
  NX_ASSIGN_OR_RETURN(
      const std::unique_ptr<IndexWriter> index,
      IndexWriter::Create(JoinPath(dir, kIndexFile), symbols, options_.postings_bytes));
  ChunkSegmentWriter segments(JoinPath(dir, kChunksDir), options_.segment_bytes);
  std::vector<ChunkMeta> chunks;
  while (series->Next()) {
    if (options_.cancel != nullptr && options_.cancel->load(std::memory_order_relaxed)) {
      return Cancelled("writing the block was cancelled");
    }
    chunks.clear();
    for (const ChunkView& chunk : series->chunks()) {
      NX_ASSIGN_OR_RETURN(const uint64_t ref, segments.Write(chunk.encoding, chunk.data));
      chunks.push_back({ref, chunk.mint, chunk.maxt});
      Count(chunk, &meta->stats);
    }
    if (chunks.empty()) continue;
    NX_RETURN_IF_ERROR(index->AddSeries(series->labels(), chunks));
  }
  NX_RETURN_IF_ERROR(series->status());
  meta->stats.series = index->series();
  if (meta->stats.samples == 0) return OkStatus();
  NX_RETURN_IF_ERROR(segments.Finish());
  NX_RETURN_IF_ERROR(index->Finish());
  NX_RETURN_IF_ERROR(WriteTombstones(dir, Tombstones()));
  NX_RETURN_IF_ERROR(WriteMetaFile(dir, *meta));
  return SyncDirectory(dir);
}

StatusOr<BlockMeta> BlockWriter::Write(BlockMeta meta, ChunkSeriesSet* series) {
  if (meta.ulid.is_zero()) meta.ulid = UlidGenerator::Global().Next();
  if (meta.compaction.sources.empty()) meta.compaction.sources.push_back(meta.ulid);
  meta.stats = {};
  const std::string dir = JoinPath(parent_dir_, meta.ulid.ToString());
  const std::string temporary = dir + std::string(kTmpForCreationSuffix);
  NX_RETURN_IF_ERROR(CreateDirectories(JoinPath(temporary, kChunksDir)));
  Status status = WriteFiles(temporary, series, &meta);
  if (status.ok() && meta.stats.samples > 0) {
    status = Rename(temporary, dir);
    if (status.ok()) status = SyncDirectory(parent_dir_);
    if (status.ok()) return meta;
  }
  RemoveAll(temporary);
  if (!status.ok()) return Annotate(status, "write block " + dir);
  return meta;
}

Status DeleteBlockDir(const std::string& block_dir) {
  const std::string doomed = block_dir + std::string(kTmpForDeletionSuffix);
  RemoveAll(doomed);
  NX_RETURN_IF_ERROR(Rename(block_dir, doomed));
  NX_RETURN_IF_ERROR(SyncDirectory(std::filesystem::path(block_dir).parent_path().string()));
  RemoveAll(doomed);
  return OkStatus();
}

}  // namespace narthex::tsdb
