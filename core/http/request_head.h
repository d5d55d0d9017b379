#pragma once
// The head of a request: request line and fields, and what follows from them for its body. As
// lenient and as strict as Go's server, with its words: a bare LF ends a line and fields may be
// folded; a length and chunks together are read as chunks; what could be read in two ways is
// refused.
//
// Thread safety: none needed; pure functions.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/http/types.h"

namespace narthex::http {

// Why a request is refused before anybody looks at it. Status 0: it is not.
struct RequestFault {
  int status = 0;
  std::string_view detail;  // a literal, or empty
};

struct RequestHead {
  std::string method;
  std::string target;
  std::string path;  // of the target
  std::string raw_query;
  int version = 11;
  Headers headers;
  bool chunked = false;
  std::optional<uint64_t> length;  // what the head claims; none when it is chunked
  bool keep_alive = false;

  bool has_body() const { return chunked || length.value_or(0) > 0; }
};

// The first line, as soon as it is there.
RequestFault ParseRequestLine(std::string_view line, RequestHead* out);
// `text` as FindHeadEnd measures it.
RequestFault ParseRequestHead(std::string_view text, RequestHead* out);

}  // namespace narthex::http
