#pragma once
// The target of a request line, split as Go's url.ParseRequestURI splits it: a path with its query
// (what follows a '#' belongs to it), an absolute URL, "host:port" of CONNECT, "*".
//
// Thread safety: none needed; pure functions.

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace narthex::http {

struct RequestTarget {
  std::string path;  // decoded; "" where the target names none
  std::string raw_query;
};

StatusOr<RequestTarget> ParseRequestTarget(std::string_view method, std::string_view target);

// Whether a Host field, or what stands for it, has only characters a host may have.
bool IsHostText(std::string_view text);

}  // namespace narthex::http
