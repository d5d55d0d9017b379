#include "core/http/response_head.h"

#include <charconv>

#include "core/http/ascii.h"
#include "core/http/message_head.h"

namespace narthex::http {
namespace {

Status ParseStatusLine(std::string_view line, ResponseHead* out) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos || HasControl(line)) {
    return Unavailable("malformed HTTP response {}", ShowPeerText(line));
  }
  const std::string_view version = line.substr(0, space);
  std::string_view text = line.substr(space + 1);
  while (text.starts_with(' ')) text.remove_prefix(1);
  const std::string_view code = text.substr(0, text.find(' '));
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (code.size() != 3 || !digit(code[0]) || !digit(code[1]) || !digit(code[2]) || code[0] == '0') {
    return Unavailable("malformed HTTP status code {}", ShowPeerText(code));
  }
  // Whatever a server calls the version: it has answered a request of HTTP/1.1.
  if (version.size() != 8 || !version.starts_with("HTTP/") || !digit(version[5]) ||
      version[6] != '.' || !digit(version[7])) {
    return Unavailable("malformed HTTP version {}", ShowPeerText(version));
  }
  out->version = (version[5] - '0') * 10 + (version[7] - '0');
  out->status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
  const std::string_view usual = StatusText(out->status);
  if (usual.empty() || text.size() != 4 + usual.size() || text.substr(4) != usual) {
    out->status_text = text;
  }
  return OkStatus();
}

// The fields that say where the body ends.
struct BodyFields {
  std::string_view length, coding;
  bool has_length = false, has_coding = false, close = false, keep_alive = false;
};

Status ReadBodyFields(const Headers& headers, BodyFields* out) {
  for (const auto& [name, value] : headers) {
    if (name.size() == 14 && EqualsIgnoreCase(name, "Content-Length")) {
      if (value.empty()) continue;  // as Go: none
      if (out->has_length && out->length != value) {
        return Unavailable(
            "http: message cannot contain multiple Content-Length headers; got [{} {}]",
            ShowPeerText(out->length), ShowPeerText(value));
      }
      out->has_length = true;
      out->length = value;
    } else if (name.size() == 17 && EqualsIgnoreCase(name, "Transfer-Encoding")) {
      if (out->has_coding)
        return Unavailable("too many transfer encodings: {}", ShowPeerText(value));
      out->has_coding = true;
      out->coding = value;
    } else if (name.size() == 10 && EqualsIgnoreCase(name, "Connection")) {
      out->close |= HasToken(value, "close");
      out->keep_alive |= HasToken(value, "keep-alive");
    }
  }
  return OkStatus();
}

Status SetFraming(const BodyFields& fields, bool to_head, ResponseHead* out) {
  out->keep_alive = !fields.close && (out->version >= 11 || fields.keep_alive);
  if (fields.has_coding) {
    if (out->version < 11 || !EqualsIgnoreCase(fields.coding, "chunked")) {
      return Unavailable("unsupported transfer encoding: {}", ShowPeerText(fields.coding));
    }
    // Chunks count, and who mixes the two up is not asked again on this connection.
    out->keep_alive &= !fields.has_length;
  } else if (fields.has_length) {
    const char* const end = fields.length.data() + fields.length.size();
    const auto [rest, error] = std::from_chars(fields.length.data(), end, out->length);
    if (error != std::errc() || rest != end || out->length > INT64_MAX) {
      return Unavailable("bad Content-Length {}", ShowPeerText(fields.length));
    }
  }
  const int status = out->status;
  if (to_head || status / 100 == 1 || status == 204 || status == 304) {
    out->framing = Framing::kNone;
    out->keep_alive &= status != 101;
  } else if (fields.has_coding) {
    out->framing = Framing::kChunked;
  } else if (fields.has_length) {
    out->framing = Framing::kLength;
  } else {
    out->framing = Framing::kUntilClose;
    out->keep_alive = false;
  }
  return OkStatus();
}

}  // namespace

Status ParseResponseHead(std::string_view text, bool to_head, ResponseHead* out) {
  *out = ResponseHead();
  NX_RETURN_IF_ERROR(ParseStatusLine(NextHeadLine(&text), out));
  out->headers.Reserve(8);
  NX_RETURN_IF_ERROR(ParseFields(text, BlankNames::kLeftOut, &out->headers));
  BodyFields fields;
  NX_RETURN_IF_ERROR(ReadBodyFields(out->headers, &fields));
  return SetFraming(fields, to_head, out);
}

}  // namespace narthex::http
