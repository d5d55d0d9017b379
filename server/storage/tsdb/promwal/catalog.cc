#include "server/storage/tsdb/promwal/catalog.h"

#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <numeric>
#include <string_view>

namespace narthex::tsdb::promwal {

void Catalog::AddSeries(uint64_t ref, Labels labels) {
  const auto known = by_labels_.find(labels.flat());
  if (known != by_labels_.end()) return by_ref_.Set(ref, known->second);
  const auto next = static_cast<uint32_t>(series_.size());
  series_.push_back(std::move(labels));
  counts_.push_back(0);
  by_labels_.emplace(series_.back().flat(), next);
  by_ref_.Set(ref, next);
}

void Catalog::AddTombstone(const TombstoneRecord& tombstone) {
  const uint32_t found = PlaceOf(tombstone.ref);
  if (found == kNone) return;
  deleted_[found].emplace_back(tombstone.mint, tombstone.maxt);
}

bool Catalog::CountSample(uint64_t ref, int64_t t, bool extra) {
  const uint32_t found = PlaceOf(ref);
  if (found == kNone) return false;
  if (!extra && t < min_valid_) return true;
  uint32_t& count = counts_[found];
  if (count != UINT32_MAX) ++count;
  const auto range = static_cast<uint64_t>(range_ms_);
  if (newest_range_ == nullptr || static_cast<uint64_t>(t) - newest_begin_ >= range) {
    const int64_t number = FloorDiv(t, range_ms_);
    newest_range_ = &ranges_[number];
    newest_begin_ = static_cast<uint64_t>(number) * range;
  }
  newest_range_->newest = std::max(newest_range_->newest, t);
  (extra ? newest_range_->extra : newest_range_->log) = true;
  return true;
}

void Catalog::Finish() {
  by_labels_ = {};
  order_.resize(series_.size());
  std::iota(order_.begin(), order_.end(), 0);
  std::sort(order_.begin(), order_.end(),
            [this](uint32_t a, uint32_t b) { return series_[a] < series_[b]; });
  rank_of_.resize(series_.size());
  for (uint32_t rank = 0; rank < order_.size(); ++rank) rank_of_[order_[rank]] = rank;
}

std::vector<std::string> Catalog::Symbols() const {
  absl::flat_hash_set<std::string_view> seen;
  std::vector<Label> before;  // neighbours in label order have most of their labels in common
  for (const uint32_t place : order_) {
    size_t i = 0;
    for (const Label& label : series_[place]) {
      if (i == before.size()) before.emplace_back();
      Label& same = before[i++];
      if (same.name != label.name) seen.insert(label.name);
      if (same.value != label.value) seen.insert(label.value);
      same = label;
    }
  }
  std::vector<std::string> out(seen.begin(), seen.end());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace narthex::tsdb::promwal
