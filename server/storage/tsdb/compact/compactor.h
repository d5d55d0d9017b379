#pragma once
// Writes blocks from other blocks.

#include <memory>
#include <span>
#include <string>

#include "core/base/status.h"
#include "server/storage/tsdb/block/block.h"
#include "server/storage/tsdb/block/block_writer.h"
#include "server/storage/tsdb/compact/observe.h"

namespace narthex::tsdb {

using BlockPtr = std::shared_ptr<Block>;

// The meta data of the block that several become: their whole time, one level above the highest,
// the union of their sources. A hint stays when all of them have it.
BlockMeta MergedMeta(std::span<const BlockMeta> blocks);

bool AnyOverlap(std::span<const BlockPtr> blocks);

// Merges blocks into a new one in `dir`, deleted samples left out. stats.samples of the result is 0
// when nothing was left and no block was written.
StatusOr<BlockMeta> MergeBlocks(std::span<const BlockPtr> blocks, const std::string& dir,
                                const BlockWriter::Options& options, ChunkObserver observer = {});

// Writes a block anew without its deleted samples; as MergeBlocks.
StatusOr<BlockMeta> RewriteBlock(const BlockPtr& block, const std::string& dir,
                                 const BlockWriter::Options& options);

}  // namespace narthex::tsdb
