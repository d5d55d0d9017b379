#include "server/storage/tsdb/promwal/catalog.h"

#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <numeric>
#include <string_view>

namespace narthex::tsdb::promwal {

void Catalog::AddSeries(uint64_t ref, Labels labels) {
  const auto next = static_cast<uint32_t>(series_.size());
  const auto [known, added] = by_labels_.try_emplace(labels, next);
  if (added) {
    series_.push_back(std::move(labels));
    counts_.push_back(0);
  }
  by_ref_.insert_or_assign(ref, known->second);
}

void Catalog::AddTombstone(const TombstoneRecord& tombstone) {
  const auto found = by_ref_.find(tombstone.ref);
  if (found == by_ref_.end()) return;
  deleted_[found->second].emplace_back(tombstone.mint, tombstone.maxt);
}

bool Catalog::CountSample(uint64_t ref, int64_t t, bool extra) {
  const auto found = by_ref_.find(ref);
  if (found == by_ref_.end()) return false;
  if (!extra && t < min_valid_) return true;
  uint32_t& count = counts_[found->second];
  if (count != UINT32_MAX) ++count;
  const int64_t number = FloorDiv(t, range_ms_);
  if (newest_range_ == nullptr || number != newest_number_) {
    newest_range_ = &ranges_[number];
    newest_number_ = number;
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
  absl::flat_hash_set<std::string> seen;
  const auto add = [&seen](std::string_view s) {
    if (!seen.contains(std::string(s))) seen.emplace(s);
  };
  for (const Labels& labels : series_) {
    for (const Label& label : labels) {
      add(label.name);
      add(label.value);
    }
  }
  std::vector<std::string> out(seen.begin(), seen.end());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace narthex::tsdb::promwal
