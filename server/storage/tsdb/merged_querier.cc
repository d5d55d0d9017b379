#include "server/storage/tsdb/merged_querier.h"

#include <algorithm>
#include <iterator>

#include "server/storage/tsdb/block/chunked_series_list.h"
#include "server/storage/tsdb/compact/chunk_merger.h"
#include "server/storage/tsdb/merge_cursor.h"

namespace narthex::tsdb {
namespace {

using storage::SampleColumns;
using storage::SeriesList;

void PadHistograms(SampleColumns* columns) {
  if (columns->histogram_index.empty()) return;
  columns->histogram_index.resize(columns->timestamps.size(), storage::kNoHistogram);
}

// What a source says of a reset before its first sample here says nothing of the sample that comes
// before it in another source.
void ForgetReset(size_t at, SampleColumns* columns) {
  if (at >= columns->size() || !columns->IsHistogram(at)) return;
  CounterResetHint& hint = columns->histograms[columns->histogram_index[at]].reset;
  if (hint != CounterResetHint::kGauge) hint = CounterResetHint::kUnknown;
}

// Sorts the samples from `from` on, which came in ascending runs; of equal times the first stays.
void MergeRuns(size_t from, SampleColumns* columns) {
  std::vector<uint32_t> order;
  for (size_t i = from; i < columns->size(); ++i) order.push_back(static_cast<uint32_t>(i));
  const std::vector<int64_t>& times = columns->timestamps;
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return times[a] < times[b]; });
  order.erase(std::unique(order.begin(), order.end(),
                          [&](uint32_t a, uint32_t b) { return times[a] == times[b]; }),
              order.end());
  const SampleColumns old = *columns;
  const bool histograms = !old.histogram_index.empty();
  columns->timestamps.resize(from + order.size());
  columns->values.resize(from + order.size());
  if (histograms) columns->histogram_index.resize(from + order.size());
  uint32_t previous = UINT32_MAX;
  for (size_t i = 0; i < order.size(); ++i) {
    columns->timestamps[from + i] = old.timestamps[order[i]];
    columns->values[from + i] = old.values[order[i]];
    if (histograms) columns->histogram_index[from + i] = old.histogram_index[order[i]];
    if (previous != UINT32_MAX && order[i] != previous + 1) ForgetReset(from + i, columns);
    previous = order[i];
  }
}

// Passes samples of one source on, if asked the first one without what it says of a reset.
class PartSink final : public storage::SampleSink {
 public:
  PartSink(storage::SampleSink* to, bool forget_reset) : to_(*to), forget_reset_(forget_reset) {}
  bool stopped() const { return stopped_; }

  bool OnFloat(TimestampMs t, double v) override { return Note(to_.OnFloat(t, v)); }
  bool OnHistogram(TimestampMs t, const IntHistogram& h) override { return Pass(t, h); }
  bool OnHistogram(TimestampMs t, const FloatHistogram& h) override { return Pass(t, h); }

 private:
  bool Note(bool more) {
    forget_reset_ = false;
    stopped_ = stopped_ || !more;
    return more;
  }
  template <typename Histogram>
  bool Pass(TimestampMs t, const Histogram& h) {
    if (!forget_reset_ || h.reset == CounterResetHint::kGauge) return Note(to_.OnHistogram(t, h));
    Histogram changed = h;
    changed.reset = CounterResetHint::kUnknown;
    return Note(to_.OnHistogram(t, changed));
  }

  storage::SampleSink& to_;
  bool forget_reset_;
  bool stopped_ = false;
};

class MergedList final : public SeriesList {
 public:
  // The lists are sorted by labels.
  MergedList(std::vector<std::unique_ptr<SeriesList>> lists, size_t limit)
      : lists_(std::move(lists)) {
    MergeLists(limit);
  }

  size_t size() const override { return starts_.size() - 1; }

  Labels labels(size_t index) const override {
    const Part& part = parts_[starts_[index]];
    return lists_[part.list]->labels(part.index);
  }

