#pragma once
// Several series sets as one: series with the same labels become one series.
//
// Memory: one series at a time, besides the symbols of the inputs.
// Thread safety: none.

#include <memory>
#include <vector>

#include "server/storage/tsdb/chunk_series.h"

namespace narthex::tsdb {

// Where samples of one time differ, the earlier set in the list wins.
std::unique_ptr<ChunkSeriesSet> MergeSeriesSets(std::vector<std::unique_ptr<ChunkSeriesSet>> sets);

}  // namespace narthex::tsdb
