#pragma once
// The route tree with everything inherited resolved, and its search.
//
// Thread safety: immutable after construction.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "alertmanager/config/config.h"
#include "core/labels/labels.h"

namespace narthex::am {

struct RouteNode {
  // The chain of matchers from the root: {}/{team="a"}. Part of group keys; two routes may share
  // one.
  std::string key;
  size_t index = 0;  // unique in the tree
  std::string receiver;
  Matchers matchers;
  std::vector<std::string> group_by;  // sorted
  bool group_by_all = false;
  int64_t group_wait_ns = 0, group_interval_ns = 0, repeat_interval_ns = 0;
  std::vector<const NamedTimeInterval*> mute, active;  // of this node only
  bool proceed = false;
  std::vector<std::unique_ptr<RouteNode>> children;

  Labels GroupLabels(const Labels& labels) const;
};

class RouteTree {
 public:
  // The config outlives the tree through its shared pointer.
  explicit RouteTree(std::shared_ptr<const Config> config);
  // Depth first; a node counts itself only when none of its children matched.
  std::vector<const RouteNode*> Match(const Labels& labels) const;
  const RouteNode& root() const { return *root_; }
  const Config& config() const { return *config_; }

 private:
  std::unique_ptr<RouteNode> Build(const Route& route, const RouteNode* parent);

  std::shared_ptr<const Config> config_;
  size_t next_index_ = 0;
  std::unique_ptr<RouteNode> root_;
};

}  // namespace narthex::am
