#include "kube_state_metrics/serve/instance.h"

#include "core/base/mutex.h"
#include "core/flags/flags.h"
#include "core/http/server.h"
#include "core/log/log.h"
#include "kube_state_metrics/serve/auth_filter.h"
#include "kube_state_metrics/serve/auto_shard.h"
#include "kube_state_metrics/serve/collection.h"
#include "kube_state_metrics/serve/handlers.h"

namespace narthex::ksm {
namespace {

constexpr int kMaxScrapes = 8;  // threads that write answers at once
constexpr size_t kMaxBody = 1 << 20;

StatusOr<kube::ApiConfig> ApiConfigOf(const Options& options) {
  kube::ApiConfig config;
  if (!options.kubeconfig.empty()) {
    NX_ASSIGN_OR_RETURN(config, kube::LoadKubeconfig(options.kubeconfig));
  } else if (options.apiserver.empty()) {
    NX_ASSIGN_OR_RETURN(config, kube::InClusterConfig());
  }
  if (!options.apiserver.empty()) config.server = options.apiserver;
  while (config.server.ends_with('/')) config.server.pop_back();
  return config;
}

std::string UserAgent() {
  const BuildInfo& build = GetBuildInfo("kube_state_metrics");
  return fmt::format("kube-state-metrics/v{} ({}) kubernetes/{}", build.version, build.platform,
                     build.revision);
}

std::string Address(const std::string& host, int64_t port) {
  if (host == "::" || host.empty()) return fmt::format(":{}", port);
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

// A time of 0 is none, as far as our server goes.
std::chrono::milliseconds OrLong(std::chrono::milliseconds time) {
  return time.count() > 0 ? time : std::chrono::hours(24);
}

http::ServerOptions ServerOptionsOf(const Options& options, std::string address, const char* name) {
  http::ServerOptions server;
  server.listen_addresses = {std::move(address)};
  server.web_config_file = options.tls_config;
  server.worker_threads = 1;
  server.max_worker_threads = kMaxScrapes;
  server.max_body_bytes = kMaxBody;
  // Requests are little more than their header here, so the shorter of the two counts.
  server.read_timeout = std::min(OrLong(options.read_timeout), OrLong(options.read_header_timeout));
  server.write_timeout = OrLong(options.write_timeout);
  server.idle_timeout = OrLong(options.idle_timeout);
  server.server_name = name;
  return server;
}

}  // namespace

struct Instance::Impl {
  Impl(const Options& o, SelfMetrics* m) : options(o), metrics(m) {}
  ~Impl() {
    // Servers first: answers under way read the collections.
    server.reset();
    telemetry_server.reset();
    auto_shard.reset();
    catalog.reset();
    Replace(&built_in, nullptr);
    Replace(&custom_resources, nullptr);
  }

  Status Start() {
    NX_RETURN_IF_ERROR(Connect());
    sharding = {.shard = options.shard, .total = options.total_shards};
    NX_ASSIGN_OR_RETURN(plans, BuiltInPlans(options));
    NX_ASSIGN_OR_RETURN(custom_plans, ParseCustomPlans(options));
    if (!options.pod.empty()) {
      NX_ASSIGN_OR_RETURN(auto_shard,
                          AutoShard::Start(api, &worker, options.pod, options.pod_namespace,
                                           [this](const Sharding& now) { Watch(now); }));
    }
    // In turn with the changes that the follower of the StatefulSet may already tell.
    worker.Run([&] {
      if (Collections().empty()) Watch(auto_shard ? auto_shard->initial() : sharding);
    });
    if (!custom_plans.resources.empty()) {
      catalog.emplace(api, &worker, metrics, [this](const auto& kinds) {
        if (kinds != served) WatchCustom(kinds);
      });
    }
    return Serve();
  }

  Status Connect() {
    NX_ASSIGN_OR_RETURN(kube::ApiConfig config, ApiConfigOf(options));
    NX_LOG(Info, "Using apiserver", {"url", config.server});
    kube::Api::Options api_options;
    api_options.config = std::move(config);
    api_options.user_agent = UserAgent();
    NX_ASSIGN_OR_RETURN(api, kube::Api::Create(runtime, std::move(api_options)));
    const auto version = api->GetText("/version");
    if (!version.ok()) {
      return Annotate(version.status(), "error while trying to communicate with apiserver");
    }
    return OkStatus();
  }

