#pragma once
// The I/O threads that all HTTP clients of a process share, and what they own.
//
// Thread safety: Post may be called from any thread; everything else belongs to the loop's thread.

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/thread.h"
#include "core/http/client.h"
#include "core/http/resolver.h"

namespace narthex::http {

class Exchange;

struct ClientLoop : std::enable_shared_from_this<ClientLoop> {
  static constexpr size_t kScratchBytes = 64 << 10;
  using Active = std::multimap<std::chrono::steady_clock::time_point, std::shared_ptr<Exchange>>;

  ClientLoop() : context(1), scratch(new char[kScratchBytes]), deadline_timer(context) {}

  // False once the loop has shut down: the action will not run.
  template <typename F>
  bool Post(F&& action) EXCLUDES(mutex) {
    MutexLock lock(mutex);
    if (stopped) return false;
    boost::asio::post(context, std::forward<F>(action));
    return true;
  }

  // After the threads have ended: runs what is left, such as the ends of cancelled waits, which
  // hold what they belong to and through it this loop.
  void Drain() EXCLUDES(mutex) {
    MutexLock lock(mutex);
    stopped = true;
    lock.Unlock();
    const std::lock_guard drain(drain_mutex);
    context.restart();
    while (context.poll() > 0) context.restart();
  }

  // One timer for all exchanges: nearly none of them reaches its deadline.
  Active::iterator Enter(std::chrono::steady_clock::time_point deadline,
                         std::shared_ptr<Exchange> exchange);
  void ArmDeadline(std::chrono::steady_clock::time_point deadline);
  void EndOverdue();

  boost::asio::io_context context;
  std::unique_ptr<char[]> scratch;
  boost::asio::steady_timer deadline_timer;
  // When the timer fires; max: it does not.
  std::chrono::steady_clock::time_point armed = std::chrono::steady_clock::time_point::max();
  Active active;  // by deadline
  bool shutting_down = false;
  Mutex mutex;
  bool stopped GUARDED_BY(mutex) = false;
  std::recursive_mutex drain_mutex;  // what is drained may be the last user of another client
};

struct ClientRuntime::Impl {
  using WorkGuard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;

  std::shared_ptr<Resolver> resolver;
  Registry* registry = nullptr;
  std::vector<std::shared_ptr<ClientLoop>> loops;
  std::vector<WorkGuard> guards;
  std::vector<NamedThread> threads;
};

}  // namespace narthex::http
