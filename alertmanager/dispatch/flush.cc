#include "alertmanager/dispatch/flush.h"

#include <algorithm>

#include "alertmanager/notify/dedup.h"
#include "core/log/log.h"

namespace narthex::am {
namespace {

// Exponential backoff of attempts.
constexpr int64_t kFirstBackoff = 500'000'000;
constexpr int64_t kMaxBackoff = 60'000'000'000;
constexpr double kBackoffFactor = 1.5;
constexpr double kBackoffSpread = 0.5;
// A flush has its group_interval, and never less than this.
constexpr int64_t kMinFlushTime = 10'000'000'000;

// One integration's part of a flush.
class Delivery : public std::enable_shared_from_this<Delivery> {
 public:
  Delivery(std::shared_ptr<const FlushContext> context, std::shared_ptr<const FlushInput> input,
           Integration integration, std::vector<AlertPtr> alerts, int64_t deadline,
           std::function<void(bool)> done)
      : context_(std::move(context)),
        input_(std::move(input)),
        integration_(std::move(integration)),
        alerts_(std::move(alerts)),
        deadline_(deadline),
        done_(std::move(done)) {}

  void Start() {
    for (const AlertPtr& alert : alerts_) {
      (alert->ResolvedAt(input_->now) ? resolved_ : firing_).push_back(HashForLog(*alert));
    }
    std::sort(firing_.begin(), firing_.end());
    std::sort(resolved_.begin(), resolved_.end());
    const Reason reason = NeedsNotification(context_->log->Find(input_->group_key, Key()), firing_,
                                            resolved_, integration_.send_resolved, input_->now,
                                            input_->route->repeat_interval_ns);
    if (reason == Reason::kNone) return done_(true);
    notification_ = {
        input_->route->receiver, input_->group_key, input_->group_labels, {}, input_->now, reason};
    for (const AlertPtr& alert : alerts_) {
      if (integration_.send_resolved || !alert->ResolvedAt(input_->now)) {
        notification_.alerts.push_back(alert);
      }
    }
    // Nothing this receiver wants to hear: only the log remembers.
    if (notification_.alerts.empty()) return Record();
    context_->metrics->notifications.With({integration_.kind}).Inc();
    Attempt();
  }

 private:
  ReceiverKey Key() const {
    return {input_->route->receiver, integration_.kind, integration_.index};
  }
  std::string Name() const {
    return fmt::format("{}/{}[{}]", input_->route->receiver, integration_.kind, integration_.index);
  }
  int64_t Now() const { return context_->clock->MonotonicNanos(); }

  void Attempt() {
    ++attempts_;
    context_->metrics->requests.With({integration_.kind}).Inc();
    attempt_started_ = Now();
    auto self = shared_from_this();
    integration_.notifier->Notify(
        notification_, std::max<int64_t>(deadline_ - Now(), 1), [self](Notifier::Result result) {
          self->context_->loop->Post(
              [self, result = std::move(result)] { self->Finished(result); });
        });
  }

  void Finished(const Notifier::Result& result) {
    context_->metrics->latency.With({integration_.kind})
        .Observe(static_cast<double>(Now() - attempt_started_) / 1e9);
    if (result.status.ok()) {
      if (attempts_ > 1) {
        NX_LOG(Info, "Notify success", {"receiver", Name()}, {"attempts", attempts_});
      }
      return Record();
    }
    context_->metrics->requests_failed.With({integration_.kind}).Inc();
    const std::string error(MessageOf(result.status));
    if (!result.retry) {
      return Fail(result.failure,
                  fmt::format("{}: notify retry canceled due to unrecoverable error after {} "
                              "attempts: {}",
                              Name(), attempts_, error));
    }
    if (error != last_error_) {
      NX_LOG(Warn, "Notify attempt failed, will retry later", {"receiver", Name()},
             {"attempts", attempts_}, {"err", error});
      last_error_ = error;
    }
    const int64_t delay = NextBackoff();
    if (*input_->cancelled) return Canceled("contextCanceled");
    // The deadline may come before the next attempt: wait for it, as a waiting attempt would.
    if (Now() + delay >= deadline_) {
      auto self = shared_from_this();
      context_->loop->After(deadline_ - Now(),
                            [self] { self->Canceled("contextDeadlineExceeded"); });
      return;
    }
    auto self = shared_from_this();
    context_->loop->After(delay, [self] {
      if (*self->input_->cancelled) return self->Canceled("contextCanceled");
      self->Attempt();
    });
  }

  void Canceled(std::string_view failure) {
    Fail(failure, fmt::format("{}: notify retry canceled after {} attempts: {}", Name(), attempts_,
                              last_error_));
  }

