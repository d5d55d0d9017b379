#include "core/kube/api.h"

#include <future>

#include "core/base/clock.h"

namespace narthex::kube {
namespace {

double Seconds(int64_t since_nanos) {
  return static_cast<double>(Clock::System().MonotonicNanos() - since_nanos) / 1e9;
}

StatusCode CodeOf(int status) {
  switch (status) {
    case 400:
    case 422: return StatusCode::kInvalidArgument;
    case 401:
    case 403: return StatusCode::kPermissionDenied;
    case 404: return StatusCode::kNotFound;
    case 409: return StatusCode::kAborted;
    case 410: return StatusCode::kOutOfRange;
    case 429: return StatusCode::kResourceExhausted;
    default: return status >= 500 ? StatusCode::kUnavailable : StatusCode::kFailedPrecondition;
  }
}

}  // namespace

Status ErrorOfAnswer(const http::ClientResponse& response) {
  constexpr size_t kMaxMessage = 1000;
  std::string message;
  if (auto body = ParseJson(response.body, {.max_bytes = 1 << 20}); body.ok()) {
    message = (*body)["message"].AsString().substr(0, kMaxMessage);
  }
  if (message.empty()) {
    message = fmt::format("the server answered {} to {}", response.status_line(), response.url);
  }
  return MakeStatus(CodeOf(response.status), message);
}

StatusOr<std::shared_ptr<Api>> Api::Create(http::ClientRuntime& runtime, Options options) {
  NX_RETURN_IF_ERROR(http::Url::Parse(options.config.server).status());
  http::Client::Options client;
  client.config = options.config.http;
  client.name = options.client_name;
  client.user_agent = options.user_agent;
  client.max_idle_connections_per_host = 4;
  NX_ASSIGN_OR_RETURN(auto made, http::Client::Create(runtime, std::move(client)));
  return std::shared_ptr<Api>(new Api(std::move(options), std::move(made)));
}

http::ClientRequest Api::Request(std::string_view path) const {
  http::ClientRequest request;
  request.url = options_.config.server;
  request.url += path;
  request.headers.Add("Accept", "application/json");
  request.timeout = options_.timeout;
  request.max_body_bytes = options_.max_body_bytes;
  return request;
}

void Api::Observe(std::string_view path, int status, double seconds) const {
  if (options_.observer) options_.observer(path.substr(0, path.find('?')), status, seconds);
}

StatusOr<http::ClientResponse> Api::Send(http::ClientRequest request) {
  const std::string path = request.url.substr(options_.config.server.size());
  const int64_t start = Clock::System().MonotonicNanos();
  auto response = client_->DoBlocking(std::move(request));
  Observe(path, response.ok() ? response->status : 0, Seconds(start));
  if (response.ok() && response->status >= 400) return ErrorOfAnswer(*response);
  return response;
}

StatusOr<JsonValue> Api::Get(std::string_view path) {
  NX_ASSIGN_OR_RETURN(const http::ClientResponse response, Send(Request(path)));
  return ParseJson(response.body, {.max_bytes = options_.max_body_bytes});
}

StatusOr<JsonValue> Api::Post(std::string_view path, std::string json) {
  http::ClientRequest request = Request(path);
  request.method = "POST";
  request.headers.Add("Content-Type", "application/json");
  request.body = std::move(json);
  NX_ASSIGN_OR_RETURN(const http::ClientResponse response, Send(std::move(request)));
  return ParseJson(response.body, {.max_bytes = options_.max_body_bytes});
}

StatusOr<std::string> Api::GetText(std::string_view path, std::chrono::milliseconds timeout) {
  http::ClientRequest request = Request(path);
  request.headers.Set("Accept", "*/*");
  if (timeout.count() > 0) request.timeout = timeout;
  NX_ASSIGN_OR_RETURN(http::ClientResponse response, Send(std::move(request)));
  return std::move(response.body);
}

void Api::Stream(std::string_view path, std::shared_ptr<http::BodyStream> stream,
                 http::Client::Callback callback) {
  http::ClientRequest request = Request(path);
  request.stream = std::move(stream);
  const Observer& observer = options_.observer;
  if (!observer) return client_->Do(std::move(request), std::move(callback));
  const int64_t start = Clock::System().MonotonicNanos();
  const bool is_watch = path.find("watch=true") != std::string_view::npos;
  client_->Do(std::move(request),
              [observer, start, is_watch, path = std::string(path.substr(0, path.find('?'))),
               callback = std::move(callback)](StatusOr<http::ClientResponse> response) {
                observer(path, response.ok() ? response->status : 0,
                         is_watch ? -1 : Seconds(start));
                callback(std::move(response));
              });
}

}  // namespace narthex::kube