  // On the worker's thread, as is WatchCustom.
  void Watch(const Sharding& now) {
    sharding = now;
    metrics->SetSharding(now);
    Replace(&built_in, nullptr);  // never the memory of both
    Replace(&built_in, Make(plans));
    if (!served.empty()) WatchCustom(served);
  }
  void WatchCustom(const std::set<custom::ServedKind>& kinds) {
    served = kinds;
    Replace(&custom_resources, nullptr);
    Replace(&custom_resources, Make(custom_plans.For(kinds)));
  }
  std::shared_ptr<const Collection> Make(std::vector<WatchPlan> what) {
    const WatchContext context{.api = api, .worker = &worker, .metrics = metrics};
    return std::make_shared<const Collection>(context, options, sharding, std::move(what));
  }

  Status Serve() {
    if (options.auth_filter) auth.emplace(api);
    const AuthFilter* filter = auth ? &*auth : nullptr;
    objects.emplace(ObjectsHandler::Options{.gzip = options.gzip,
                                            .api = api,
                                            .auth = filter,
                                            .metrics = metrics,
                                            .collections = [this] { return Collections(); }});
    telemetry.emplace(*metrics, filter);
    NX_ASSIGN_OR_RETURN(
        server,
        http::Server::Create(
            ServerOptionsOf(options, Address(options.host, options.port), "ksm"),
            [this](const auto& request, auto& response) { objects->Serve(request, response); }));
    NX_ASSIGN_OR_RETURN(
        telemetry_server,
        http::Server::Create(
            ServerOptionsOf(options, Address(options.telemetry_host, options.telemetry_port),
                            "ksm-self"),
            [this](const auto& request, auto& response) { telemetry->Serve(request, response); }));
    NX_RETURN_IF_ERROR(telemetry_server->Start());
    NX_RETURN_IF_ERROR(server->Start());
    NX_LOG(Info, "Started metrics server", {"port", server->ports()[0]},
           {"telemetry_port", telemetry_server->ports()[0]});
    return OkStatus();
  }

  std::vector<std::shared_ptr<const Collection>> Collections() {
    MutexLock lock(mutex);
    std::vector<std::shared_ptr<const Collection>> all;
    for (const auto& collection : {built_in, custom_resources}) {
      if (collection != nullptr) all.push_back(collection);
    }
    return all;
  }
  void Replace(std::shared_ptr<const Collection>* slot,
               std::shared_ptr<const Collection> collection) {
    {
      MutexLock lock(mutex);
      slot->swap(collection);
    }
    // The old one ends here, without the lock.
  }

  const Options options;
  SelfMetrics* const metrics;
  http::ClientRuntime runtime{1, "kube-client"};
  kube::Worker worker{"kube"};
  std::shared_ptr<kube::Api> api;
  std::vector<WatchPlan> plans;
  CustomPlans custom_plans;
  Sharding sharding;                    // the worker's, once it has started
  std::set<custom::ServedKind> served;  // the worker's
  std::unique_ptr<AutoShard> auto_shard;
  std::optional<custom::Catalog> catalog;
  Mutex mutex;
  std::shared_ptr<const Collection> built_in GUARDED_BY(mutex);
  std::shared_ptr<const Collection> custom_resources GUARDED_BY(mutex);
  std::optional<AuthFilter> auth;
  std::optional<ObjectsHandler> objects;
  std::optional<TelemetryHandler> telemetry;
  std::unique_ptr<http::Server> telemetry_server, server;
};

Instance::Instance(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Instance::~Instance() = default;

StatusOr<std::unique_ptr<Instance>> Instance::Start(const Options& options, SelfMetrics* metrics) {
  auto impl = std::make_unique<Impl>(options, metrics);
  NX_RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<Instance>(new Instance(std::move(impl)));
}

int Instance::port() const { return impl_->server->ports()[0]; }
int Instance::telemetry_port() const { return impl_->telemetry_server->ports()[0]; }

bool Instance::synced() const {
  const auto all = impl_->Collections();
  for (const auto& collection : all) {
    if (!collection->synced()) return false;
  }
  return !all.empty();
}

}  // namespace narthex::ksm
