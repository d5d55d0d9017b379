#pragma once
// One connection of the fake API server: blocking HTTP/1.1, in plain or over TLS.
// Not thread-safe but for Cut.

#include <memory>
#include <string>
#include <string_view>

#include "core/base/file.h"
#include "core/http/types.h"
#include "core/tls/tls.h"

namespace narthex::kube {

struct PeerRequest {
  std::string method, path, authorization, body;
  http::Params query;
};

class Peer {
 public:
  explicit Peer(UniqueFd fd) : fd_(std::move(fd)) {}
  // False when the handshake fails.
  bool StartTls(std::shared_ptr<const tls::Context> context);
  // False at the end of the connection, or when it is no HTTP.
  bool ReadRequest(PeerRequest* request);
  bool Send(int status, std::string_view content_type, std::string_view body,
            std::string_view extra_fields = "");
  // Chunked answers.
  bool BeginChunked();
  bool SendChunk(std::string_view text);
  bool EndChunked() { return Write("0\r\n\r\n"); }
  bool IsGone();
  void Cut();  // breaks the connection off; any thread

 private:
  bool Write(std::string_view text);
  bool ReadSome();
  bool Wait(tls::Session::State state);

  UniqueFd fd_;
  std::unique_ptr<tls::Session> tls_;
  std::string input_;
};

}  // namespace narthex::kube
