#include "core/http/types.h"

#include <algorithm>
#include <charconv>

#include "core/http/ascii.h"

namespace narthex::http {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

bool IsUnreserved(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

void AppendPercent(std::string* out, unsigned char c) {
  out->push_back('%');
  out->push_back(kHex[c >> 4]);
  out->push_back(kHex[c & 15]);
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

StatusOr<std::pair<std::string, std::string>> ParsePair(std::string_view pair) {
  if (pair.find(';') != std::string_view::npos) {
    return InvalidArgument("invalid semicolon separator in query");
  }
  const size_t equals = pair.find('=');
  NX_ASSIGN_OR_RETURN(std::string name, PercentDecode(pair.substr(0, equals), true));
  std::string value;
  if (equals != std::string_view::npos) {
    NX_ASSIGN_OR_RETURN(value, PercentDecode(pair.substr(equals + 1), true));
  }
  return std::make_pair(std::move(name), std::move(value));
}

// Calls use(pair) for every non-empty part between ampersands until it returns an error.
template <typename F>
Status ForEachPair(std::string_view text, F&& use) {
  while (!text.empty()) {
    const size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (!pair.empty()) NX_RETURN_IF_ERROR(use(pair));
  }
  return OkStatus();
}

}  // namespace

void Headers::Set(std::string_view name, std::string value) {
  std::string key(name);
  Remove(name);
  Add(std::move(key), std::move(value));
}

void Headers::Remove(std::string_view name) {
  std::erase_if(fields_, [&](const auto& field) { return EqualsIgnoreCase(field.first, name); });
}

std::string_view Headers::Get(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (EqualsIgnoreCase(key, name)) return value;
  }
  return {};
}

bool Headers::Has(std::string_view name) const {
  return std::any_of(fields_.begin(), fields_.end(),
                     [&](const auto& field) { return EqualsIgnoreCase(field.first, name); });
}

std::vector<std::string_view> Headers::GetAll(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : fields_) {
    if (EqualsIgnoreCase(key, name)) values.push_back(value);
  }
  return values;
}

std::string_view Params::Get(std::string_view name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) return value;
  }
  return {};
}

bool Params::Has(std::string_view name) const {
  return std::any_of(values_.begin(), values_.end(),
                     [&](const auto& pair) { return pair.first == name; });
}

std::vector<std::string> Params::GetAll(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : values_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

std::string Params::Encode() const {
  std::string out;
  for (const auto& [key, value] : values_) {
    if (!out.empty()) out.push_back('&');
    out += QueryEscape(key);
    out.push_back('=');
    out += QueryEscape(value);
  }
  return out;
}

StatusOr<Params> ParseForm(std::string_view text, size_t limit) {
  Params params;
  size_t count = 0;
  NX_RETURN_IF_ERROR(ForEachPair(text, [&](std::string_view pair) -> Status {
    if (++count > limit) return OutOfRange("more than {} parameters", limit);
    NX_ASSIGN_OR_RETURN(auto parsed, ParsePair(pair));
    params.Add(std::move(parsed.first), std::move(parsed.second));
    return OkStatus();
  }));
  return params;
}

Params ParseFormLeniently(std::string_view text, size_t limit) {
  Params params;
  size_t count = 0;
  (void)ForEachPair(text, [&](std::string_view pair) -> Status {
    if (++count > limit) return OutOfRange("too many");
    auto parsed = ParsePair(pair);
    if (parsed.ok()) params.Add(std::move(parsed->first), std::move(parsed->second));
    return OkStatus();
  });
  return params;
}

StatusOr<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '+' && plus_is_space) {
      out.push_back(' ');
    } else if (c == '%') {
      const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return InvalidArgument("invalid URL escape \"{}\"", text.substr(i, 3));
      }
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string QueryEscape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const unsigned char c : text) {
    if (IsUnreserved(c)) {
      out.push_back(static_cast<char>(c));
    } else if (c == ' ') {
      out.push_back('+');
    } else {
      AppendPercent(&out, c);
    }
  }
  return out;
}

std::string PathEscape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const unsigned char c : text) {
    if (IsUnreserved(c) || c == '$' || c == '&' || c == '+' || c == ':' || c == '=' || c == '@') {
      out.push_back(static_cast<char>(c));
    } else {
      AppendPercent(&out, c);
    }
  }
  return out;
}

std::string_view StatusText(int code) {
  switch (code) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 305: return "Use Proxy";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Request Entity Too Large";
    case 414: return "Request URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Requested Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 418: return "I'm a teapot";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Entity";
    case 423: return "Locked";
    case 424: return "Failed Dependency";
    case 425: return "Too Early";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 451: return "Unavailable For Legal Reasons";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    case 508: return "Loop Detected";
    case 511: return "Network Authentication Required";
    default: return "";
  }
}

}  // namespace narthex::http
