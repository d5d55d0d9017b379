#pragma once
// What an operator should know now: few texts, each there or not, and who wants to hear of changes.
//
// Subscribers are event streams (text/event-stream) that own no thread: a change is written to all
// of them by whoever makes it, and one that is behind or gone loses its place.
//
// Thread safety: all methods.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.h"
#include "core/http/server.h"
#include "core/metrics/registry.h"

namespace narthex::api {

inline constexpr std::string_view kReloadFailed = "Configuration reload has failed.";
inline constexpr std::string_view kStarting =
    "Prometheus is starting and replaying the write-ahead log (WAL).";
inline constexpr std::string_view kShuttingDown =
    "Prometheus is shutting down and gracefully stopping all operations.";

struct Notification {
  std::string text;
  int64_t nanos = 0;
  bool active = true;
};
// {"text":…,"date":…,"active":true}
std::string FormatNotification(const Notification& notification);

class Notifications {
 public:
  Notifications(int64_t max_subscribers, Registry* registry);
  ~Notifications();

  // One that is there already gets the new time. Subscribers hear of it in both cases.
  void Add(std::string_view text, int64_t nanos);
  void Remove(std::string_view text);
  // In the order they came.
  std::vector<Notification> active() const;

  // Takes the place of one more subscriber. False when there is none.
  bool Reserve();
  // Fills a place that was reserved, and tells the stream what is active.
  void Subscribe(std::shared_ptr<http::EventStream> stream);

 private:
  struct State;
  const std::shared_ptr<State> state_;  // shared with the registry
  Counter& sent_;
  Counter& dropped_;
};

}  // namespace narthex::api
