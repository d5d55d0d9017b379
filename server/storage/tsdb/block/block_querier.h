#pragma once
// storage::Querier over one block. A series list holds four bytes a series; labels and chunks are
// decoded from the mapped index when they are asked for.

#include <cstdint>
#include <memory>

#include "server/storage/interface.h"

namespace narthex::tsdb {

class Block;

std::unique_ptr<storage::Querier> NewBlockQuerier(std::shared_ptr<const Block> block, int64_t mint,
                                                  int64_t maxt);

}  // namespace narthex::tsdb
