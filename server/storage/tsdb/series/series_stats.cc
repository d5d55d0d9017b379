// What /api/v1/status/tsdb shows of the index.

#include <algorithm>
#include <utility>

#include "server/storage/tsdb/series/series_index.h"

namespace narthex::tsdb {
namespace {

// Keeps the `limit` greatest of what it is given.
template <typename T, typename Before>
class Greatest {
 public:
  Greatest(size_t limit, Before before) : limit_(limit), before_(std::move(before)) {}

  void Add(const T& value) {
    if (limit_ == 0 || (full_ && !before_(value, kept_[limit_ - 1]))) return;
    kept_.push_back(value);
    if (kept_.size() >= limit_ * 2) Cut();
  }
  const std::vector<T>& Take() {
    Cut();
    std::sort(kept_.begin(), kept_.end(), before_);
    return kept_;
  }

 private:
  void Cut() {
    if (kept_.size() <= limit_) return;
    const auto last = kept_.begin() + static_cast<ptrdiff_t>(limit_) - 1;
    std::nth_element(kept_.begin(), last, kept_.end(), before_);
    kept_.resize(limit_);
    full_ = true;
  }

  const size_t limit_;
  const Before before_;
  bool full_ = false;  // kept_[limit_ - 1] is the least of those before it
  std::vector<T> kept_;
};

struct Counted {
  uint64_t count;
  uint64_t key;
};

}  // namespace

void SeriesIndex::FillStats(size_t limit, Stats* out) const {
  out->series = size_;
  const auto value = [this](uint64_t pair) {
    return by_name_[HeavyPairs::NameOf(pair)].values.Get(HeavyPairs::ValueOf(pair));
  };
  const auto name = [this](uint64_t key) { return names_.Get(static_cast<uint32_t>(key)); };
  // By falling count, then as the text says.
  const auto top = [limit](auto&& less) {
    const auto before = [less](const Counted& a, const Counted& b) {
      return a.count != b.count ? a.count > b.count : less(a.key, b.key);
    };
    return Greatest<Counted, decltype(before)>(limit, before);
  };
  const auto by_name = [&](uint64_t a, uint64_t b) { return name(a) < name(b); };
  const auto by_pair = [&](uint64_t a, uint64_t b) {
    const std::string_view x = names_.Get(HeavyPairs::NameOf(a));
    const std::string_view y = names_.Get(HeavyPairs::NameOf(b));
    return x != y ? x < y : value(a) < value(b);
  };
  auto values = top(by_name), bytes = top(by_name);
  auto metrics = top(by_pair), pairs = top(by_pair);
  const bool all = !heavy_.Suffice(limit);
  for (uint32_t n = 0; n < by_name_.size(); ++n) {
    const LabelName& label = by_name_[n];
    if (label.linked_values == 0) continue;
    out->label_pairs += label.linked_values;
    values.Add({label.linked_values, n});
    bytes.Add({label.linked_bytes, n});
    if (!all && n != metric_name_id_) continue;
    for (uint32_t v = 0; v < label.info.size(); ++v) {
      const Counted pair{label.info[v].postings.size(), HeavyPairs::Key(n, v)};
      if (pair.count == 0) continue;
      if (n == metric_name_id_) metrics.Add(pair);
      if (all) pairs.Add(pair);
    }
  }
  if (!all) {
    for (const uint64_t pair : heavy_.pairs()) pairs.Add({CountOf(pair), pair});
  }
  for (const auto& [n, key] : values.Take()) out->values_by_label_name.emplace_back(name(key), n);
  for (const auto& [n, key] : bytes.Take()) out->bytes_by_label_name.emplace_back(name(key), n);
  for (const auto& [n, key] : metrics.Take()) {
    out->series_by_metric_name.emplace_back(value(key), n);
  }
  for (const auto& [n, key] : pairs.Take()) {
    std::string text(names_.Get(HeavyPairs::NameOf(key)));
    text.append("=").append(value(key));
    out->series_by_label_pair.emplace_back(std::move(text), n);
  }
}

}  // namespace narthex::tsdb
