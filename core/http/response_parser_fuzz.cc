// Responses of arbitrary bytes: bounded, and read the same however they are cut into pieces.
#include <cstdint>

#include "core/base/check.h"
#include "core/http/response_parser.h"

using namespace narthex;
using namespace narthex::http;

namespace {

constexpr size_t kMaxBody = 4096;

struct Outcome {
  size_t used = 0;
  ResponseParser parser;
};

void Feed(std::string_view data, size_t piece, bool to_head, bool direct, Outcome* out) {
  ResponseParser& parser = out->parser;
  parser.max_body = kMaxBody;
  parser.to_head = to_head;
  while (!data.empty() && !parser.done() && parser.error() == ResponseParser::Error::kNone) {
    const std::string_view part = data.substr(0, piece);
    size_t used = 0;
    if (direct && parser.direct_left() > 0) {
      const std::span<char> room = parser.Room(parser.direct_left());
      NX_CHECK(!room.empty() && room.size() <= parser.direct_left());
      used = std::min(room.size(), part.size());
      std::copy_n(part.data(), used, room.data());
      parser.Filled(used);
    } else {
      used = parser.Put(part);
      NX_CHECK(used <= part.size());
      NX_CHECK(used == part.size() || parser.done() ||
               parser.error() != ResponseParser::Error::kNone);
    }
    out->used += used;
    data.remove_prefix(used);
  }
  parser.PutEof();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const bool to_head = (data[0] & 1) != 0;
  const size_t piece = 1 + data[1] % 64;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  Outcome whole, pieces, direct;
  Feed(text, SIZE_MAX, to_head, false, &whole);
  Feed(text, piece, to_head, false, &pieces);
  Feed(text, piece, to_head, true, &direct);
  for (Outcome* other : {&pieces, &direct}) {
    NX_CHECK(whole.parser.error() == other->parser.error());
    NX_CHECK(whole.parser.done() == other->parser.done());
    if (!whole.parser.done()) continue;
    NX_CHECK(whole.used == other->used);
    NX_CHECK(whole.parser.head().status == other->parser.head().status);
    NX_CHECK(whole.parser.head().keep_alive == other->parser.head().keep_alive);
    NX_CHECK(whole.parser.body == other->parser.body);
  }
  NX_CHECK(!whole.parser.done() || whole.parser.body.size() <= kMaxBody);
  return 0;
}
