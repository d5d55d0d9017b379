#include "server/storage/tsdb/head/replay_workers.h"

#include "core/base/bytes.h"

namespace narthex::tsdb {

ReplayWorkers::ReplayWorkers(size_t threads, ApplyFn apply) : apply_(std::move(apply)) {
  for (size_t i = 0; i < threads; ++i) workers_.push_back(std::make_unique<Worker>());
  for (size_t i = 0; i < threads; ++i) {
    workers_[i]->thread = NamedThread("tsdb-replay", [this, i] { Run(i); });
  }
}

ReplayWorkers::~ReplayWorkers() {
  for (const auto& worker : workers_) {
    MutexLock lock(worker->mutex);
    worker->stop = true;
    worker->changed.NotifyAll();
  }
  for (const auto& worker : workers_) worker->thread.Join();
}

void ReplayWorkers::Add(RecordType type, Group* group, std::string_view payload) {
  if (workers_.empty()) return apply_(0, type, group, payload);
  Worker& worker = *workers_[group == nullptr ? 0 : group->id() % workers_.size()];
  ByteWriter out(&worker.filling);
  out.U8(static_cast<uint8_t>(type));
  out.Le64(reinterpret_cast<uintptr_t>(group));
  out.UvarintString(payload);
  if (worker.filling.size() >= kBatchBytes) HandOver(&worker);
}

void ReplayWorkers::HandOver(Worker* worker) {
  MutexLock lock(worker->mutex);
  worker->changed.Wait(
      lock, [worker]() NO_THREAD_SAFETY_ANALYSIS { return worker->waiting.size() < kBatches; });
  worker->waiting.push_back(std::move(worker->filling));
  worker->filling.clear();
  worker->busy = true;
  worker->changed.NotifyAll();
}

void ReplayWorkers::Drain() {
  for (size_t i = 0; i < workers_.size(); ++i) {
    Worker& worker = *workers_[i];
    if (worker.filling.empty()) continue;
    if (!worker.busy && worker.filling.size() <= kSmall) {
      ApplyBatch(i, worker.filling);
      worker.filling.clear();
    } else {
      HandOver(&worker);
    }
  }
  for (const auto& worker : workers_) {
    if (!worker->busy) continue;
    MutexLock lock(worker->mutex);
    worker->changed.Wait(lock, [w = worker.get()]() NO_THREAD_SAFETY_ANALYSIS {
      return w->waiting.empty() && !w->working;
    });
    worker->busy = false;
  }
}

void ReplayWorkers::ApplyBatch(size_t index, std::string_view batch) {
  ByteReader in(batch);
  while (in.ok() && !in.empty()) {
    const auto type = static_cast<RecordType>(in.U8());
    auto* const group = reinterpret_cast<Group*>(in.Le64());
    apply_(index, type, group, in.UvarintString());
  }
}

void ReplayWorkers::Run(size_t index) {
  Worker& worker = *workers_[index];
  MutexLock lock(worker.mutex);
  for (;;) {
    worker.changed.Wait(lock, [&worker]() NO_THREAD_SAFETY_ANALYSIS {
      return worker.stop || !worker.waiting.empty();
    });
    if (worker.waiting.empty()) return;
    {
      const std::string batch = std::move(worker.waiting.front());
      worker.waiting.erase(worker.waiting.begin());
      worker.working = true;
      worker.changed.NotifyAll();
      lock.Unlock();
      ApplyBatch(index, batch);
    }
    lock.Lock();
    worker.working = false;
    worker.changed.NotifyAll();
  }
}

}  // namespace narthex::tsdb
