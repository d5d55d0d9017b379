#pragma once
// Data of another program in our directory.
//
// Prometheus' blocks are ours, too. Its WAL is not read yet, and without it the chunks in
// chunks_head/ belong to nobody. A directory with a wal/ is therefore refused before anything in it
// is touched.

#include <string>

#include "core/base/status.h"

namespace narthex::tsdb {

// FailedPrecondition, naming the entry, when `dir` holds a wal/ with segments.
Status CheckForeignData(const std::string& dir);

}  // namespace narthex::tsdb
