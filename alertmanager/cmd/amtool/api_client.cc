#include "alertmanager/cmd/amtool/api_client.h"

#include <cctype>
#include <cstdio>
#include <filesystem>

#include "core/base/file.h"
#include "core/config/http_client.h"
#include "core/flags/flags.h"
#include "core/json/writer.h"
#include "core/strings/quote.h"

namespace narthex::am {
namespace {

constexpr size_t kMaxAnswer = size_t{1} << 30;
constexpr size_t kMaxValues = 100'000'000;
constexpr char kDefaultHost[] = "localhost";
constexpr char kDefaultPort[] = "9093";

// Scheme, host and port may be left out.
StatusOr<http::Url> ParseServerUrl(const std::string& text) {
  std::string whole = text;
  const size_t colon = text.find(':'), slash = text.find('/');
  const bool has_scheme = colon != std::string::npos && colon > 0 && colon < slash &&
                          std::isalpha(static_cast<unsigned char>(text[0]));
  if (text.starts_with("//")) {
    whole = "http:" + text;
  } else if (!has_scheme) {
    if (colon < slash) return InvalidArgument("invalid URL {}: no scheme", GoQuote(text));
    whole = fmt::format("http://{}:{}{}{}", kDefaultHost, kDefaultPort,
                        text.empty() || slash == 0 ? "" : "/", text);
  } else if (text.compare(colon + 1, 2, "//") != 0 || text.size() == colon + 3) {
    whole = fmt::format("{}://{}:{}", text.substr(0, colon), kDefaultHost, kDefaultPort);
  }
  StatusOr<http::Url> url = http::Url::Parse(whole);
  if (!url.ok()) return Annotate(url.status(), "invalid URL " + GoQuote(text));
  while (url->path.ends_with('/')) url->path.pop_back();
  url->path += "/api/v2";
  url->query.clear();
  url->fragment.clear();
  return url;
}

StatusOr<http::ClientConfig> ReadHttpConfig(const std::string& path) {
  http::ClientConfig config;
  if (path.empty()) return config;
  auto read = [&]() -> Status {
    NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, 1 << 20));
    return config::Decode(text, &config);
  };
  NX_RETURN_IF_ERROR(Annotate(read(), "failed to load HTTP config file"));
  config::ResolvePaths(config, std::filesystem::path(path).parent_path().string());
  return config;
}

// "0.34" of "0.34.0".
std::string_view Minor(std::string_view version) {
  const size_t dot = version.find('.');
  return dot == std::string_view::npos ? version : version.substr(0, version.find('.', dot + 1));
}

// What a refusal says, as JSON.
std::string Explanation(const http::ClientResponse& response) {
  const StatusOr<JsonValue> parsed = ParseJson(response.body);
  std::string out;
  AppendJsonString(&out, parsed.ok() && parsed->is_string() ? parsed->AsString() : response.body);
  return out;
}

Status RefusalOf(const Operation& op, const http::ClientResponse& response) {
  const bool known = (response.status == 400 && op.bad_request) ||
                     (response.status == 404 && op.not_found) ||
                     (response.status == 500 && op.server_error);
  if (!known) {
    return Unavailable("[{} {}] {} (status {}): {{}}", op.method, op.path, op.name,
                       response.status);
  }
  const std::string_view word = response.status == 400   ? "BadRequest"
                                : response.status == 404 ? "NotFound"
                                                         : "InternalServerError";
  const bool explained = response.status != 404 || op.explains_not_found;
  const std::string text =
      fmt::format("[{} {}][{}] {}{}{}{}", op.method, op.path, response.status, op.name, word,
                  explained ? " " : "", explained ? Explanation(response) : "");
  return response.status == 404 ? NotFound("{}", text) : InvalidArgument("{}", text);
}

std::string Replace(std::string text, std::string_view what, std::string_view with) {
  const size_t at = text.find(what);
  return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

}  // namespace

StatusOr<std::unique_ptr<ApiClient>> ApiClient::Create(const Settings& settings) {
  std::unique_ptr<ApiClient> api(new ApiClient(settings));
  NX_ASSIGN_OR_RETURN(api->base_, ParseServerUrl(*settings.url));
  http::Client::Options options;
  NX_ASSIGN_OR_RETURN(options.config, ReadHttpConfig(*settings.http_config_file));
  if (api->base_.has_user) {
    if (!settings.http_config_file->empty()) {
      return InvalidArgument("basic authentication and http.config.file are mutually exclusive");
    }
    http::ClientConfig::BasicAuth& auth = options.config.basic_auth.emplace();
    auth.username = api->base_.user;
    auth.password = api->base_.password;
    api->base_.has_user = api->base_.has_password = false;  // errors show the URL without them
  }
  options.user_agent = "amtool/" + GetBuildInfo("amtool").version;
  NX_ASSIGN_OR_RETURN(api->client_, http::Client::Create(api->runtime_, options));
  if (*settings.version_check) api->CheckVersion();
  return api;
}

StatusOr<JsonValue> ApiClient::Call(const Operation& operation, const Arguments& arguments) {
  http::Url url = base_;
  url.path += Replace(std::string(operation.path), "{silenceID}", http::PathEscape(arguments.id));
  url.query = arguments.query.Encode();
  if (url.scheme != "http" && url.scheme != "https") {
    std::string verb = ToLowerAscii(operation.method);
    verb[0] = operation.method[0];
    return InvalidArgument("{} \"{}\": unsupported protocol scheme \"{}\"", verb,
                           url.ToString(true), url.scheme);
  }
  http::ClientRequest request;
  request.method = operation.method;
  request.url = url.ToString();
  request.timeout = std::chrono::milliseconds(*settings_.timeout_ms);
  request.max_body_bytes = kMaxAnswer;
  request.decode_gzip = true;
  request.headers.Add("Accept", "application/json");
  if (!arguments.body.empty()) {
    request.headers.Add("Content-Type", "application/json");
    request.body = arguments.body;
  }
  NX_ASSIGN_OR_RETURN(const http::ClientResponse response, client_->DoBlocking(std::move(request)));
  if (response.status != 200) return RefusalOf(operation, response);
  if (operation.answer == JsonValue::Type::kNull) return JsonValue();
  StatusOr<JsonValue> answer =
      ParseJson(response.body, {.max_bytes = kMaxAnswer, .max_values = kMaxValues});
  if (answer.ok() && answer->type() == operation.answer) return answer;
  return DataLoss("[{} {}] {}: the answer is not that of an Alertmanager{}{}", operation.method,
                  operation.path, operation.name, answer.ok() ? "" : ": ",
                  MessageOf(answer.status()));
}

void ApiClient::CheckVersion() {
  const StatusOr<JsonValue> status = Call(kGetStatus);
  if (!status.ok()) return;  // what was asked for will say so
  const std::string& theirs = (*status)["versionInfo"]["version"].AsString();
  const std::string& ours = GetBuildInfo("amtool").version;
  if (theirs.empty() || Minor(theirs) == Minor(ours)) return;
  std::fprintf(stderr,
               "Warning: amtool version (%s) and alertmanager version (%s) are different.\n",
               ours.c_str(), theirs.c_str());
}

}  // namespace narthex::am
