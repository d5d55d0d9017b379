#pragma once
// Content codings of answers: which one the client wants.

#include <string_view>

namespace narthex::http {

enum class Encoding { kIdentity, kGzip, kDeflate };

// The first of gzip and deflate that an Accept-Encoding value lists and does not refuse (q=0).
Encoding NegotiateEncoding(std::string_view accept_encoding);
std::string_view EncodingName(Encoding encoding);

}  // namespace narthex::http
