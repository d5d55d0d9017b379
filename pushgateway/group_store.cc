#include "pushgateway/group_store.h"

#include "core/metrics/consistency.h"

namespace narthex::pushgateway {
namespace {

constexpr std::string_view kInvalid =
    "pushed metrics are invalid or inconsistent with existing metrics: ";

Status Refused(std::string_view why) { return InvalidArgument("{}{}", kInvalid, why); }

bool HasTimestamps(const std::vector<MetricFamily>& families) {
  for (const MetricFamily& family : families) {
    for (const MetricSample& sample : family.samples) {
      if (sample.timestamp_ms.has_value()) return true;
    }
  }
  return false;
}

}  // namespace

GroupStore::GroupStore(GroupStoreOptions options)
    : options_(std::move(options)),
      clock_(options_.clock != nullptr ? *options_.clock : Clock::System()),
      index_(options_.own_families) {}

Status GroupStore::Load() {
  if (options_.persistence == nullptr) return OkStatus();
  MutexLock writing(write_mutex_);
  return options_.persistence->Load([&](std::shared_ptr<const Group> group) REQUIRES(write_mutex_) {
    for (const auto& [name, stored] : group->families) index_.Add(stored.Unpack());
    Publish(GroupKey(group->labels), group);
  });
}

Status GroupStore::CheckAlone(const Group& group, std::vector<MetricFamily>* families) const {
  // The times of the group are checked along: its labels must be fit to be shown.
  std::vector<MetricFamily> all = std::move(*families);
  all.push_back(PushTimeFamily(group));
  Registry::Gathered gathered = MergeFamilies(std::move(all));
  *families = std::move(gathered.families);
  std::erase_if(*families, [](const MetricFamily& f) { return f.name == kPushTime; });
  return gathered.errors.empty() ? OkStatus() : Refused(JoinErrors(gathered.errors));
}

Status GroupStore::Admit(const Group* old, const std::vector<MetricFamily>& families,
                         const std::vector<std::string>& replaced) {
  std::vector<MetricFamily> old_families;
  for (const std::string& name : replaced) {
    if (old == nullptr) break;
    const auto it = old->families.find(name);
    if (it == old->families.end()) continue;
    old_families.push_back(it->second.Unpack());
    index_.Remove(old_families.back());
  }
  if (options_.check) {
    const auto errors = index_.Check(families);
    if (!errors.empty()) {
      for (const MetricFamily& family : old_families) index_.Add(family);
      return Refused(JoinErrors(errors));
    }
  }
  for (const MetricFamily& family : families) index_.Add(family);
  return OkStatus();
}

Status GroupStore::NoteFailure(const std::string& key, const Group& base, int64_t now) {
  auto group = std::make_shared<Group>(base);
  group->failure = {.value_ns = now, .noted_ns = now};
  if (group->success.noted_ns == 0) group->success.noted_ns = now;
  if (options_.persistence != nullptr) {
    NX_RETURN_IF_ERROR(options_.persistence->Save(*group, {}, {}));
  }
  Publish(key, std::move(group));
  return OkStatus();
}

Status GroupStore::Push(const Grouping& grouping, std::vector<MetricFamily> families,
                        bool replace) {
  const std::string key = GroupKey(grouping);
  families = Relabel(std::move(families), grouping);

  MutexLock writing(write_mutex_);
  const std::shared_ptr<const Group> old = Find(key);
  const int64_t now = clock_.NowNanos();
  Group base = old != nullptr ? *old : Group{.labels = grouping};

  std::vector<MetricFamily> none;
  NX_RETURN_IF_ERROR(CheckAlone(base, &none));  // labels that cannot be shown leave no trace
  Status status =
      HasTimestamps(families) ? Refused("pushed metrics must not have timestamps") : OkStatus();
  if (status.ok() && options_.check) status = CheckAlone(base, &families);

  std::vector<std::string> changed, removed, replaced;
  for (const MetricFamily& family : families) changed.push_back(family.name);
  replaced = changed;
  if (replace) {
    for (const auto& [name, stored] : base.families) {
      if (std::find(changed.begin(), changed.end(), name) == changed.end()) removed.push_back(name);
    }
    replaced.insert(replaced.end(), removed.begin(), removed.end());
  }
  if (status.ok()) status = Admit(old.get(), families, replaced);
  if (!status.ok()) {
    NX_RETURN_IF_ERROR(NoteFailure(key, base, now));
    return status;
  }

  auto group = std::make_shared<Group>(std::move(base));
  for (const std::string& name : removed) group->families.erase(name);
  for (const MetricFamily& family : families) {
    group->families.insert_or_assign(family.name, StoredFamily(now, family));
  }
  group->success = {.value_ns = now, .noted_ns = now};
  if (group->failure.noted_ns == 0) group->failure.noted_ns = now;
  if (options_.persistence != nullptr) {
    status = options_.persistence->Save(*group, changed, removed);
    if (!status.ok()) {
      // Back to what the disk holds.
      for (const MetricFamily& family : families) index_.Remove(family);
      for (const std::string& name : replaced) {
        if (old == nullptr) break;
        const auto it = old->families.find(name);
        if (it != old->families.end()) index_.Add(it->second.Unpack());
      }
      return Internal("could not persist the push: {}", MessageOf(status));
    }
  }
  Publish(key, std::move(group));
  return OkStatus();
}

Status GroupStore::Delete(const Grouping& grouping) {
  const std::string key = GroupKey(grouping);
  MutexLock writing(write_mutex_);
  const std::shared_ptr<const Group> old = Find(key);
  if (old == nullptr) return OkStatus();
  if (options_.persistence != nullptr) NX_RETURN_IF_ERROR(options_.persistence->Delete(*old));
  for (const auto& [name, stored] : old->families) index_.Remove(stored.Unpack());
  Publish(key, nullptr);
  return OkStatus();
}

Status GroupStore::DeleteAll() {
  for (const auto& group : groups()) NX_RETURN_IF_ERROR(Delete(group->labels));
  return OkStatus();
}

std::shared_ptr<const Group> GroupStore::Find(const std::string& key) const {
  MutexLock lock(state_mutex_);
  const auto it = groups_.find(key);
  return it == groups_.end() ? nullptr : it->second;
}

void GroupStore::Publish(const std::string& key, std::shared_ptr<const Group> group) {
  // Freed outside the lock: a big group takes its time.
  std::shared_ptr<const Group> old;
  MutexLock lock(state_mutex_);
  if (group == nullptr) {
    const auto it = groups_.find(key);
    if (it == groups_.end()) return;
    old = std::move(it->second);
    groups_.erase(it);
  } else {
    old = std::exchange(groups_[key], std::move(group));
  }
  lock.Unlock();
}

GroupStore::Snapshot GroupStore::groups() const {
  MutexLock lock(state_mutex_);
  Snapshot snapshot;
  snapshot.reserve(groups_.size());
  for (const auto& [key, group] : groups_) snapshot.push_back(group);
  return snapshot;
}

}  // namespace narthex::pushgateway
