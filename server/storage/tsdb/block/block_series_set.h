#pragma once
// The series of a block with their chunks, for compaction and rewriting.

#include <cstdint>
#include <memory>
#include <span>

#include "core/labels/matcher.h"
#include "server/storage/tsdb/chunk_series.h"

namespace narthex::tsdb {

class Block;

// See Block::NewChunkSeriesSet.
std::unique_ptr<ChunkSeriesSet> NewBlockSeriesSet(std::shared_ptr<const Block> block, int64_t mint,
                                                  int64_t maxt, std::span<const Matcher> matchers);

}  // namespace narthex::tsdb
