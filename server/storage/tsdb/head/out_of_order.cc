#include "server/storage/tsdb/head/out_of_order.h"

#include <algorithm>

#include "server/storage/tsdb/chunkenc/xor_chunk.h"
#include "server/storage/tsdb/head/core.h"
#include "server/storage/tsdb/head/label_order.h"

namespace narthex::tsdb {
namespace {

template <typename Histogram>
Histogram WithoutReset(Histogram h) {
  if (h.reset != CounterResetHint::kGauge) h.reset = CounterResetHint::kUnknown;
  return h;
}

std::vector<EncodedChunk> Encode(const LateSamples& samples) {
  ChunkListEncoder encoder;
  samples.ForEach([&](int64_t t, const auto& value) { encoder.Add(t, value); });
  return encoder.Take();
}

}  // namespace

void LateSamples::Add(int64_t t, IntHistogram h) {
  items_.push_back({t, SampleKind::kHistogram, integers_.size()});
  integers_.push_back(WithoutReset(std::move(h)));
}

void LateSamples::Add(int64_t t, FloatHistogram h) {
  items_.push_back({t, SampleKind::kFloatHistogram, floats_.size()});
  floats_.push_back(WithoutReset(std::move(h)));
}

void LateSamples::Add(const ChunkIterator& it) {
  const auto add = [&](auto histogram) {
    it.Get(&histogram);
    Add(it.time(), std::move(histogram));
  };
  if (it.kind() == SampleKind::kHistogram) return add(IntHistogram());
  if (it.kind() == SampleKind::kFloatHistogram) return add(FloatHistogram());
  Add(it.time(), it.bits());
}

void LateSamples::Sort() {
  std::stable_sort(items_.begin(), items_.end(),
                   [](const Item& a, const Item& b) { return a.time < b.time; });
  items_.erase(std::unique(items_.begin(), items_.end(),
                           [](const Item& a, const Item& b) { return a.time == b.time; }),
               items_.end());
}

void LateSamples::Erase(const std::vector<Interval>& deleted) {
  std::erase_if(items_, [&](const Item& i) { return IsCovered(deleted, i.time, i.time); });
}

void LateSamples::Clear() {
  items_.clear();
  integers_.clear();
  floats_.clear();
}

bool LateSamples::HasTime(int64_t t) const {
  return std::any_of(items_.begin(), items_.end(), [t](const Item& i) { return i.time == t; });
}

bool LateGeneration::HasTime(const Series& series, int64_t t) {
  if (std::binary_search(series.open.begin(), series.open.end(), Float{t, 0}, Earlier)) return true;
  if (series.histograms != nullptr && series.histograms->HasTime(t)) return true;
  for (const EncodedChunk& chunk : series.full) {
    if (t < chunk.mint || t > chunk.maxt) continue;
    const auto it = NewChunkIterator(chunk.view());
    while (it->Next() != SampleKind::kNone) {
      if (it->time() == t) return true;
    }
  }
  return false;
}

void LateGeneration::NoteTime(int64_t t) {
  mint_ = std::min(mint_, t);
  maxt_ = std::max(maxt_, t);
}

bool LateGeneration::Insert(uint32_t slot, int64_t t, uint64_t bits) {
  MutexLock lock(mutex_);
  Series& series = series_[slot];
  if (HasTime(series, t)) return false;
  const Float sample{t, bits};
  series.open.insert(std::upper_bound(series.open.begin(), series.open.end(), sample, Earlier),
                     sample);
  NoteTime(t);
  if (series.open.size() < cap_) return true;
  XorChunk chunk;
  for (const Float& f : series.open) chunk.Append(f.time, f.bits);
  series.full.push_back({chunk.first_time(), chunk.last_time(), Encoding::kXor, chunk.bytes()});
  series.open.clear();
  return true;
}

template <typename Histogram>
bool LateGeneration::InsertHistogram(uint32_t slot, int64_t t, const Histogram& h) {
  MutexLock lock(mutex_);
  Series& series = series_[slot];
  if (HasTime(series, t)) return false;
  if (series.histograms == nullptr) series.histograms = std::make_unique<LateSamples>();
  series.histograms->Add(t, h);
  NoteTime(t);
  if (series.histograms->size() < cap_) return true;
  series.histograms->Sort();
  for (EncodedChunk& chunk : Encode(*series.histograms)) series.full.push_back(std::move(chunk));
  series.histograms->Clear();
  return true;
}

bool LateGeneration::Insert(uint32_t slot, int64_t t, const IntHistogram& h) {
  return InsertHistogram(slot, t, h);
}

bool LateGeneration::Insert(uint32_t slot, int64_t t, const FloatHistogram& h) {
  return InsertHistogram(slot, t, h);
}

bool LateGeneration::Has(uint32_t slot) const {
  MutexLock lock(mutex_);
  return series_.contains(slot);
}

std::vector<uint32_t> LateGeneration::Slots() const {
  std::vector<uint32_t> slots;
  {
    MutexLock lock(mutex_);
    for (const auto& [slot, series] : series_) slots.push_back(slot);
  }
  std::sort(slots.begin(), slots.end());
  return slots;
}

void LateGeneration::Read(uint32_t slot, int64_t mint, int64_t maxt, LateSamples* out) const {
  MutexLock lock(mutex_);
  const auto found = series_.find(slot);
  if (found == series_.end()) return;
  const auto within = [&](int64_t t) { return t >= mint && t <= maxt; };
  for (const EncodedChunk& chunk : found->second.full) {
    if (chunk.maxt < mint || chunk.mint > maxt) continue;
    const auto it = NewChunkIterator(chunk.view());
    while (it->Next() != SampleKind::kNone) {
      if (within(it->time())) out->Add(*it);
    }
  }
  for (const Float& f : found->second.open) {
    if (within(f.time)) out->Add(f.time, f.bits);
  }
  if (found->second.histograms == nullptr) return;
  found->second.histograms->ForEach([&](int64_t t, const auto& value) {
    if (within(t)) out->Add(t, value);
  });
}

std::pair<int64_t, int64_t> LateGeneration::bounds() const {
  MutexLock lock(mutex_);
  return {mint_, maxt_};
}

void LateGeneration::Forget(uint32_t slot) {
  MutexLock lock(mutex_);
  series_.erase(slot);
}

bool OutOfOrder::Has(uint32_t slot) const {
  for (const auto& generation : generations()) {
    if (generation->Has(slot)) return true;
  }
  return false;
}

void OutOfOrder::Forget(uint32_t slot) {
  for (const auto& generation : generations()) generation->Forget(slot);
}

OutOfOrder::Generations OutOfOrder::generations() const {
  Generations out;
  MutexLock lock(mutex_);
  if (frozen_ != nullptr) out.push_back(frozen_);
  if (current_ != nullptr) out.push_back(current_);
  return out;
}

std::shared_ptr<LateGeneration> OutOfOrder::Freeze() {
  MutexLock lock(mutex_);
  // What an earlier attempt could not write goes first.
  if (frozen_ == nullptr) frozen_ = std::move(current_);
  return frozen_;
}

void OutOfOrder::DropFrozen() {
  MutexLock lock(mutex_);
  frozen_ = nullptr;
}

// ---- As chunks ----

namespace {

class LateChunkSet final : public ChunkSeriesSet {
 public:
  LateChunkSet(HeadCore* core, std::shared_ptr<const LateGeneration> generation, int64_t mint,
               int64_t maxt)
      : core_(*core),
        pin_(&core->epochs),
        generation_(std::move(generation)),
        mint_(mint),
        maxt_(maxt),
        order_(core) {}

