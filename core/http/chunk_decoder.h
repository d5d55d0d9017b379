#pragma once
// The chunked coding, incrementally: sizes, data, trailers. Strict as Go is: lines end with CRLF,
// and a peer may not send more framing than data for long. Trailers are checked and dropped:
// nothing here reads them, and they must not change what the head said.
//
// Not thread-safe. Bounded: lines by 4 KiB, trailers by what Begin allows.

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::http {

class ChunkDecoder {
 public:
  explicit ChunkDecoder(size_t max_trailer_bytes) : trailer_room_(max_trailer_bytes) {}

  // Takes the beginning of `data` and returns how much that was, at least one byte of some. What of
  // it is body is `piece`, or none.
  size_t Put(std::string_view data, std::string_view* piece);
  bool done() const { return state_ == State::kDone; }
  bool failed() const { return !what_.empty(); }
  const std::string& what() const { return what_; }  // in Go's words

 private:
  enum class State : uint8_t { kSize, kData, kDataEnd, kTrailer, kDone };

  size_t PutLine(std::string_view data);
  void OnLine(std::string_view line);
  void OnSize(std::string_view line);

  State state_ = State::kSize;
  std::string partial_;  // the beginning of a line
  size_t trailer_room_;
  uint64_t left_ = 0;      // of a chunk
  uint64_t overhead_ = 0;  // bytes that are no data, beyond a fair share
  std::string what_;
};

}  // namespace narthex::http
