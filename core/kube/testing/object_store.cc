#include "core/kube/testing/object_store.h"

#include "core/kube/resource.h"
#include "core/kube/testing/json_text.h"
#include "core/kube/testing/selectors.h"
#include "core/strings/numbers.h"

namespace narthex::kube {
namespace {

// Generated objects continue behind this; no key of an object begins so.
constexpr std::string_view kGeneratedMark = "~";

}  // namespace

bool Query::Matches(const JsonValue& object) const {
  if (!ns.empty() && object["metadata"]["namespace"].AsString() != ns) return false;
  return MatchesLabels(object, label_selector) && MatchesFields(object, field_selector);
}

bool Query::MatchesText(const std::string& text) const {
  if (text.empty()) return false;
  const auto object = ParseJson(text);
  return object.ok() && Matches(*object);
}

void ObjectStore::Record(Event event) {
  history_.push_back(std::move(event));
  if (history_.size() > kHistory) {
    forgotten_ = history_.front().version;
    history_.pop_front();
  }
  changed_.NotifyAll();
}

void ObjectStore::Put(const std::string& collection, const JsonValue& object) {
  MutexLock lock(mutex_);
  const uint64_t version = ++version_;
  std::string& text = objects_[collection][KeyOf(object)];
  std::string next = ToText(WithVersion(object, version, fmt::format("uid-{}", version)));
  Record({version, collection, text, next});
  text = std::move(next);
  Declared& declared = declared_[collection];
  if (declared.kind.empty()) declared.kind = object["kind"].AsString();
  declared.namespaced |= object["metadata"].Has("namespace");
}

bool ObjectStore::Delete(const std::string& collection, const std::string& key) {
  MutexLock lock(mutex_);
  auto& objects = objects_[collection];
  const auto found = objects.find(key);
  if (found == objects.end()) return false;
  Record({++version_, collection, found->second, ""});
  objects.erase(found);
  return true;
}

void ObjectStore::Generate(const std::string& collection, size_t count, Generator generator) {
  MutexLock lock(mutex_);
  generated_[collection] = {count, std::move(generator), ++version_};
}

void ObjectStore::Declare(const std::string& collection, const std::string& kind, bool namespaced) {
  MutexLock lock(mutex_);
  declared_[collection] = {kind, namespaced};
}

ObjectStore::Page ObjectStore::List(const Query& query, size_t limit, const std::string& behind) {
  if (limit == 0) limit = SIZE_MAX;
  Page page;
  Generated generated;
  size_t next_generated = 0;
  MutexLock lock(mutex_);
  page.version = version_;
  if (const auto found = generated_.find(query.collection); found != generated_.end()) {
    generated = found->second;
  }
  if (behind.starts_with(kGeneratedMark)) {
    next_generated = ParseUint(std::string_view(behind).substr(1)).value_or(0);
  } else {
    auto& objects = objects_[query.collection];
    auto it = behind.empty() ? objects.begin() : objects.upper_bound(behind);
    for (; it != objects.end() && page.items.size() < limit; ++it) {
      if (!query.MatchesText(it->second)) continue;
      page.items.push_back(it->second);
      page.next = it->first;
    }
    page.remaining = static_cast<size_t>(std::distance(it, objects.end()));
  }
  lock.Unlock();
  for (; next_generated < generated.count && page.items.size() < limit; ++next_generated) {
    const auto object = ParseJson(generated.make(next_generated));
    if (!object.ok() || !query.Matches(*object)) continue;
    page.items.push_back(
        ToText(WithVersion(*object, generated.version, fmt::format("uid-g{}", next_generated))));
    page.next = fmt::format("{}{}", kGeneratedMark, next_generated + 1);
  }
  page.remaining += generated.count - next_generated;
  if (page.remaining == 0) page.next.clear();
  return page;
}

std::string ObjectStore::Get(const std::string& collection, const std::string& key) {
  MutexLock lock(mutex_);
  const auto objects = objects_.find(collection);
  if (objects == objects_.end()) return "";
  const auto found = objects->second.find(key);
  return found == objects->second.end() ? "" : found->second;
}

uint64_t ObjectStore::version() {
  MutexLock lock(mutex_);
  return version_;
}

bool ObjectStore::Watch(const Query& query, uint64_t version, std::chrono::milliseconds time,
                        std::vector<Event>* out, uint64_t* now) {
  MutexLock lock(mutex_);
  const uint64_t wakes = wakes_;
  if (version < forgotten_) return false;
  if (version_ == version) {
    changed_.WaitFor(lock, time, [&]() NO_THREAD_SAFETY_ANALYSIS {
      return version_ != version || wakes_ != wakes;
    });
  }
  for (const Event& event : history_) {
    if (event.version > version && event.collection == query.collection) out->push_back(event);
  }
  *now = version_;
  return version >= forgotten_;
}

void ObjectStore::Wake() {
  MutexLock lock(mutex_);
  ++wakes_;
  changed_.NotifyAll();
}

void ObjectStore::ForgetHistory() {
  MutexLock lock(mutex_);
  forgotten_ = ++version_;
  history_.clear();
}

std::map<std::string, ObjectStore::Declared> ObjectStore::declared() {
  MutexLock lock(mutex_);
  return declared_;
}

}  // namespace narthex::kube
