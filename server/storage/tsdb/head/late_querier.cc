// Reading samples that came out of order; merged with the rest by whoever asks several queriers.

#include <algorithm>
#include <set>

#include "server/storage/tsdb/head/head.h"
#include "server/storage/tsdb/series/matching.h"

namespace narthex::tsdb {
namespace {

using storage::SampleColumns;

class LateList final : public storage::SeriesList {
 public:
  struct Entry {
    Labels labels;
    uint32_t slot;
  };
  LateList(HeadCore* core, std::shared_ptr<const Epochs::Pin> pin,
           OutOfOrder::Generations generations, std::vector<Entry> entries, int64_t mint,
           int64_t maxt)
      : core_(*core),
        pin_(std::move(pin)),
        generations_(std::move(generations)),
        entries_(std::move(entries)),
        mint_(mint),
        maxt_(maxt) {}

  size_t size() const override { return entries_.size(); }
  Labels labels(size_t index) const override { return entries_[index].labels; }

  Status Read(size_t index, TimestampMs mint, TimestampMs maxt, SampleColumns* out) const override {
    for (const LateSample& s : Samples(index, mint, maxt)) {
      out->timestamps.push_back(s.time);
      out->values.push_back(std::bit_cast<double>(s.bits));
    }
    return OkStatus();
  }

  bool Last(size_t index, TimestampMs mint, TimestampMs t, TimestampMs* timestamp,
            double* value) const override {
    if (mint == INT64_MAX) return false;
    const std::vector<LateSample> samples = Samples(index, mint + 1, t);
    if (samples.empty()) return false;
    *timestamp = samples.back().time;
    *value = std::bit_cast<double>(samples.back().bits);
    return true;
  }

 private:
  std::vector<LateSample> Samples(size_t index, int64_t mint, int64_t maxt) const {
    mint = std::max(mint, mint_);
    maxt = std::min(maxt, maxt_);
    const uint32_t slot = entries_[index].slot;
    std::vector<LateSample> out;
    for (const auto& generation : generations_) generation->Read(slot, mint, maxt, &out);
    if (generations_.size() > 1) {
      std::stable_sort(out.begin(), out.end(),
                       [](const auto& a, const auto& b) { return a.time < b.time; });
      out.erase(std::unique(out.begin(), out.end(),
                            [](const auto& a, const auto& b) { return a.time == b.time; }),
                out.end());
    }
    if (core_.deletes.any()) {
      const std::vector<Interval> deleted = core_.deletes.Get(core_.index.table()[slot].ref);
      std::erase_if(out, [&](const LateSample& s) { return IsCovered(deleted, s.time, s.time); });
    }
    return out;
  }

  HeadCore& core_;
  const std::shared_ptr<const Epochs::Pin> pin_;
  const OutOfOrder::Generations generations_;
  const std::vector<Entry> entries_;
  const int64_t mint_, maxt_;
};

class LateQuerier final : public storage::Querier {
 public:
  LateQuerier(HeadCore* core, OutOfOrder::Generations generations, int64_t mint, int64_t maxt)
      : core_(*core),
        pin_(std::make_shared<Epochs::Pin>(&core->epochs)),
        generations_(std::move(generations)),
        mint_(mint),
        maxt_(maxt) {}

  // Always in label order.
  StatusOr<std::unique_ptr<storage::SeriesList>> Select(
      const storage::SelectHints& hints, std::span<const Matcher> matchers) const override {
    std::vector<LateList::Entry> entries = Matching(matchers);
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.labels < b.labels; });
    if (hints.limit != 0 && entries.size() > hints.limit) entries.resize(hints.limit);
    return std::make_unique<LateList>(&core_, pin_, generations_, std::move(entries), mint_, maxt_);
  }

  StatusOr<std::vector<std::string>> LabelNames(std::span<const Matcher> matchers, size_t limit,
                                                bool* truncated) const override {
    std::set<std::string> names;
    for (const auto& entry : Matching(matchers)) {
      for (const Label& label : entry.labels) names.emplace(label.name);
    }
    return Cut(names, limit, truncated);
  }

  StatusOr<std::vector<std::string>> LabelValues(const std::string& name,
                                                 std::span<const Matcher> matchers, size_t limit,
                                                 bool* truncated) const override {
    std::set<std::string> values;
    for (const auto& entry : Matching(matchers)) {
      for (const Label& label : entry.labels) {
        if (label.name == name) values.emplace(label.value);
      }
    }
    return Cut(values, limit, truncated);
  }

 private:
  std::vector<LateList::Entry> Matching(std::span<const Matcher> matchers) const {
    std::vector<LateList::Entry> out;
    ReaderLock lock(core_.index.mutex());
    const IdSet selected =
        matchers.empty() ? core_.index.all() : SelectSeries(core_.index, matchers);
    std::set<uint32_t> slots;
    for (const auto& generation : generations_) {
      for (const uint32_t slot : generation->Slots()) slots.insert(slot);
    }
    for (const uint32_t slot : slots) {
      if (selected.Contains(slot)) out.push_back({core_.index.GetLabels(slot), slot});
    }
    return out;
  }

  static std::vector<std::string> Cut(const std::set<std::string>& all, size_t limit,
                                      bool* truncated) {
    std::vector<std::string> out(all.begin(), all.end());
    if (truncated != nullptr) *truncated = limit != 0 && out.size() > limit;
    if (limit != 0 && out.size() > limit) out.resize(limit);
    return out;
  }

  HeadCore& core_;
  const std::shared_ptr<const Epochs::Pin> pin_;
  const OutOfOrder::Generations generations_;
  const int64_t mint_, maxt_;
};

}  // namespace

std::unique_ptr<storage::Querier> Head::NewLateQuerier(int64_t mint, int64_t maxt) const {
  OutOfOrder::Generations overlapping;
  for (auto& generation : core_.late.generations()) {
    const auto [from, to] = generation->bounds();
    if (from <= maxt && to >= mint) overlapping.push_back(std::move(generation));
  }
  if (overlapping.empty()) return nullptr;
  return std::make_unique<LateQuerier>(&core_, std::move(overlapping), mint, maxt);
}

}  // namespace narthex::tsdb
