#pragma once
// Delayed frees: what a reader may still hold is destroyed when every reader that was there at the
// time of its retirement has gone.
//
// Thread safety: every method; the callbacks run in the thread that calls Drain, without locks.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "core/base/mutex.h"

namespace narthex::tsdb {

class Epochs {
 public:
  class Pin {
   public:
    explicit Pin(Epochs* epochs) : epochs_(epochs), epoch_(epochs->Enter()) {}
    Pin(Pin&& other) noexcept
        : epochs_(std::exchange(other.epochs_, nullptr)), epoch_(other.epoch_) {}
    Pin& operator=(Pin&&) = delete;
    ~Pin() {
      if (epochs_ != nullptr) epochs_->Leave(epoch_);
    }

   private:
    Epochs* epochs_;
    uint64_t epoch_;
  };

  void Retire(std::function<void()> free) {
    MutexLock lock(mutex_);
    limbo_.emplace_back(now_++, std::move(free));
  }

  // A mark in time, and whether every reader that came before it has gone.
  uint64_t Mark() {
    MutexLock lock(mutex_);
    return now_++;
  }
  bool Passed(uint64_t mark) {
    MutexLock lock(mutex_);
    return pins_.empty() || pins_.begin()->first > mark;
  }

  // The newest epoch, and the oldest one that a reader still holds.
  struct Marks {
    uint64_t newest = 0;
    uint64_t oldest = 0;
  };
  Marks marks() const {
    MutexLock lock(mutex_);
    return {now_, pins_.empty() ? now_ : pins_.begin()->first};
  }

  // Runs what no reader can see any more.
  void Drain() {
    std::vector<std::function<void()>> ready;
    {
      MutexLock lock(mutex_);
      const uint64_t oldest = pins_.empty() ? now_ : pins_.begin()->first;
      while (!limbo_.empty() && limbo_.front().first < oldest) {
        ready.push_back(std::move(limbo_.front().second));
        limbo_.pop_front();
      }
    }
    for (auto& free : ready) free();
  }

 private:
  uint64_t Enter() {
    MutexLock lock(mutex_);
    ++pins_[now_];
    return now_;
  }
  void Leave(uint64_t epoch) {
    MutexLock lock(mutex_);
    const auto it = pins_.find(epoch);
    if (--it->second == 0) pins_.erase(it);
  }

  mutable Mutex mutex_;
  uint64_t now_ GUARDED_BY(mutex_) = 1;
  std::map<uint64_t, size_t> pins_ GUARDED_BY(mutex_);
  std::deque<std::pair<uint64_t, std::function<void()>>> limbo_ GUARDED_BY(mutex_);
};

}  // namespace narthex::tsdb
