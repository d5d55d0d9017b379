#pragma once
// What a dump reads: the series of blocks and head in label order, as chunks.

#include <memory>
#include <span>
#include <vector>

#include "core/base/status.h"
#include "core/labels/matcher.h"
#include "server/storage/interface.h"
#include "server/storage/tsdb/chunk_series.h"

namespace narthex::promtool {

// The samples of a querier, encoded; without Symbols.
std::unique_ptr<tsdb::ChunkSeriesSet> SeriesOfQuerier(std::unique_ptr<storage::Querier> querier,
                                                      std::span<const Matcher> matchers,
                                                      int64_t mint, int64_t maxt);

}  // namespace narthex::promtool
