#pragma once
// The journey of one flush of one group: muting, then for each integration deduplication, delivery
// with retries, and the log entry. Lives on the dispatch loop; kept alive by its own callbacks.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "alertmanager/dispatch/loop.h"
#include "alertmanager/dispatch/route_tree.h"
#include "alertmanager/inhibit/inhibitor.h"
#include "alertmanager/nflog/nflog.h"
#include "alertmanager/notify/metrics.h"
#include "alertmanager/notify/notification.h"
#include "alertmanager/silence/silences.h"

namespace narthex::am {

struct Receivers {
  // In the order of the configuration; by receiver name.
  StringMap<std::vector<Integration>> integrations;
};

// What every flush works with. All outlive the dispatcher's loop.
struct FlushContext {
  Loop* loop = nullptr;
  const Clock* clock = nullptr;
  NotificationLog* log = nullptr;
  Silences* silences = nullptr;
  std::shared_ptr<const Inhibitor> inhibitor;
  std::shared_ptr<const Receivers> receivers;
  NotifyMetrics* metrics = nullptr;
  int64_t retention_ns = 0;
  std::function<double()> random;  // [0, 1), for the spread of retries
};

struct FlushInput {
  const RouteNode* route = nullptr;
  std::shared_ptr<const RouteTree> tree;  // owns the route
  std::string group_key;
  Labels group_labels;
  std::vector<AlertPtr> alerts;           // the snapshot, sorted
  int64_t now = 0;                        // the tick
  std::shared_ptr<const bool> cancelled;  // the dispatcher was replaced: no further attempts
};

// Runs the flush; `done` gets whether all integrations succeeded, possibly before this returns.
void RunFlush(const std::shared_ptr<const FlushContext>& context, FlushInput input,
              std::function<void(bool ok)> done);

// The names of the time intervals that mute the route at this moment; empty when it may speak. A
// route outside all of its active intervals is muted by those.
std::vector<std::string> MutedBy(const RouteNode& route, int64_t now, bool* by_active = nullptr);

}  // namespace narthex::am
