#pragma once
// A handler that must answer in time, in the manner of Go's http.TimeoutHandler: what it says is
// kept until it is done and sent then; when the time is up first, the client gets 503 with a
// message, Request::cancelled turns true, and whatever the handler still says is dropped. Handlers
// run on threads of its own. They cannot detach.
//
// Thread safety: Serve from any thread. Destroy it when no one calls Serve any more.

#include <chrono>
#include <string>

#include "core/http/server.h"
#include "core/http/worker_pool.h"

namespace narthex::http {

class TimeLimit {
 public:
  // `name` is that of the threads; the message gets no newline added.
  TimeLimit(std::string name, std::chrono::milliseconds limit, std::string message,
            Handler handler);

  void Serve(const Request& request, ResponseWriter& response);

 private:
  const std::chrono::milliseconds limit_;
  const std::string message_;
  const Handler handler_;
  WorkerPool pool_;  // last: its threads end before the handler goes
};

}  // namespace narthex::http
