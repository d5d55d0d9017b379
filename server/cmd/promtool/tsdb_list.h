#pragma once
// promtool tsdb list, and the table of blocks it shares with backfilling.

#include <span>
#include <string>

#include "server/cmd/promtool/database.h"

namespace narthex::promtool {

// One line a block; columns are as wide as this table needs.
std::string BlockTable(std::span<const BlockPtr> blocks, bool with_header, bool human_readable);

int ListBlocks(const std::string& dir, bool human_readable);

}  // namespace narthex::promtool
