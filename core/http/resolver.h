#pragma once
// Host names to addresses: getaddrinfo on a few threads, with a short-lived cache in front so that
// a thousand requests to one name cost one question.
//
// Thread-safe. Callbacks run on a resolver thread, or at once when the answer is cached.

#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/base/string_map.h"
#include "core/http/worker_pool.h"

namespace narthex::http {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  // "ip:port", "[ip]:port", or the path of a unix socket.
  std::string ToString() const;
};

class Resolver {
 public:
  using Callback = std::function<void(StatusOr<std::vector<SocketAddress>>)>;

  explicit Resolver(std::string thread_name, int threads = 4);

  // Addresses without a port. Literals are answered without a question. Error, in Go's words:
  // "lookup nosuch: no such host".
  void Resolve(const std::string& host, Callback callback) EXCLUDES(mutex_);
  void Stop() { pool_.Stop(); }

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Answer = StatusOr<std::vector<SocketAddress>>;
  struct Entry {
    std::shared_ptr<const Answer> answer;
    TimePoint expires;
  };

  void Lookup(const std::string& host) EXCLUDES(mutex_);

  Mutex mutex_;
  StringMap<Entry> cache_ GUARDED_BY(mutex_);
  StringMap<std::vector<Callback>> waiting_ GUARDED_BY(mutex_);
  WorkerPool pool_;
};

}  // namespace narthex::http
