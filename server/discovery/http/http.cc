#include "server/discovery/http/http.h"

#include "core/config/http_client.h"
#include "core/strings/quote.h"
#include "server/discovery/groups_text.h"

namespace narthex::discovery::http_sd {
namespace {

constexpr std::string_view kUrlLabel = "__meta_url";

std::string SourceOf(const std::string& url, size_t index) {
  return fmt::format("{}:{}", url, index);
}

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// application/json, with no charset but UTF-8.
bool IsJson(std::string_view content_type) {
  std::string lower(Trim(content_type));
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  std::string_view rest = lower;
  constexpr std::string_view kType = "application/json";
  if (!rest.starts_with(kType)) return false;
  rest.remove_prefix(kType.size());
  if (rest.empty()) return true;
  if (rest[0] != ';') return false;
  rest = Trim(rest.substr(1));
  return rest == "charset=utf-8" || rest == "charset=\"utf-8\"";
}

Counter& Failures(Registry& registry) {
  return registry.AddCounter("prometheus_sd_http_failures_total",
                             "Number of HTTP service discovery refresh failures.");
}

// "60", "0.5": seconds without trailing zeros.
std::string Seconds(int64_t ms) {
  std::string text = fmt::format("{}.{:03}", ms / 1000, ms % 1000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

void Config::RegisterMetrics(Registry& registry) { Failures(registry); }

void Describe(config::Fields& f, Config& config) {
  f.Type("http.plain", "http.SDConfig");
  f.Inline(config.http);
  f.Millis("refresh_interval", config.refresh_interval_ms);
  f.Field("url", config.url, config::Print::kAlways);
}

Status AfterDecode(Config& config) {
  if (config.url.empty()) return InvalidArgument("URL is missing");
  const size_t colon = config.url.find("://");
  const std::string scheme = config.url.substr(0, colon == std::string::npos ? 0 : colon);
  if (scheme != "http" && scheme != "https") {
    return InvalidArgument("URL scheme must be 'http' or 'https'");
  }
  const StatusOr<http::Url> url = http::Url::Parse(config.url);
  const size_t host = colon + 3;
  if (host == config.url.size() || config.url[host] == '/') {
    return InvalidArgument("host is missing in URL");
  }
  if (!url.ok()) return url.status();
  if (url->host.empty()) return InvalidArgument("host is missing in URL");
  if (config.refresh_interval_ms <= 0) {
    return InvalidArgument("http service discovery: refresh_interval must be greater than 0");
  }
  return OkStatus();
}

void ResolvePaths(Config& config, std::string_view directory) {
  config::ResolvePaths(config.http, directory);
}

StatusOr<TargetGroups> ReadAnswer(const http::ClientResponse& response, const std::string& url) {
  if (response.status != 200) {
    return Unavailable("server returned HTTP status {}", response.status_line());
  }
  const std::string_view type = response.headers.Get("Content-Type");
  if (!IsJson(type)) return InvalidArgument("unsupported content type {}", GoQuote(type));
  NX_ASSIGN_OR_RETURN(std::vector<TargetGroup> groups, ParseJsonGroups(response.body));
  TargetGroups out;
  out.reserve(groups.size());
  for (TargetGroup& group : groups) {
    group.source = SourceOf(url, out.size());
    LabelsBuilder labels(group.labels);
    labels.Set(kUrlLabel, url);
    group.labels = labels.Build();
    out.push_back(std::make_shared<const TargetGroup>(std::move(group)));
  }
  return out;
}

StatusOr<std::unique_ptr<Provider>> MakeProvider(const Config& config,
                                                 const ProviderContext& context) {
  NX_ASSIGN_OR_RETURN(auto fetcher, Fetcher::Create("http", config.http, context));
  return StartPolling(std::make_unique<HttpProvider>(config, context, std::move(fetcher)));
}

HttpProvider::HttpProvider(const Config& config, const ProviderContext& context,
                           std::unique_ptr<Fetcher> fetcher)
    : PollingProvider(context, std::string(Config::kMechanism), config.refresh_interval_ms),
      config_(config),
      failures_(Failures(*context.registry)),
      fetcher_(std::move(fetcher)) {}

void HttpProvider::Look() {
  http::ClientRequest request;
  request.url = config_.url;
  request.headers.Add("Accept", "application/json");
  request.headers.Add("X-Prometheus-Refresh-Interval-Seconds",
                      Seconds(config_.refresh_interval_ms));
  request.timeout = std::chrono::milliseconds(config_.refresh_interval_ms);
  fetcher_->Get(std::move(request),
                [this](StatusOr<http::ClientResponse> response) { OnAnswer(std::move(response)); });
}

void HttpProvider::OnAnswer(StatusOr<http::ClientResponse> response) {
  StatusOr<TargetGroups> groups =
      response.ok() ? ReadAnswer(*response, config_.url) : response.status();
  if (!groups.ok()) {
    failures_.Inc();
    return Finish(std::move(groups));
  }
  const size_t found = groups->size();
  for (size_t i = found; i < known_; ++i) {
    auto gone = std::make_shared<TargetGroup>();
    gone->source = SourceOf(config_.url, i);
    groups->push_back(std::move(gone));
  }
  known_ = found;
  Finish(std::move(groups));
}

}  // namespace narthex::discovery::http_sd
