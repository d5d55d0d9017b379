#include "core/http/encoding.h"

#include "core/http/ascii.h"

namespace narthex::http {
namespace {

// "q=0", "q=0.0" and so on.
bool IsRefused(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string_view item = NextItem(&parameters, ';');
    if (item.size() < 3 || ToLower(item[0]) != 'q' || item[1] != '=') continue;
    return item.substr(2).find_first_not_of("0.") == std::string_view::npos;
  }
  return false;
}

}  // namespace

Encoding NegotiateEncoding(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    std::string_view parameters = NextItem(&accept_encoding);
    const std::string_view name = NextItem(&parameters, ';');
    if (IsRefused(parameters)) continue;
    if (EqualsIgnoreCase(name, "gzip")) return Encoding::kGzip;
    if (EqualsIgnoreCase(name, "deflate")) return Encoding::kDeflate;
  }
  return Encoding::kIdentity;
}

std::string_view EncodingName(Encoding encoding) {
  switch (encoding) {
    case Encoding::kGzip: return "gzip";
    case Encoding::kDeflate: return "deflate";
    case Encoding::kIdentity: break;
  }
  return "identity";
}

}  // namespace narthex::http
