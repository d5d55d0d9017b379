#include "core/http/request_head.h"

#include <charconv>

#include "core/http/ascii.h"
#include "core/http/message_head.h"
#include "core/http/request_target.h"

namespace narthex::http {
namespace {

constexpr RequestFault kNoFault;
constexpr RequestFault kBadRequest{400, {}};
constexpr RequestFault kUnknownCoding{501, "Unsupported transfer encoding"};

// The fields that say what becomes of body and connection.
struct FramingFields {
  std::string_view host, length, coding;
  int hosts = 0, codings = 0;
  bool has_length = false, lengths_differ = false;
  bool close = false, keep_alive = false;
  bool promises_framing = false;  // as a trailer
};

FramingFields ReadFramingFields(const Headers& headers) {
  FramingFields out;
  for (const auto& [name, value] : headers) {
    if (EqualsIgnoreCase(name, "Host")) {
      ++out.hosts;
      out.host = value;
    } else if (EqualsIgnoreCase(name, "Content-Length")) {
      out.lengths_differ |= out.has_length && out.length != value;
      out.has_length = true;
      out.length = value;
    } else if (EqualsIgnoreCase(name, "Transfer-Encoding")) {
      ++out.codings;
      out.coding = value;
    } else if (EqualsIgnoreCase(name, "Connection")) {
      out.close |= HasToken(value, "close");
      out.keep_alive |= HasToken(value, "keep-alive");
    } else if (EqualsIgnoreCase(name, "Trailer")) {
      for (const auto* forbidden : {"Transfer-Encoding", "Trailer", "Content-Length"}) {
        out.promises_framing |= HasToken(value, forbidden);
      }
    }
  }
  return out;
}

RequestFault SetFraming(const FramingFields& fields, RequestHead* out) {
  if (fields.codings > 0 && out->version >= 11) {  // HTTP/1.0 knows none
    if (fields.codings > 1 || !EqualsIgnoreCase(fields.coding, "chunked")) return kUnknownCoding;
    out->chunked = true;
  }
  if (fields.lengths_differ) return kBadRequest;
  if (!fields.length.empty()) {
    uint64_t length = 0;
    const char* const end = fields.length.data() + fields.length.size();
    const auto [rest, error] = std::from_chars(fields.length.data(), end, length);
    if (error != std::errc() || rest != end || length > INT64_MAX) return kBadRequest;
    if (!out->chunked) out->length = length;
  }
  if (out->chunked && fields.promises_framing) return kBadRequest;
  out->keep_alive = !fields.close && (out->version >= 11 || fields.keep_alive);
  return kNoFault;
}

}  // namespace

RequestFault ParseRequestLine(std::string_view line, RequestHead* out) {
  const size_t first = line.find(' ');
  const size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return kBadRequest;
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (version.size() != 8 || !version.starts_with("HTTP/") || !digit(version[5]) ||
      version[6] != '.' || !digit(version[7]) || !IsToken(method)) {
    return kBadRequest;
  }
  auto parsed = ParseRequestTarget(method, target);
  if (!parsed.ok()) return kBadRequest;
  out->method = method;
  out->target = target;
  out->path = std::move(parsed->path);
  out->raw_query = std::move(parsed->raw_query);
  out->version = (version[5] - '0') * 10 + (version[7] - '0');
  return kNoFault;
}

RequestFault ParseRequestHead(std::string_view text, RequestHead* out) {
  *out = RequestHead();
  if (const auto fault = ParseRequestLine(NextHeadLine(&text), out); fault.status != 0) {
    return fault;
  }
  out->headers.Reserve(8);
  const Status status = ParseFields(text, BlankNames::kRefused, &out->headers);
  if (status.code() == StatusCode::kResourceExhausted) return {431, {}};
  if (!status.ok()) {
    constexpr std::string_view kName = "invalid header name";
    return {400, MessageOf(status) == kName ? kName : std::string_view()};
  }
  const FramingFields fields = ReadFramingFields(out->headers);
  if (fields.hosts > 1) return kBadRequest;
  if (const auto fault = SetFraming(fields, out); fault.status != 0) return fault;
  const bool preface = out->version == 20 && out->method == "PRI" && out->target == "*";
  if (out->version / 10 != 1 && !preface) return {505, "unsupported protocol version"};
  if (out->version >= 11 && fields.hosts == 0 && !preface && out->method != "CONNECT") {
    return {400, "missing required Host header"};
  }
  if (!IsHostText(fields.host)) return {400, "malformed Host header"};
  if (preface) out->keep_alive = false;
  return kNoFault;
}

}  // namespace narthex::http
