#pragma once
// Ends a request before its time: ClientRequest::cancellation. Serves one request after the other,
// one at a time.
//
// Thread safety: all methods.

#include <memory>

#include "core/base/mutex.h"

namespace narthex::http {

class Exchange;
struct ClientLoop;

class Cancellation {
 public:
  // The request ends soon, with Cancelled; also one that has not been sent yet.
  void Cancel() EXCLUDES(mutex_);

 protected:
  Mutex mutex_;
  std::shared_ptr<ClientLoop> loop_ GUARDED_BY(mutex_);
  std::weak_ptr<Exchange> exchange_ GUARDED_BY(mutex_);

 private:
  friend class Exchange;
  // False when it is cancelled already.
  bool Attach(std::shared_ptr<ClientLoop> loop, std::weak_ptr<Exchange> exchange) EXCLUDES(mutex_);

  bool cancelled_ GUARDED_BY(mutex_) = false;
};

}  // namespace narthex::http
