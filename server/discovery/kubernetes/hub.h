#pragma once
// One API server with one identity, shared by every provider that speaks to it: the client, the
// worker, and one watch for each resource, namespace and selection that anybody wants.
//
// Thread safety: all methods. The last provider drops it on its manager's thread.

#include <memory>
#include <string>

#include "core/kube/api.h"
#include "core/kube/shared_pool.h"
#include "core/kube/worker.h"
#include "server/discovery/kubernetes/config.h"
#include "server/discovery/kubernetes/metrics.h"
#include "server/discovery/kubernetes/store.h"

namespace narthex::discovery::kubernetes {

class Hub {
 public:
  // What the configuration says of access: a URL, a kubeconfig file, or the pod's own account.
  static StatusOr<std::shared_ptr<Hub>> For(const Config& config, const ProviderContext& context);

  // `selector` null: everything.
  std::shared_ptr<Store> Watch(Kind kind, const std::string& ns, const Selector* selector);
  kube::Worker& worker() { return worker_; }
  const std::string& own_namespace() const { return config_.own_namespace; }

 private:
  Hub(kube::ApiConfig config, Registry& registry)
      : config_(std::move(config)), metrics_(registry), worker_("sd-kubernetes") {}
  static StatusOr<std::shared_ptr<Hub>> Create(kube::ApiConfig config,
                                               const ProviderContext& context);

  const kube::ApiConfig config_;
  Metrics metrics_;
  std::shared_ptr<kube::Api> api_;
  kube::Worker worker_;
  kube::SharedPool<Store> stores_;
};

}  // namespace narthex::discovery::kubernetes
