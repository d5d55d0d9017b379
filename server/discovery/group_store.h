#pragma once
// The groups of one provider as they stand: what its Publisher writes and the manager reads.
//
// Thread safety: all methods.

#include <functional>
#include <set>
#include <string_view>

#include "core/base/mutex.h"
#include "server/discovery/provider.h"

namespace narthex::discovery {

class GroupStore final : public Publisher {
 public:
  // `changed` is called from the publishing thread without a lock, once until the next Read.
  // `updates` counts what is published.
  GroupStore(std::function<void()> changed, Counter& updates)
      : changed_(std::move(changed)), updates_(updates) {}

  void Publish(TargetGroups groups) override EXCLUDES(mutex_);

  // Groups of a predecessor, which stay until the first Publish or Expire.
  void Inherit(TargetGroups groups) EXCLUDES(mutex_);
  void Expire() EXCLUDES(mutex_);
  // Appends every group.
  void Read(TargetGroups* out) EXCLUDES(mutex_);
  bool published() const EXCLUDES(mutex_);
  // Something changed since the last Read.
  bool unread() const EXCLUDES(mutex_);

 private:
  struct BySource {
    using is_transparent = void;
    using Group = std::shared_ptr<const TargetGroup>;
    bool operator()(const Group& a, const Group& b) const { return a->source < b->source; }
    bool operator()(const Group& a, std::string_view b) const { return a->source < b; }
    bool operator()(std::string_view a, const Group& b) const { return a < b->source; }
  };

  // True when it changed anything.
  bool Apply(std::shared_ptr<const TargetGroup> group) REQUIRES(mutex_);

  const std::function<void()> changed_;
  Counter& updates_;
  mutable Mutex mutex_;
  std::set<std::shared_ptr<const TargetGroup>, BySource> groups_ GUARDED_BY(mutex_);
  bool published_ GUARDED_BY(mutex_) = false;
  bool inherited_ GUARDED_BY(mutex_) = false;
  bool told_ GUARDED_BY(mutex_) = false;
};

}  // namespace narthex::discovery
