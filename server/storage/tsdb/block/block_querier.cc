#include "server/storage/tsdb/block/block_querier.h"

#include <algorithm>

#include "server/storage/tsdb/block/block.h"
#include "server/storage/tsdb/block/chunked_series_list.h"
#include "server/storage/tsdb/block/select.h"
#include "server/storage/tsdb/chunkenc/chunk_iterator.h"

namespace narthex::tsdb {
namespace {

using storage::SampleColumns;

IndexReader::Series& SeriesScratch() {
  thread_local IndexReader::Series series;
  return series;
}

class BlockSeriesList final : public ChunkedSeriesList {
 public:
  BlockSeriesList(std::shared_ptr<const Block> block, std::shared_ptr<const Tombstones> tombstones,
                  std::vector<uint32_t> refs, int64_t mint, int64_t maxt)
      : block_(std::move(block)),
        tombstones_(std::move(tombstones)),
        refs_(std::move(refs)),
        mint_(mint),
        maxt_(maxt) {}

  size_t size() const override { return refs_.size(); }

  // Empty for a damaged entry, whose samples cannot be read either: Read has the error.
  Labels labels(size_t index) const override {
    IndexReader::Series& series = SeriesScratch();
    if (!block_->index().ReadSeries(refs_[index], &series, INT64_MAX, INT64_MIN).ok()) return {};
    StatusOr<Labels> labels = block_->index().LabelsOf(series);
    return labels.ok() ? *std::move(labels) : Labels();
  }

  void AppendLabels(size_t first, size_t count, std::span<const std::string> names,
                    std::vector<Labels>* out) const override {
    IndexReader::Series& series = SeriesScratch();
    for (size_t i = first; i < first + count; ++i) {
      StatusOr<Labels> labels = Labels();
      if (block_->index().ReadSeries(refs_[i], &series, INT64_MAX, INT64_MIN).ok()) {
        labels = block_->index().LabelsOf(series, names);
      }
      out->push_back(labels.ok() ? *std::move(labels) : Labels());
    }
  }

  bool LabelIds(size_t index, std::vector<LabelId>* out) const override {
    IndexReader::Series& series = SeriesScratch();
    (void)block_->index().ReadSeries(refs_[index], &series, INT64_MAX, INT64_MIN);
    out->assign(series.labels.begin(), series.labels.end());
    return true;
  }

  Label LabelOf(const LabelId& id) const override {
    const StatusOr<std::string_view> name = block_->index().Symbol(id.first);
    const StatusOr<std::string_view> value = block_->index().Symbol(id.second);
    return {name.ok() ? *name : std::string_view(), value.ok() ? *value : std::string_view()};
  }

  Status Read(size_t index, int64_t mint, int64_t maxt, SampleColumns* out) const override {
    mint = std::max(mint, mint_);
    maxt = std::min(maxt, maxt_);
    if (mint > maxt) return OkStatus();
    const std::span<const Interval> deleted = tombstones_->Get(refs_[index]);
    if (deleted.empty()) return ReadRange(index, mint, maxt, out);
    for (const Interval& rest : Subtract(deleted, mint, maxt)) {
      NX_RETURN_IF_ERROR(ReadRange(index, rest.mint, rest.maxt, out));
    }
    return OkStatus();
  }

  bool Last(size_t index, int64_t mint, int64_t t, int64_t* timestamp,
            double* value) const override {
    if (mint == INT64_MAX) return false;
    mint = std::max(mint + 1, mint_);  // closed from here on
    t = std::min(t, maxt_);
    if (mint > t) return false;
    std::vector<Interval> ranges{{mint, t}};
    if (const auto deleted = tombstones_->Get(refs_[index]); !deleted.empty()) {
      ranges = Subtract(deleted, mint, t);
    }
    for (auto range = ranges.rbegin(); range != ranges.rend(); ++range) {
      if (LastInRange(index, *range, timestamp, value)) return true;
    }
    return false;
  }

