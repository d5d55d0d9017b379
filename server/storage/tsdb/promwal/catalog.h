#pragma once
// What the first pass over a log finds: the series, what was deleted of them, how many samples
// there are and when.
//
// Thread safety: none.

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/labels/labels.h"
#include "server/storage/tsdb/head/ref_map.h"
#include "server/storage/tsdb/promwal/records.h"

namespace narthex::tsdb::promwal {

inline int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b < 0); }

// Series by rank: their place in label order. Several references may name one series.
class Catalog {
 public:
  static constexpr uint32_t kNone = kNoSlot;
  using Interval = std::pair<int64_t, int64_t>;  // closed

  struct Range {
    int64_t newest = INT64_MIN;
    bool log = false;    // has samples of the log
    bool extra = false;  // has out-of-order samples
  };

  Catalog(int64_t range_ms, int64_t min_valid) : range_ms_(range_ms), min_valid_(min_valid) {}

  // ---- First pass ----
  void AddSeries(uint64_t ref, Labels labels);
  void AddTombstone(const TombstoneRecord& tombstone);
  // False when no series has this reference.
  bool CountSample(uint64_t ref, int64_t t, bool extra);
  // nullptr when no series has this reference.
  const Labels* Find(uint64_t ref) const {
    const uint32_t found = PlaceOf(ref);
    return found == kNone ? nullptr : &series_[found];
  }
  // The place of a series in the order of appearance.
  uint32_t PlaceOf(uint64_t ref) const { return by_ref_.Get(ref); }
  // Sorts; afterwards ranks are known.
  void Finish();

  // ---- After Finish ----
  uint32_t RankOf(uint64_t ref) const {
    const uint32_t found = PlaceOf(ref);
    return found == kNone ? kNone : rank_of_[found];
  }
  uint32_t PlaceAt(uint32_t rank) const { return order_[rank]; }
  uint32_t size() const { return static_cast<uint32_t>(order_.size()); }
  const Labels& labels(uint32_t rank) const { return series_[order_[rank]]; }
  uint32_t samples(uint32_t rank) const { return counts_[order_[rank]]; }
  const std::vector<Interval>* deleted(uint32_t rank) const {
    const auto found = deleted_.find(order_[rank]);
    return found == deleted_.end() ? nullptr : &found->second;
  }
  // By number: time divided by the range, rounded down.
  const std::map<int64_t, Range>& ranges() const { return ranges_; }
  int64_t min_valid() const { return min_valid_; }
  int64_t range_ms() const { return range_ms_; }
  // Names and values of all series, sorted.
  std::vector<std::string> Symbols() const;

 private:
  int64_t range_ms_;
  int64_t min_valid_;
  std::deque<Labels> series_;  // in order of appearance; they never move
  std::vector<uint32_t> counts_;
  RefMap by_ref_;
  absl::flat_hash_map<std::string_view, uint32_t> by_labels_;  // by their flat()
  absl::flat_hash_map<uint32_t, std::vector<Interval>> deleted_;
  std::map<int64_t, Range> ranges_;
  Range* newest_range_ = nullptr;  // of the last sample: mostly the next one's, too
  uint64_t newest_begin_ = 0;      // any time minus this wraps unless it is in the range
  std::vector<uint32_t> order_;    // rank → series
  std::vector<uint32_t> rank_of_;  // series → rank
};

}  // namespace narthex::tsdb::promwal
