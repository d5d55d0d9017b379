#pragma once
// Answers that are read while they arrive: watches, and lists too long to hold as a whole.
//
//   auto stream = std::make_shared<BodyStream>(sink, std::chrono::minutes(5));
//   client->Do({.url = …, .stream = stream}, [](StatusOr<ClientResponse> end) { … });
//
// The body of a 2xx answer that the sink accepts goes to the sink piece by piece, without limit on
// its length; the answer of the callback, which comes last, then has an empty body. Any other
// answer is collected as always, under max_body_bytes. The request's timeout counts until the head
// of the answer is there; after that only silence ends the stream, with DeadlineExceeded.
//
// A BodyStream belongs to one request.
//
// Thread safety: BodyStream: all methods. BodySink: called on the I/O thread, never concurrently,
// and never again once the callback of the request has run.

#include <chrono>
#include <memory>
#include <string_view>

#include "core/http/cancellation.h"
#include "core/http/types.h"

namespace narthex::http {

class BodySink {
 public:
  enum class Verdict {
    kMore,
    kPause,  // what is received already (64 KiB at most) still comes; more only after Resume
    kStop,   // ends the request with Cancelled
  };
  virtual ~BodySink() = default;
  // The head of a 2xx answer. False: its body is collected.
  virtual bool OnHead(int status, const Headers& headers) = 0;
  // Must not block.
  virtual Verdict OnBody(std::string_view piece) = 0;
};

class BodyStream final : public Cancellation {
 public:
  BodyStream(std::shared_ptr<BodySink> sink, std::chrono::milliseconds idle_timeout)
      : sink_(std::move(sink)), idle_timeout_(idle_timeout) {}

  // After kPause.
  void Resume() EXCLUDES(mutex_);

 private:
  friend class Exchange;

  const std::shared_ptr<BodySink> sink_;
  const std::chrono::milliseconds idle_timeout_;
};

}  // namespace narthex::http
