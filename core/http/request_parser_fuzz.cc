// Requests of arbitrary bytes: bounded, and read the same however they are cut into pieces.
#include <cstdint>

#include "core/base/check.h"
#include "core/http/request_parser.h"

using namespace narthex;
using namespace narthex::http;

namespace {

constexpr size_t kMaxHead = 2048, kMaxBody = 4096;

struct Outcome {
  RequestParser parser{kMaxHead, kMaxBody, nullptr};
  std::string left;
};

void Feed(std::string_view data, size_t piece, Outcome* out) {
  RequestParser& parser = out->parser;
  while (!data.empty() && parser.fault().status == 0 && !parser.done()) {
    out->left.append(data.substr(0, piece));
    data.remove_prefix(std::min(piece, data.size()));
    for (int pass = 0; pass < 2; ++pass) {
      const size_t used = parser.Put(out->left);
      NX_CHECK(used <= out->left.size());
      out->left.erase(0, used);
      if (parser.head_done() && parser.fault().status == 0) parser.BeginBody();
    }
  }
  out->left.append(data);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Outcome whole, pieces;
  Feed(text, SIZE_MAX, &whole);
  Feed(text, 1 + data[0] % 64, &pieces);
  NX_CHECK(whole.parser.done() == pieces.parser.done());
  // Which of several faults is named may depend on the pieces.
  NX_CHECK((whole.parser.fault().status == 0) == (pieces.parser.fault().status == 0));
  if (!whole.parser.done()) return 0;
  NX_CHECK(whole.left == pieces.left);
  NX_CHECK(whole.parser.head().path == pieces.parser.head().path);
  NX_CHECK(whole.parser.head().keep_alive == pieces.parser.head().keep_alive);
  NX_CHECK(whole.parser.body == pieces.parser.body && whole.parser.body.size() <= kMaxBody);
  return 0;
}
