#pragma once
// Threads that apply records of the log: those of one group always on the same thread and in order,
// several groups at once. What changes more than one group waits for them (Drain).
//
// At most kBatches batches of kBatchBytes wait for a thread; whoever adds more waits.
//
// Thread safety: Add and Drain from one thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/thread.h"
#include "server/storage/tsdb/head/group.h"
#include "server/storage/tsdb/wal/wal_format.h"

namespace narthex::tsdb {

class ReplayWorkers {
 public:
  // `group` is nullptr for what belongs to none. worker < threads; with no thread Add applies at
  // once, as worker 0.
  using ApplyFn =
      std::function<void(size_t worker, RecordType type, Group* group, std::string_view payload)>;
  ReplayWorkers(size_t threads, ApplyFn apply);
  ~ReplayWorkers();
  ReplayWorkers(const ReplayWorkers&) = delete;

  // Copies the payload. What belongs to no group stays in order, too.
  void Add(RecordType type, Group* group, std::string_view payload);
  // Returns when everything added so far is applied. Cheap when nothing was.
  void Drain();

 private:
  static constexpr size_t kBatchBytes = 64 << 10;
  static constexpr size_t kBatches = 4;
  // Records that were added since the last Drain and fit here are not worth waking a thread for.
  static constexpr size_t kSmall = 16 << 10;

  struct Worker {
    std::string filling;  // of the adding thread
    bool busy = false;    // the adding thread handed something over since the last Drain
    Mutex mutex;
    CondVar changed;
    std::vector<std::string> waiting GUARDED_BY(mutex);
    bool working GUARDED_BY(mutex) = false;
    bool stop GUARDED_BY(mutex) = false;
    NamedThread thread;
  };
  void Run(size_t index);
  void HandOver(Worker* worker);
  void ApplyBatch(size_t index, std::string_view batch);

  const ApplyFn apply_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace narthex::tsdb
