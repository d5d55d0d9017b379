#include "server/storage/tsdb/chunkenc/full_chunk.h"

#include <random>
#include <vector>

#include "server/storage/tsdb/chunkenc/xor_chunk.h"
#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

TEST_CASE("A chunk written at once has the bytes of one that grew") {
  std::mt19937_64 random(7);
  const auto roll = [&](uint64_t n) { return random() % n; };
  for (int round = 0; round < 3000; ++round) {
    const size_t n = round < 250 ? static_cast<size_t>(round) % kMaxFullChunkSamples + 1
                                 : roll(kMaxFullChunkSamples) + 1;
    std::vector<int64_t> times{static_cast<int64_t>(random() >> roll(64))};
    std::vector<uint64_t> values{random()};
    XorChunk chunk;
    chunk.Append(times[0], values[0]);
    // The steps of a dod of each bucket, and its borders.
    const int64_t borders[] = {0, 1, 8191, 8192, 8193, 65535, 65536, 65537, 524287, 524288, 524289};
    int64_t step = 15000;
    for (size_t i = 1; i < n; ++i) {
      const int64_t change = borders[roll(std::size(borders))] * (roll(2) == 0 ? 1 : -1);
      step = roll(3) == 0 ? static_cast<int64_t>(roll(uint64_t{1} << roll(40))) + 1
                          : std::max<int64_t>(1, step + (roll(2) == 0 ? 0 : change));
      times.push_back(times.back() + step);
      values.push_back(roll(3) == 0   ? values.back()
                       : roll(2) == 0 ? values.back() ^ (random() >> roll(64) << roll(64))
                                      : random());
      chunk.Append(times[i], values[i]);
    }
    REQUIRE(FullChunk(times, values).bytes() == chunk.bytes());
  }
}

}  // namespace
}  // namespace narthex::tsdb
