#include "server/cmd/promtool/api_client.h"

#include <filesystem>

#include "core/base/file.h"
#include "core/config/http_client.h"
#include "core/flags/flags.h"
#include "core/http/types.h"
#include "core/strings/quote.h"

namespace narthex::promtool {
namespace {

constexpr size_t kMaxAnswer = size_t{1} << 30;
constexpr size_t kMaxValues = 100'000'000;
constexpr std::chrono::minutes kTimeout{30};

StatusOr<http::ClientConfig> ReadConfig(const std::string& path) {
  http::ClientConfig config;
  if (path.empty()) return config;
  NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, 1 << 20));
  NX_RETURN_IF_ERROR(Annotate(config::Decode(text, &config), path));
  config::ResolvePaths(config, std::filesystem::path(path).parent_path().string());
  return config;
}

}  // namespace

StatusOr<std::unique_ptr<ApiClient>> ApiClient::Create(const std::string& url,
                                                       const std::string& http_config_file) {
  std::string base = url.find("://") == std::string::npos ? "http://" + url : url;
  NX_RETURN_IF_ERROR(http::Url::Parse(base).status());
  while (base.ends_with('/')) base.pop_back();
  std::unique_ptr<ApiClient> api(new ApiClient(base));
  http::Client::Options options;
  NX_ASSIGN_OR_RETURN(options.config, ReadConfig(http_config_file));
  options.user_agent = "promtool/" + GetBuildInfo("promtool").version;
  NX_ASSIGN_OR_RETURN(api->client_, http::Client::Create(api->runtime_, options));
  return api;
}

StatusOr<std::string> ApiClient::Post(std::string_view path, const http::Params& form,
                                      const Headers& headers) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = base_ + std::string(path);
  request.headers.Add("Content-Type", "application/x-www-form-urlencoded");
  for (const auto& [name, value] : headers) request.headers.Add(name, value);
  request.body = form.Encode();
  return Send(std::move(request));
}

StatusOr<std::string> ApiClient::Get(std::string_view path, const http::Params& query) {
  http::ClientRequest request;
  request.method = "GET";
  request.url = base_ + std::string(path) + "?" + query.Encode();
  return Send(std::move(request));
}

StatusOr<http::ClientResponse> ApiClient::GetPage(std::string_view path) {
  http::ClientRequest request;
  request.method = "GET";
  request.url = url_ + std::string(path);
  request.timeout = kTimeout;
  request.max_body_bytes = kMaxAnswer;
  return client_->DoBlocking(std::move(request));
}

StatusOr<std::string> ApiClient::Send(http::ClientRequest request) {
  request.timeout = kTimeout;
  request.max_body_bytes = kMaxAnswer;
  request.decode_gzip = true;
  NX_ASSIGN_OR_RETURN(http::ClientResponse response, client_->DoBlocking(std::move(request)));
  // With these two the API says in the body what is wrong.
  const bool says_more = response.status == 400 || response.status == 422;
  if (response.status / 100 == 2 || says_more) return std::move(response.body);
  const std::string_view text = TrimSpace(response.body);
  const std::string detail = text.empty() ? "" : fmt::format(" (detail: {})", text);
  switch (response.status / 100) {
    case 4: return InvalidArgument("client_error: client error: {}{}", response.status, detail);
    case 5: return Unavailable("server_error: server error: {}{}", response.status, detail);
    default: return Unavailable("bad_response: bad response code {}", response.status);
  }
}

StatusOr<JsonValue> DataOf(std::string_view body, std::vector<std::string>* warnings) {
  NX_ASSIGN_OR_RETURN(const JsonValue answer,
                      ParseJson(body, {.max_bytes = kMaxAnswer, .max_values = kMaxValues}));
  if (answer["status"].AsString() != "success") {
    return InvalidArgument("{}: {}", answer["errorType"].AsString(), answer["error"].AsString());
  }
  if (warnings != nullptr) {
    for (const JsonValue& text : answer["warnings"].items()) warnings->push_back(text.AsString());
  }
  return answer["data"];
}

}  // namespace narthex::promtool
