#pragma once
// The head as a set of series with chunks: what blocks are cut from and snapshots are made of.
// Full chunks are handed on as they stand in chunks_head/, too many joined
// (compact/chunk_joiner.h); what is open is encoded.
//
// Memory: see LabelOrder; besides, one series at a time.
// Thread safety: none; runs beside writers and readers of the head. Samples that are committed
// meanwhile may or may not be in it.

#include <memory>
#include <vector>

#include "server/storage/tsdb/chunk_series.h"
#include "server/storage/tsdb/chunkenc/chunk_list.h"
#include "server/storage/tsdb/head/head.h"

namespace narthex::tsdb {

// The full chunks of a series and, encoded, what is open, at one moment.
void TakeChunks(const HeadCore& core, uint32_t slot, std::vector<ChunkRef>* full,
                std::vector<EncodedChunk>* open);

// The samples of [mint, maxt], deleted ones left out; of the series in `only`, when there is one,
// which outlives the set.
std::unique_ptr<ChunkSeriesSet> NewHeadChunks(Head* head, int64_t mint, int64_t maxt,
                                              const IdSet* only = nullptr);

}  // namespace narthex::tsdb
