#pragma once
// The objects of a fake API server, with versions and the history that watches read.
//
// Thread safety: all methods.

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "core/json/reader.h"

namespace narthex::kube {

// What one list or watch asks for. `collection` is the path without namespace: "/api/v1/pods".
struct Query {
  std::string collection, ns, label_selector, field_selector;
  bool Matches(const JsonValue& object) const;
  bool MatchesText(const std::string& text) const;  // an empty text never does
};

class ObjectStore {
 public:
  struct Event {
    uint64_t version = 0;
    std::string collection, before, after;  // texts; "" before an addition, after a deletion
  };
  struct Page {
    std::vector<std::string> items;
    uint64_t version = 0;
    std::string next;  // key to go on behind; "" at the end
    size_t remaining = 0;
  };
  // Makes object number `i` of a generated collection, without a resourceVersion.
  using Generator = std::function<std::string(size_t i)>;

  void Put(const std::string& collection, const JsonValue& object) EXCLUDES(mutex_);
  bool Delete(const std::string& collection, const std::string& key) EXCLUDES(mutex_);
  // Objects that are made anew each time they are asked for, so that they cost no memory. They are
  // listed behind the others and never change.
  void Generate(const std::string& collection, size_t count, Generator generator) EXCLUDES(mutex_);
  // Declares what discovery shows of a collection.
  void Declare(const std::string& collection, const std::string& kind, bool namespaced)
      EXCLUDES(mutex_);

  Page List(const Query& query, size_t limit, const std::string& behind) EXCLUDES(mutex_);
  std::string Get(const std::string& collection, const std::string& key) EXCLUDES(mutex_);
  uint64_t version() EXCLUDES(mutex_);

  // Events of the collection after `version`; waits for the first one. False when the history does
  // not reach back that far. Also returns, with none, after the time or Wake.
  bool Watch(const Query& query, uint64_t version, std::chrono::milliseconds time,
             std::vector<Event>* out, uint64_t* now) EXCLUDES(mutex_);
  void Wake() EXCLUDES(mutex_);
  // Versions up to now can no longer be watched from.
  void ForgetHistory() EXCLUDES(mutex_);

  struct Declared {
    std::string kind;
    bool namespaced = false;
  };
  std::map<std::string, Declared> declared() EXCLUDES(mutex_);

 private:
  struct Generated {
    size_t count = 0;
    Generator make;
    uint64_t version = 0;
  };
  void Record(Event event) REQUIRES(mutex_);

  static constexpr size_t kHistory = 10'000;
  Mutex mutex_;
  CondVar changed_;
  uint64_t version_ GUARDED_BY(mutex_) = 1000;
  uint64_t forgotten_ GUARDED_BY(mutex_) = 0;
  uint64_t wakes_ GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::map<std::string, std::string>> objects_ GUARDED_BY(mutex_);
  std::map<std::string, Generated> generated_ GUARDED_BY(mutex_);
  std::map<std::string, Declared> declared_ GUARDED_BY(mutex_);
  std::deque<Event> history_ GUARDED_BY(mutex_);
};

}  // namespace narthex::kube
