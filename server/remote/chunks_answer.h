#pragma once
// The streamed answer: a frame a series, several when it is long.
//
//   frame = uvarint length │ CRC-32C of the message, big-endian │ prometheus.ChunkedReadResponse
//
// Series go out one by one as they are read: what is held is the chunks of one series, a frame and
// a little more that goes out in one write.
//
// Thread safety: none.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/labels/labels.h"
#include "server/remote/read_query.h"

namespace narthex::remote {

class ChunksAnswer {
 public:
  // Blocks while the client is behind; false when it is gone.
  using WriteFn = std::function<bool(std::string_view)>;
  // A frame ends once its labels and chunks reach `max_frame_bytes`: only by the last chunk is it
  // larger. `stopped` is asked from time to time.
  ChunksAnswer(int64_t max_frame_bytes, WriteFn write, std::function<bool()> stopped)
      : max_frame_bytes_(max_frame_bytes), write_(std::move(write)), stopped_(std::move(stopped)) {}

  // Cancelled when the client is gone or it was stopped.
  Status Add(const ReadSelection& selection, int64_t query_index, const Labels& external);
  // What waits for more.
  Status Flush();
  // Whether anything was written.
  bool started() const { return started_; }

 private:
  Status AddSeries(const ReadSelection& selection, size_t i, int64_t query_index,
                   const Labels& external);
  Status EndFrame(int64_t query_index);

  const int64_t max_frame_bytes_;
  const WriteFn write_;
  const std::function<bool()> stopped_;
  storage::ChunkList chunks_;
  std::string series_;  // a ChunkedSeries
  std::string out_;     // whole frames
  bool started_ = false;
};

}  // namespace narthex::remote
