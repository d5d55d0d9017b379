#include "core/http/worker_pool.h"

#include <atomic>
#include <set>
#include <thread>

#include "tests/catch.h"
#include "tests/eventually.h"

namespace narthex::http {
namespace {

// Tasks that wait until they are let go.
class Gate {
 public:
  std::function<void()> Task() {
    return [this] {
      ++waiting;
      MutexLock lock(mutex_);
      while (!open_) opened_.Wait(lock);
      ++done;
    };
  }
  void Open() {
    MutexLock lock(mutex_);
    open_ = true;
    opened_.NotifyAll();
  }
  std::atomic<int> waiting{0}, done{0};

 private:
  Mutex mutex_;
  CondVar opened_;
  bool open_ GUARDED_BY(mutex_) = false;
};

TEST_CASE("further workers come while all are busy, up to a limit") {
  Gate gate;
  WorkerPool pool("test", 2, 5, 100);
  for (int i = 0; i < 8; ++i) CHECK(pool.Submit(gate.Task()));
  CHECK(Eventually([&] { return gate.waiting == 5; }));
  CHECK(gate.done == 0);
  gate.Open();
  CHECK(Eventually([&] { return gate.done == 8; }));
  CHECK(gate.waiting == 8);
}

TEST_CASE("without a larger limit the pool keeps its size") {
  Gate gate;
  WorkerPool pool("test", 2, 0, 3);
  for (int i = 0; i < 2; ++i) CHECK(pool.Submit(gate.Task()));
  CHECK(Eventually([&] { return gate.waiting == 2; }));
  for (int i = 0; i < 3; ++i) CHECK(pool.Submit(gate.Task()));
  CHECK_FALSE(pool.Submit(gate.Task()));  // the queue is full
  CHECK(gate.waiting == 2);
  gate.Open();
  CHECK(Eventually([&] { return gate.done == 5; }));
}

TEST_CASE("the worker that was busy last gets the next task") {
  WorkerPool pool("test", 8, 0, 100);
  std::atomic<int> done{0};
  std::set<std::thread::id> threads;  // tasks follow one another
  for (int i = 1; i <= 50; ++i) {
    REQUIRE(pool.Submit([&] {
      threads.insert(std::this_thread::get_id());
      ++done;
    }));
    REQUIRE(Eventually([&] { return done == i && pool.idle() == 8; }));
  }
  CHECK(threads.size() <= 2);  // at first some may not have begun to wait
}

TEST_CASE("what is queued is run before the pool stops, with all its threads") {
  Gate gate;
  {
    WorkerPool pool("test", 1, 4, 100);
    for (int i = 0; i < 20; ++i) REQUIRE(pool.Submit(gate.Task()));
    gate.Open();
    pool.Stop();
    CHECK(gate.done == 20);
    CHECK_FALSE(pool.Submit(gate.Task()));
  }
  CHECK(gate.done == 20);
}

}  // namespace
}  // namespace narthex::http
