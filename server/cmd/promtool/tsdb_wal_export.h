#pragma once
// promtool tsdb wal-export: makes a data directory of ours one that Prometheus can go on with.

#include <string>

#include "server/storage/tsdb/options.h"

namespace narthex::promtool {

// Opens the directory (no server may use it), writes the samples that are in no block as
// Prometheus' log, closes it.
int ExportWal(const std::string& dir, tsdb::LogCompression compression);

}  // namespace narthex::promtool