 protected:
  // The data stays where the block has it.
  Status TakeWhole(size_t index, Whole* out) const override {
    out->mint = std::max(out->mint, mint_);
    out->maxt = std::min(out->maxt, maxt_);
    if (out->mint > out->maxt) return OkStatus();
    const std::span<const Interval> deleted = tombstones_->Get(refs_[index]);
    out->deleted.assign(deleted.begin(), deleted.end());
    std::vector<ChunkMeta>& chunks = SeriesScratch().chunks;
    NX_RETURN_IF_ERROR(block_->index().ReadChunks(refs_[index], &chunks, out->mint, out->maxt));
    for (const ChunkMeta& chunk : chunks) {
      NX_ASSIGN_OR_RETURN(const StoredChunk raw, block_->chunks().Read(chunk.ref));
      out->list.chunks.push_back(ToChunk({chunk.mint, chunk.maxt, raw.encoding, raw.data}));
    }
    return OkStatus();
  }

 private:
  Status ReadRange(size_t index, int64_t mint, int64_t maxt, SampleColumns* out) const {
    std::vector<ChunkMeta>& chunks = SeriesScratch().chunks;
    NX_RETURN_IF_ERROR(block_->index().ReadChunks(refs_[index], &chunks, mint, maxt));
    for (const ChunkMeta& chunk : chunks) {
      NX_ASSIGN_OR_RETURN(const StoredChunk raw, block_->chunks().Read(chunk.ref));
      NX_RETURN_IF_ERROR(DecodeChunk(raw.encoding, raw.data, mint, maxt, out));
    }
    return OkStatus();
  }

  bool LastInRange(size_t index, Interval range, int64_t* timestamp, double* value) const {
    std::vector<ChunkMeta>& chunks = SeriesScratch().chunks;
    if (!block_->index().ReadChunks(refs_[index], &chunks, range.mint, range.maxt).ok()) {
      return false;
    }
    thread_local SampleColumns columns;
    for (auto chunk = chunks.rbegin(); chunk != chunks.rend(); ++chunk) {
      const StatusOr<StoredChunk> raw = block_->chunks().Read(chunk->ref);
      columns.Clear();
      if (!raw.ok() ||
          !DecodeChunk(raw->encoding, raw->data, range.mint, range.maxt, &columns).ok()) {
        return false;
      }
      if (columns.size() == 0) continue;
      *timestamp = columns.timestamps.back();
      *value = columns.values.back();
      return true;
    }
    return false;
  }

  const std::shared_ptr<const Block> block_;
  const std::shared_ptr<const Tombstones> tombstones_;
  const std::vector<uint32_t> refs_;
  const int64_t mint_, maxt_;
};

class BlockQuerier final : public storage::Querier {
 public:
  BlockQuerier(std::shared_ptr<const Block> block, int64_t mint, int64_t maxt)
      : block_(std::move(block)), tombstones_(block_->tombstones()), mint_(mint), maxt_(maxt) {}

  StatusOr<std::unique_ptr<storage::SeriesList>> Select(
      const storage::SelectHints& hints, std::span<const Matcher> matchers) const override {
    NX_ASSIGN_OR_RETURN(std::vector<uint32_t> refs, SelectSeries(block_->index(), matchers));
    NX_RETURN_IF_ERROR(DropWithoutSamples(&refs));
    if (hints.limit != 0 && refs.size() > hints.limit) refs.resize(hints.limit);
    return std::make_unique<BlockSeriesList>(block_, tombstones_, std::move(refs), mint_, maxt_);
  }

  StatusOr<std::vector<std::string>> LabelNames(std::span<const Matcher> matchers, size_t limit,
                                                bool* truncated) const override {
    const IndexReader& index = block_->index();
    std::vector<std::string_view> names;
    if (matchers.empty()) {
      names = index.LabelNames();
    } else {
      NX_ASSIGN_OR_RETURN(names, NamesOf(matchers));
    }
    return Cut(names, limit, truncated);
  }

  StatusOr<std::vector<std::string>> LabelValues(const std::string& name,
                                                 std::span<const Matcher> matchers, size_t limit,
                                                 bool* truncated) const override {
    std::vector<std::string_view> values;
    if (matchers.empty()) {
      const size_t enough = limit == 0 ? SIZE_MAX : limit;
      NX_RETURN_IF_ERROR(block_->index().ForEachValue(name, [&](std::string_view value, uint64_t) {
        values.push_back(value);
        return values.size() <= enough;
      }));
    } else {
      NX_ASSIGN_OR_RETURN(values, ValuesOf(name, matchers));
    }
    return Cut(values, limit, truncated);
  }

