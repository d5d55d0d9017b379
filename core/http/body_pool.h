#pragma once
// Memory of bodies between answers. What comes from here is neither asked of the allocator nor
// cleared nor faulted in anew, and likely still in the cache.
//
// Thread safety: all methods.

#include <string>
#include <vector>

#include "core/base/mutex.h"

namespace narthex::http {

class BodyPool {
 public:
  std::string Take() {
    MutexLock lock(mutex_);
    if (free_.empty()) return {};
    std::string body = std::move(free_.back());
    free_.pop_back();
    return body;
  }
  void Put(std::string body) {
    if (body.capacity() < kLeastBytes || body.capacity() > kMostBytes) return;
    MutexLock lock(mutex_);
    if (free_.size() < kMostBuffers) free_.push_back(std::move(body));
  }

 private:
  static constexpr size_t kMostBuffers = 4;
  static constexpr size_t kLeastBytes = 16 << 10, kMostBytes = 1 << 20;

  Mutex mutex_;
  std::vector<std::string> free_ GUARDED_BY(mutex_);
};

}  // namespace narthex::http
