#include "server/api/notifications.h"

#include <algorithm>

#include "core/json/writer.h"
#include "server/api/answer.h"

namespace narthex::api {

struct Notifications::State {
  explicit State(int64_t max) : max_subscribers(max) {}

  // Those who are gone leave when somebody looks.
  size_t Count() REQUIRES(mutex) {
    std::erase_if(streams, [](const auto& stream) { return !stream->Write({}); });
    return streams.size() + reserved;
  }
  // Returns how many got it.
  size_t Send(const Notification& notification, size_t* lost) REQUIRES(mutex) {
    const std::string frame = "data: " + FormatNotification(notification) + "\n\n";
    *lost = std::erase_if(streams, [&](const auto& stream) { return !stream->Write(frame); });
    return streams.size();
  }

  const int64_t max_subscribers;
  mutable Mutex mutex;
  std::vector<Notification> notifications GUARDED_BY(mutex);
  std::vector<std::shared_ptr<http::EventStream>> streams GUARDED_BY(mutex);
  size_t reserved GUARDED_BY(mutex) = 0;
};

std::string FormatNotification(const Notification& notification) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject().Member("text", notification.text);
  json.Member("date", FormatTime(notification.nanos));
  json.Key("active").Bool(notification.active).EndObject();
  return out;
}

Notifications::Notifications(int64_t max_subscribers, Registry* registry)
    : state_(std::make_shared<State>(max_subscribers)),
      sent_(registry->AddCounter("prometheus_api_notification_updates_sent_total",
                                 "Total number of notification updates sent.")),
      dropped_(registry->AddCounter("prometheus_api_notification_updates_dropped_total",
                                    "Total number of notification updates dropped.")) {
  registry->AddFunction(MetricType::kGauge, "prometheus_api_notification_active_subscribers",
                        "The current number of active notification subscribers.", [state = state_] {
                          MutexLock lock(state->mutex);
                          return static_cast<double>(state->Count());
                        });
}

Notifications::~Notifications() {
  MutexLock lock(state_->mutex);
  for (const auto& stream : state_->streams) stream->Close();
  state_->streams.clear();
}

void Notifications::Add(std::string_view text, int64_t nanos) {
  size_t sent = 0, lost = 0;
  {
    MutexLock lock(state_->mutex);
    auto& all = state_->notifications;
    auto at = std::find_if(all.begin(), all.end(), [&](const auto& n) { return n.text == text; });
    if (at == all.end()) at = all.insert(all.end(), Notification{std::string(text)});
    at->nanos = nanos;
    sent = state_->Send(*at, &lost);
  }
  sent_.Add(static_cast<double>(sent));
  dropped_.Add(static_cast<double>(lost));
}

void Notifications::Remove(std::string_view text) {
  size_t sent = 0, lost = 0;
  {
    MutexLock lock(state_->mutex);
    auto& all = state_->notifications;
    const auto at =
        std::find_if(all.begin(), all.end(), [&](const auto& n) { return n.text == text; });
    if (at == all.end()) return;
    Notification gone = std::move(*at);
    all.erase(at);
    gone.active = false;
    sent = state_->Send(gone, &lost);
  }
  sent_.Add(static_cast<double>(sent));
  dropped_.Add(static_cast<double>(lost));
}

std::vector<Notification> Notifications::active() const {
  MutexLock lock(state_->mutex);
  return state_->notifications;
}

bool Notifications::Reserve() {
  MutexLock lock(state_->mutex);
  if (static_cast<int64_t>(state_->Count()) >= state_->max_subscribers) return false;
  ++state_->reserved;
  return true;
}

void Notifications::Subscribe(std::shared_ptr<http::EventStream> stream) {
  MutexLock lock(state_->mutex);
  --state_->reserved;
  if (stream == nullptr) return;
  for (const Notification& notification : state_->notifications) {
    stream->Write("data: " + FormatNotification(notification) + "\n\n");
  }
  state_->streams.push_back(std::move(stream));
}

}  // namespace narthex::api
