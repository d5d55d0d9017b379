#include "server/storage/tsdb/chunkenc/histogram_chunk.h"

#include <random>

#include "server/storage/tsdb/chunkenc/chunk_list.h"
#include "tests/catch.h"

namespace narthex::tsdb {
namespace {
TEST_CASE("x") {}
}  // namespace
}  // namespace narthex::tsdb
