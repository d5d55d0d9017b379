#include "core/http/message_head.h"

#include <array>
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

bool IsTokenWithBlanks(std::string_view text) {
  for (const char c : text) {
    if (c != ' ' && !kTokenChars[static_cast<unsigned char>(c)]) return false;
  }
  return !text.empty();
}

}  // namespace

bool IsToken(std::string_view text) {
  for (const char c : text) {
    if (!kTokenChars[static_cast<unsigned char>(c)]) return false;
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

std::string ShowPeerText(std::string_view line) { return GoQuote(line.substr(0, 100)); }

std::string_view NextHeadLine(std::string_view* text) {
  const size_t end = text->find('\n');
  std::string_view line = text->substr(0, end);
  *text = end == std::string_view::npos ? std::string_view() : text->substr(end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Status ParseFields(std::string_view text, BlankNames policy, Headers* headers) {
  size_t fields = 0;
  bool left_out = false;
  while (!text.empty()) {
    const std::string_view line = NextHeadLine(&text);
    if (line.empty()) break;
    if (HasControl(line)) return Unavailable("malformed MIME header line: {}", ShowPeerText(line));
    if (line[0] == ' ' || line[0] == '\t') {
      if (fields == 0)
        return Unavailable("malformed MIME header initial line: {}", ShowPeerText(line));
      headers->Continue(Trim(line));
      continue;
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      return Unavailable("malformed MIME header: missing colon: {}", ShowPeerText(line));
    }
    const std::string_view name = line.substr(0, colon);
    const bool blanks = name.find(' ') != std::string_view::npos;
    if (blanks && policy == BlankNames::kRefused) return Unavailable("invalid header name");
    if (!IsToken(name) && !(blanks && IsTokenWithBlanks(name))) {
      return Unavailable("malformed MIME header line: {}", ShowPeerText(line));
    }
    if (++fields > kMaxFields) {
      return ResourceExhausted("more than {} headers", kMaxFields);
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

}  // namespace narthex::http
