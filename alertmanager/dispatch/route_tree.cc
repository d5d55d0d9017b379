#include "alertmanager/dispatch/route_tree.h"

namespace narthex::am {
namespace {

constexpr int64_t kNanosPerMs = 1'000'000;

void Collect(const RouteNode& node, const Labels& labels, std::vector<const RouteNode*>* out) {
  if (!MatchesAll(node.matchers, labels)) return;
  const size_t before = out->size();
  for (const auto& child : node.children) {
    const size_t at = out->size();
    Collect(*child, labels, out);
    if (out->size() > at && !child->proceed) break;
  }
  if (out->size() == before) out->push_back(&node);
}

}  // namespace

Labels RouteNode::GroupLabels(const Labels& labels) const {
  if (group_by_all) return labels;
  LabelsBuilder builder;
  for (const std::string& name : group_by) builder.Set(name, labels.Get(name));
  return builder.Build();
}

RouteTree::RouteTree(std::shared_ptr<const Config> config) : config_(std::move(config)) {
  root_ = Build(*config_->route, nullptr);
}

std::unique_ptr<RouteNode> RouteTree::Build(const Route& route, const RouteNode* parent) {
  auto node = std::make_unique<RouteNode>();
  node->index = next_index_++;
  node->matchers = route.matchers;
  node->key = (parent != nullptr ? parent->key + "/" : "") + ToString(node->matchers);
  node->receiver = route.receiver.empty() && parent != nullptr ? parent->receiver : route.receiver;
  if (route.has_group_by || parent == nullptr) {
    node->group_by = route.group_by;
    node->group_by_all = route.group_by_all;
  } else {
    node->group_by = parent->group_by;
    node->group_by_all = parent->group_by_all;
  }
  auto inherit = [](const std::optional<config::Duration>& own, int64_t inherited) {
    return own.has_value() ? own->ms * kNanosPerMs : inherited;
  };
  node->group_wait_ns =
      inherit(route.group_wait, parent ? parent->group_wait_ns : kDefaultGroupWaitMs * kNanosPerMs);
  node->group_interval_ns =
      inherit(route.group_interval,
              parent ? parent->group_interval_ns : kDefaultGroupIntervalMs * kNanosPerMs);
  node->repeat_interval_ns =
      inherit(route.repeat_interval,
              parent ? parent->repeat_interval_ns : kDefaultRepeatIntervalMs * kNanosPerMs);
  for (const std::string& name : route.mute_time_intervals) {
    node->mute.push_back(config_->FindTimeInterval(name));
  }
  for (const std::string& name : route.active_time_intervals) {
    node->active.push_back(config_->FindTimeInterval(name));
  }
  node->proceed = route.proceed;
  for (const Route& child : route.routes) node->children.push_back(Build(child, node.get()));
  return node;
}

std::vector<const RouteNode*> RouteTree::Match(const Labels& labels) const {
  std::vector<const RouteNode*> matched;
  Collect(*root_, labels, &matched);
  return matched;
}

}  // namespace narthex::am
