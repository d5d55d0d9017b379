#include "server/storage/tsdb/head/out_of_order.h"

#include <algorithm>

#include "server/storage/tsdb/chunkenc/xor_chunk.h"
#include "server/storage/tsdb/head/core.h"
#include "server/storage/tsdb/head/full_chunk.h"
#include "server/storage/tsdb/head/label_order.h"

namespace narthex::tsdb {
namespace {

bool Earlier(const LateSample& a, const LateSample& b) { return a.time < b.time; }

std::string Encode(std::span<const LateSample> samples) {
  int64_t times[kMaxStreamValues];
  uint64_t values[kMaxStreamValues];
  for (size_t i = 0; i < samples.size(); ++i) {
    times[i] = samples[i].time;
    values[i] = samples[i].bits;
  }
  return std::string(FullChunk({times, samples.size()}, {values, samples.size()}).bytes());
}

}  // namespace

bool LateGeneration::HasTime(const Series& series, int64_t t) {
  if (std::binary_search(series.open.begin(), series.open.end(), LateSample{t, 0}, Earlier)) {
    return true;
  }
  for (const Chunk& chunk : series.full) {
    if (t < chunk.mint || t > chunk.maxt) continue;
    for (XorIterator it(chunk.bytes); it.Next();) {
      if (it.time() == t) return true;
    }
  }
  return false;
}

bool LateGeneration::Insert(uint32_t slot, int64_t t, uint64_t bits) {
  MutexLock lock(mutex_);
  Series& series = series_[slot];
  if (HasTime(series, t)) return false;
  const LateSample sample{t, bits};
  series.open.insert(std::upper_bound(series.open.begin(), series.open.end(), sample, Earlier),
                     sample);
  mint_ = std::min(mint_, t);
  maxt_ = std::max(maxt_, t);
  if (series.open.size() < cap_) return true;
  series.full.push_back({series.open.front().time, series.open.back().time, Encode(series.open)});
  series.open.clear();
  return true;
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

void LateGeneration::Read(uint32_t slot, int64_t mint, int64_t maxt,
                          std::vector<LateSample>* out) const {
  const auto from = static_cast<ptrdiff_t>(out->size());
  MutexLock lock(mutex_);
  const auto found = series_.find(slot);
  if (found == series_.end()) return;
  const auto take = [&](const LateSample& s) {
    if (s.time >= mint && s.time <= maxt) out->push_back(s);
  };
  for (const Chunk& chunk : found->second.full) {
    if (chunk.maxt < mint || chunk.mint > maxt) continue;
    for (XorIterator it(chunk.bytes); it.Next();) take({it.time(), it.bits()});
  }
  for (const LateSample& s : found->second.open) take(s);
  std::sort(out->begin() + from, out->end(), Earlier);
}

std::pair<int64_t, int64_t> LateGeneration::bounds() const {
  MutexLock lock(mutex_);
  return {mint_, maxt_};
}

void LateGeneration::Forget(uint32_t slot) {
  MutexLock lock(mutex_);
  series_.erase(slot);
}

bool OutOfOrder::Insert(uint32_t slot, int64_t t, uint64_t bits) {
  MutexLock lock(mutex_);
  if (current_ == nullptr) current_ = std::make_shared<LateGeneration>(cap_);
  return current_->Insert(slot, t, bits);
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
      samples_.clear();
      generation_->Read(slot, mint_, maxt_, &samples_);
      if (core_.deletes.any()) {
        const std::vector<Interval> deleted = core_.deletes.Get(core_.index.table()[slot].ref);
        std::erase_if(samples_,
                      [&](const LateSample& s) { return IsCovered(deleted, s.time, s.time); });
      }
      if (samples_.empty()) continue;
      Fill();
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
  void Fill() {
    chunks_.clear();
    bytes_.clear();
    for (size_t from = 0; from < samples_.size(); from += kMaxStreamValues) {
      const auto part = std::span(samples_).subspan(
          from, std::min<size_t>(kMaxStreamValues, samples_.size() - from));
      bytes_.push_back(Encode(part));
      chunks_.push_back({part.front().time, part.back().time, Encoding::kXor, {}});
    }
    for (size_t i = 0; i < chunks_.size(); ++i) chunks_[i].data = bytes_[i];
  }

  HeadCore& core_;
  const Epochs::Pin pin_;
  const std::shared_ptr<const LateGeneration> generation_;
  const int64_t mint_, maxt_;
  LabelOrder order_;
  std::vector<LateSample> samples_;
  std::vector<std::string> bytes_;
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
