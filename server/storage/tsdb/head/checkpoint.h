#pragma once
// Writes a file that stands for all log segments below a number: the live series, the groups with
// their open chunks, the open samples of detached series (docs/formats/wal.md).
//
// Writers go on meanwhile; each group is copied as of one moment after the segment was begun, and
// replay recognises what it then finds twice.

#include <string>

#include "server/storage/tsdb/head/head.h"

namespace narthex::tsdb {

// Begins a new segment, writes the checkpoint for those before it, deletes them. Serialised by the
// caller.
Status WriteCheckpoint(Head* head, const std::string& wal_dir);

}  // namespace narthex::tsdb
