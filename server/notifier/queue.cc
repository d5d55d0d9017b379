#include "server/notifier/queue.h"

#include <algorithm>

#include "server/notifier/payload.h"

namespace narthex::notifier {

AlertQueue::AlertQueue(Options options, std::shared_ptr<http::Client> client,
                       std::shared_ptr<Metrics> metrics)
    : options_(std::move(options)), client_(std::move(client)), metrics_(std::move(metrics)) {
  // Rates need the zero before the first event.
  metrics_->sent.With({options_.url});
  metrics_->errors.With({options_.url});
  metrics_->dropped.With({options_.url});
  metrics_->queue_length.With({options_.url});
  metrics_->latency.With({options_.url});
}

void AlertQueue::Add(const std::vector<Alert>& alerts) {
  {
    MutexLock lock(mutex_);
    if (abandoned_ || draining_) return;
    queue_.insert(queue_.end(), alerts.begin(), alerts.end());
    if (queue_.size() > options_.capacity) {
      const size_t excess = queue_.size() - options_.capacity;
      queue_.erase(queue_.begin(), queue_.begin() + static_cast<ptrdiff_t>(excess));
      metrics_->dropped.With({options_.url}).Add(static_cast<double>(excess));
      int64_t suppressed = 0;
      if (log_limiter_.Allow(&suppressed)) {
        NX_LOG(Warn, "Alert notification queue full, dropping alerts", {"component", "notifier"},
               {"alertmanager", options_.url}, {"count", excess});
      }
    }
    metrics_->queue_length.With({options_.url}).Set(static_cast<double>(queue_.size()));
  }
  Pump();
}

// A client may call back before Do returns. The flag keeps such answers from nesting: whoever pumps
// goes round again instead.
void AlertQueue::Pump() {
  MutexLock lock(mutex_);
  if (pumping_) return;
  pumping_ = true;
  while (!in_flight_ && !queue_.empty() && !abandoned_) {
    const auto end =
        queue_.begin() + static_cast<ptrdiff_t>(std::min(options_.batch_size, queue_.size()));
    std::vector<Alert> batch(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
    queue_.erase(queue_.begin(), end);
    metrics_->queue_length.With({options_.url}).Set(static_cast<double>(queue_.size()));
    in_flight_ = true;
    lock.Unlock();
    SendBatch(std::move(batch));
    lock.Lock();
  }
  pumping_ = false;
  changed_.NotifyAll();
}

void AlertQueue::SendBatch(std::vector<Alert> batch) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = options_.url;
  request.headers.Add("Content-Type", "application/json");
  request.body = EncodeAlerts(batch);
  request.timeout = options_.timeout;
  request.max_body_bytes = 1 << 20;
  const auto begin = std::chrono::steady_clock::now();
  auto done = [self = shared_from_this(), count = batch.size(),
               begin](StatusOr<http::ClientResponse> response) {
    Status status = response.status();
    if (response.ok() && response->status / 100 != 2) {
      status = Unavailable("bad response status {}", response->status_line());
    }
    self->BatchDone(count, begin, status);
  };
  client_->Do(std::move(request), std::move(done));
}

void AlertQueue::BatchDone(size_t count, std::chrono::steady_clock::time_point begin,
                           const Status& status) {
  {
    MutexLock lock(mutex_);
    in_flight_ = false;
    if (!abandoned_) {
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
      metrics_->latency.With({options_.url}).Observe(elapsed.count());
      metrics_->sent.With({options_.url}).Add(static_cast<double>(count));
      if (!status.ok()) {
        size_t lost = count;
        // Going down with an Alertmanager that does not answer: one time-out is enough.
        if (draining_) {
          lost += queue_.size();
          queue_.clear();
        }
        metrics_->errors.With({options_.url}).Add(static_cast<double>(count));
        metrics_->dropped.With({options_.url}).Add(static_cast<double>(lost));
        NX_LOG(Error, "Error sending alerts", {"component", "notifier"},
               {"alertmanager", options_.url}, {"count", count}, {"err", status});
      }
    }
    changed_.NotifyAll();
  }
  Pump();
}

void AlertQueue::Abandon() {
  MutexLock lock(mutex_);
  abandoned_ = true;
  queue_.clear();
  changed_.NotifyAll();
}

void AlertQueue::Drain() {
  MutexLock lock(mutex_);
  draining_ = true;
  changed_.Wait(lock, [this]() NO_THREAD_SAFETY_ANALYSIS {
    return abandoned_ || (queue_.empty() && !in_flight_ && !pumping_);
  });
}

}  // namespace narthex::notifier
