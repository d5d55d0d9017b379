#pragma once
// What the tests of this folder share: requests to a gateway without a socket.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/http/recorded_response.h"
#include "pushgateway/gateway.h"
#include "tests/catch.h"

namespace narthex::pushgateway {

inline http::RecordedResponse Call(
    const Gateway& gateway, const std::string& method, const std::string& path,
    const std::string& body = "",
    const std::vector<std::pair<std::string, std::string>>& headers = {}) {
  http::Request request;
  request.method = method;
  request.target = path;
  request.path = *http::PercentDecode(path);
  request.body = body;
  for (const auto& [name, value] : headers) request.headers.Set(name, value);
  http::RecordedResponse response;
  gateway.Serve(request, response);
  return response;
}

inline bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// The scrape answer without the program's own families and without HELP and TYPE.
inline std::string Series(const Gateway& gateway) {
  std::string out;
  const std::string text = Call(gateway, "GET", "/metrics").body;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at + 1);
    at = end + 1;
    if (line[0] == '#' || line.starts_with("process_") || line.starts_with("pushgateway_") ||
        line.starts_with("push_")) {
      continue;
    }
    out += line;
  }
  return out;
}

}  // namespace narthex::pushgateway
