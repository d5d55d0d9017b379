#pragma once
// The notification log: what was told to whom last, one entry for each group and integration. It
// makes repeats and restarts quiet. Durable in core/kv, one MeshEntry message a key.
//
// Thread safety: all methods.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/base/string_map.h"
#include "core/kv/store.h"

namespace narthex::am {

// The integration of a receiver: "webhook" number 0 of "team-a".
struct ReceiverKey {
  std::string receiver;
  std::string integration;
  uint32_t index = 0;
};

struct LogEntry {
  int64_t timestamp = 0;                   // of the flush, nanoseconds
  std::vector<uint64_t> firing, resolved;  // hashes, sorted
};

class NotificationLog {
 public:
  static StatusOr<std::unique_ptr<NotificationLog>> Open(KvStore* store, const Clock& clock);

  std::optional<LogEntry> Find(std::string_view group_key, const ReceiverKey& receiver) const
      EXCLUDES(mutex_);
  // In memory at once; the write survives the death of the process.
  Status Record(std::string_view group_key, const ReceiverKey& receiver, LogEntry entry,
                int64_t expires_at) EXCLUDES(mutex_);
  Status CollectGarbage() EXCLUDES(mutex_);
  size_t size() const EXCLUDES(mutex_);

  // Reads a snapshot file of upstream's (length-delimited MeshEntry messages) into the store.
  Status Import(std::string_view snapshot) EXCLUDES(mutex_);

 private:
  struct Stored {
    LogEntry entry;
    int64_t expires_at = 0;
  };
  NotificationLog(KvStore* store, const Clock& clock) : store_(store), clock_(clock) {}
  Status Adopt(std::string_view bytes, std::string* key) REQUIRES(mutex_);

  KvStore* const store_;
  const Clock& clock_;
  mutable Mutex mutex_;
  StringMap<Stored> entries_ GUARDED_BY(mutex_);
};

}  // namespace narthex::am
