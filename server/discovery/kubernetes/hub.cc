#include "server/discovery/kubernetes/hub.h"

#include <algorithm>
#include <vector>

#include "core/kube/config.h"
#include "core/log/log.h"

namespace narthex::discovery::kubernetes {
namespace {

struct Known {
  const http::ClientRuntime* runtime;  // a hub belongs to the threads of one manager
  kube::ApiConfig config;
  std::weak_ptr<Hub> hub;
};

struct Directory {
  Mutex mutex;
  std::vector<Known> known GUARDED_BY(mutex);
};

// Holds no hub alive.
Directory& TheDirectory() {
  static Directory* const directory = new Directory;
  return *directory;
}

StatusOr<kube::ApiConfig> AccessOf(const Config& config) {
  if (!config.kubeconfig_file.empty()) return kube::LoadKubeconfig(config.kubeconfig_file);
  if (config.api_server.empty()) {
    NX_LOG(Info, "Using pod service account via in-cluster config");
    return kube::InClusterConfig();
  }
  kube::ApiConfig access;
  access.server = config.api_server;
  while (access.server.ends_with('/')) access.server.pop_back();
  access.http = config.http;
  return access;
}

}  // namespace

StatusOr<std::shared_ptr<Hub>> Hub::Create(kube::ApiConfig config, const ProviderContext& context) {
  std::shared_ptr<Hub> hub(new Hub(config, *context.registry));
  kube::Api::Options options;
  options.config = std::move(config);
  options.client_name = "kubernetes_sd";
  options.user_agent = context.user_agent;
  // Families live as long as the registry, which outlives the HTTP threads.
  options.observer = [metrics = hub->metrics_](std::string_view path, int status,
                                               double seconds) mutable {
    metrics.ObserveRequest(path, status, seconds);
  };
  NX_ASSIGN_OR_RETURN(hub->api_, kube::Api::Create(context.http->Get(), std::move(options)));
  return hub;
}

StatusOr<std::shared_ptr<Hub>> Hub::For(const Config& config, const ProviderContext& context) {
  NX_ASSIGN_OR_RETURN(kube::ApiConfig access, AccessOf(config));
  const http::ClientRuntime* runtime = &context.http->Get();
  Directory& directory = TheDirectory();
  std::vector<std::shared_ptr<Hub>> released;  // after the lock: the last user may be this one
  MutexLock lock(directory.mutex);
  std::erase_if(directory.known, [](const Known& known) { return known.hub.expired(); });
  for (const Known& known : directory.known) {
    auto hub = known.hub.lock();
    if (hub == nullptr) continue;
    if (known.runtime == runtime && known.config == access) return hub;
    released.push_back(std::move(hub));
  }
  NX_ASSIGN_OR_RETURN(auto hub, Create(access, context));
  directory.known.push_back({runtime, std::move(access), hub});
  lock.Unlock();
  return hub;
}

std::shared_ptr<Store> Hub::Watch(Kind kind, const std::string& ns, const Selector* selector) {
  kube::Resource resource = ResourceOf(kind);
  if (IsNamespaced(kind)) resource.ns = ns;
  if (selector != nullptr) {
    resource.label_selector = selector->label;
    resource.field_selector = selector->field;
  }
  const std::string key = resource.Path() + resource.SelectorQuery();
  auto store = stores_.Get(key, [&]() -> StatusOr<std::shared_ptr<Store>> {
    return std::make_shared<Store>(api_, &worker_, kind, std::move(resource), &metrics_);
  });
  return *std::move(store);  // making one cannot fail
}

}  // namespace narthex::discovery::kubernetes
