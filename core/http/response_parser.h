#pragma once
// Responses as they come off a connection: head, body by its framing, end. Interim answers (1xx)
// are skipped. The body is collected, received in its place by the caller, or handed to a sink
// piece by piece.
//
//   kHead ─▶ kLength ────────────┐
//        ├─▶ kChunks ────────────┼─▶ kDone
//        ├─▶ kUntilClose ─PutEof─┘
//        └─▶ kDone (no body)
//
// Not thread-safe. Bounded whatever the peer sends: head and trailers by kMaxHeadBytes together,
// what is between chunks by ChunkDecoder, the body by BodyBuffer.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/http/body_buffer.h"
#include "core/http/chunk_decoder.h"
#include "core/http/client_stream.h"
#include "core/http/response_head.h"

namespace narthex::http {

class ResponseParser final : public BodyBuffer {
 public:
  static constexpr size_t kMaxHeadBytes = 256 << 10;

  enum class Error : uint8_t {
    kNone,
    kHead,       // malformed
    kHeadSize,   // too large
    kBody,       // malformed
    kBodyLimit,  // body_too_large, or refused by body_lease
    kStopped,    // by the sink
  };

  bool to_head = false;      // the request was HEAD: no body follows
  BodySink* sink = nullptr;  // where the body goes when it accepts the head
  bool pause = false;        // the sink has asked for it

  // Takes what belongs to this answer and returns how much that was: everything, unless the answer
  // is done or failed.
  size_t Put(std::string_view data);
  // The peer has closed. False: in the middle of the answer.
  bool PutEof();
  // What is left of a body of known length that the caller may receive in Room; then Filled.
  uint64_t direct_left() const { return state_ == State::kLength && !streaming_ ? left_ : 0; }
  void Filled(size_t bytes);

  bool head_done() const { return state_ != State::kHead; }
  bool done() const { return state_ == State::kDone; }
  bool streaming() const { return streaming_; }
  ResponseHead& head() { return head_; }
  const ResponseHead& head() const { return head_; }
  Error error() const { return error_; }
  const std::string& what() const { return what_; }  // of kHead and kBody

 private:
  enum class State : uint8_t {
    kHead,
    kLength,
    kChunks,
    kUntilClose,
    kDone,
  };

  size_t PutHead(std::string_view data);
  void OnHead(std::string_view text);
  size_t PutBody(std::string_view data);
  size_t PutChunks(std::string_view data);
  bool Deliver(std::string_view data);
  void Finish();
  void Fail(Error error, std::string what = "");

  ResponseHead head_;
  State state_ = State::kHead;
  Error error_ = Error::kNone;
  bool streaming_ = false;
  std::string partial_;    // the beginning of a head
  size_t head_bytes_ = 0;  // of heads so far
  uint64_t left_ = 0;      // of a body of known length
  std::optional<ChunkDecoder> chunks_;
  std::string what_;
};

}  // namespace narthex::http