  void AppendLabels(size_t first, size_t count, std::span<const std::string> names,
                    std::vector<Labels>* out) const override {
    for (size_t i = first; i < first + count; ++i) {
      const Part& part = parts_[starts_[i]];
      lists_[part.list]->AppendLabels(part.index, 1, names, out);
    }
  }

  Status Read(size_t index, TimestampMs mint, TimestampMs maxt, SampleColumns* out) const override {
    const size_t from = out->size();
    bool ascending = true;
    for (const Part& part : PartsOf(index)) {
      const size_t before = out->size();
      NX_RETURN_IF_ERROR(lists_[part.list]->Read(part.index, mint, maxt, out));
      PadHistograms(out);
      if (before == from || before == out->size()) continue;
      ascending = ascending && out->timestamps[before - 1] < out->timestamps[before];
      ForgetReset(before, out);
    }
    if (!ascending) MergeRuns(from, out);
    return OkStatus();
  }

  bool Last(size_t index, TimestampMs mint, TimestampMs t, TimestampMs* timestamp,
            double* value) const override {
    bool found = false;
    const std::span<const Part> parts = PartsOf(index);
    // Newest source first; an older one can only win where they overlap.
    for (size_t k = parts.size(); k-- > 0;) {
      int64_t at = 0;
      double v = 0;
      if (!lists_[parts[k].list]->Last(parts[k].index, mint, t, &at, &v)) continue;
      *timestamp = at;
      *value = v;
      found = true;
      mint = at - 1;
    }
    return found;
  }

  Status ReadChunks(size_t index, TimestampMs mint, TimestampMs maxt,
                    storage::ChunkList* out) const override {
    bool ascending = true;
    NX_ASSIGN_OR_RETURN(auto inputs, Inputs(index, mint, maxt, &out->owned, &ascending));
    return Merge(&inputs, out);
  }

  Status Visit(size_t index, TimestampMs mint, TimestampMs maxt,
               storage::SampleSink* sink) const override {
    storage::ChunkList merged;
    bool ascending = true;
    NX_ASSIGN_OR_RETURN(auto inputs, Inputs(index, mint, maxt, &merged.owned, &ascending));
    if (!ascending) {
      NX_RETURN_IF_ERROR(Merge(&inputs, &merged));
      for (const storage::Chunk& chunk : merged.chunks) {
        NX_ASSIGN_OR_RETURN(const bool more, VisitChunk(chunk, mint, maxt, {}, sink));
        if (!more) break;
      }
      return OkStatus();
    }
    const std::span<const Part> parts = PartsOf(index);
    for (size_t k = 0; k < parts.size(); ++k) {
      PartSink part(sink, k > 0);
      NX_RETURN_IF_ERROR(lists_[parts[k].list]->Visit(parts[k].index, mint, maxt, &part));
      if (part.stopped()) break;
    }
    return OkStatus();
  }

 private:
  struct Part {
    uint32_t list;
    uint32_t index;
  };

  std::span<const Part> PartsOf(size_t index) const {
    return std::span(parts_).subspan(starts_[index], starts_[index + 1] - starts_[index]);
  }

  // The chunks of all parts, and whether one part ends before the next begins.
  StatusOr<std::vector<ChunkMerger::Input>> Inputs(size_t index, TimestampMs mint, TimestampMs maxt,
                                                   std::vector<std::shared_ptr<const void>>* owned,
                                                   bool* ascending) const {
    std::vector<ChunkMerger::Input> inputs;
    uint32_t source = 0;
    for (const Part& part : PartsOf(index)) {
      storage::ChunkList list;
      NX_RETURN_IF_ERROR(lists_[part.list]->ReadChunks(part.index, mint, maxt, &list));
      if (!inputs.empty() && !list.chunks.empty()) {
        *ascending = *ascending && inputs.back().chunk.maxt < list.chunks.front().mint;
      }
      for (const storage::Chunk& chunk : list.chunks) inputs.push_back({ToView(chunk), source});
      for (auto& one : list.owned) owned->push_back(std::move(one));
      ++source;
    }
    return inputs;
  }

