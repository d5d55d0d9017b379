#pragma once
// Things that several users share for as long as one of them is left, by key: the one watch of a
// resource that all jobs of a configuration read, the one client of an API server.
//
// Thread safety: all methods. `make` runs under the pool's lock, so that a key is made once; the
// destructor of what is shared runs without it.

#include <memory>
#include <string>
#include <utility>

#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/base/string_map.h"

namespace narthex::kube {

template <typename T>
class SharedPool {
 public:
  // What is under the key, or what `make` (a StatusOr<std::shared_ptr<T>>) gives.
  template <typename Make>
  StatusOr<std::shared_ptr<T>> Get(const std::string& key, const Make& make) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    std::weak_ptr<T>& slot = held_[key];
    if (auto found = slot.lock()) return found;
    NX_ASSIGN_OR_RETURN(std::shared_ptr<T> made, make());
    slot = made;
    Sweep();
    return made;
  }
  size_t size() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    Sweep();
    return held_.size();
  }

 private:
  void Sweep() REQUIRES(mutex_) {
    for (auto it = held_.begin(); it != held_.end();) {
      const auto current = it++;
      if (current->second.expired()) held_.erase(current);
    }
  }

  Mutex mutex_;
  StringMap<std::weak_ptr<T>> held_ GUARDED_BY(mutex_);
};

}  // namespace narthex::kube