  int64_t NextBackoff() {
    const double spread = 1 + kBackoffSpread * (2 * context_->random() - 1);
    const auto delay = static_cast<int64_t>(static_cast<double>(backoff_) * spread);
    backoff_ =
        std::min(kMaxBackoff, static_cast<int64_t>(static_cast<double>(backoff_) * kBackoffFactor));
    return delay;
  }

  void Fail(std::string_view failure, const std::string& error) {
    context_->metrics->notifications_failed.With({integration_.kind, failure}).Inc();
    NX_LOG(Error, "Notify for alerts failed", {"component", "dispatcher"},
           {"num_alerts", alerts_.size()}, {"err", error});
    done_(false);
  }

  void Record() {
    const int64_t kept = std::min(context_->retention_ns, 2 * input_->route->repeat_interval_ns);
    Status status = context_->log->Record(input_->group_key, Key(),
                                          {input_->now, firing_, resolved_}, input_->now + kept);
    if (!status.ok()) {
      NX_LOG(Error, "Writing the notification log failed", {"receiver", Name()}, {"err", status});
    }
    done_(status.ok());
  }

  const std::shared_ptr<const FlushContext> context_;
  const std::shared_ptr<const FlushInput> input_;
  const Integration integration_;
  const std::vector<AlertPtr> alerts_;
  const int64_t deadline_;
  const std::function<void(bool)> done_;
  std::vector<uint64_t> firing_, resolved_;
  Notification notification_;
  std::string last_error_;
  int64_t backoff_ = kFirstBackoff;
  int64_t attempt_started_ = 0;
  int attempts_ = 0;
};

bool InsideAny(const std::vector<const NamedTimeInterval*>& list, int64_t now,
               std::vector<std::string>* names) {
  bool inside = false;
  for (const NamedTimeInterval* interval : list) {
    const bool here = std::any_of(interval->intervals.begin(), interval->intervals.end(),
                                  [&](const TimeInterval& i) { return i.Contains(now); });
    if (here && names != nullptr) names->push_back(interval->name);
    inside = inside || here;
  }
  return inside;
}

// What is left after inhibition, time intervals and silences.
std::vector<AlertPtr> Unmuted(const FlushContext& context, const FlushInput& input) {
  std::vector<AlertPtr> left;
  for (const AlertPtr& alert : input.alerts) {
    if (context.inhibitor->InhibitedBy(alert->labels).has_value()) {
      context.metrics->suppressed.With({"inhibition"}).Inc();
    } else {
      left.push_back(alert);
    }
  }
  bool by_active = false;
  if (!left.empty() && !MutedBy(*input.route, input.now, &by_active).empty()) {
    context.metrics->suppressed.With({by_active ? "active_time_interval" : "mute_time_interval"})
        .Add(static_cast<double>(left.size()));
    return {};
  }
  std::erase_if(left, [&](const AlertPtr& alert) {
    const bool silenced = !context.silences->SilencedBy(alert->labels).empty();
    if (silenced) context.metrics->suppressed.With({"silence"}).Inc();
    return silenced;
  });
  return left;
}

}  // namespace

std::vector<std::string> MutedBy(const RouteNode& route, int64_t now, bool* by_active) {
  std::vector<std::string> names;
  if (!route.active.empty() && !InsideAny(route.active, now, nullptr)) {
    if (by_active != nullptr) *by_active = true;
    for (const NamedTimeInterval* interval : route.active) names.push_back(interval->name);
    return names;
  }
  InsideAny(route.mute, now, &names);
  return names;
}

void RunFlush(const std::shared_ptr<const FlushContext>& context, FlushInput input,
              std::function<void(bool ok)> done) {
  std::vector<AlertPtr> alerts = Unmuted(*context, input);
  auto found = context->receivers->integrations.find(input.route->receiver);
  if (alerts.empty() || found == context->receivers->integrations.end() || found->second.empty()) {
    return done(true);
  }
  struct Join {
    size_t waiting;
    bool ok = true;
    std::function<void(bool)> done;
  };
  const std::vector<Integration>& integrations = found->second;
  auto join = std::make_shared<Join>(Join{integrations.size(), true, std::move(done)});
  auto shared = std::make_shared<const FlushInput>(std::move(input));
  const int64_t deadline =
      context->clock->MonotonicNanos() + std::max(shared->route->group_interval_ns, kMinFlushTime);
  for (const Integration& integration : integrations) {
    auto delivery =
        std::make_shared<Delivery>(context, shared, integration, alerts, deadline, [join](bool ok) {
          join->ok = join->ok && ok;
          if (--join->waiting == 0) join->done(join->ok);
        });
    delivery->Start();
  }
}

}  // namespace narthex::am