  StatusOr<std::vector<std::string>> Symbols() override {
    std::vector<std::string> out;
    ReaderLock lock(core_.index.mutex());
    for (const uint32_t slot : generation_->Slots()) {
      for (const Label& label : core_.index.GetLabels(slot)) {
        out.emplace_back(label.name);
        out.emplace_back(label.value);
      }
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  bool Next() override {
    for (uint32_t slot = order_.Next(); slot != kNoSlot; slot = order_.Next()) {
      if (!generation_->Has(slot)) continue;
      samples_.Clear();
      generation_->Read(slot, mint_, maxt_, &samples_);
      samples_.Sort();
      if (core_.deletes.any()) {
        samples_.Erase(core_.deletes.Get(core_.index.table()[slot].ref));
      }
      if (samples_.empty()) continue;
      encoded_ = Encode(samples_);
      chunks_.clear();
      for (const EncodedChunk& chunk : encoded_) chunks_.push_back(chunk.view());
      ReaderLock lock(core_.index.mutex());
      labels_ = core_.index.GetLabels(slot);
      return true;
    }
    return false;
  }
  const Labels& labels() const override { return labels_; }
  std::span<const ChunkView> chunks() const override { return chunks_; }
  Status status() const override { return OkStatus(); }

 private:
  HeadCore& core_;
  const Epochs::Pin pin_;
  const std::shared_ptr<const LateGeneration> generation_;
  const int64_t mint_, maxt_;
  LabelOrder order_;
  LateSamples samples_;
  std::vector<EncodedChunk> encoded_;
  std::vector<ChunkView> chunks_;
  Labels labels_;
};

}  // namespace

std::unique_ptr<ChunkSeriesSet> NewLateChunks(HeadCore* core,
                                              std::shared_ptr<const LateGeneration> generation,
                                              int64_t mint, int64_t maxt) {
  return std::make_unique<LateChunkSet>(core, std::move(generation), mint, maxt);
}

}  // namespace narthex::tsdb
