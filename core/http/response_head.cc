#include "core/http/response_head.h"

#include <array>
#include <charconv>
#include <cstring>

#include "core/http/ascii.h"
#include "core/strings/quote.h"

namespace narthex::http {
namespace {

// RFC 9110 5.6.2.
constexpr auto kTokenChars = [] {
  std::array<bool, 256> table{};
  for (int c = 0; c < 256; ++c) {
    table[static_cast<size_t>(c)] =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
        (c != 0 &&
         std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos);
  }
  return table;
}();

bool IsToken(std::string_view text) {
  for (const char c : text) {
    if (!kTokenChars[static_cast<unsigned char>(c)]) return false;
  }
  return !text.empty();
}

bool IsTokenWithBlanks(std::string_view text) {
  for (const char c : text) {
    if (c != ' ' && !kTokenChars[static_cast<unsigned char>(c)]) return false;
  }
  return !text.empty();
}

bool HasControl(std::string_view text) {
  bool bad = false;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    bad |= (u < 0x20 && u != '\t') || u == 0x7f;
  }
  return bad;
}

// Errors show at most this much of what the peer sent.
std::string Show(std::string_view line) { return GoQuote(line.substr(0, 100)); }

// Cuts the next line off, without its end.
std::string_view NextLine(std::string_view* text) {
  const size_t end = text->find('\n');
  std::string_view line = text->substr(0, end);
  *text = end == std::string_view::npos ? std::string_view() : text->substr(end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Status ParseStatusLine(std::string_view line, ResponseHead* out) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos || HasControl(line)) {
    return Unavailable("malformed HTTP response {}", Show(line));
  }
  const std::string_view version = line.substr(0, space);
  std::string_view text = line.substr(space + 1);
  while (text.starts_with(' ')) text.remove_prefix(1);
  const std::string_view code = text.substr(0, text.find(' '));
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (code.size() != 3 || !digit(code[0]) || !digit(code[1]) || !digit(code[2]) || code[0] == '0') {
    return Unavailable("malformed HTTP status code {}", Show(code));
  }
  // Whatever a server calls the version: it has answered a request of HTTP/1.1.
  if (version.size() != 8 || !version.starts_with("HTTP/") || !digit(version[5]) ||
      version[6] != '.' || !digit(version[7])) {
    return Unavailable("malformed HTTP version {}", Show(version));
  }
  out->version = (version[5] - '0') * 10 + (version[7] - '0');
  out->status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
  const std::string_view usual = StatusText(out->status);
  if (usual.empty() || text.size() != 4 + usual.size() || text.substr(4) != usual) {
    out->status_text = text;
  }
  return OkStatus();
}

Status ParseFields(std::string_view text, Headers* headers) {
  size_t fields = 0;
  bool left_out = false;
  while (!text.empty()) {
    const std::string_view line = NextLine(&text);
    if (line.empty()) break;
    if (HasControl(line)) return Unavailable("malformed MIME header line: {}", Show(line));
    if (line[0] == ' ' || line[0] == '\t') {
      if (fields == 0) return Unavailable("malformed MIME header initial line: {}", Show(line));
      headers->Continue(Trim(line));
      continue;
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      return Unavailable("malformed MIME header: missing colon: {}", Show(line));
    }
    const std::string_view name = line.substr(0, colon);
    const bool blanks = name.find(' ') != std::string_view::npos;
    if (!IsToken(name) && !(blanks && IsTokenWithBlanks(name))) {
      return Unavailable("malformed MIME header line: {}", Show(line));
    }
    if (++fields > kMaxResponseFields) {
      return Unavailable("server response has more than {} headers", kMaxResponseFields);
    }
    // A name of its own to Go, which nobody asks for. What a folded line goes on with, it keeps.
    if (blanks) {
      headers->Add("", "");
      left_out = true;
      continue;
    }
    headers->Add(std::string(name), std::string(Trim(line.substr(colon + 1))));
  }
  if (left_out) headers->Remove("");
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
            Show(out->length), Show(value));
      }
      out->has_length = true;
      out->length = value;
    } else if (name.size() == 17 && EqualsIgnoreCase(name, "Transfer-Encoding")) {
      if (out->has_coding) return Unavailable("too many transfer encodings: {}", Show(value));
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
      return Unavailable("unsupported transfer encoding: {}", Show(fields.coding));
    }
    // Chunks count, and who mixes the two up is not asked again on this connection.
    out->keep_alive &= !fields.has_length;
  } else if (fields.has_length) {
    const char* const end = fields.length.data() + fields.length.size();
    const auto [rest, error] = std::from_chars(fields.length.data(), end, out->length);
    if (error != std::errc() || rest != end || out->length > INT64_MAX) {
      return Unavailable("bad Content-Length {}", Show(fields.length));
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

size_t FindHeadEnd(std::string_view data, size_t from) {
  // The end of the last line seen may have been at the edge.
  for (size_t at = from < 2 ? 0 : from - 2; at < data.size(); ++at) {
    const void* const found = std::memchr(data.data() + at, '\n', data.size() - at);
    if (found == nullptr) return 0;
    at = static_cast<size_t>(static_cast<const char*>(found) - data.data());
    if (data.substr(at + 1).starts_with('\n')) return at + 2;
    if (data.substr(at + 1).starts_with("\r\n")) return at + 3;
  }
  return 0;
}

Status ParseResponseHead(std::string_view text, bool to_head, ResponseHead* out) {
  *out = ResponseHead();
  NX_RETURN_IF_ERROR(ParseStatusLine(NextLine(&text), out));
  out->headers.Reserve(8);
  NX_RETURN_IF_ERROR(ParseFields(text, &out->headers));
  BodyFields fields;
  NX_RETURN_IF_ERROR(ReadBodyFields(out->headers, &fields));
  return SetFraming(fields, to_head, out);
}

}  // namespace narthex::http
