// URLs, forms, escapes and the small header parsers on arbitrary text.
#include <cstdint>

#include "core/base/check.h"
#include "core/http/credentials.h"
#include "core/http/encoding.h"
#include "core/http/proxy.h"
#include "core/http/socks.h"
#include "core/http/types.h"

using namespace narthex::http;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto form = ParseForm(text, 100);
  if (form.ok()) {
    // What was understood survives its own encoding.
    const auto again = ParseForm(form->Encode(), 100);
    NX_CHECK(again.ok() && again->Encode() == form->Encode());
  }
  (void)ParseFormLeniently(text, 100);
  std::string answers;
  (void)SocksHandshake({}, "host", "80").Put(text, &answers);
  const auto decoded = PercentDecode(text);
  NX_CHECK(*PercentDecode(PathEscape(text)) == text);
  NX_CHECK(*PercentDecode(QueryEscape(text), true) == text);
  NX_CHECK(Base64Decode(Base64Encode(text)) == text);
  (void)Base64Decode(text);
  (void)NegotiateEncoding(text);
  const auto url = Url::Parse(text);
  if (url.ok()) {
    // Nothing that could end a request line.
    for (const char c : url->target()) NX_CHECK(c > 0x20 && c < 0x7f);
    (void)url->ToString(true);
    (void)url->Resolve("../x?y#z");
    (void)ProxySelector::Bypasses(std::string(text), url->host, url->port);
  }
  const auto base = Url::Parse("http://user:pw@host:80/a/b/c?d#e");
  (void)base->Resolve(text);
  return 0;
}
