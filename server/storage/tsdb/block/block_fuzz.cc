// Any bytes as a chunk segment, a tombstones file or a meta.json, chosen by the first byte: no
// crash, memory linear in the input; what was read is written and read back.

#include <cstdint>
#include <string>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/base/crc32c.h"
#include "server/storage/tsdb/block/chunk_segments.h"
#include "server/storage/tsdb/block/meta.h"
#include "server/storage/tsdb/block/tombstones.h"
#include "server/storage/tsdb/chunkenc/chunk_iterator.h"

namespace narthex::tsdb {
namespace {

void Segment(std::string_view bytes) {
  std::string file("\x85\xbd\x40\xdd\x01\0\0\0", 8);
  file.append(bytes);
  const auto segments = ChunkSegments::FromBytes({file});
  NX_CHECK(segments.ok());
  for (uint64_t ref = 0; ref < file.size() + 2; ++ref) {
    const auto chunk = (*segments)->Read(ref);
    if (!chunk.ok()) continue;
    NX_CHECK(chunk->data.size() < file.size());
    storage::SampleColumns columns;
    (void)DecodeChunk(chunk->encoding, chunk->data, INT64_MIN, INT64_MAX, &columns);
  }
  (void)ChunkSegments::FromBytes({bytes});
}

void Stones(std::string_view bytes) {
  // Once as it is, once as the triples of a sound file.
  (void)Tombstones::Decode(bytes);
  std::string file("\x01\x30\xba\x30\x01", 5);
  file.append(bytes);
  ByteWriter(&file).Be32(Crc32c(bytes));
  const auto tombstones = Tombstones::Decode(file);
  if (!tombstones.ok()) return;
  const auto again = Tombstones::Decode(tombstones->Encode());
  NX_CHECK(again.ok());
  NX_CHECK(again->by_series() == tombstones->by_series());
}

void Meta(std::string_view bytes) {
  const auto meta = ParseMeta(bytes);
  if (!meta.ok()) return;
  const auto again = ParseMeta(FormatMeta(*meta));
  NX_CHECK(again.ok());
}

}  // namespace
}  // namespace narthex::tsdb

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace narthex::tsdb;  // NOLINT
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0: Segment(bytes); break;
    case 1: Stones(bytes); break;
    default: Meta(bytes); break;
  }
  return 0;
}
