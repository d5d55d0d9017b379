#pragma once
// The alerts waiting for one Alertmanager, and the request that carries the next batch away.
//
// States: idle (nothing queued), sending (one request in flight), stopped. The next batch leaves
// when the answer to the last one is in.
//
// Thread safety: all methods. Owned by shared_ptr, because a request in flight keeps it alive.

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "core/http/client.h"
#include "core/log/log.h"
#include "server/notifier/alert.h"
#include "server/notifier/metrics.h"

namespace narthex::notifier {

class AlertQueue : public std::enable_shared_from_this<AlertQueue> {
 public:
  struct Options {
    std::string url;
    size_t capacity = 0;
    size_t batch_size = 0;
    std::chrono::milliseconds timeout{0};
  };
  AlertQueue(Options options, std::shared_ptr<http::Client> client,
             std::shared_ptr<Metrics> metrics);

  const std::string& url() const { return options_.url; }
  void Add(const std::vector<Alert>& alerts);
  // Forgets what is queued and sends nothing more; touches no metric from here on.
  void Abandon();
  // Lets nothing more in and waits until what is queued has been sent, or a batch fails.
  void Drain();

 private:
  void Pump();
  void SendBatch(std::vector<Alert> batch);
  void BatchDone(size_t count, std::chrono::steady_clock::time_point begin, const Status& status);

  const Options options_;
  const std::shared_ptr<http::Client> client_;
  const std::shared_ptr<Metrics> metrics_;
  LogLimiter log_limiter_{10'000};

  Mutex mutex_;
  CondVar changed_;
  std::deque<Alert> queue_ GUARDED_BY(mutex_);
  bool in_flight_ GUARDED_BY(mutex_) = false;
  bool pumping_ GUARDED_BY(mutex_) = false;
  bool draining_ GUARDED_BY(mutex_) = false;
  bool abandoned_ GUARDED_BY(mutex_) = false;
};

}  // namespace narthex::notifier
