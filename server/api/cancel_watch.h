#pragma once
// Cancels queries whose client has gone, or all of them when the server stops. One thread looks at
// every running query several times a second: cheaper than a thread each, quick enough for people.
//
// Thread safety: all methods.

#include <atomic>
#include <functional>
#include <list>

#include "core/base/mutex.h"
#include "core/base/thread.h"

namespace narthex::api {

class CancelWatch {
 public:
  CancelWatch();
  ~CancelWatch();

  // Watches one query for as long as it lives.
  class Guard {
   public:
    Guard(CancelWatch& watch, std::function<bool()> client_gone);
    ~Guard();
    Guard(const Guard&) = delete;
    const std::atomic<bool>* cancelled() const { return &entry_->cancelled; }

   private:
    friend class CancelWatch;
    struct Entry {
      std::function<bool()> client_gone;
      std::atomic<bool> cancelled{false};
    };
    CancelWatch& watch_;
    std::list<Entry>::iterator entry_;
  };

  // Cancels what runs and what will come.
  void CancelAll();

 private:
  void Run();

  Mutex mutex_;
  CondVar changed_;
  std::list<Guard::Entry> entries_ GUARDED_BY(mutex_);
  bool cancel_all_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool asleep_ GUARDED_BY(mutex_) = false;  // until somebody notifies
  NamedThread thread_;
};

}  // namespace narthex::api
