#include "node_exporter/collectors/statfs_pool.h"

#include <cerrno>
#include <deque>
#include <set>
#include <thread>

#include "core/base/mutex.h"
#include "core/base/thread.h"

namespace narthex::node {
namespace {

struct Batch {
  size_t pending = 0;
  std::vector<StatfsPool::Result> results;
  std::vector<bool> done;
};

struct Job {
  std::string path;
  std::shared_ptr<Batch> batch;
  size_t index = 0;
};

}  // namespace

struct StatfsPool::State : std::enable_shared_from_this<StatfsPool::State> {
  void Work();
  void StartWorker() REQUIRES(mutex) {
    ++workers;
    std::thread([self = shared_from_this()] { self->Work(); }).detach();
  }

  size_t limit = 0;
  std::chrono::milliseconds timeout{0};
  Call call;

  Mutex mutex;  // guards the batches too
  CondVar work_ready, batch_done;
  std::deque<Job> queue GUARDED_BY(mutex);
  std::set<std::string> running GUARDED_BY(mutex);  // paths the kernel is looking at
  std::set<std::string> stuck GUARDED_BY(mutex);    // those of them that are overdue
  size_t workers GUARDED_BY(mutex) = 0;             // threads, stuck ones included
  size_t idle GUARDED_BY(mutex) = 0;
  bool stopping GUARDED_BY(mutex) = false;
};

void StatfsPool::State::Work() {
  SetThreadName("statfs");
  MutexLock lock(mutex);
  for (;;) {
    ++idle;
    while (queue.empty() && !stopping) work_ready.Wait(lock);
    --idle;
    if (stopping) break;
    Job job = std::move(queue.front());
    queue.pop_front();
    running.insert(job.path);
    lock.Unlock();
    Result result;
    result.error = call(job.path, &result.stats);
    lock.Lock();
    running.erase(job.path);
    const bool was_stuck = stuck.erase(job.path) > 0;
    job.batch->results[job.index] = result;
    job.batch->done[job.index] = true;
    if (--job.batch->pending == 0) batch_done.NotifyAll();
    // While this call was overdue another thread may have taken its place.
    if (was_stuck && workers - stuck.size() > limit) break;
  }
  --workers;
}

StatfsPool::StatfsPool(size_t workers, std::chrono::milliseconds timeout, Call call)
    : state_(std::make_shared<State>()) {
  state_->limit = std::max<size_t>(1, workers);
  state_->timeout = timeout;
  state_->call = call ? std::move(call) : [](const std::string& path, struct statfs* out) {
    return ::statfs(path.c_str(), out) == 0 ? 0 : errno;
  };
}

StatfsPool::~StatfsPool() {
  MutexLock lock(state_->mutex);
  state_->stopping = true;
  state_->queue.clear();
  state_->work_ready.NotifyAll();
}

std::vector<StatfsPool::Result> StatfsPool::Run(const std::vector<std::string>& paths) {
  auto batch = std::make_shared<Batch>();
  batch->results.resize(paths.size());
  batch->done.resize(paths.size());
  State& state = *state_;
  MutexLock lock(state.mutex);
  for (size_t i = 0; i < paths.size(); ++i) {
    if (state.stuck.contains(paths[i])) continue;
    state.queue.push_back({paths[i], batch, i});
    ++batch->pending;
  }
  const size_t usable = state.workers - std::min(state.workers, state.stuck.size());
  const size_t wanted =
      std::min(state.limit, usable + state.queue.size() - std::min(state.queue.size(), state.idle));
  for (size_t n = usable; n < wanted; ++n) state.StartWorker();
  state.work_ready.NotifyAll();
  state.batch_done.WaitFor(lock, state.timeout, [&] { return batch->pending == 0; });

  std::vector<Result> results = batch->results;
  for (size_t i = 0; i < paths.size(); ++i) {
    if (batch->done[i]) continue;
    results[i].timed_out = true;
    if (state.running.contains(paths[i])) state.stuck.insert(paths[i]);
  }
  std::erase_if(state.queue, [&](const Job& job) { return job.batch == batch; });
  return results;
}

}  // namespace narthex::node
