#include "server/discovery/nomad/nomad.h"

#include "core/config/http_client.h"
#include "server/discovery/json_answer.h"
#include "server/discovery/meta_labels.h"

namespace narthex::discovery::nomad {
namespace {

constexpr size_t kTogether = 4;

std::string JoinTags(const JsonValue& tags, const std::string& separator) {
  std::string out = separator;
  for (const JsonValue& tag : tags.items()) out += tag.AsString() + separator;
  return out;
}

Counter& Failures(Registry& registry) {
  return registry.AddCounter("prometheus_sd_nomad_failures_total",
                             "Number of nomad service discovery refresh failures.");
}

}  // namespace

void Config::RegisterMetrics(Registry& registry) { Failures(registry); }

void Describe(config::Fields& f, Config& config) {
  f.Type("nomad.plain", "nomad.SDConfig");
  f.Field("allow_stale", config.allow_stale, config::Print::kAlways);
  f.Inline(config.http);
  f.Field("namespace", config.namespace_, config::Print::kAlways);
  f.Millis("refresh_interval", config.refresh_interval_ms, config::Print::kAlways);
  f.Field("region", config.region, config::Print::kAlways);
  f.Field("server", config.server, config::Print::kAlways);
  f.Field("tag_separator", config.tag_separator);
}

Status AfterDecode(Config& config) {
  if (config.server.find_first_not_of(" \t\r\n") == std::string::npos) {
    return InvalidArgument("nomad SD configuration requires a server address");
  }
  if (config.refresh_interval_ms <= 0) {
    return InvalidArgument("nomad service discovery: refresh_interval must be greater than 0");
  }
  return OkStatus();
}

void ResolvePaths(Config& config, std::string_view directory) {
  config::ResolvePaths(config.http, directory);
}

std::vector<std::string> ReadServiceNames(const JsonValue& answer) {
  std::vector<std::string> names;
  for (const JsonValue& stub : answer.items()) {
    for (const JsonValue& service : stub["Services"].items()) {
      if (!service["ServiceName"].AsString().empty()) {
        names.push_back(service["ServiceName"].AsString());
      }
    }
  }
  return names;
}

std::vector<Labels> ReadInstances(const JsonValue& answer, const Config& config) {
  std::vector<Labels> targets;
  for (const JsonValue& instance : answer.items()) {
    const std::string& address = instance["Address"].AsString();
    const int64_t port = instance["Port"].AsInt();
    LabelsBuilder labels;
    const auto set = [&](std::string_view name, std::string_view value) {
      labels.Set(fmt::format("__meta_nomad_{}", name), value);
    };
    set("address", address);
    set("dc", instance["Datacenter"].AsString());
    set("node_id", instance["NodeID"].AsString());
    set("namespace", instance["Namespace"].AsString());
    set("service", instance["ServiceName"].AsString());
    set("service_address", address);
    set("service_alloc_id", instance["AllocID"].AsString());
    set("service_id", instance["ID"].AsString());
    set("service_job_id", instance["JobID"].AsString());
    set("service_port", fmt::format("{}", port));
    if (!instance["Tags"].items().empty()) {
      set("tags", JoinTags(instance["Tags"], config.tag_separator));
    }
    labels.Set(kAddressLabel, JoinHostPort(address, port));
    targets.push_back(labels.Build());
  }
  return targets;
}

StatusOr<std::unique_ptr<Provider>> MakeProvider(const Config& config,
                                                 const ProviderContext& context) {
  NX_ASSIGN_OR_RETURN(auto fetcher, Fetcher::Create("nomad_sd", config.http, context));
  return StartPolling(std::make_unique<NomadProvider>(config, context, std::move(fetcher)));
}

NomadProvider::NomadProvider(const Config& config, const ProviderContext& context,
                             std::unique_ptr<Fetcher> fetcher)
    : PollingProvider(context, std::string(Config::kMechanism), config.refresh_interval_ms),
      config_(config),
      fetcher_(std::move(fetcher)),
      failures_(Failures(*context.registry)) {}

http::ClientRequest NomadProvider::Request(const std::string& path) const {
  http::Params query;
  if (!config_.namespace_.empty()) query.Add("namespace", config_.namespace_);
  if (!config_.region.empty()) query.Add("region", config_.region);
  if (config_.allow_stale) query.Add("stale", "");
  std::string base = config_.server;
  while (base.ends_with('/')) base.pop_back();
  http::ClientRequest request;
  request.url = base + path + (query.empty() ? "" : "?" + query.Encode());
  request.decode_gzip = true;
  return request;
}

void NomadProvider::Look() {
  names_.clear();
  targets_.clear();
  next_ = 0;
  failure_ = OkStatus();
  fetcher_->Get(Request("/v1/services"), [this](StatusOr<http::ClientResponse> response) {
    const StatusOr<JsonValue> list = ReadJsonAnswer(response);
    if (!list.ok()) return Fail(list.status());
    names_ = ReadServiceNames(*list);
    AskNext();
  });
}

// Begins what may begin; ends the look when everything is answered.
void NomadProvider::AskNext() {
  while (failure_.ok() && next_ < names_.size() && in_flight_ < kTogether) {
    ++in_flight_;
    fetcher_->Get(
        Request("/v1/service/" + http::PathEscape(names_[next_++])),
        [this](const StatusOr<http::ClientResponse>& response) { OnInstances(response); });
  }
  if (in_flight_ > 0) return;
  if (!failure_.ok()) return Fail(failure_);
  auto group = std::make_shared<TargetGroup>();
  group->source = "Nomad";
  group->targets = std::move(targets_);
  Finish(TargetGroups{std::move(group)});
}

void NomadProvider::OnInstances(const StatusOr<http::ClientResponse>& response) {
  --in_flight_;
  const StatusOr<JsonValue> answer = ReadJsonAnswer(response);
  if (!answer.ok()) {
    failure_ = Annotate(answer.status(), "failed to fetch services");
  } else {
    for (Labels& labels : ReadInstances(*answer, config_)) targets_.push_back(std::move(labels));
  }
  AskNext();
}

void NomadProvider::Fail(const Status& status) {
  failures_.Inc();
  Finish(status);
}

}  // namespace narthex::discovery::nomad
