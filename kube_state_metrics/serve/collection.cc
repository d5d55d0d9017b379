#include "kube_state_metrics/serve/collection.h"

#include <algorithm>

#include "kube_state_metrics/custom/generator.h"
#include "kube_state_metrics/resources/resource.h"

namespace narthex::ksm {
namespace {

// Only objects with a namespace are restricted; of the node only pods know.
std::string FieldSelector(const WatchPlan& plan, const Options& options) {
  std::string selector;
  const auto add = [&](std::string_view term) {
    if (!selector.empty()) selector += ',';
    selector += term;
  };
  if (!plan.namespaced) return selector;
  for (const std::string& ns : options.namespaces_denylist) {
    add(fmt::format("metadata.namespace!={}", ns));
  }
  if (plan.name == "pods") {
    if (options.track_unscheduled_pods) add("spec.nodeName=");
    if (!options.node.empty()) add(fmt::format("spec.nodeName={}", options.node));
  }
  return selector;
}

}  // namespace

Collection::Collection(const WatchContext& context, const Options& options,
                       const Sharding& sharding, std::vector<WatchPlan> plans) {
  for (WatchPlan& plan : plans) {
    Entry entry{.name = plan.name, .families = plan.families, .watches = {}, .stores = {}};
    std::vector<std::string> namespaces{""};
    if (plan.namespaced && !options.namespaces.empty()) namespaces = options.namespaces;
    plan.resource.field_selector = FieldSelector(plan, options);
    for (const std::string& ns : namespaces) {
      kube::Reflector::Options reflector;
      reflector.resource = plan.resource;
      reflector.resource.ns = ns;
      reflector.object_limit = static_cast<size_t>(options.object_limit);
      reflector.list_from_cache = options.use_apiserver_cache;
      reflector.stream_lists = true;
      entry.watches.push_back(
          std::make_unique<ObjectWatch>(context.api, context.worker, context.metrics,
                                        ObjectWatch::Options{.reflector = std::move(reflector),
                                                             .go_type = plan.go_type,
                                                             .sharding = sharding,
                                                             .families = plan.families}));
      entry.stores.push_back(&entry.watches.back()->store());
    }
    entries_.push_back(std::move(entry));
  }
}

bool Collection::Write(const Filter& wanted, bool open_metrics, const ChunkWriter& write,
                       StringSet* shown) const {
  return std::ranges::all_of(entries_, [&](const Entry& entry) {
    return !wanted(entry.name) ||
           WriteResource(*entry.families, entry.stores, open_metrics, write, shown);
  });
}

bool Collection::synced() const {
  return std::ranges::all_of(entries_, [](const Entry& entry) {
    return std::ranges::all_of(entry.watches, [](const auto& watch) { return watch->synced(); });
  });
}

StatusOr<std::vector<WatchPlan>> BuiltInPlans(const Options& options) {
  NX_ASSIGN_OR_RETURN(const auto enabled, options.EnabledResources());
  NX_ASSIGN_OR_RETURN(
      const auto filter,
      FamilyFilter::Make(options.metric_allowlist, options.metric_denylist, options.metric_opt_in));
  std::vector<WatchPlan> plans;
  for (const std::string& name : enabled) {
    const Resource& resource = *FindResource(name);
    auto families = MakeFamilySet(resource, options.labels, options.annotations, filter);
    if (families->size() == 0) continue;  // nothing of it is shown: it need not be watched
    kube::Resource target;
    target.group = resource.group;
    target.version = resource.version;
    target.plural = resource.name;
    plans.push_back({.name = name,
                     .go_type = std::string(resource.go_type),
                     .resource = std::move(target),
                     .namespaced = resource.namespaced,
                     .families = std::move(families)});
  }
  return plans;
}

StatusOr<CustomPlans> ParseCustomPlans(const Options& options) {
  CustomPlans plans;
  NX_ASSIGN_OR_RETURN(
      plans.filter,
      FamilyFilter::Make(options.metric_allowlist, options.metric_denylist, options.metric_opt_in));
  if (!options.custom_config.empty()) {
    NX_ASSIGN_OR_RETURN(plans.resources, custom::ParseConfig(options.custom_config));
  }
  plans.verbosity = options.verbosity;
  return plans;
}

std::vector<WatchPlan> CustomPlans::For(const std::set<custom::ServedKind>& kinds) const {
  std::vector<WatchPlan> plans;
  for (const custom::ResourceConfig& resource : resources) {
    for (const custom::ServedKind& kind : kinds) {
      if (!custom::Means(resource.gvk, kind)) continue;
      auto families = custom::MakeCustomFamilies(resource, kind.gvk, filter, verbosity);
      if (families->size() == 0) continue;
      kube::Resource target;
      target.group = kind.gvk.group;
      target.version = kind.gvk.version;
      target.plural = resource.plural.empty() ? kind.plural : resource.plural;
      plans.push_back({.name = target.plural,
                       .go_type = "*unstructured.Unstructured",
                       .resource = std::move(target),
                       .namespaced = kind.namespaced,
                       .families = std::move(families)});
    }
  }
  return plans;
}

}  // namespace narthex::ksm
