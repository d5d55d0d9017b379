#pragma once
// The metadata of series on its way from or to a log of Prometheus; equal texts are kept once.
//
// Thread safety: none.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/base/string_map.h"
#include "core/labels/labels.h"
#include "server/storage/interface.h"

namespace narthex::tsdb::promwal {

class MetadataTable {
 public:
  // The number of these texts.
  uint32_t Intern(storage::MetricMetadata metadata) {
    std::string key = metadata.type + '\0' + metadata.unit + '\0' + metadata.help;
    const auto [at, fresh] =
        numbers_.try_emplace(std::move(key), static_cast<uint32_t>(texts_.size()));
    if (fresh) texts_.push_back(std::move(metadata));
    return at->second;
  }
  const storage::MetricMetadata& text(uint32_t number) const { return texts_[number]; }

  std::vector<std::pair<Labels, uint32_t>> series;  // and the numbers of their texts

 private:
  StringMap<uint32_t> numbers_;
  std::vector<storage::MetricMetadata> texts_;
};

}  // namespace narthex::tsdb::promwal
