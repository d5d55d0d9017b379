#pragma once
// Deleted ranges of series in the head, by series reference. They leave when the samples do: at the
// truncation that follows a block cut.
//
// Thread safety: every method.

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.h"
#include "server/storage/interface.h"
#include "server/storage/tsdb/block/tombstones.h"

namespace narthex::tsdb {

class HeadDeletes {
 public:
  using Entry = std::pair<uint64_t, Interval>;

  void Add(std::span<const Entry> entries);
  // Forgets what is wholly before mint, and everything of series that are gone.
  void RemoveBefore(int64_t mint);
  void RemoveSeries(std::span<const uint64_t> refs);

  // Cheap; false means that Get is empty for all series.
  bool any() const { return any_.load(std::memory_order_acquire); }
  std::vector<Interval> Get(uint64_t ref) const;
  std::vector<Entry> All() const;

  // The payload of a kDelete record, and back. Any bytes are safe.
  static std::string Encode(std::span<const Entry> entries);
  static std::vector<Entry> Decode(std::string_view payload);

 private:
  void Publish(Tombstones next) REQUIRES(mutex_);

  std::atomic<bool> any_{false};
  mutable Mutex mutex_;
  std::shared_ptr<const Tombstones> current_ GUARDED_BY(mutex_) = std::make_shared<Tombstones>();
};

// Removes the deleted samples from the columns, from position `from` on.
void EraseDeleted(std::span<const Interval> deleted, size_t from, storage::SampleColumns* columns);

}  // namespace narthex::tsdb
