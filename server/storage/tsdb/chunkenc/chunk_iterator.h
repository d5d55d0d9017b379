#pragma once
// The samples of a chunk of any encoding: what the head, blocks, compaction and promtool read
// chunks with.
//
//   auto it = NewChunkIterator(chunk.encoding, chunk.data);
//   while (it->Next() != SampleKind::kNone) use(it->time(), it->bits());
//   NX_RETURN_IF_ERROR(it->status());
//
// Safe on any bytes; memory is linear in the size of the chunk.
//
// Thread safety: none; distinct iterators are independent. The chunk's bytes must outlive the
// iterator.

#include <bit>
#include <cstdint>
#include <memory>
#include <string_view>

#include "core/base/status.h"
#include "core/histogram/histogram.h"
#include "server/storage/interface.h"
#include "server/storage/tsdb/chunkenc/encoding.h"

namespace narthex::tsdb {

enum class SampleKind : uint8_t { kNone, kFloat, kHistogram, kFloatHistogram };

class ChunkIterator {
 public:
  virtual ~ChunkIterator() = default;

  // Goes to the next sample and tells its kind; kNone at the end and on damage, which status()
  // tells apart.
  virtual SampleKind Next() = 0;
  virtual Status status() const = 0;

  // The kind of the current sample; kNone before the first Next and behind the end.
  virtual SampleKind kind() const = 0;
  virtual int64_t time() const = 0;
  // When the counter behind the current sample began; 0 when not known.
  virtual int64_t start_time() const { return 0; }
  // Of a float sample; of a histogram the sum.
  virtual uint64_t bits() const { return 0; }
  double value() const { return std::bit_cast<double>(bits()); }
  // Of a sample of kind kHistogram and kFloatHistogram. A stale marker has a StaleNaN sum and
  // nothing else. The hint is what may be said of the sample within its chunk: gauge, no reset
  // behind the first sample of a counter, unknown.
  virtual void Get(IntHistogram*) const {}
  virtual void Get(FloatHistogram*) const {}  // of kHistogram too: converted
};

// Never null: for what is no encoding the iterator has an error status.
std::unique_ptr<ChunkIterator> NewChunkIterator(Encoding encoding, std::string_view data);
inline std::unique_ptr<ChunkIterator> NewChunkIterator(const ChunkView& chunk) {
  return NewChunkIterator(chunk.encoding, chunk.data);
}

// Appends the samples of [mint, maxt] to *out, of any encoding; the fast way into a query.
Status DecodeChunk(Encoding encoding, std::string_view data, int64_t mint, int64_t maxt,
                   storage::SampleColumns* out);

// The number of samples a chunk says to have; 0 for what is no chunk.
uint16_t SamplesOf(std::string_view data);

}  // namespace narthex::tsdb
