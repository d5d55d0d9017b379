#pragma once
// HELP, TYPE and UNIT of one target's families, for /api/v1/metadata. Texts are shared between all
// targets: a thousand node_exporters keep one copy.
//
// Thread safety: all methods.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/string_map.h"
#include "core/exposition/scrape.h"
#include "server/scrape/target_status.h"

namespace narthex::scrape {

// Keeps one copy of equal texts as long as anybody holds it.
class TextPool {
 public:
  std::shared_ptr<const std::string> Intern(std::string text) EXCLUDES(mutex_);

 private:
  void DropExpired() REQUIRES(mutex_);
  Mutex mutex_;
  StringMap<std::weak_ptr<const std::string>> texts_ GUARDED_BY(mutex_);
  size_t next_cleaning_ GUARDED_BY(mutex_) = 1024;
};

class MetadataCache {
 public:
  explicit MetadataCache(TextPool* pool) : pool_(pool) {}

  // A run of lines as the parser reports them; the number names it in Remove.
  uint32_t Add(std::span<const MetadataLine> lines) EXCLUDES(mutex_);
  void Remove(uint32_t run) EXCLUDES(mutex_);
  void Clear() EXCLUDES(mutex_);

  // One entry a family, by name; of one metric, or all for "".
  std::vector<MetricMetadata> List(std::string_view metric) const EXCLUDES(mutex_);
  void Size(size_t* entries, size_t* bytes) const EXCLUDES(mutex_);

 private:
  TextPool* const pool_;
  mutable Mutex mutex_;
  // Each line as kind byte, uvarint-prefixed family, uvarint-prefixed text.
  std::vector<std::shared_ptr<const std::string>> runs_ GUARDED_BY(mutex_);
  std::vector<uint32_t> free_ GUARDED_BY(mutex_);
};

}  // namespace narthex::scrape
