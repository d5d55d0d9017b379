#include "core/exposition/media_type.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "core/strings/numbers.h"
#include "core/strings/quote.h"

namespace narthex {
namespace {

constexpr size_t kMaxRanges = 64;

std::string_view Trim(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

std::string_view MajorOf(std::string_view type) { return type.substr(0, type.find('/')); }
std::string_view MinorOf(std::string_view type) {
  size_t slash = type.find('/');
  return slash == std::string_view::npos ? std::string_view() : type.substr(slash + 1);
}

// Higher quality first, then the more specific. (Not an order in the strict sense; insertion with
// this rule gives the reference's result.)
bool Before(const MediaRange& a, const MediaRange& b) {
  if (a.q > b.q) return true;
  if (MajorOf(a.type) != "*" && MajorOf(b.type) == "*") return true;
  return MinorOf(a.type) != "*" && MinorOf(b.type) == "*";
}

MediaRange ParseRange(std::string_view text) {
  MediaRange range;
  std::vector<std::string_view> parts = SplitString(text, ';');
  range.type = Trim(parts[0]);
  for (size_t i = 1; i < parts.size(); ++i) {
    size_t equal = parts[i].find('=');
    if (equal == std::string_view::npos) continue;
    std::string_view name = Trim(parts[i].substr(0, equal));
    std::string_view value = Trim(parts[i].substr(equal + 1));
    if (name == "q") {
      range.q = ParseFloat(value).value_or(0);
    } else {
      range.params.emplace_back(name, value);
    }
  }
  return range;
}

bool IsTokenChar(char c) {
  return c > 0x20 && c < 0x7f &&
         std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}

std::string_view ConsumeToken(std::string_view* rest) {
  size_t n = 0;
  while (n < rest->size() && IsTokenChar((*rest)[n])) ++n;
  std::string_view token = rest->substr(0, n);
  rest->remove_prefix(n);
  return token;
}

void SkipSpace(std::string_view* rest) {
  while (!rest->empty() && std::isspace(static_cast<unsigned char>(rest->front()))) {
    rest->remove_prefix(1);
  }
}

// A token or a quoted string. False when there is none.
bool ConsumeValue(std::string_view* rest) {
  if (rest->empty() || rest->front() != '"') return !ConsumeToken(rest).empty();
  for (size_t i = 1; i < rest->size(); ++i) {
    if ((*rest)[i] == '"') {
      rest->remove_prefix(i + 1);
      return true;
    }
    if ((*rest)[i] == '\r' || (*rest)[i] == '\n') return false;
    if ((*rest)[i] == '\\') ++i;
  }
  return false;
}

// ";name=value" with white space around. Empty name: none.
std::string_view ConsumeParam(std::string_view* rest) {
  std::string_view r = *rest;
  SkipSpace(&r);
  if (r.empty() || r.front() != ';') return {};
  r.remove_prefix(1);
  SkipSpace(&r);
  std::string_view name = ConsumeToken(&r);
  SkipSpace(&r);
  if (name.empty() || r.empty() || r.front() != '=') return {};
  r.remove_prefix(1);
  SkipSpace(&r);
  if (!ConsumeValue(&r)) return {};
  *rest = r;
  return name;
}

Status CheckMediaType(std::string_view type) {
  if (ConsumeToken(&type).empty()) return InvalidArgument("mime: no media type");
  if (type.empty()) return OkStatus();
  if (type.front() != '/') return InvalidArgument("mime: expected slash after first token");
  type.remove_prefix(1);
  if (ConsumeToken(&type).empty()) return InvalidArgument("mime: expected token after slash");
  if (!type.empty()) return InvalidArgument("mime: unexpected content after media subtype");
  return OkStatus();
}

}  // namespace

std::string_view MediaRange::Param(std::string_view name) const {
  for (const auto& [key, value] : params) {
    if (key == name) return value;
  }
  return {};
}

std::vector<MediaRange> ParseAccept(std::string_view accept) {
  std::vector<MediaRange> ranges;
  while (!accept.empty() && ranges.size() < kMaxRanges) {
    size_t comma = std::min(accept.find(','), accept.size());
    MediaRange range = ParseRange(Trim(accept.substr(0, comma)));
    accept.remove_prefix(std::min(comma + 1, accept.size()));
    size_t at = ranges.size();
    while (at > 0 && Before(range, ranges[at - 1])) --at;
    ranges.insert(ranges.begin() + static_cast<std::ptrdiff_t>(at), std::move(range));
  }
  return ranges;
}

StatusOr<std::string> ParseMediaType(std::string_view content_type) {
  size_t semicolon = std::min(content_type.find(';'), content_type.size());
  std::string type = ToLowerAscii(TrimSpace(content_type.substr(0, semicolon)));
  NX_RETURN_IF_ERROR(CheckMediaType(type));
  std::string_view rest = content_type.substr(semicolon);
  std::set<std::string> seen;
  while (true) {
    SkipSpace(&rest);
    if (rest.empty()) return type;
    std::string_view name = ConsumeParam(&rest);
    if (name.empty()) {
      if (TrimSpace(rest) == ";") return type;  // a trailing semicolon is forgiven
      return InvalidArgument("mime: invalid media parameter");
    }
    if (!seen.insert(ToLowerAscii(name)).second) {
      return InvalidArgument("mime: duplicate parameter name");
    }
  }
}

}  // namespace narthex
