#pragma once
// One notification: a snapshot of a group for one integration, and those who deliver it.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "alertmanager/types/alert.h"
#include "core/base/status.h"

namespace narthex::am {

enum class Reason {
  kNone,  // nothing to tell
  kFirstNotification,
  kNewAlerts,
  kSomeResolved,
  kAllResolved,
  kRepeat,
};
std::string_view ReasonText(Reason reason);

struct Notification {
  std::string receiver;
  std::string group_key;
  Labels group_labels;
  std::vector<AlertPtr> alerts;  // sorted; firing ones have no end
  int64_t now = 0;               // the tick of the flush
  Reason reason = Reason::kNone;
};

// Delivers to one place.
class Notifier {
 public:
  struct Result {
    Status status;
    bool retry = false;        // worth another attempt
    std::string_view failure;  // label of the failure metric: "clientError" …
  };
  using Callback = std::function<void(Result)>;

  virtual ~Notifier() = default;
  // Never blocks. Calls back once, from any thread, after `timeout_ns` at the latest.
  virtual void Notify(const Notification& notification, int64_t timeout_ns, Callback done) = 0;
};

// An integration of a receiver: webhook number `index`.
struct Integration {
  std::string kind;  // "webhook"
  uint32_t index = 0;
  bool send_resolved = true;
  std::shared_ptr<Notifier> notifier;
};

}  // namespace narthex::am
