#include "kube_state_metrics/serve/auto_shard.h"

#include <algorithm>

#include "core/log/log.h"
#include "core/strings/numbers.h"

namespace narthex::ksm {
namespace {

int64_t ReplicasOf(const JsonValue& stateful_set) {
  const JsonValue& replicas = stateful_set["spec"]["replicas"];
  return replicas.is_number() ? std::max<int64_t>(replicas.AsInt(), 1) : 1;
}

// The name of the StatefulSet that controls the pod.
StatusOr<std::string> OwnerOf(const JsonValue& pod) {
  for (const JsonValue& owner : pod["metadata"]["ownerReferences"].items()) {
    if (owner["controller"].AsBool() && owner["kind"].AsString() == "StatefulSet" &&
        owner["apiVersion"].AsString() == "apps/v1") {
      return owner["name"].AsString();
    }
  }
  return FailedPrecondition("the pod is not controlled by a StatefulSet of apps/v1");
}

}  // namespace

StatusOr<int64_t> OrdinalOf(std::string_view pod) {
  const size_t hyphen = pod.rfind('-');
  const auto ordinal =
      hyphen == std::string_view::npos ? std::nullopt : ParseInt(pod.substr(hyphen + 1));
  if (!ordinal || *ordinal < 0) return InvalidArgument("no ordinal in the pod's name {}", pod);
  return *ordinal;
}

StatusOr<std::unique_ptr<AutoShard>> AutoShard::Start(std::shared_ptr<kube::Api> api,
                                                      kube::Worker* worker, const std::string& pod,
                                                      const std::string& ns, Changed changed) {
  NX_ASSIGN_OR_RETURN(const int64_t ordinal, OrdinalOf(pod));
  auto object = api->Get(fmt::format("/api/v1/namespaces/{}/pods/{}", ns, pod));
  if (!object.ok())
    return Annotate(object.status(), fmt::format("failed to get pod {}/{}", ns, pod));
  NX_ASSIGN_OR_RETURN(const std::string owner, OwnerOf(*object));
  auto set = api->Get(fmt::format("/apis/apps/v1/namespaces/{}/statefulsets/{}", ns, owner));
  if (!set.ok()) {
    return Annotate(set.status(), fmt::format("failed to get StatefulSet {}/{}", ns, owner));
  }
  const Sharding initial{.shard = ordinal, .total = ReplicasOf(*set)};
  NX_LOG(Info, "Autosharding enabled", {"statefulset", owner}, {"shard", initial.shard},
         {"total", initial.total});
  auto follower = std::unique_ptr<AutoShard>(new AutoShard(initial, std::move(changed)));
  kube::Reflector::Options options;
  options.resource = {.group = "apps",
                      .version = "v1",
                      .plural = "statefulsets",
                      .ns = ns,
                      .label_selector = "",
                      .field_selector = "metadata.name=" + owner};
  follower->reflector_ =
      std::make_unique<kube::Reflector>(std::move(api), worker, options, follower.get());
  return follower;
}

void AutoShard::OnObject(std::string_view, const JsonValue& object, kube::Change) {
  const Sharding now{.shard = current_.shard, .total = ReplicasOf(object)};
  if (now == current_) return;
  current_ = now;
  NX_LOG(Info, "Number of shards changed", {"total", now.total});
  changed_(now);
}

}  // namespace narthex::ksm
