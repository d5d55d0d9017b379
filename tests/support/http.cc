#include "tests/support/http.h"

#include <httplib.h>

namespace narthex::testing {
namespace {

std::pair<std::string, std::string> SplitUrl(const std::string& url) {
  const size_t path = url.find('/', url.find("://") + 3);
  if (path == std::string::npos) return {url, "/"};
  return {url.substr(0, path), url.substr(path)};
}

}  // namespace

HttpResult HttpSend(const std::string& method, const std::string& url, const std::string& body,
                    const std::string& content_type) {
  const auto [host, target] = SplitUrl(url);
  httplib::Client client(host);
  client.set_connection_timeout(5);
  client.set_read_timeout(30);
  httplib::Request request;
  request.method = method;
  request.path = target;
  request.body = body;
  if (!content_type.empty()) request.set_header("Content-Type", content_type);
  if (!body.empty()) request.set_header("Content-Length", std::to_string(body.size()));
  const auto answer = client.send(request);
  if (!answer) return {};
  return {answer->status, answer->body, answer->get_header_value("Content-Type"),
          answer->get_header_value("Location")};
}

struct HttpSession::Impl {
  explicit Impl(const std::string& base) : client(base) {}
  HttpResult Send(const httplib::Request& request) {
    const auto answer = client.send(request);
    if (!answer) return {};
    return {answer->status, answer->body, answer->get_header_value("Content-Type"), ""};
  }
  httplib::Client client;
};

HttpSession::HttpSession(const std::string& base, std::chrono::seconds timeout)
    : impl_(std::make_unique<Impl>(base)) {
  impl_->client.set_keep_alive(true);
  impl_->client.set_tcp_nodelay(true);
  impl_->client.set_read_timeout(timeout);
  impl_->client.set_write_timeout(timeout);
}
HttpSession::~HttpSession() = default;

HttpResult HttpSession::Get(const std::string& target) {
  httplib::Request request;
  request.method = "GET";
  request.path = target;
  return impl_->Send(request);
}

HttpResult HttpSession::Post(const std::string& target, const std::string& body,
                             const std::string& content_type, const std::string& content_encoding) {
  httplib::Request request;
  request.method = "POST";
  request.path = target;
  request.body = body;
  request.set_header("Content-Type", content_type);
  if (!content_encoding.empty()) request.set_header("Content-Encoding", content_encoding);
  return impl_->Send(request);
}

HttpResult HttpGet(const std::string& url) { return HttpSend("GET", url); }

std::string UrlEscape(const std::string& text) { return httplib::detail::encode_query_param(text); }

}  // namespace narthex::testing
