#pragma once
// The groups in memory, the rules of pushing, and the consistency check.
//
// Thread safety: all methods. Writers take turns (a push and a deletion are applied in the order in
// which they arrive); readers take a snapshot and are not held up by a writer's disk.

#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/base/status.h"
#include "pushgateway/group.h"
#include "pushgateway/persistence.h"
#include "pushgateway/series_index.h"

namespace narthex::pushgateway {

struct GroupStoreOptions {
  bool check = true;                   // consistency of pushes with everything stored
  StringMap<MetricType> own_families;  // of the program itself
  Persistence* persistence = nullptr;  // not owned; nullptr: memory only
  const Clock* clock = nullptr;        // nullptr: the system's
};

class GroupStore {
 public:
  explicit GroupStore(GroupStoreOptions options);

  Status Load();  // from the persistence

  // Replaces the whole group (`replace`) or the families of the same names. InvalidArgument when
  // the push is refused: the group then keeps its content and notes the failure. Other codes: the
  // disk.
  Status Push(const Grouping& grouping, std::vector<MetricFamily> families, bool replace);
  Status Delete(const Grouping& grouping);  // of nothing is no error
  Status DeleteAll();

  using Snapshot = std::vector<std::shared_ptr<const Group>>;
  Snapshot groups() const;  // in the order of group keys

 private:
  // What is wrong with a push by itself; sorts the samples.
  Status CheckAlone(const Group& group, std::vector<MetricFamily>* families) const;
  // What is wrong with it beside all other groups. Updates the index when nothing is.
  Status Admit(const Group* old, const std::vector<MetricFamily>& families,
               const std::vector<std::string>& replaced) REQUIRES(write_mutex_);
  Status NoteFailure(const std::string& key, const Group& base, int64_t now) REQUIRES(write_mutex_);
  std::shared_ptr<const Group> Find(const std::string& key) const;
  void Publish(const std::string& key, std::shared_ptr<const Group> group);

  const GroupStoreOptions options_;
  const Clock& clock_;
  Mutex write_mutex_;  // taken before state_mutex_; held while the disk is written
  SeriesIndex index_ GUARDED_BY(write_mutex_);
  mutable Mutex state_mutex_;
  std::map<std::string, std::shared_ptr<const Group>> groups_ GUARDED_BY(state_mutex_);
};

}  // namespace narthex::pushgateway
