#include "server/storage/tsdb/block/block_series_set.h"

#include <algorithm>

#include "server/storage/tsdb/block/block.h"
#include "server/storage/tsdb/block/select.h"
#include "server/storage/tsdb/chunkenc/chunk_iterator.h"
#include "server/storage/tsdb/chunkenc/chunk_list.h"

namespace narthex::tsdb {
namespace {

class BlockSeriesSet final : public ChunkSeriesSet {
 public:
  BlockSeriesSet(std::shared_ptr<const Block> block, int64_t mint, int64_t maxt,
                 std::span<const Matcher> matchers)
      : block_(std::move(block)), tombstones_(block_->tombstones()), mint_(mint), maxt_(maxt) {
    StatusOr<std::vector<uint32_t>> refs = SelectSeries(block_->index(), matchers);
    status_ = refs.status();
    if (refs.ok()) refs_ = *std::move(refs);
  }

  StatusOr<std::vector<std::string>> Symbols() override { return block_->index().Symbols(); }

  bool Next() override {
    while (status_.ok() && next_ < refs_.size()) {
      status_ = Load(refs_[next_++]);
      if (status_.ok() && !chunks_.empty()) return true;
    }
    return false;
  }

  const Labels& labels() const override { return labels_; }
  std::span<const ChunkView> chunks() const override { return chunks_; }
  Status status() const override { return status_; }

 private:
  Status Load(uint32_t ref) {
    chunks_.clear();
    recoded_.clear();
    NX_RETURN_IF_ERROR(block_->index().ReadSeries(ref, &series_, mint_, maxt_));
    const std::span<const Interval> deleted = tombstones_->Get(ref);
    for (const ChunkMeta& meta : series_.chunks) {
      NX_RETURN_IF_ERROR(Add(meta, deleted));
    }
    if (chunks_.empty()) return OkStatus();
    NX_ASSIGN_OR_RETURN(labels_, block_->index().LabelsOf(series_));
    return OkStatus();
  }

  Status Add(const ChunkMeta& meta, std::span<const Interval> deleted) {
    if (IsCovered(deleted, std::max(meta.mint, mint_), std::min(meta.maxt, maxt_))) {
      return OkStatus();
    }
    NX_ASSIGN_OR_RETURN(const StoredChunk raw, block_->chunks().Read(meta.ref));
    const ChunkView chunk{meta.mint, meta.maxt, raw.encoding, raw.data};
    if (meta.mint < mint_ || meta.maxt > maxt_ || Overlaps(deleted, meta.mint, meta.maxt)) {
      return Recode(chunk, deleted);
    }
    chunks_.push_back(chunk);
    return OkStatus();
  }

  // Leaves out what is outside of the range or deleted.
  Status Recode(const ChunkView& chunk, std::span<const Interval> deleted) {
    ChunkListEncoder encoder;
    const std::unique_ptr<ChunkIterator> it = NewChunkIterator(chunk);
    while (it->Next() != SampleKind::kNone) {
      const int64_t t = it->time();
      if (t < mint_ || t > maxt_ || IsCovered(deleted, t, t)) continue;
      encoder.Add(*it);
    }
    NX_RETURN_IF_ERROR(Annotate(it->status(), block_->dir()));
    recoded_.push_back(encoder.Take());
    for (const EncodedChunk& part : recoded_.back()) chunks_.push_back(part.view());
    return OkStatus();
  }

  const std::shared_ptr<const Block> block_;
  const std::shared_ptr<const Tombstones> tombstones_;
  const int64_t mint_, maxt_;
  std::vector<uint32_t> refs_;
  size_t next_ = 0;
  Status status_;
  IndexReader::Series series_;
  Labels labels_;
  std::vector<ChunkView> chunks_;
  std::vector<std::vector<EncodedChunk>> recoded_;
};

}  // namespace

std::unique_ptr<ChunkSeriesSet> NewBlockSeriesSet(std::shared_ptr<const Block> block, int64_t mint,
                                                  int64_t maxt, std::span<const Matcher> matchers) {
  return std::make_unique<BlockSeriesSet>(std::move(block), mint, maxt, matchers);
}

}  // namespace narthex::tsdb