 private:
  static std::vector<std::string> Cut(std::span<const std::string_view> all, size_t limit,
                                      bool* truncated) {
    const bool cut = limit != 0 && all.size() > limit;
    if (truncated != nullptr) *truncated = cut;
    if (cut) all = all.first(limit);
    return {all.begin(), all.end()};
  }

  // Series none of whose chunks reaches into the range, or all of whose do but are deleted.
  Status DropWithoutSamples(std::vector<uint32_t>* refs) const {
    const bool whole = mint_ <= block_->min_time() && maxt_ >= block_->max_time() - 1;
    if (whole && tombstones_->empty()) return OkStatus();
    IndexReader::Series& series = SeriesScratch();
    Status status;
    std::erase_if(*refs, [&](uint32_t ref) {
      const std::span<const Interval> deleted = tombstones_->Get(ref);
      if (!status.ok() || (whole && deleted.empty())) return false;
      status = block_->index().ReadSeries(ref, &series, mint_, maxt_);
      return std::all_of(series.chunks.begin(), series.chunks.end(), [&](const ChunkMeta& c) {
        return IsCovered(deleted, std::max(c.mint, mint_), std::min(c.maxt, maxt_));
      });
    });
    return status;
  }

  StatusOr<std::vector<std::string_view>> NamesOf(std::span<const Matcher> matchers) const {
    const IndexReader& index = block_->index();
    NX_ASSIGN_OR_RETURN(const std::vector<uint32_t> refs, SelectSeries(index, matchers));
    IndexReader::Series& series = SeriesScratch();
    std::vector<uint32_t> symbols;
    for (const uint32_t ref : refs) {
      NX_RETURN_IF_ERROR(index.ReadSeries(ref, &series, INT64_MAX, INT64_MIN));
      for (const auto& [name, value] : series.labels) {
        const auto at = std::lower_bound(symbols.begin(), symbols.end(), name);
        if (at == symbols.end() || *at != name) symbols.insert(at, name);
      }
    }
    std::vector<std::string_view> names;
    for (const uint32_t symbol : symbols) {
      NX_ASSIGN_OR_RETURN(const std::string_view name, index.Symbol(symbol));
      names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  StatusOr<std::vector<std::string_view>> ValuesOf(const std::string& name,
                                                   std::span<const Matcher> matchers) const {
    const IndexReader& index = block_->index();
    NX_ASSIGN_OR_RETURN(const std::vector<uint32_t> refs, SelectSeries(index, matchers));
    // Either the value of every candidate, or a candidate for every value.
    if (refs.size() > 4 * index.LabelValueCount(name)) return ValuesWithPostings(name, refs);
    std::vector<std::string_view> values;
    for (const uint32_t ref : refs) {
      NX_ASSIGN_OR_RETURN(const std::string_view value, index.ValueOf(ref, name));
      if (!value.empty()) values.push_back(value);
    }
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return values;
  }

  StatusOr<std::vector<std::string_view>> ValuesWithPostings(
      const std::string& name, const std::vector<uint32_t>& refs) const {
    std::vector<std::string_view> values;
    Status status;
    NX_RETURN_IF_ERROR(
        block_->index().ForEachValue(name, [&](std::string_view value, uint64_t postings) {
          const StatusOr<PostingsList> list = block_->index().PostingsAt(postings);
          status = list.status();
          if (list.ok() && Meet(*list, refs)) values.push_back(value);
          return list.ok();
        }));
    NX_RETURN_IF_ERROR(status);
    return values;
  }

  static bool Meet(const PostingsList& list, const std::vector<uint32_t>& refs) {
    uint32_t at = 0;
    auto ref = refs.begin();
    while (ref != refs.end() && at < list.size()) {
      at = list.Seek(at, *ref);
      if (at == list.size()) return false;
      if (list[at] == *ref) return true;
      ref = std::lower_bound(ref, refs.end(), list[at]);
    }
    return false;
  }

  const std::shared_ptr<const Block> block_;
  const std::shared_ptr<const Tombstones> tombstones_;
  const int64_t mint_, maxt_;
};

}  // namespace

std::unique_ptr<storage::Querier> NewBlockQuerier(std::shared_ptr<const Block> block, int64_t mint,
                                                  int64_t maxt) {
  return std::make_unique<BlockQuerier>(std::move(block), mint, maxt);
}

}  // namespace narthex::tsdb