  static Status Merge(std::vector<ChunkMerger::Input>* inputs, storage::ChunkList* out) {
    const auto merger = std::make_shared<ChunkMerger>();
    NX_ASSIGN_OR_RETURN(const std::span<const ChunkView> merged, merger->Merge(inputs));
    for (const ChunkView& chunk : merged) out->chunks.push_back(ToChunk(chunk));
    out->owned.push_back(merger);
    return OkStatus();
  }

  void MergeLists(size_t limit) {
    std::vector<MergeCursor> cursors;
    for (const auto& list : lists_) cursors.emplace_back(list.get());
    std::vector<uint32_t> least;  // the lists whose next series comes first
    while (limit == 0 || starts_.size() < limit) {
      least.clear();
      for (uint32_t list = 0; list < cursors.size(); ++list) {
        if (cursors[list].ended()) continue;
        if (!least.empty()) {
          const std::strong_ordering order = cursors[list].Compare(cursors[least[0]]);
          if (order > 0) continue;
          if (order < 0) least.clear();
        }
        least.push_back(list);
      }
      if (least.empty()) break;
      starts_.push_back(static_cast<uint32_t>(parts_.size()));
      for (const uint32_t list : least) {
        parts_.push_back({list, cursors[list].index()});
        cursors[list].Advance();
      }
    }
    starts_.push_back(static_cast<uint32_t>(parts_.size()));
  }

  const std::vector<std::unique_ptr<SeriesList>> lists_;
  std::vector<Part> parts_;
  std::vector<uint32_t> starts_;  // where the parts of a series begin; one more at the end
};

class MergedQuerier final : public storage::Querier {
 public:
  explicit MergedQuerier(std::vector<std::unique_ptr<storage::Querier>> queriers)
      : queriers_(std::move(queriers)) {}

  StatusOr<std::unique_ptr<SeriesList>> Select(const storage::SelectHints& hints,
                                               std::span<const Matcher> matchers) const override {
    storage::SelectHints sorted = hints;
    sorted.sort = true;
    std::vector<std::unique_ptr<SeriesList>> lists;
    for (const auto& querier : queriers_) {
      NX_ASSIGN_OR_RETURN(std::unique_ptr<SeriesList> list, querier->Select(sorted, matchers));
      if (list->size() > 0) lists.push_back(std::move(list));
    }
    if (lists.size() == 1) return std::move(lists.front());
    return std::make_unique<MergedList>(std::move(lists), hints.limit);
  }

  StatusOr<std::vector<std::string>> LabelNames(std::span<const Matcher> matchers, size_t limit,
                                                bool* truncated) const override {
    return Union(limit, truncated, [&](const storage::Querier& querier, bool* cut) {
      return querier.LabelNames(matchers, limit, cut);
    });
  }

  StatusOr<std::vector<std::string>> LabelValues(const std::string& name,
                                                 std::span<const Matcher> matchers, size_t limit,
                                                 bool* truncated) const override {
    return Union(limit, truncated, [&](const storage::Querier& querier, bool* cut) {
      return querier.LabelValues(name, matchers, limit, cut);
    });
  }

 private:
  template <typename Ask>
  StatusOr<std::vector<std::string>> Union(size_t limit, bool* truncated, Ask&& ask) const {
    std::vector<std::string> all;
    bool cut = false;
    for (const auto& querier : queriers_) {
      bool part_cut = false;
      NX_ASSIGN_OR_RETURN(std::vector<std::string> more, ask(*querier, &part_cut));
      cut = cut || part_cut;
      std::vector<std::string> both;
      std::set_union(std::make_move_iterator(all.begin()), std::make_move_iterator(all.end()),
                     std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()),
                     std::back_inserter(both));
      all = std::move(both);
    }
    if (limit != 0 && all.size() > limit) {
      all.resize(limit);
      cut = true;
    }
    if (truncated != nullptr) *truncated = cut;
    return all;
  }

  const std::vector<std::unique_ptr<storage::Querier>> queriers_;
};

}  // namespace

std::unique_ptr<storage::Querier> MergeQueriers(
    std::vector<std::unique_ptr<storage::Querier>> queriers) {
  if (queriers.size() == 1) return std::move(queriers.front());
  return std::make_unique<MergedQuerier>(std::move(queriers));
}

}  // namespace narthex::tsdb
