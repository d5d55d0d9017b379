#pragma once
// Requests as they come off a connection: head, body by its framing, end. Heads are parsed in the
// caller's buffer, bodies are collected.
//
// Not thread-safe. Bounded whatever the peer sends: head and trailers by max_head_bytes, the body
// by BodyBuffer and what is between chunks by ChunkDecoder; what large ones hold counts against a
// budget.

#include <memory>
#include <optional>
#include <string_view>

#include "core/http/body_buffer.h"
#include "core/http/chunk_decoder.h"
#include "core/http/request_head.h"

namespace narthex::http {

class RequestParser final : public BodyBuffer {
 public:
  RequestParser(size_t max_head_bytes, size_t max_body_bytes,
                const std::shared_ptr<ByteBudget>& budget);

  // Takes the beginning of what there is and returns how much that was. Nothing of a head before
  // all of it is there: it is to be given again then, with more. Nothing of a body before Begin.
  size_t Put(std::string_view input);
  // The body may come.
  void BeginBody();

  bool head_done() const { return state_ != State::kHead; }
  bool done() const { return state_ == State::kDone; }
  RequestHead& head() { return head_; }
  const RequestFault& fault() const { return fault_; }

 private:
  enum class State : uint8_t { kHead, kWaiting, kLength, kChunks, kDone };

  // A head up to this size is nobody's concern.
  static constexpr size_t kFreeHeadBytes = 64 << 10;
  // What a claimed length is worth in memory.
  static constexpr size_t kFirstBodyBytes = 16 << 10;

  size_t PutHead(std::string_view input);
  void PutBody(std::string_view data);
  void Finish();
  void Fail(int status, std::string_view detail = {}) { fault_ = {status, detail}; }

  const size_t max_head_bytes_;
  RequestHead head_;
  RequestFault fault_;
  ByteLease head_lease_;
  State state_ = State::kHead;
  bool line_seen_ = false;
  size_t searched_ = 0;  // of the input for the end of the head
  uint64_t left_ = 0;    // of a body of known length
  std::optional<ChunkDecoder> chunks_;
};

}  // namespace narthex::http
