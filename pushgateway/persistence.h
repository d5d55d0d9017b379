#pragma once
// Groups on disk, in a key-value store (a directory):
//
//   "g" group key                                   → times of the group
//   "f" uvarint(len of group key) group key name    → one family
//
//   times:   version 1 │ success value, noted │ failure value, noted      (4 × 8 bytes, ns)
//   family:  version 1 │ pushed (8 bytes, ns) │ delimited protobuf MetricFamily
//
// Every write is in the operating system's hands when Save returns (it survives the death of the
// process); once an interval and at Close it is forced to the disk.
//
// Threads: one that syncs. Thread safety: all methods; callers order the writes of a group.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "pushgateway/group.h"

namespace narthex::pushgateway {

class Persistence {
 public:
  // FailedPrecondition when `path` is a file: an upstream pushgateway's, which is not overwritten.
  static StatusOr<std::unique_ptr<Persistence>> Open(const std::string& path,
                                                     std::chrono::milliseconds sync_interval);
  ~Persistence();  // syncs

  // Entries that cannot be read are logged and skipped; they stay on disk.
  Status Load(const std::function<void(std::shared_ptr<const Group>)>& visit) const;

  // Writes the times and the families named `changed`; deletes those named `removed`.
  Status Save(const Group& group, const std::vector<std::string>& changed,
              const std::vector<std::string>& removed);
  Status Delete(const Group& group);
  Status Sync();

 private:
  struct Impl;
  explicit Persistence(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::pushgateway
