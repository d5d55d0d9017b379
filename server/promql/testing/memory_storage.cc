#include "server/promql/testing/memory_storage.h"

#include <algorithm>
#include <set>

namespace narthex::promql {
namespace {

using StoredSeries = MemoryStorage::StoredSeries;

class MemorySeriesList final : public storage::SeriesList {
 public:
  explicit MemorySeriesList(std::vector<const StoredSeries*> series) : series_(std::move(series)) {}

  size_t size() const override { return series_.size(); }
  Labels labels(size_t index) const override { return series_[index]->labels; }

  Status Read(size_t index, TimestampMs mint, TimestampMs maxt,
              storage::SampleColumns* out) const override {
    const auto& all = series_[index]->samples;
    const auto lo = std::lower_bound(all.timestamps.begin(), all.timestamps.end(), mint);
    const auto hi = std::upper_bound(lo, all.timestamps.end(), maxt);
    const auto values = all.values.begin();
    out->timestamps.insert(out->timestamps.end(), lo, hi);
    out->values.insert(out->values.end(), values + (lo - all.timestamps.begin()),
                       values + (hi - all.timestamps.begin()));
    if (all.histogram_index.empty()) return OkStatus();
    for (auto i = lo - all.timestamps.begin(); i < hi - all.timestamps.begin(); ++i) {
      const uint32_t index = all.histogram_index[static_cast<size_t>(i)];
      if (index == storage::kNoHistogram) {
        out->histogram_index.push_back(index);
      } else {
        out->histogram_index.push_back(static_cast<uint32_t>(out->histograms.size()));
        out->histograms.push_back(all.histograms[index]);
      }
    }
    return OkStatus();
  }

  bool Last(size_t index, TimestampMs mint, TimestampMs t, TimestampMs* timestamp,
            double* value) const override {
    const auto& all = series_[index]->samples;
    const auto it = std::upper_bound(all.timestamps.begin(), all.timestamps.end(), t);
    if (it == all.timestamps.begin() || *(it - 1) <= mint) return false;
    *timestamp = *(it - 1);
    *value = all.values[static_cast<size_t>(it - 1 - all.timestamps.begin())];
    return true;
  }

 private:
  std::vector<const StoredSeries*> series_;
};

class MemoryQuerier final : public storage::Querier {
 public:
  MemoryQuerier(const std::vector<StoredSeries>* series, TimestampMs mint, TimestampMs maxt)
      : series_(series), mint_(mint), maxt_(maxt) {}

  StatusOr<std::unique_ptr<storage::SeriesList>> Select(
      const storage::SelectHints& hints, std::span<const Matcher> matchers) const override {
    std::vector<const StoredSeries*> out = Matching(matchers);
    if (hints.sort) {
      std::sort(out.begin(), out.end(),
                [](const StoredSeries* a, const StoredSeries* b) { return a->labels < b->labels; });
    }
    return std::make_unique<MemorySeriesList>(std::move(out));
  }

  StatusOr<std::vector<std::string>> LabelNames(std::span<const Matcher> matchers, size_t limit,
                                                bool* truncated) const override {
    std::set<std::string> names;
    for (const StoredSeries* s : Matching(matchers)) {
      for (const Label& l : s->labels) names.emplace(l.name);
    }
    return Limited(names, limit, truncated);
  }

  StatusOr<std::vector<std::string>> LabelValues(const std::string& name,
                                                 std::span<const Matcher> matchers, size_t limit,
                                                 bool* truncated) const override {
    std::set<std::string> values;
    for (const StoredSeries* s : Matching(matchers)) {
      if (s->labels.Has(name)) values.emplace(s->labels.Get(name));
    }
    return Limited(values, limit, truncated);
  }

 private:
  static std::vector<std::string> Limited(const std::set<std::string>& all, size_t limit,
                                          bool* truncated) {
    std::vector<std::string> out(all.begin(), all.end());
    *truncated = limit != 0 && out.size() > limit;
    if (*truncated) out.resize(limit);
    return out;
  }

  std::vector<const StoredSeries*> Matching(std::span<const Matcher> matchers) const {
    std::vector<const StoredSeries*> out;
    for (const StoredSeries& s : *series_) {
      const auto& times = s.samples.timestamps;
      if (times.empty() || times.front() > maxt_ || times.back() < mint_) continue;
      const bool all = std::all_of(matchers.begin(), matchers.end(),
                                   [&](const Matcher& m) { return m.Matches(s.labels); });
      if (all) out.push_back(&s);
    }
    return out;
  }

  const std::vector<StoredSeries>* series_;
  const TimestampMs mint_, maxt_;
};

}  // namespace

void MemoryStorage::Add(const Labels& labels, TimestampMs t, double v) {
  const auto [it, added] = index_.try_emplace(std::string(labels.flat()), series_.size());
  if (added) series_.push_back({labels, {}});
  auto& samples = series_[it->second].samples;
  samples.timestamps.push_back(t);
  samples.values.push_back(v);
  if (!samples.histograms.empty()) samples.histogram_index.push_back(storage::kNoHistogram);
}

void MemoryStorage::Add(const Labels& labels, TimestampMs t, FloatHistogram histogram) {
  Add(labels, t, std::bit_cast<double>(storage::kHistogramNaNBits));
  auto& samples = series_[index_.find(labels.flat())->second].samples;
  samples.histogram_index.resize(samples.timestamps.size(), storage::kNoHistogram);
  samples.histogram_index.back() = static_cast<uint32_t>(samples.histograms.size());
  samples.histograms.push_back(std::move(histogram));
}

const MemoryStorage::StoredSeries* MemoryStorage::Find(const Labels& labels) const {
  const auto it = index_.find(labels.flat());
  return it == index_.end() ? nullptr : &series_[it->second];
}

void MemoryStorage::Clear() {
  series_.clear();
  index_.clear();
}

StatusOr<std::unique_ptr<storage::Querier>> MemoryStorage::NewQuerier(TimestampMs mint,
                                                                      TimestampMs maxt) const {
  return std::make_unique<MemoryQuerier>(&series_, mint, maxt);
}

}  // namespace narthex::promql
