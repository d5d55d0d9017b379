#include "core/http/prepared_request.h"

#include "core/http/ascii.h"
#include "core/http/proxy.h"

namespace narthex::http {

void AppendField(std::string* out, std::string_view name, std::string_view value) {
  out->append(name).append(": ");
  for (const char c : value) out->push_back(c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
  out->append("\r\n");
}

std::string RequestHead(const PreparedRequest& prepared, const std::string& user_agent) {
  const ClientRequest& request = prepared.request;
  const Url& url = prepared.url;
  std::string out;
  out.reserve(512);
  out.append(request.method).append(" ");
  if (prepared.proxy != nullptr && !IsSocks(*prepared.proxy) && url.scheme == "http") {
    out.append("http://").append(url.host_port());
  }
  out.append(url.target()).append(" HTTP/1.1\r\n");
  if (!request.headers.Has("Host")) AppendField(&out, "Host", url.host_port());
  if (!request.headers.Has("User-Agent") && !user_agent.empty()) {
    AppendField(&out, "User-Agent", user_agent);
  }
  const bool has_body = request.method == "POST" || request.method == "PUT" ||
                        request.method == "PATCH" || !request.body.empty();
  if (has_body) AppendField(&out, "Content-Length", fmt::format("{}", request.body.size()));
  for (const auto& [name, value] : request.headers) {
    if (!EqualsIgnoreCase(name, "Content-Length")) AppendField(&out, name, value);
  }
  if (request.decode_gzip && !request.headers.Has("Accept-Encoding")) {
    AppendField(&out, "Accept-Encoding", "gzip");
  }
  out.shrink_to_fit();
  return out;
}

Headers FieldsOf(std::string_view head) {
  Headers fields;
  for (size_t at = head.find("\r\n") + 2; at < head.size();) {
    const size_t end = head.find("\r\n", at);
    const std::string_view line = head.substr(at, end - at);
    const size_t colon = line.find(": ");
    fields.Add(std::string(line.substr(0, colon)), std::string(line.substr(colon + 2)));
    at = end + 2;
  }
  return fields;
}

std::string OperationName(std::string_view method) {
  std::string name = AsciiLower(method);
  if (!name.empty()) name[0] = method[0];
  return name;
}

std::string ConnectionKey(const PreparedRequest& prepared) {
  const Url& url = prepared.url;
  return fmt::format("{}|{}|{}|{}|{}", url.scheme, AsciiLower(url.host), url.effective_port(),
                     prepared.proxy == nullptr ? std::string() : prepared.proxy->ToString(),
                     prepared.request.unix_socket);
}

}  // namespace narthex::http
