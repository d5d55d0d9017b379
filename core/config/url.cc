#include "core/config/url.h"

#include "core/strings/quote.h"

namespace narthex::config {
namespace {

bool IsHex(char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }
bool IsAlpha(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

struct Parts {
  std::string_view scheme, authority, rest;  // rest: path, query, fragment
  bool has_authority = false;
};

Parts Split(std::string_view text) {
  Parts parts;
  size_t i = 0;
  while (i < text.size() && (IsAlpha(text[i]) || (i > 0 && text[i] >= '0' && text[i] <= '9') ||
                             (i > 0 && (text[i] == '+' || text[i] == '-' || text[i] == '.')))) {
    ++i;
  }
  if (i > 0 && i < text.size() && text[i] == ':') {
    parts.scheme = text.substr(0, i);
    text.remove_prefix(i + 1);
  }
  if (text.starts_with("//")) {
    text.remove_prefix(2);
    const size_t end = text.find_first_of("/?#");
    parts.has_authority = true;
    parts.authority = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end);
  }
  parts.rest = text;
  return parts;
}

Status Bad(std::string_view text, std::string_view why) {
  return InvalidArgument("parse {}: {}", GoQuote(text), why);
}

std::string_view HostOf(std::string_view authority) {
  const size_t at = authority.rfind('@');
  return at == std::string_view::npos ? authority : authority.substr(at + 1);
}

Status CheckPort(std::string_view text, std::string_view host) {
  size_t colon = host.rfind(':');
  if (host.starts_with('[')) {
    const size_t close = host.find(']');
    if (close == std::string_view::npos) return Bad(text, "missing ']' in host");
    colon = close + 1 < host.size() ? close + 1 : std::string_view::npos;
  }
  if (colon == std::string_view::npos) return OkStatus();
  const std::string_view port = host.substr(colon);
  const bool digits =
      port[0] == ':' && port.find_first_not_of("0123456789", 1) == std::string_view::npos;
  if (digits) return OkStatus();
  return Bad(text, fmt::format("invalid port {} after host", GoQuote(port)));
}

}  // namespace

Status CheckUrl(std::string_view text) {
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return Bad(text, "net/url: invalid control character in URL");
    }
  }
  const Parts parts = Split(text);
  if (parts.scheme.empty()) {
    if (text.starts_with(':')) return Bad(text, "missing protocol scheme");
    const size_t colon = text.find(':');
    const bool in_first_segment = colon != std::string_view::npos && !parts.has_authority &&
                                  text.substr(0, colon).find('/') == std::string_view::npos;
    if (in_first_segment) return Bad(text, "first path segment in URL cannot contain colon");
  }
  const std::string_view host = HostOf(parts.authority);
  for (char c : host) {
    if (c == ' ' || c == '<' || c == '>' || c == '"' || c == '\\' || c == '^' || c == '`' ||
        c == '{' || c == '|' || c == '}') {
      return Bad(
          text, fmt::format("invalid character {} in host name", GoQuote(std::string_view(&c, 1))));
    }
  }
  NX_RETURN_IF_ERROR(CheckPort(text, host));
  const std::string_view path = parts.rest.substr(0, parts.rest.find('?'));
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') continue;
    if (i + 2 >= path.size() || !IsHex(path[i + 1]) || !IsHex(path[i + 2])) {
      return Bad(text, fmt::format("invalid URL escape {}", GoQuote(path.substr(i, 3))));
    }
  }
  return OkStatus();
}

Status CheckHttpUrl(std::string_view text) {
  NX_RETURN_IF_ERROR(CheckUrl(text));
  const Parts parts = Split(text);
  if (parts.scheme != "http" && parts.scheme != "https") {
    return InvalidArgument("unsupported scheme {} for URL", GoQuote(parts.scheme));
  }
  if (HostOf(parts.authority).empty()) return InvalidArgument("missing host for URL");
  return OkStatus();
}

std::string RedactUrl(std::string_view text) {
  const Parts parts = Split(text);
  const size_t at = parts.authority.rfind('@');
  const size_t colon = parts.authority.find(':');
  if (at == std::string_view::npos || colon == std::string_view::npos || colon > at) {
    return std::string(text);
  }
  const size_t offset = static_cast<size_t>(parts.authority.data() - text.data());
  return fmt::format("{}:xxxxx{}", text.substr(0, offset + colon), text.substr(offset + at));
}

}  // namespace narthex::config
