#pragma once
// Fewer chunks for a series that has more than its samples need. In the head chunks of noisy floats
// end by bytes or at 120 samples, and the first ones of a range by turns; every chunk costs a block
// some 25 bytes. A series with more chunks of floats than Prometheus makes of that many samples and
// bytes gets as many as it, of equal lengths. All others are handed on untouched.
//
// Thread safety: none.

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "server/storage/interface.h"
#include "server/storage/tsdb/chunkenc/encoding.h"
#include "server/storage/tsdb/chunkenc/xor_chunk.h"

namespace narthex::tsdb {

class ChunkJoiner {
 public:
  // The samples a chunk shall have, as Options::samples_per_chunk.
  explicit ChunkJoiner(int samples_per_chunk = kSamplesPerChunk);

  // Sound chunks that ascend in time without overlap. The result is valid until the next call, and
  // as long as `chunks` and their data.
  std::span<const ChunkView> Join(std::span<const ChunkView> chunks);

 private:
  // Chunks of floats; false when their samples are not what they say.
  bool Join(std::span<const ChunkView> run, size_t said, size_t wanted);

  const size_t foreseen_;
  storage::SampleColumns samples_;
  std::vector<uint64_t> values_;
  std::vector<ChunkView> out_;
  std::deque<std::string> joined_;
};

}  // namespace narthex::tsdb
