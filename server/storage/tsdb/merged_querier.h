#pragma once
// One querier over several: blocks, oldest first, and the head. Series that several know become
// one, with one sample a timestamp; all come in label order.
//
// Thread safety: as storage::Querier.

#include <memory>
#include <vector>

#include "server/storage/interface.h"

namespace narthex::tsdb {

// Where samples of one time differ, the earlier querier wins. With one querier, that itself.
std::unique_ptr<storage::Querier> MergeQueriers(
    std::vector<std::unique_ptr<storage::Querier>> queriers);

}  // namespace narthex::tsdb
