#include <algorithm>

#include "core/http/ascii.h"
#include "core/http/types.h"

namespace narthex::http {
namespace {

bool IsSchemeChar(char c, bool first) {
  const char l = ToLower(c);
  if (l >= 'a' && l <= 'z') return true;
  return !first && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.');
}

// Length of the scheme in front of the colon; 0 when there is none.
size_t SchemeLength(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':') return i;
    if (!IsSchemeChar(text[i], i == 0)) return 0;
  }
  return 0;
}

bool IsHostChar(unsigned char c) {
  if (c >= 0x80) return true;
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
  return std::string_view("-._~!$&'()*+,;=:").find(static_cast<char>(c)) != std::string_view::npos;
}

Status ParseUserInfo(std::string_view info, Url* url) {
  url->has_user = true;
  const size_t colon = info.find(':');
  NX_ASSIGN_OR_RETURN(url->user, PercentDecode(info.substr(0, colon)));
  if (colon == std::string_view::npos) return OkStatus();
  url->has_password = true;
  NX_ASSIGN_OR_RETURN(url->password, PercentDecode(info.substr(colon + 1)));
  return OkStatus();
}

Status ParsePort(std::string_view port, Url* url) {
  const bool digits =
      std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || port.size() > 5) return InvalidArgument("invalid port \":{}\" after host", port);
  url->port = port;
  return OkStatus();
}

Status ParseAuthority(std::string_view authority, Url* url) {
  const size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    NX_RETURN_IF_ERROR(ParseUserInfo(authority.substr(0, at), url));
    authority.remove_prefix(at + 1);
  }
  if (!authority.empty() && authority[0] == '[') {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return InvalidArgument("missing ']' in host");
    NX_ASSIGN_OR_RETURN(url->host, PercentDecode(authority.substr(1, close - 1)));
    authority.remove_prefix(close + 1);
    if (authority.empty()) return OkStatus();
    if (authority[0] != ':') return InvalidArgument("invalid port \"{}\" after host", authority);
    return ParsePort(authority.substr(1), url);
  }
  const size_t colon = authority.rfind(':');
  NX_ASSIGN_OR_RETURN(url->host, PercentDecode(authority.substr(0, colon)));
  for (const char c : url->host) {
    if (!IsHostChar(static_cast<unsigned char>(c)) || c == ':') {
      return InvalidArgument("invalid character \"{}\" in host name", std::string_view(&c, 1));
    }
  }
  if (colon == std::string_view::npos) return OkStatus();
  return ParsePort(authority.substr(colon + 1), url);
}

void SplitPath(std::string_view rest, Url* url) {
  const size_t hash = rest.find('#');
  if (hash != std::string_view::npos) {
    url->fragment = rest.substr(hash + 1);
    rest = rest.substr(0, hash);
  }
  const size_t question = rest.find('?');
  if (question != std::string_view::npos) {
    url->query = rest.substr(question + 1);
    rest = rest.substr(0, question);
  }
  url->path = rest;
}

Status ParseInto(std::string_view text, Url* url) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return InvalidArgument("net/url: invalid control character in URL");
    }
  }
  const size_t scheme = SchemeLength(text);
  if (scheme == 0) return InvalidArgument("missing protocol scheme");
  url->scheme = AsciiLower(text.substr(0, scheme));
  text.remove_prefix(scheme + 1);
  if (!text.starts_with("//")) return InvalidArgument("no host in URL");
  text.remove_prefix(2);
  const size_t end = std::min(text.find_first_of("/?#"), text.size());
  NX_RETURN_IF_ERROR(ParseAuthority(text.substr(0, end), url));
  SplitPath(text.substr(end), url);
  NX_RETURN_IF_ERROR(PercentDecode(url->path).status());
  return OkStatus();
}

// RFC 3986 5.2.4.
std::string RemoveDotSegments(std::string_view path) {
  std::vector<std::string_view> segments;
  bool directory = false;
  std::string_view rest = path.starts_with('/') ? path.substr(1) : path;
  for (;;) {
    const size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    directory = segment == "." || segment == "..";
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (segment != ".") {
      segments.push_back(segment);
    }
    if (slash == std::string_view::npos) break;
    rest = rest.substr(slash + 1);
  }
  std::string out;
  for (const std::string_view segment : segments) out.append("/").append(segment);
  if (directory || out.empty()) out.push_back('/');
  return out;
}

// Makes a path or query safe for a request line; valid escapes stay.
void AppendSafe(std::string* out, std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (const unsigned char c : text) {
    if (c > 0x20 && c < 0x7f && std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos) {
      out->push_back(static_cast<char>(c));
    } else {
      out->append({'%', kHex[c >> 4], kHex[c & 15]});
    }
  }
}

}  // namespace

StatusOr<Url> Url::Parse(std::string_view text) {
  Url url;
  const Status status = ParseInto(text, &url);
  if (!status.ok()) return InvalidArgument("parse \"{}\": {}", text, MessageOf(status));
  return url;
}

std::string Url::effective_port() const {
  if (!port.empty()) return port;
  if (scheme.starts_with("socks5")) return "1080";
  return scheme == "https" ? "443" : "80";
}

std::string Url::host_port() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (!port.empty()) out.append(":").append(port);
  return out;
}

std::string Url::target() const {
  std::string out;
  out.reserve(path.size() + query.size() + 2);
  AppendSafe(&out, path);
  if (out.empty() || out[0] != '/') out.insert(out.begin(), '/');
  if (!query.empty()) {
    out.push_back('?');
    AppendSafe(&out, query);
  }
  return out;
}

std::string Url::ToString(bool redact_password) const {
  std::string out = scheme + "://";
  if (has_user) {
    out += PathEscape(user);
    if (has_password) out.append(":").append(redact_password ? "xxxxx" : PathEscape(password));
    out.push_back('@');
  }
  out += host_port();
  out += path;
  if (!query.empty()) out.append("?").append(query);
  if (!fragment.empty()) out.append("#").append(fragment);
  return out;
}

StatusOr<Url> Url::Resolve(std::string_view reference) const {
  if (SchemeLength(reference) > 0) return Parse(reference);
  if (reference.starts_with("//")) return Parse(scheme + ":" + std::string(reference));
  for (const char c : reference) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return InvalidArgument("parse \"{}\": net/url: invalid control character in URL", reference);
    }
  }
  Url part;
  SplitPath(reference, &part);
  Url out = *this;
  out.fragment = part.fragment;
  if (part.path.empty()) {
    if (reference.find('?') != std::string_view::npos) out.query = part.query;
    return out;
  }
  out.query = part.query;
  if (part.path[0] == '/') {
    out.path = RemoveDotSegments(part.path);
  } else {
    out.path = RemoveDotSegments(path.substr(0, path.rfind('/') + 1) + part.path);
  }
  return out;
}

}  // namespace narthex::http
