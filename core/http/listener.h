#pragma once
// Listening sockets: address parsing and binding in Go's wording.

#include <string>
#include <string_view>

#include "core/base/errno_text.h"
#include "core/base/file.h"

namespace narthex::http {

// Splits "host:port", ":port", "[::1]:port".
Status SplitHostPort(std::string_view address, std::string* host, std::string* port);

// A bound, listening, non-blocking TCP socket. ":port" listens on IPv6 and IPv4, or on IPv4 alone
// where there is no IPv6. Errors: "listen tcp 127.0.0.1:9090: bind: address already in use".
StatusOr<UniqueFd> Listen(const std::string& address);
int BoundPort(int fd);

}  // namespace narthex::http
