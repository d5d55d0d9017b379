// Reading samples that came out of order; merged with the rest by whoever asks several queriers.

#include <algorithm>
#include <set>

#include "server/storage/tsdb/block/chunked_series_list.h"
#include "server/storage/tsdb/chunkenc/chunk_list.h"
#include "server/storage/tsdb/head/head.h"
#include "server/storage/tsdb/series/matching.h"

namespace narthex::tsdb {
namespace {

using storage::SampleColumns;

class LateList final : public ChunkedSeriesList {
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
    Samples(index, mint, maxt).ForEach([out](int64_t t, const auto& value) { Put(t, value, out); });
    return OkStatus();
  }

  bool Last(size_t index, TimestampMs mint, TimestampMs t, TimestampMs* timestamp,
            double* value) const override {
    if (mint == INT64_MAX) return false;
    SampleColumns columns;
    if (!Read(index, mint + 1, t, &columns).ok() || columns.size() == 0) return false;
    *timestamp = columns.timestamps.back();
    *value = columns.values.back();
    return true;
  }

 protected:
  Status TakeWhole(size_t index, Whole* out) const override {
    ChunkListEncoder encoder;
    Samples(index, out->mint, out->maxt).ForEach([&](int64_t t, const auto& value) {
      encoder.Add(t, value);
    });
    for (EncodedChunk& chunk : encoder.Take()) {
      AppendOwned(chunk.mint, chunk.maxt, chunk.encoding, std::move(chunk.data), &out->list);
    }
    return OkStatus();
  }

 private:
  static void Put(int64_t t, uint64_t bits, SampleColumns* out) {
    out->timestamps.push_back(t);
    out->values.push_back(std::bit_cast<double>(bits));
    if (!out->histogram_index.empty()) out->histogram_index.push_back(storage::kNoHistogram);
  }
  static void Put(int64_t t, FloatHistogram h, SampleColumns* out) {
    out->histogram_index.resize(out->timestamps.size(), storage::kNoHistogram);
    out->timestamps.push_back(t);
    out->histogram_index.push_back(static_cast<uint32_t>(out->histograms.size()));
    out->values.push_back(std::bit_cast<double>(
        storage::IsStaleNaN(h.sum) ? storage::kStaleNaNBits : storage::kHistogramNaNBits));
    out->histograms.push_back(std::move(h));
  }
  static void Put(int64_t t, const IntHistogram& h, SampleColumns* out) { Put(t, ToFloat(h), out); }

  LateSamples Samples(size_t index, int64_t mint, int64_t maxt) const {
    mint = std::max(mint, mint_);
    maxt = std::min(maxt, maxt_);
    const uint32_t slot = entries_[index].slot;
    LateSamples out;
    for (const auto& generation : generations_) generation->Read(slot, mint, maxt, &out);
    out.Sort();
    if (core_.deletes.any()) out.Erase(core_.deletes.Get(core_.index.table()[slot].ref));
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
    if (hints.function == "series") {
      std::erase_if(entries, [this](const auto& e) { return !HasSamples(e.slot); });
    }
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
  bool HasSamples(uint32_t slot) const {
    LateSamples found;
    for (const auto& generation : generations_) generation->Read(slot, mint_, maxt_, &found);
    if (core_.deletes.any()) found.Erase(core_.deletes.Get(core_.index.table()[slot].ref));
    return !found.empty();
  }

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
