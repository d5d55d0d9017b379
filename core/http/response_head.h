#pragma once
// The head of a response: status line and fields, and what follows from them for its body.
// Strict where leniency would let a peer mean two things at once; like Go where exporters are
// sloppy: a bare LF ends a line, a reason may be missing, a field may be folded, one with blanks in
// its name is left out, chunks count where there is a length as well (and nothing is read behind
// them).
//
// Thread safety: none needed; pure functions.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/http/message_head.h"
#include "core/http/types.h"

namespace narthex::http {

enum class Framing : uint8_t {
  kNone,       // no body, whatever the fields say
  kLength,     // `length` bytes
  kChunked,    //
  kUntilClose  // until the peer closes
};

struct ResponseHead {
  int status = 0;
  int version = 11;
  std::string status_text;  // "404 Nothing here", when it is not StatusText that follows the code
  Headers headers;
  Framing framing = Framing::kNone;
  uint64_t length = 0;
  bool keep_alive = false;  // the connection may carry another answer after this one
};

// `text` as FindHeadEnd measures it. `to_head`: the answer is to a HEAD request. Errors have Go's
// words.
Status ParseResponseHead(std::string_view text, bool to_head, ResponseHead* out);

}  // namespace narthex::http
