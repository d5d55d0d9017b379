#pragma once
// A data directory, opened to look at it while a server may be using it: nothing in it is changed,
// its lock is not taken.

#include <memory>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "server/storage/tsdb/block/block.h"

namespace narthex::promtool {

using BlockPtr = std::shared_ptr<tsdb::Block>;

// InvalidArgument when there is no such directory.
Status CheckDatabaseDir(const std::string& dir);
// Ascending by time. DataLoss that names every block that does not open.
StatusOr<std::vector<BlockPtr>> OpenBlocks(const std::string& dir);
// The block of the highest ULID, or NotFound.
StatusOr<std::string> LastBlockId(const std::string& dir);

}  // namespace narthex::promtool
