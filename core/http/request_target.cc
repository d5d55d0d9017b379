#include "core/http/request_target.h"

#include <algorithm>

#include "core/http/types.h"

namespace narthex::http {
namespace {

bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsOneOf(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

// "a+b.c-1" of "a+b.c-1:rest"; empty when there is none.
StatusOr<std::string_view> CutScheme(std::string_view* text) {
  for (size_t i = 0; i < text->size(); ++i) {
    const char c = (*text)[i];
    if (IsAlpha(c) || (i > 0 && (IsDigit(c) || IsOneOf(c, "+-.")))) continue;
    if (c != ':') break;
    if (i == 0) return InvalidArgument("missing protocol scheme");
    const std::string_view scheme = text->substr(0, i);
    text->remove_prefix(i + 1);
    return scheme;
  }
  return std::string_view();
}

// "", ":" or ":80".
bool IsOptionalPort(std::string_view text) {
  if (text.empty()) return true;
  return text[0] == ':' && std::all_of(text.begin() + 1, text.end(), IsDigit);
}

// Escapes in a host stand for bytes that are no ASCII, or for a percent sign.
bool HostCharactersAreValid(std::string_view host) {
  for (size_t i = 0; i < host.size(); ++i) {
    const char c = host[i];
    if (c == '%') {
      const auto escape = PercentDecode(host.substr(i, 3));
      if (!escape.ok() || ((*escape)[0] > 0 && *escape != "%")) return false;
      i += 2;
    } else if (static_cast<unsigned char>(c) < 0x80 && !IsAlpha(c) && !IsDigit(c) &&
               !IsOneOf(c, "!$&'()*+,;=:[]<>\"-_.~")) {
      return false;
    }
  }
  return true;
}

Status CheckAuthority(std::string_view authority) {
  std::string_view host = authority;
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    for (const char c : authority.substr(0, at)) {
      if (!IsAlpha(c) && !IsDigit(c) && !IsOneOf(c, "-._:~!$&'()*+,;=%@")) {
        return InvalidArgument("invalid userinfo");
      }
    }
    NX_RETURN_IF_ERROR(PercentDecode(authority.substr(0, at)).status());
    host.remove_prefix(at + 1);
  }
  size_t port = host.rfind(':');
  if (host.starts_with('[')) {
    const size_t bracket = host.rfind(']');
    if (bracket == std::string_view::npos) return InvalidArgument("missing ']' in host");
    port = bracket + 1;
  }
  if (port != std::string_view::npos && !IsOptionalPort(host.substr(port))) {
    return InvalidArgument("invalid port after host");
  }
  if (!HostCharactersAreValid(host)) return InvalidArgument("invalid character in host name");
  return OkStatus();
}

}  // namespace

StatusOr<RequestTarget> ParseRequestTarget(std::string_view method, std::string_view target) {
  RequestTarget out;
  for (const char c : target) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return InvalidArgument("invalid control character in URL");
    }
  }
  if (target.empty()) return InvalidArgument("empty url");
  if (target == "*") {
    out.path = "*";
    return out;
  }
  std::string_view rest = target;
  const bool bare_authority = method == "CONNECT" && !target.starts_with('/');
  std::string_view scheme = "http";
  if (!bare_authority) {
    NX_ASSIGN_OR_RETURN(scheme, CutScheme(&rest));
  }
  const size_t question = rest.find('?');
  if (question != std::string_view::npos) {
    out.raw_query = rest.substr(question + 1);
    rest = rest.substr(0, question);
  }
  if (!bare_authority && !rest.starts_with('/')) {
    if (scheme.empty()) return InvalidArgument("invalid URI for request");
    return out;  // "mailto:x" has no path
  }
  if (bare_authority || (!scheme.empty() && rest.starts_with("//"))) {
    if (!bare_authority) rest.remove_prefix(2);
    const size_t slash = std::min(rest.find('/'), rest.size());
    NX_RETURN_IF_ERROR(CheckAuthority(rest.substr(0, slash)));
    rest.remove_prefix(slash);
  }
  NX_ASSIGN_OR_RETURN(out.path, PercentDecode(rest));
  return out;
}

bool IsHostText(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return IsAlpha(c) || IsDigit(c) || IsOneOf(c, "!$%&'()*+,-.:;=[]_~");
  });
}

}  // namespace narthex::http
