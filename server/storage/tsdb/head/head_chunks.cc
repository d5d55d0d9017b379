#include "server/storage/tsdb/head/head_chunks.h"

#include <algorithm>
#include <deque>

#include "core/log/log.h"
#include "server/storage/tsdb/compact/chunk_joiner.h"
#include "server/storage/tsdb/compact/chunk_merger.h"
#include "server/storage/tsdb/head/label_order.h"

namespace narthex::tsdb {
namespace {

class HeadChunkSet final : public ChunkSeriesSet {
 public:
  HeadChunkSet(Head* head, int64_t mint, int64_t maxt, const IdSet* only)
      : core_(head->core()),
        pin_(&core_.epochs),
        mint_(mint),
        maxt_(maxt),
        only_(only),
        order_(&core_),
        joiner_(core_.options.samples_per_chunk) {}

  StatusOr<std::vector<std::string>> Symbols() override;
  bool Next() override {
    for (;;) {
      const uint32_t slot = order_.Next();
      if (slot == kNoSlot) break;
      if (only_ != nullptr && !only_->Contains(slot)) continue;
      if (!Load(slot)) continue;
      ReaderLock lock(core_.index.mutex());
      labels_ = core_.index.GetLabels(slot);
      return true;
    }
    if (damaged_ > 0) {
      NX_LOG(Warn, "Damaged head chunks were left out of a block", {"chunks", damaged_});
      damaged_ = 0;
    }
    return false;
  }
  const Labels& labels() const override { return labels_; }
  std::span<const ChunkView> chunks() const override { return chunks_; }
  Status status() const override { return status_; }

 private:
  bool Load(uint32_t slot);
  void TakeFull(const std::vector<ChunkRef>& refs);
  void AddView(const ChunkView& chunk);
  void Recode(const ChunkView& chunk);

  HeadCore& core_;
  const Epochs::Pin pin_;  // slots, symbols and chunk files stay
  const int64_t mint_, maxt_;
  const IdSet* const only_;
  LabelOrder order_;
  Labels labels_;
  std::vector<Interval> deleted_;  // of the current series
  std::vector<ChunkRef> refs_;
  std::vector<ChunkView> views_;
  std::deque<std::string> fetched_;  // what views_ point into
  std::vector<EncodedChunk> open_;
  std::deque<std::vector<EncodedChunk>> recoded_;
  std::vector<ChunkMerger::Input> inputs_;
  ChunkMerger merger_;
  ChunkJoiner joiner_;
  std::span<const ChunkView> chunks_;
  uint64_t damaged_ = 0;
  Status status_;
};

StatusOr<std::vector<std::string>> HeadChunkSet::Symbols() {
  std::vector<std::string> out;
  if (only_ != nullptr) {
    ReaderLock lock(core_.index.mutex());
    only_->ForEach([&](uint32_t slot) {
      for (const Label& label : core_.index.GetLabels(slot)) {
        out.emplace_back(label.name);
        out.emplace_back(label.value);
      }
    });
  } else {
    ReaderLock lock(core_.index.mutex());
    const SeriesIndex& index = core_.index;
    for (uint32_t n = 0; n < index.names().limit(); ++n) {
      const SeriesIndex::LabelName& name = index.name(n);
      bool used = false;
      for (uint32_t v = 0; v < name.info.size(); ++v) {
        if (name.info[v].uses == 0) continue;
        used = true;
        out.emplace_back(name.values.Get(v));
      }
      if (used) out.emplace_back(index.names().Get(n));
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

bool HeadChunkSet::Load(uint32_t slot) {
  refs_.clear();
  views_.clear();
  recoded_.clear();
  fetched_.clear();
  const SeriesRecord& record = core_.index.table()[slot];
  TakeChunks(core_, slot, &refs_, &open_);
  deleted_ = core_.deletes.any() ? core_.deletes.Get(record.ref) : std::vector<Interval>();
  TakeFull(refs_);
  for (const EncodedChunk& chunk : open_) AddView(chunk.view());
  if (views_.empty()) return false;

  bool ascending = true;
  for (size_t i = 1; i < views_.size(); ++i) ascending &= views_[i - 1].maxt < views_[i].mint;
  if (ascending) {
    chunks_ = joiner_.Join(views_);
    return true;
  }
  inputs_.clear();
  for (const ChunkView& view : views_) inputs_.push_back({view, 0});
  auto merged = merger_.Merge(&inputs_);
  if (!merged.ok()) {
    ++damaged_;
    return false;
  }
  chunks_ = joiner_.Join(*merged);
  return true;
}

void HeadChunkSet::TakeFull(const std::vector<ChunkRef>& refs) {
  for (const ChunkRef& ref : refs) {
    if (ref.min_second != 0 && int64_t{ref.min_second} * 1000 > maxt_) continue;
    fetched_.emplace_back();
    const auto chunk = core_.chunks.Fetch(ref, &fetched_.back());
    if (!chunk.ok()) {
      ++damaged_;
      continue;
    }
    AddView({chunk->mint, chunk->maxt, chunk->encoding, chunk->data});
  }
}

void HeadChunkSet::AddView(const ChunkView& chunk) {
  if (chunk.maxt < mint_ || chunk.mint > maxt_) return;
  const bool whole = chunk.mint >= mint_ && chunk.maxt <= maxt_;
  if (whole && !Overlaps(deleted_, chunk.mint, chunk.maxt)) {
    views_.push_back(chunk);
  } else {
    Recode(chunk);
  }
}

void HeadChunkSet::Recode(const ChunkView& chunk) {
  ChunkListEncoder encoder;
  const auto it = NewChunkIterator(chunk);
  while (it->Next() != SampleKind::kNone) {
    const int64_t t = it->time();
    if (t >= mint_ && t <= maxt_ && !IsCovered(deleted_, t, t)) encoder.Add(*it);
  }
  if (!it->status().ok()) ++damaged_;
  recoded_.push_back(encoder.Take());
  for (const EncodedChunk& part : recoded_.back()) views_.push_back(part.view());
}

}  // namespace

void TakeChunks(const HeadCore& core, uint32_t slot, std::vector<ChunkRef>* full,
                std::vector<EncodedChunk>* open) {
  full->clear();
  open->clear();
  const SeriesRecord& record = core.index.table()[slot];
  LockedHome home(record);
  for (size_t i = 0; i < record.chunks.size(); ++i) full->push_back(record.chunks[i]);
  if (home.kind() == Home::Kind::kBlock) {
    const auto& block = *static_cast<const GroupBlock*>(home.home());
    const ValueState& state = block.states()[home.position()];
    if (state.count == 0) return;
    uint64_t values[kMaxStreamValues];
    DecodeValues(state, state.buffer == 0 ? nullptr : block.group->slab().Address(state.buffer),
                 values);
    XorChunk chunk;
    for (unsigned k = 0; k < state.count; ++k)
      chunk.Append(block.group->TimeOf(state, k), values[k]);
    open->push_back({chunk.first_time(), chunk.last_time(), Encoding::kXor, chunk.bytes()});
  } else if (home.kind() == Home::Kind::kDetached) {
    const OpenChunk& chunk = static_cast<const Detached*>(home.home())->open;
    if (chunk.count() == 0) return;
    open->push_back({chunk.first_time(), chunk.last_time(), chunk.encoding(), chunk.bytes()});
  }
}

std::unique_ptr<ChunkSeriesSet> NewHeadChunks(Head* head, int64_t mint, int64_t maxt,
                                              const IdSet* only) {
  return std::make_unique<HeadChunkSet>(head, mint, maxt, only);
}

}  // namespace narthex::tsdb
