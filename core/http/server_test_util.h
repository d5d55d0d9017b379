#pragma once
// What the tests of the server share: one that listens on the loopback, ways to ask it.

#include <memory>
#include <string>

#include "core/http/server.h"
#include "core/http/test_util.h"

namespace narthex::http {

inline std::unique_ptr<Server> StartServer(Handler handler, ServerOptions options = {}) {
  if (options.listen_addresses.empty()) options.listen_addresses = {"127.0.0.1:0"};
  auto server = Server::Create(std::move(options), std::move(handler));
  REQUIRE(server.ok());
  REQUIRE((*server)->Start().ok());
  return *std::move(server);
}

// Sends bytes as they are and reads until the server closes.
inline std::string Ask(int port, std::string_view request) {
  RawSocket socket(port);
  socket.Send(request);
  return socket.ReadToEnd();
}

// Answers with what it was asked.
inline void EchoRequest(const Request& request, ResponseWriter& response) {
  std::string out = fmt::format("{} {} [{}]", request.method, request.path, request.body);
  for (const auto& [name, value] : request.query) out += fmt::format(" {}={}", name, value);
  response.Send(200, "text/plain", out);
}

}  // namespace narthex::http
