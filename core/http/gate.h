#pragma once
// What stands between a request's headers and its handler: the web configuration's rate limit and
// basic authentication.
//
// A password is checked with bcrypt once; the outcome is remembered under a digest keyed by a
// secret of this process. The check of an unknown user costs the same as that of a known one. One
// thread does them all, so that a flood of guesses takes one core at most and no worker.
//
// Thread-safe.

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "core/base/clock.h"
#include "core/base/string_map.h"
#include "core/http/types.h"
#include "core/http/web_config.h"
#include "core/http/worker_pool.h"

namespace narthex::http {

// A token bucket: `burst` at most, one more each interval. A change of settings fills it.
class TokenBucket {
 public:
  bool Take(int64_t burst, int64_t interval_nanos, int64_t now_nanos) EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  int64_t burst_ GUARDED_BY(mutex_) = -1;
  int64_t interval_ GUARDED_BY(mutex_) = 0;
  double tokens_ GUARDED_BY(mutex_) = 0;
  int64_t last_ GUARDED_BY(mutex_) = 0;
};

class Gate {
 public:
  enum class Verdict { kPass, kUnauthorized, kTooMany, kBroken, kBusy, kPending };
  struct Result {
    Verdict verdict = Verdict::kPass;
    std::shared_ptr<const WebConfig> config;  // null without a file, and when the file is broken
  };

  // `path` is the web.config.file, or "".
  Gate(const std::string& path, const std::string& thread_name,
       const Clock& clock = Clock::System());

  // kPending: `done` will be called from the checking thread with kPass or kUnauthorized.
  Result Check(const Headers& headers, std::function<void(Verdict)> done);
  // Null when the server does not speak TLS.
  WebConfigFile* file() { return file_.get(); }
  void Stop();

 private:
  // Remembers the outcomes of the last checks of one kind.
  struct Memory {
    StringSet keys;
    std::deque<std::string> order;
    void Add(const std::string& key);
  };

  const Clock& clock_;
  const std::unique_ptr<WebConfigFile> file_;
  const std::string secret_;
  TokenBucket bucket_;
  Mutex mutex_;
  Memory accepted_ GUARDED_BY(mutex_);
  Memory refused_ GUARDED_BY(mutex_);
  std::unique_ptr<WorkerPool> checker_;
};

}  // namespace narthex::http
