#pragma once
// The chunk encodings of Prometheus' blocks and head chunk files, and a chunk as it travels between
// the head, blocks and compaction.

#include <cstdint>
#include <string_view>

namespace narthex::tsdb {

enum class Encoding : uint8_t {
  kNone = 0,
  kXor = 1,
  kHistogram = 2,
  kFloatHistogram = 3,
  kXor2 = 4,         // floats with start timestamps
  kHistogramSt = 5,  // … and histograms
  kFloatHistogramSt = 6,
};

// `data` is what the encoding defines, without length, encoding byte and checksum; who hands the
// chunk out says how long it stays.
struct ChunkView {
  int64_t mint = 0;
  int64_t maxt = 0;  // both inclusive
  Encoding encoding = Encoding::kNone;
  std::string_view data;
};

}  // namespace narthex::tsdb
