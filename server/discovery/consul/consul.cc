#include "server/discovery/consul/consul.h"

#include "core/log/log.h"
#include "server/discovery/consul/watch.h"
#include "server/discovery/json_answer.h"

namespace narthex::discovery::consul {
namespace {

constexpr int64_t kRetryMs = 15'000;
constexpr std::string_view kUnix = "unix://";

// scheme://address/prefix of every request, without a slash at the end.
std::string BaseUrl(const Config& config) {
  if (config.server.starts_with(kUnix)) return "http://unix";
  const std::string address = config.server.find("://") != std::string::npos
                                  ? config.server
                                  : fmt::format("{}://{}", config.scheme, config.server);
  std::string base = address;
  if (!config.path_prefix.empty()) {
    if (!config.path_prefix.starts_with('/')) base += '/';
    base += config.path_prefix;
  }
  while (base.ends_with('/')) base.pop_back();
  return base;
}

Counter& Failures(Registry& registry) {
  return registry.AddCounter("prometheus_sd_consul_rpc_failures_total",
                             "The number of Consul RPC call failures.");
}

SummaryVec& Durations(Registry& registry) {
  return registry.AddSummaryVec(
      "prometheus_sd_consul_rpc_duration_seconds", "The duration of a Consul RPC call in seconds.",
      {"endpoint", "call"},
      SummaryOptions{.objectives = {{0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}}});
}

}  // namespace

void Config::RegisterMetrics(Registry& registry) {
  Failures(registry);
  Durations(registry).With({"catalog", "services"});
  Durations(registry).With({"health", "service"});
}

StatusOr<std::unique_ptr<Provider>> MakeProvider(const Config& config,
                                                 const ProviderContext& context) {
  NX_ASSIGN_OR_RETURN(auto fetcher, Fetcher::Create("consul_sd", config.http, context));
  return std::unique_ptr<Provider>(
      std::make_unique<ConsulProvider>(config, context, std::move(fetcher), kRetryMs));
}

ConsulProvider::ConsulProvider(const Config& config, const ProviderContext& context,
                               std::unique_ptr<Fetcher> fetcher, int64_t retry_ms)
    : config_(config),
      context_(context),
      fetcher_(std::move(fetcher)),
      retry_ms_(retry_ms),
      failures_(Failures(*context.registry)),
      durations_(Durations(*context.registry)),
      datacenter_(config.datacenter),
      retry_(context.loop) {
  AskDatacenter();
}

ConsulProvider::~ConsulProvider() = default;

http::Params ConsulProvider::CommonParams() const {
  http::Params query;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) query.Add(name, value);
  };
  add("dc", config_.datacenter);
  add("ns", config_.namespace_);
  add("partition", config_.partition);
  if (config_.allow_stale) query.Add("stale", "");
  for (const auto& [key, value] : config_.node_meta) {
    query.Add("node-meta", fmt::format("{}:{}", key, value));
  }
  return query;
}

http::ClientRequest ConsulProvider::Request(const std::string& path,
                                            const http::Params& query) const {
  http::ClientRequest request;
  request.url = BaseUrl(config_) + path;
  if (!query.empty()) request.url += "?" + query.Encode();
  if (config_.server.starts_with(kUnix)) request.unix_socket = config_.server.substr(kUnix.size());
  if (!config_.token.empty()) request.headers.Add("X-Consul-Token", config_.token);
  request.decode_gzip = true;
  return request;
}

// Targets carry the name of the datacenter; who does not say it asks for the agent's.
void ConsulProvider::AskDatacenter() {
  if (!datacenter_.empty()) return Begin();
  fetcher_->Get(Request("/v1/agent/self", {}), [this](StatusOr<http::ClientResponse> response) {
    StatusOr<JsonValue> self = ReadJsonAnswer(response);
    if (self.ok()) datacenter_ = (*self)["Config"]["Datacenter"].AsString();
    if (self.ok() && datacenter_.empty()) self = InvalidArgument("no Config.Datacenter");
    if (self.ok()) return Begin();
    failures_.Inc();
    NX_LOG(Error, "Error retrieving datacenter name", {"component", "discovery manager"},
           {"discovery", "consul"}, {"config", context_.config}, {"err", self.status()});
    retry_.Set(retry_ms_, [this] { AskDatacenter(); });
  });
}

void ConsulProvider::Begin() {
  if (config_.services.empty() || !config_.tags.empty()) {
    http::Params query = CommonParams();
    if (!config_.filter.empty()) query.Add("filter", config_.filter);
    catalog_ = std::make_unique<Watch>(
        this, "/v1/catalog/services", std::move(query), "services", "",
        Watch::Events{[this](const JsonValue& services) { OnCatalog(services); }, [] {}});
    return catalog_->Begin();
  }
  for (const std::string& name : config_.services) WatchService(name);
}

void ConsulProvider::WatchService(const std::string& name) {
  auto [place, is_new] = services_.try_emplace(name);
  if (!is_new) return;
  if (!first_done_) unanswered_.insert(name);
  http::Params query = CommonParams();
  for (const std::string& tag : config_.tags) query.Add("tag", tag);
  if (!config_.health_filter.empty()) query.Add("filter", config_.health_filter);
  place->second = std::make_unique<Watch>(
      this, "/v1/health/service/" + http::PathEscape(name), std::move(query), "service", name,
      Watch::Events{[this, name](const JsonValue& answer) { OnService(name, answer); },
                    [this, name] { Answered(name); }});
  place->second->Begin();
}

void ConsulProvider::OnCatalog(const JsonValue& services) {
  std::set<std::string_view> there;
  for (const auto& [name, tags] : services.members()) {
    there.insert(name);
    if (Wanted(config_, name, tags)) WatchService(name);
  }
  for (auto it = services_.begin(); it != services_.end();) {
    if (there.contains(it->first)) {
      ++it;
      continue;
    }
    const std::string name = it->first;
    it = services_.erase(it);
    auto gone = std::make_shared<TargetGroup>();
    gone->source = name;
    Publish(std::move(gone));
    Answered(name);
  }
  if (services_.empty()) Answered("");
}

void ConsulProvider::OnService(const std::string& name, const JsonValue& answer) {
  StatusOr<std::vector<Labels>> targets = ReadService(answer, config_);
  if (!targets.ok()) {
    failures_.Inc();
    NX_LOG(Error, "Error refreshing service", {"component", "discovery manager"},
           {"discovery", "consul"}, {"config", context_.config}, {"service", name},
           {"err", targets.status()});
    return;
  }
  auto group = std::make_shared<TargetGroup>();
  group->source = name;
  group->labels = Labels{{"__meta_consul_dc", datacenter_}, {"__meta_consul_service", name}};
  group->targets = *std::move(targets);
  Publish(std::move(group));
}

void ConsulProvider::Publish(std::shared_ptr<const TargetGroup> group) {
  if (first_done_) {
    context_.publisher->Publish({std::move(group)});
  } else {
    held_.push_back(std::move(group));
  }
}

void ConsulProvider::Answered(const std::string& service) {
  if (first_done_) return;
  unanswered_.erase(service);
  if (!unanswered_.empty()) return;
  first_done_ = true;
  context_.publisher->Publish(std::move(held_));
}

}  // namespace narthex::discovery::consul
