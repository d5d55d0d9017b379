// Any bytes as a chunk of any encoding: reading ends, stays within bounds, and what was read is the
// same after it was encoded again.

#include <bit>
#include <cstdint>
#include <string_view>

#include "core/base/check.h"
#include "server/storage/tsdb/chunkenc/chunk_list.h"

namespace {

using namespace narthex;        // NOLINT: a fuzz target
using namespace narthex::tsdb;  // NOLINT

size_t Buckets(const FloatHistogram& h) {
  return h.positive_buckets.size() + h.negative_buckets.size();
}

void CheckSame(const ChunkIterator& a, const ChunkIterator& b) {
  NX_CHECK(a.kind() == b.kind());
  NX_CHECK(a.time() == b.time());
  if (a.kind() == SampleKind::kFloat) {
    NX_CHECK(a.bits() == b.bits());
    return;
  }
  FloatHistogram x, y;
  a.Get(&x);
  b.Get(&y);
  NX_CHECK(std::bit_cast<uint64_t>(x.sum) == std::bit_cast<uint64_t>(y.sum));
  if (storage::IsStaleNaN(x.sum)) return;
  NX_CHECK(std::bit_cast<uint64_t>(x.count) == std::bit_cast<uint64_t>(y.count));
  NX_CHECK(BucketsOf(x.positive_spans) + BucketsOf(x.negative_spans) == Buckets(x));
}

// Whole chunks of floats are decoded by other code than the iterator, which remembers the times of
// the chunks before: the second time it knows them.
void CheckFloats(std::string_view bytes, int64_t mint, int64_t maxt) {
  for (int round = 0; round < 2; ++round) {
    storage::SampleColumns columns;
    const Status status = DecodeChunk(Encoding::kXor, bytes, mint, maxt, &columns);
    const auto it = NewChunkIterator(Encoding::kXor, bytes);
    size_t n = 0;
    while (it->Next() != SampleKind::kNone) {
      if (it->time() < mint) continue;
      if (it->time() > maxt) break;
      NX_CHECK(n < columns.size() && columns.timestamps[n] == it->time());
      NX_CHECK(std::bit_cast<uint64_t>(columns.values[n]) == it->bits());
      ++n;
    }
    NX_CHECK(n == columns.size() && it->status().ok() == status.ok());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 4096) return 0;
  const auto encoding = static_cast<Encoding>(data[0] % 8);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);

  storage::SampleColumns columns;
  const Status status = DecodeChunk(encoding, bytes, INT64_MIN, INT64_MAX, &columns);
  const auto it = NewChunkIterator(encoding, bytes);
  ChunkListEncoder encoder;
  size_t n = 0;
  while (it->Next() != SampleKind::kNone) {
    NX_CHECK(n < columns.size() && columns.timestamps[n] == it->time());
    encoder.Add(*it);
    ++n;
  }
  NX_CHECK(n == columns.size() && it->status().ok() == status.ok());
  if (encoding == Encoding::kXor) {
    CheckFloats(bytes, INT64_MIN, INT64_MAX);
    if (n > 0) CheckFloats(bytes, columns.timestamps[n / 3], columns.timestamps[n / 2]);
  }
  for (const FloatHistogram& h : columns.histograms) NX_CHECK(Buckets(h) <= size * 8);

  const auto again = NewChunkIterator(encoding, bytes);
  for (const EncodedChunk& chunk : encoder.Take()) {
    const auto copy = NewChunkIterator(chunk.view());
    while (copy->Next() != SampleKind::kNone) {
      NX_CHECK(again->Next() != SampleKind::kNone);
      CheckSame(*again, *copy);
    }
    NX_CHECK(copy->status().ok());
  }
  NX_CHECK(again->Next() == SampleKind::kNone);
  return 0;
}
