#include "alertmanager/dispatch/dispatcher.h"

#include <algorithm>

namespace narthex::am {

Dispatcher::Dispatcher(std::shared_ptr<const RouteTree> tree,
                       std::shared_ptr<const FlushContext> context, int64_t not_before)
    : tree_(std::move(tree)), context_(std::move(context)), not_before_(not_before) {}

void Dispatcher::Ingest(const AlertPtr& alert) {
  context_->loop->Post([self = shared_from_this(), alert] { self->Insert(alert); });
}

void Dispatcher::Insert(const AlertPtr& alert) {
  if (*cancelled_) return;
  for (const RouteNode* route : tree_->Match(alert->labels)) InsertInto(*route, alert);
}

void Dispatcher::InsertInto(const RouteNode& route, const AlertPtr& alert) {
  Labels labels = route.GroupLabels(alert->labels);
  std::shared_ptr<Group>& group = groups_[{route.index, labels}];
  if (group == nullptr) {
    group = std::make_shared<Group>();
    group->route = &route;
    group->key = route.key + ":" + labels.ToString();
    group->labels = std::move(labels);
    Arm(group, route.group_wait_ns);
  }
  group->alerts[alert->fingerprint()] = alert;
  // An alert that has waited long enough elsewhere (a restart, say) does not wait again.
  const bool waited = alert->starts_at.is_set() &&
                      alert->starts_at.nanos + route.group_wait_ns < context_->clock->NowNanos();
  if (!group->flushed && !group->flushing && waited) Arm(group, 0);
}

void Dispatcher::Arm(const std::shared_ptr<Group>& group, int64_t delay) {
  context_->loop->Cancel(group->timer);
  const int64_t hold = not_before_ - context_->clock->MonotonicNanos();
  group->timer = context_->loop->After(
      std::max(delay, hold), [weak = weak_from_this(), weak_group = std::weak_ptr<Group>(group)] {
        auto self = weak.lock();
        auto group = weak_group.lock();
        if (self != nullptr && group != nullptr) self->Flush(group);
      });
}

void Dispatcher::Flush(const std::shared_ptr<Group>& group) {
  if (*cancelled_) return;
  if (group->flushing) {
    group->overdue = true;
    return;
  }
  // The next flush counts from the start of this one.
  Arm(group, group->route->group_interval_ns);
  group->flushed = true;
  group->flushing = true;
  FlushInput input;
  input.route = group->route;
  input.tree = tree_;
  input.group_key = group->key;
  input.group_labels = group->labels;
  input.now = context_->clock->NowNanos();
  input.cancelled = cancelled_;
  std::vector<AlertPtr> resolved;
  for (const auto& [fingerprint, alert] : group->alerts) {
    if (alert->ResolvedAt(input.now)) {
      input.alerts.push_back(alert);
      resolved.push_back(alert);
      continue;
    }
    // Without an end it cannot turn resolved half-way through.
    auto open = std::make_shared<Alert>(*alert);
    open->ends_at = Time{};
    input.alerts.push_back(std::move(open));
  }
  SortAlerts(&input.alerts);
  RunFlush(context_, std::move(input), [self = shared_from_this(), group, resolved](bool ok) {
    self->Flushed(group, resolved, ok);
  });
}

void Dispatcher::Flushed(const std::shared_ptr<Group>& group, const std::vector<AlertPtr>& resolved,
                         bool ok) {
  group->flushing = false;
  if (*cancelled_) return;
  if (ok) {
    for (const AlertPtr& alert : resolved) {
      auto found = group->alerts.find(alert->fingerprint());
      // Only if it is the very alert that was told.
      if (found != group->alerts.end() && found->second == alert) group->alerts.erase(found);
    }
    if (group->alerts.empty()) {
      context_->loop->Cancel(group->timer);
      groups_.erase({group->route->index, group->labels});
      return;
    }
  }
  if (std::exchange(group->overdue, false)) {
    context_->loop->Post([self = shared_from_this(), group] { self->Flush(group); });
  }
}

std::vector<GroupView> Dispatcher::Groups() {
  std::vector<GroupView> views;
  context_->loop->Call([&] {
    const int64_t now = context_->clock->NowNanos();
    for (const auto& [key, group] : groups_) {
      GroupView view{group->labels, group->route->receiver, {}, MutedBy(*group->route, now)};
      for (const auto& [fingerprint, alert] : group->alerts) view.alerts.push_back(alert);
      SortAlerts(&view.alerts);
      views.push_back(std::move(view));
    }
  });
  std::sort(views.begin(), views.end(), [](const GroupView& a, const GroupView& b) {
    if (a.labels != b.labels) return a.labels < b.labels;
    return a.receiver < b.receiver;
  });
  return views;
}

size_t Dispatcher::group_count() {
  size_t count = 0;
  context_->loop->Call([&] { count = groups_.size(); });
  return count;
}

void Dispatcher::Stop() {
  context_->loop->Call([&] {
    *cancelled_ = true;
    for (const auto& [key, group] : groups_) context_->loop->Cancel(group->timer);
    groups_.clear();
  });
}

}  // namespace narthex::am
