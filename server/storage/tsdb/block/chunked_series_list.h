#pragma once
// A list of series whose samples lie in chunks: handing them out as chunks and one by one.
//
// Thread safety: as storage::SeriesList.

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "server/storage/interface.h"
#include "server/storage/tsdb/block/tombstones.h"
#include "server/storage/tsdb/chunkenc/encoding.h"

namespace narthex::tsdb {

// What reaches beyond the range, or has deleted samples, is encoded anew; the rest stays as it is.
class ChunkedSeriesList : public storage::SeriesList {
 public:
  Status ReadChunks(size_t index, TimestampMs mint, TimestampMs maxt,
                    storage::ChunkList* out) const final;
  Status Visit(size_t index, TimestampMs mint, TimestampMs maxt,
               storage::SampleSink* sink) const final;

 protected:
  // The chunks of a series with samples in [mint, maxt], whole, ascending.
  struct Whole {
    int64_t mint = 0, maxt = 0;  // the list may narrow them
    storage::ChunkList list;
    std::vector<Interval> deleted;
  };
  virtual Status TakeWhole(size_t index, Whole* out) const = 0;

 private:
  StatusOr<Whole> Take(size_t index, TimestampMs mint, TimestampMs maxt) const;
};

inline storage::Chunk ToChunk(const ChunkView& view) {
  return {view.mint, view.maxt, static_cast<uint8_t>(view.encoding), view.data};
}
inline ChunkView ToView(const storage::Chunk& chunk) {
  return {chunk.mint, chunk.maxt, static_cast<Encoding>(chunk.encoding), chunk.data};
}
// Appends a chunk that the list owns from then on.
void AppendOwned(int64_t mint, int64_t maxt, Encoding encoding, std::string data,
                 storage::ChunkList* out);

// Gives the sink the samples of one chunk within [mint, maxt] that are not deleted. False
// when the sink wants no more.
StatusOr<bool> VisitChunk(const storage::Chunk& chunk, int64_t mint, int64_t maxt,
                          const std::vector<Interval>& deleted, storage::SampleSink* sink);

}  // namespace narthex::tsdb
