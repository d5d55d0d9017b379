#pragma once
// Everything that is watched for one configuration and one place among the shards: for each
// resource its families and its watches.
//
// Thread safety: const methods from any thread. Destruction waits for handlers that run.

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kube_state_metrics/custom/catalog.h"
#include "kube_state_metrics/custom/config.h"
#include "kube_state_metrics/families/filter.h"
#include "kube_state_metrics/families/page.h"
#include "kube_state_metrics/options/options.h"
#include "kube_state_metrics/serve/object_watch.h"

namespace narthex::ksm {

// What all watches of the process use.
struct WatchContext {
  std::shared_ptr<kube::Api> api;
  kube::Worker* worker = nullptr;
  SelfMetrics* metrics = nullptr;
};

// What to watch of a resource.
struct WatchPlan {
  std::string name;  // in ?resources=
  std::string go_type;
  kube::Resource resource;
  bool namespaced = true;
  std::shared_ptr<const FamilySet> families;
};

class Collection {
 public:
  Collection(const WatchContext& context, const Options& options, const Sharding& sharding,
             std::vector<WatchPlan> plans);

  // Writes the resources that `wanted` lets through; false when the writer wanted no more.
  using Filter = std::function<bool(std::string_view resource)>;
  bool Write(const Filter& wanted, bool open_metrics, const ChunkWriter& write,
             StringSet* shown = nullptr) const;
  bool synced() const;

 private:
  struct Entry {
    std::string name;
    std::shared_ptr<const FamilySet> families;
    std::vector<std::unique_ptr<ObjectWatch>> watches;
    std::vector<const Store*> stores;
  };
  std::vector<Entry> entries_;
};

// Plans for the custom resources of the configuration among the kinds that are served.
struct CustomPlans {
  std::vector<custom::ResourceConfig> resources;
  FamilyFilter filter;
  int64_t verbosity = 0;
  std::vector<WatchPlan> For(const std::set<custom::ServedKind>& kinds) const;
};
StatusOr<CustomPlans> ParseCustomPlans(const Options& options);

// Plans for the built-in resources that are on. The options have been checked.
StatusOr<std::vector<WatchPlan>> BuiltInPlans(const Options& options);

}  // namespace narthex::ksm
