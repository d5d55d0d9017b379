#pragma once
// Shows every chunk of a set to a function on its way, for the metrics of compaction.

#include <functional>
#include <memory>

#include "server/storage/tsdb/chunk_series.h"

namespace narthex::tsdb {

using ChunkObserver = std::function<void(const ChunkView&)>;

// The set itself when there is no observer.
std::unique_ptr<ChunkSeriesSet> ObserveChunks(std::unique_ptr<ChunkSeriesSet> set,
                                              ChunkObserver observer);

}  // namespace narthex::tsdb
