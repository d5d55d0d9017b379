#pragma once
// Remembers which values of a label a regular expression matches, as one bit for each value id.
// Dictionaries mostly grow at the end, so an answer stays good for the ids it covers and is
// extended by the new ones; when an id comes to mean another value, the generation of its name
// changes and the answer is forgotten.
//
// Bounded by entries and bytes; what was used longest ago goes.
//
// Thread safety: all methods; the dictionary must not change during Get.

#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/mutex.h"
#include "core/labels/matcher.h"
#include "server/storage/tsdb/series/string_table.h"

namespace narthex::tsdb {

class MatcherCache {
 public:
  using Verdicts = std::vector<bool>;  // by value id: whether the expression matches

  explicit MatcherCache(size_t max_entries = 128, size_t max_bytes = size_t{4} << 20)
      : max_entries_(max_entries), max_bytes_(max_bytes) {}

  // For all ids below values.limit(); those that are free have no meaning. `m` is a regular
  // expression, whether to be matched or not.
  std::shared_ptr<const Verdicts> Get(uint32_t name_id, uint64_t generation, const Matcher& m,
                                      const StringTable& values);

  size_t size() const;
  size_t bytes() const;
  // Values that were held against an expression so far.
  uint64_t evaluated() const { return evaluated_.load(std::memory_order_relaxed); }

 private:
  using Key = std::pair<uint32_t, std::string>;
  struct Entry {
    uint64_t generation = 0;
    uint64_t used = 0;
    size_t bytes = 0;
    std::shared_ptr<const Verdicts> verdicts;
  };
  std::shared_ptr<const Verdicts> Find(const Key& key, uint64_t generation);
  void Put(Key key, uint64_t generation, std::shared_ptr<const Verdicts> verdicts);

  const size_t max_entries_, max_bytes_;
  std::atomic<uint64_t> evaluated_{0};
  mutable Mutex mutex_;
  absl::flat_hash_map<Key, Entry> entries_ GUARDED_BY(mutex_);
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  uint64_t clock_ GUARDED_BY(mutex_) = 0;
};

}  // namespace narthex::tsdb
