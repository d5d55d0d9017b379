#pragma once
// Data of another program in our directory.
//
// Prometheus' blocks and WAL are not read yet, and retention deletes old files of chunks_head/. A
// directory that Prometheus has used is therefore refused before anything in it is touched.

#include <string>

#include "core/base/status.h"

namespace narthex::tsdb {

// FailedPrecondition, naming the entry, when `dir` holds a block, or a wal/ or chunks_head/ that is
// not ours (we keep our log in head/, which then is missing).
Status CheckForeignData(const std::string& dir);

}  // namespace narthex::tsdb
