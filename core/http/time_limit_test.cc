#include "core/http/time_limit.h"

#include <atomic>

#include "core/base/mutex.h"
#include "core/http/recorded_response.h"
#include "tests/catch.h"

namespace narthex::http {
namespace {

// A door that opens once.
class Door {
 public:
  void Open() {
    MutexLock lock(mutex_);
    open_ = true;
    wake_.NotifyAll();
  }
  bool Pass() {
    MutexLock lock(mutex_);
    return wake_.WaitFor(lock, std::chrono::seconds(60),
                         [this]() NO_THREAD_SAFETY_ANALYSIS { return open_; });
  }

 private:
  Mutex mutex_;
  CondVar wake_;
  bool open_ GUARDED_BY(mutex_) = false;
};

TEST_CASE("what is answered in time is what the client gets") {
  TimeLimit limit("test", std::chrono::minutes(1), "late\n",
                  [](const Request& request, ResponseWriter& response) {
                    if (request.cancelled()) return;
                    response.headers().Set("X-Path", request.path);
                    response.SetStatus(202);
                    response.Write("a");
                    response.Write(request.body);
                  });
  Request request;
  request.path = "/p";
  request.body = "b";
  RecordedResponse response;
  limit.Serve(request, response);
  CHECK(response.status == 202);
  CHECK(response.body == "ab");
  CHECK(response.headers().Get("X-Path") == "/p");
}

TEST_CASE("a handler that overruns: 503, it hears of it, its answer goes nowhere") {
  Door given_up, seen;
  std::atomic<bool> begun{false}, was_cancelled{false};
  RecordedResponse response;
  {
    TimeLimit limit("test", std::chrono::milliseconds(1), "late\n",
                    [&](const Request& request, ResponseWriter& writer) {
                      begun = true;
                      given_up.Pass();
                      was_cancelled = request.cancelled();
                      writer.Send(200, "text/plain", "too late");
                      seen.Open();
                    });
    // One that no thread came to in time is not begun at all.
    while (!begun) {
      response = RecordedResponse();
      limit.Serve(Request(), response);
      CHECK(response.status == 503);
      CHECK(response.body == "late\n");
    }
    given_up.Open();
    REQUIRE(seen.Pass());
  }
  CHECK(was_cancelled);
  CHECK(response.body == "late\n");
}

TEST_CASE("handlers that hang do not keep the others from answering") {
  Door end;
  {
    TimeLimit limit("test", std::chrono::milliseconds(50), "late\n",
                    [&](const Request& request, ResponseWriter& writer) {
                      if (request.path == "/hang") end.Pass();
                      writer.Send(200, "text/plain", "ok");
                    });
    Request hang;
    hang.path = "/hang";
    for (int i = 0; i < 6; ++i) {
      RecordedResponse response;
      limit.Serve(hang, response);
      CHECK(response.status == 503);
    }
    // However loaded the machine is, one of these is answered in time.
    RecordedResponse response;
    for (int i = 0; i < 600 && response.body != "ok"; ++i) {
      response = RecordedResponse();
      limit.Serve(Request(), response);
    }
    CHECK(response.body == "ok");
    end.Open();
  }
}

}  // namespace
}  // namespace narthex::http
