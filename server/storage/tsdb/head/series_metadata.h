#pragma once
// TYPE, HELP and UNIT of the series of the head, for those who wrote some. Equal ones are kept
// once.
//
// Thread safety: every method.

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/string_map.h"
#include "server/storage/interface.h"

namespace narthex::tsdb {

class SeriesMetadata {
 public:
  // False: the series, named by its reference, has exactly this already. Texts that are longer than
  // a record of the log should hold are cut.
  bool Set(uint64_t ref, const storage::MetricMetadata& metadata) EXCLUDES(mutex_);
  std::optional<storage::MetricMetadata> Get(uint64_t ref) const EXCLUDES(mutex_);
  void Forget(uint64_t ref) EXCLUDES(mutex_);
  // Ascending.
  std::vector<uint64_t> Refs() const EXCLUDES(mutex_);
  bool any() const EXCLUDES(mutex_);

 private:
  // Equal metadata of any number of series.
  struct Shared {
    storage::MetricMetadata metadata;
    std::string key;
    uint32_t users = 0;
  };
  void Release(uint32_t id) REQUIRES(mutex_);

  mutable Mutex mutex_;
  absl::flat_hash_map<uint64_t, uint32_t> ids_ GUARDED_BY(mutex_);  // by reference
  std::vector<Shared> shared_ GUARDED_BY(mutex_);
  std::vector<uint32_t> free_ GUARDED_BY(mutex_);
  StringMap<uint32_t> by_key_ GUARDED_BY(mutex_);
};

// A record of metadata (docs/formats/wal.md).
struct LoggedMetadata {
  uint64_t ref = 0;
  storage::MetricMetadata metadata;
};
std::string EncodeMetadata(std::span<const LoggedMetadata> entries);
// Any bytes are safe; what cannot be read is left out.
void DecodeMetadata(
    std::string_view payload,
    const std::function<void(uint64_t ref, const storage::MetricMetadata& metadata)>& found);

}  // namespace narthex::tsdb
