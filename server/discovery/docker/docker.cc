#include "server/discovery/docker/docker.h"

#include "core/config/http_client.h"
#include "core/json/writer.h"
#include "server/discovery/json_answer.h"

namespace narthex::discovery::docker {
namespace {

constexpr std::string_view kUnix = "unix://";
constexpr std::string_view kTcp = "tcp://";

bool IsHttp(const std::string& host) {
  return host.starts_with("http://") || host.starts_with("https://");
}

// The query of /containers/json: {"name":{"web":true}}.
std::string FilterText(const std::vector<Filter>& filters) {
  std::map<std::string, std::vector<std::string>> by_name;
  for (const Filter& filter : filters) {
    auto& values = by_name[filter.name];
    values.insert(values.end(), filter.values.begin(), filter.values.end());
  }
  std::string text;
  JsonWriter writer(&text);
  writer.BeginObject();
  for (const auto& [name, values] : by_name) {
    writer.Key(name);
    writer.BeginObject();
    for (const std::string& value : values) {
      writer.Key(value);
      writer.Bool(true);
    }
    writer.EndObject();
  }
  writer.EndObject();
  return text;
}

}  // namespace

void Describe(config::Fields& f, Filter& filter) {
  f.Type("docker.Filter");
  f.Field("name", filter.name, config::Print::kAlways);
  f.Field("values", filter.values, config::Print::kAlways);
}

void Describe(config::Fields& f, Config& config) {
  f.Type("docker.plain", "docker.DockerSDConfig");
  f.Inline(config.http);
  f.Field("host", config.host, config::Print::kAlways);
  f.Field("port", config.port, config::Print::kAlways);
  f.Field("filters", config.filters, config::Print::kAlways);
  f.Field("host_networking_host", config.host_networking_host, config::Print::kAlways);
  f.Millis("refresh_interval", config.refresh_interval_ms, config::Print::kAlways);
  f.Field("match_first_network", config.match_first_network, config::Print::kAlways);
}

Status AfterDecode(Config& config) {
  if (config.host.empty()) return InvalidArgument("host missing");
  if (!IsHttp(config.host) && !config.host.starts_with(kUnix) && !config.host.starts_with(kTcp)) {
    return InvalidArgument("docker host must begin with unix://, tcp://, http:// or https://: {}",
                           config.host);
  }
  if (config.refresh_interval_ms <= 0) {
    return InvalidArgument("docker service discovery: refresh_interval must be greater than 0");
  }
  return OkStatus();
}

void ResolvePaths(Config& config, std::string_view directory) {
  config::ResolvePaths(config.http, directory);
}

StatusOr<std::unique_ptr<Provider>> MakeProvider(const Config& config,
                                                 const ProviderContext& context) {
  // As upstream, the client's settings are for HTTP hosts only.
  NX_ASSIGN_OR_RETURN(
      auto fetcher,
      Fetcher::Create("docker_sd", IsHttp(config.host) ? config.http : http::ClientConfig(),
                      context));
  return StartPolling(std::make_unique<DockerProvider>(config, context, std::move(fetcher)));
}

DockerProvider::DockerProvider(const Config& config, const ProviderContext& context,
                               std::unique_ptr<Fetcher> fetcher)
    : PollingProvider(context, std::string(Config::kMechanism), config.refresh_interval_ms),
      config_(config),
      fetcher_(std::move(fetcher)) {}

http::ClientRequest DockerProvider::Request(const std::string& path) const {
  http::ClientRequest request;
  if (config_.host.starts_with(kUnix)) {
    request.unix_socket = config_.host.substr(kUnix.size());
    request.url = "http://docker" + path;
  } else {
    std::string base = config_.host.starts_with(kTcp) ? "http://" + config_.host.substr(kTcp.size())
                                                      : config_.host;
    while (base.ends_with('/')) base.pop_back();
    request.url = base + path;
  }
  request.timeout = std::chrono::milliseconds(config_.refresh_interval_ms);
  return request;
}

void DockerProvider::Look() {
  std::string path = "/containers/json";
  if (!config_.filters.empty())
    path += "?filters=" + http::QueryEscape(FilterText(config_.filters));
  fetcher_->Get(Request(path), [this](StatusOr<http::ClientResponse> response) {
    StatusOr<JsonValue> containers = ReadJsonAnswer(response);
    if (!containers.ok()) {
      return Finish(Annotate(containers.status(), "error while listing containers"));
    }
    AskNetworks(*std::move(containers));
  });
}

void DockerProvider::AskNetworks(JsonValue containers) {
  auto held = std::make_shared<const JsonValue>(std::move(containers));
  fetcher_->Get(Request("/networks"), [this, held](StatusOr<http::ClientResponse> response) {
    const StatusOr<JsonValue> networks = ReadJsonAnswer(response);
    if (!networks.ok()) {
      return Finish(Annotate(networks.status(), "error while computing network labels"));
    }
    auto group = std::make_shared<TargetGroup>();
    group->source = "Docker";
    group->targets = ReadContainers(*held, *networks, config_);
    Finish(TargetGroups{std::move(group)});
  });
}

}  // namespace narthex::discovery::docker
