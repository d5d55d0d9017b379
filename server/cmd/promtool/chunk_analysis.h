#pragma once
// The second half of promtool tsdb analyze --extended: how full chunks are.

#include <span>

#include "core/base/status.h"
#include "server/cmd/promtool/output.h"
#include "server/storage/tsdb/block/block.h"

namespace narthex::promtool {

// Prints histograms of samples, bytes and buckets per chunk of the given series.
Status PrintChunkAnalysis(const tsdb::Block& block, std::span<const uint32_t> series, Output* out);

}  // namespace narthex::promtool
