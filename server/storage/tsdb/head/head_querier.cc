// Reading the head. A querier pins an epoch, so that what it has seen stays in memory, and takes
// each group's visible time once, so that all its selects see the same ticks.

#include <algorithm>
#include <numeric>

#include "server/storage/tsdb/block/chunked_series_list.h"
#include "server/storage/tsdb/chunkenc/chunk_iterator.h"
#include "server/storage/tsdb/head/head.h"
#include "server/storage/tsdb/series/matching.h"

namespace narthex::tsdb {
namespace {

using storage::SampleColumns;

// What a reader copies of a series while its home is locked.
struct Snapshot {
  std::vector<ChunkRef> chunks;
  unsigned open = 0;
  int64_t times[kMaxStreamValues];
  uint64_t values[kMaxStreamValues];
  Encoding encoding = Encoding::kNone;  // of a detached series
  int64_t chunk_mint = 0, chunk_maxt = 0;
  std::string chunk;
  std::string fetched;  // a full chunk
};

struct SeriesEntry {
  uint32_t slot;
  int64_t visible;  // later samples do not exist for this reader
};

// Of so many series one or fewer are so few that their chunks are read one by one: they lie far
// apart, and a page fault, which brings in 64 KiB of a file, costs as much as a dozen reads.
constexpr size_t kFew = 32;

class HeadSeriesList final : public ChunkedSeriesList {
 public:
  // `few`: the series are few of those in the head.
  HeadSeriesList(const HeadCore* core, std::shared_ptr<const Epochs::Pin> pin,
                 std::vector<SeriesEntry> series, bool few, int64_t mint, int64_t maxt)
      : core_(*core),
        pin_(std::move(pin)),
        series_(std::move(series)),
        few_(few),
        mint_(mint),
        maxt_(maxt) {}

  size_t size() const override { return series_.size(); }

  Labels labels(size_t index) const override {
    ReaderLock lock(core_.index.mutex());
    return core_.index.GetLabels(series_[index].slot);
  }

  void AppendLabels(size_t first, size_t count, std::span<const std::string> names,
                    std::vector<Labels>* out) const override {
    ReaderLock lock(core_.index.mutex());
    std::vector<uint32_t> ids;
    for (const std::string& name : names) {
      if (const uint32_t id = core_.index.FindName(name); id != kNoId) ids.push_back(id);
    }
    for (size_t i = first; i < first + count; ++i) {
      out->push_back(core_.index.GetLabels(series_[i].slot, ids));
    }
  }

  Status Read(size_t index, TimestampMs mint, TimestampMs maxt, SampleColumns* out) const override {
    const size_t from = out->size();
    NX_RETURN_IF_ERROR(ReadAll(index, mint, maxt, out));
    const std::vector<Interval> deleted = DeletedOf(index);
    EraseDeleted(deleted, from, out);
    return OkStatus();
  }

  bool Last(size_t index, TimestampMs mint, TimestampMs t, TimestampMs* timestamp,
            double* value) const override {
    const SeriesEntry& entry = series_[index];
    // Closed at both ends from here on.
    mint = std::max(mint == INT64_MAX ? mint : mint + 1, mint_);
    t = std::min({t, maxt_, entry.visible});
    if (mint > t) return false;
    bool found = false;
    if (DeletedOf(index).empty() && Newest(entry.slot, mint, t, timestamp, value, &found)) {
      return found;
    }
    thread_local SampleColumns columns;
    columns.Clear();
    if (!Read(index, mint, t, &columns).ok() || columns.size() == 0) return false;
    *timestamp = columns.timestamps.back();
    *value = columns.values.back();
    return true;
  }

 protected:
  Status TakeWhole(size_t index, Whole* out) const override {
    const SeriesEntry& entry = series_[index];
    out->mint = std::max(out->mint, mint_);
    out->maxt = std::min({out->maxt, maxt_, entry.visible});
    if (out->mint > out->maxt) return OkStatus();
    out->deleted = DeletedOf(index);
    thread_local Snapshot snapshot;
    Take(entry.slot, out->mint, out->maxt, &snapshot);
    for (const ChunkRef& ref : snapshot.chunks) {
      const StatusOr<HeadChunk> read = core_.chunks.Read(ref);
      const StatusOr<HeadChunk> chunk = read.ok() ? read : core_.chunks.Peek(ref);
      if (chunk.ok() && (chunk->maxt < out->mint || chunk->mint > out->maxt)) continue;
      NX_RETURN_IF_ERROR(read.status());
      out->list.chunks.push_back(ToChunk({read->mint, read->maxt, read->encoding, read->data}));
    }
    if (snapshot.open > 0) {
      XorChunk open;
      for (unsigned k = 0; k < snapshot.open; ++k) {
        open.Append(snapshot.times[k], snapshot.values[k]);
      }
      AppendOwned(open.first_time(), open.last_time(), Encoding::kXor, open.bytes(), &out->list);
    }
    if (!snapshot.chunk.empty()) {
      AppendOwned(snapshot.chunk_mint, snapshot.chunk_maxt, snapshot.encoding, snapshot.chunk,
                  &out->list);
    }
    return OkStatus();
  }

 private:
  std::vector<Interval> DeletedOf(size_t index) const {
    if (!core_.deletes.any()) return {};
    return core_.deletes.Get(core_.index.table()[series_[index].slot].ref);
  }

  Status ReadAll(size_t index, int64_t mint, int64_t maxt, SampleColumns* out) const {
    const SeriesEntry& entry = series_[index];
    mint = std::max(mint, mint_);
    maxt = std::min({maxt, maxt_, entry.visible});
    if (mint > maxt) return OkStatus();
    thread_local Snapshot snapshot;
    Take(entry.slot, mint, maxt, &snapshot);
    for (const ChunkRef& ref : snapshot.chunks) {
      // Nearly all are in the range: its bounds are looked at when the chunk is there, or damaged.
      const StatusOr<HeadChunk> read =
          few_ ? core_.chunks.Fetch(ref, &snapshot.fetched) : core_.chunks.Read(ref);
      const StatusOr<HeadChunk> chunk = read.ok() ? read : core_.chunks.Peek(ref);
      if (chunk.ok() && (chunk->maxt < mint || chunk->mint > maxt)) continue;
      NX_RETURN_IF_ERROR(read.status());
      NX_RETURN_IF_ERROR(DecodeChunk(read->encoding, read->data, mint, maxt, out));
    }
    for (unsigned k = 0; k < snapshot.open; ++k) {
      if (snapshot.times[k] < mint || snapshot.times[k] > maxt) continue;
      out->timestamps.push_back(snapshot.times[k]);
      out->values.push_back(std::bit_cast<double>(snapshot.values[k]));
    }
    if (!out->histogram_index.empty()) {
      out->histogram_index.resize(out->size(), storage::kNoHistogram);
    }
    if (snapshot.chunk.empty()) return OkStatus();
    return DecodeChunk(snapshot.encoding, snapshot.chunk, mint, maxt, out);
  }

  // Answers from the newest sample when that is decisive; false when the series must be read.
  bool Newest(uint32_t slot, int64_t mint, int64_t t, int64_t* timestamp, double* value,
              bool* found) const {
    LockedHome home(core_.index.table()[slot]);
    int64_t newest = kNoMaxTime;
    uint64_t bits = 0;
    if (home.kind() == Home::Kind::kBlock) {
      const auto& block = *static_cast<const GroupBlock*>(home.home());
      const ValueState& state = block.states()[home.position()];
      if (state.count == 0) return false;
      newest = block.group->TimeOf(state, state.count - 1u);
      bits = state.last_bits;
    } else if (home.kind() == Home::Kind::kDetached) {
      const auto& series = *static_cast<const Detached*>(home.home());
      newest = series.max_time;
      bits = series.last_bits;
      if (series.last_kind != SampleKind::kFloat && bits != storage::kStaleNaNBits) {
        bits = storage::kHistogramNaNBits;
      }
    } else {
      return false;
    }
    if (newest > t) return false;
    *found = newest >= mint && newest != kNoMaxTime;
    *timestamp = newest;
    *value = std::bit_cast<double>(bits);
    return true;
  }

  void Take(uint32_t slot, int64_t mint, int64_t maxt, Snapshot* out) const {
    out->chunks.clear();
    out->chunk.clear();
    out->open = 0;
    const SeriesRecord& record = core_.index.table()[slot];
    LockedHome home(record);
    const size_t n = record.chunks.size();
    for (size_t i = 0; i < n; ++i) {
      const ChunkRef ref = record.chunks[i];
      // The hints are whole seconds; 0 and the maximum say nothing.
      const bool known = ref.min_second != 0 && ref.min_second != UINT32_MAX;
      if (known && int64_t{ref.min_second} * 1000 > maxt) break;
      if (i + 1 < n) {
        const uint32_t next = record.chunks[i + 1].min_second;
        if (next != 0 && next != UINT32_MAX && (int64_t{next} + 1) * 1000 <= mint) continue;
      }
      out->chunks.push_back(ref);
    }
    if (home.kind() == Home::Kind::kBlock) {
      const auto& block = *static_cast<const GroupBlock*>(home.home());
      const ValueState& state = block.states()[home.position()];
      out->open = state.count;
      if (state.count == 0) return;
      for (unsigned k = 0; k < state.count; ++k) out->times[k] = block.group->TimeOf(state, k);
      DecodeValues(state, state.buffer == 0 ? nullptr : block.group->slab().Address(state.buffer),
                   out->values);
    } else if (home.kind() == Home::Kind::kDetached) {
      const auto& series = *static_cast<const Detached*>(home.home());
      if (series.open.count() == 0) return;
      out->encoding = series.open.encoding();
      out->chunk_mint = series.open.first_time();
      out->chunk_maxt = series.open.last_time();
      out->chunk = series.open.bytes();
    }
  }

  const HeadCore& core_;
  const std::shared_ptr<const Epochs::Pin> pin_;
  const std::vector<SeriesEntry> series_;
  const bool few_;
  const int64_t mint_, maxt_;
};

class HeadQuerier final : public storage::Querier {
 public:
  HeadQuerier(HeadCore* core, int64_t mint, int64_t maxt)
      : core_(*core),
        pin_(std::make_shared<Epochs::Pin>(&core->epochs)),
        mint_(mint),
        maxt_(maxt) {}

  StatusOr<std::unique_ptr<storage::SeriesList>> Select(
      const storage::SelectHints& hints, std::span<const Matcher> matchers) const override {
    std::vector<SeriesEntry> series;
    size_t all = 0;
    {
      ReaderLock lock(core_.index.mutex());
      all = core_.index.size();
      SelectSeries(core_.index, matchers).ForEach([&](uint32_t slot) {
        series.push_back({slot, kNoMaxTime});
      });
      Order(hints.sort, &series);
    }
    // Whoever only wants their labels does not find out later that there is nothing to read.
    if (hints.function == "series") {
      std::erase_if(series, [this](const SeriesEntry& e) { return !HasSamples(e.slot); });
    }
    if (hints.limit != 0 && series.size() > hints.limit) series.resize(hints.limit);
    const bool few = series.size() * kFew <= all;
    FindVisible(few, &series);
    return std::make_unique<HeadSeriesList>(&core_, pin_, std::move(series), few, mint_, maxt_);
  }

  StatusOr<std::vector<std::string>> LabelNames(std::span<const Matcher> matchers, size_t limit,
                                                bool* truncated) const override;
  StatusOr<std::vector<std::string>> LabelValues(const std::string& name,
                                                 std::span<const Matcher> matchers, size_t limit,
                                                 bool* truncated) const override;

 private:
  // Whether the head has anything at the times asked for.
  bool Overlaps() const {
    const int64_t oldest = core_.min_time.load();  // not known for a moment, now and then
    return mint_ <= maxt_ && mint_ <= core_.max_time.load() &&
           (oldest == kNoMinTime || oldest <= maxt_);
  }

  // As exact as chunks are: samples may lie on both sides of the times asked for.
  bool HasSamples(uint32_t slot) const {
    const SeriesRecord& record = core_.index.table()[slot];
    std::vector<Interval> deleted;
    if (core_.deletes.any()) deleted = core_.deletes.Get(record.ref);
    const auto seen = [&](int64_t first, int64_t last) {
      first = std::max(first, mint_);
      last = std::min(last, maxt_);
      return first <= last && !IsCovered(deleted, first, last);
    };
    LockedHome home(record);
    if (home.kind() == Home::Kind::kBlock) {
      const auto& block = *static_cast<const GroupBlock*>(home.home());
      const ValueState& state = block.states()[home.position()];
      if (state.count > 0 &&
          seen(block.group->TimeOf(state, 0), block.group->TimeOf(state, state.count - 1u))) {
        return true;
      }
    } else if (home.kind() == Home::Kind::kDetached) {
      const OpenChunk& open = static_cast<const Detached*>(home.home())->open;
      if (open.count() > 0 && seen(open.first_time(), open.last_time())) return true;
    }
    for (size_t i = record.chunks.size(); i-- > 0;) {
      const auto chunk = core_.chunks.Peek(record.chunks[i]);
      if (!chunk.ok() || seen(chunk->mint, chunk->maxt)) return true;
      if (chunk->maxt < mint_) return false;
    }
    return false;
  }

  // Storage order is the order of creation, which slots follow until one is used again.
  void Order(bool by_labels, std::vector<SeriesEntry>* series) const {
    const SeriesTable& table = core_.index.table();
    if (!by_labels) {
      const auto older = [&](const SeriesEntry& a, const SeriesEntry& b) {
        return table[a.slot].ref < table[b.slot].ref;
      };
      if (!std::is_sorted(series->begin(), series->end(), older)) {
        std::sort(series->begin(), series->end(), older);
      }
      return;
    }
    SortByLabels(series);
  }

  // Every pair gets its rank among those that come up, so that texts are compared only for that.
  void SortByLabels(std::vector<SeriesEntry>* series) const {
    const SeriesIndex& index = core_.index;
    absl::flat_hash_map<LabelId, uint32_t> numbers;
    std::vector<LabelId> pairs;    // by number
    std::vector<uint32_t> labels;  // numbers, then ranks, of one series behind the other
    std::vector<uint32_t> begins;
    LabelIds ids;
    for (const SeriesEntry& e : *series) {
      begins.push_back(static_cast<uint32_t>(labels.size()));
      index.GetLabelIds(e.slot, &ids);
      for (const LabelId& id : ids) {
        const auto [it, added] = numbers.try_emplace(id, static_cast<uint32_t>(pairs.size()));
        if (added) pairs.push_back(id);
        labels.push_back(it->second);
      }
    }
    begins.push_back(static_cast<uint32_t>(labels.size()));
    std::vector<uint32_t> ranks = RanksOf(pairs);
    for (uint32_t& label : labels) label = ranks[label];
    std::vector<uint32_t> order(series->size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      return std::lexicographical_compare(
          labels.begin() + begins[a], labels.begin() + begins[a + 1], labels.begin() + begins[b],
          labels.begin() + begins[b + 1]);
    });
    std::vector<SeriesEntry> sorted;
    sorted.reserve(series->size());
    for (const uint32_t i : order) sorted.push_back((*series)[i]);
    *series = std::move(sorted);
  }

  // The place of each pair among all of them, by name and value.
  std::vector<uint32_t> RanksOf(const std::vector<LabelId>& pairs) const {
    const SeriesIndex& index = core_.index;
    const auto text = [&](uint32_t i) {
      return std::pair(index.names().Get(pairs[i].name),
                       index.name(pairs[i].name).values.Get(pairs[i].value));
    };
    std::vector<uint32_t> order(pairs.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return text(a) < text(b); });
    std::vector<uint32_t> ranks(pairs.size());
    for (uint32_t rank = 0; rank < order.size(); ++rank) ranks[order[rank]] = rank;
    return ranks;
  }

  void FindVisible(bool few, std::vector<SeriesEntry>* series) const {
    MutexLock lock(mutex_);
    // No series changes its home meanwhile, and appenders commit under this mutex: all or nothing.
    MutexLock structure(core_.structure_mutex);
    const Group* last = nullptr;
    GroupTime seen;
    for (SeriesEntry& entry : *series) {
      const HomeRef where = core_.index.table()[entry.slot].where();
      if (where.home->kind != Home::Kind::kBlock) {
        entry.visible = NewestTime(entry.slot, few);
        continue;
      }
      const Group* group = static_cast<const GroupBlock*>(where.home)->group;
      const uint32_t joins = group->joins();
      if (group != last || joins != seen.joins) {
        last = group;
        GroupTime& known = group_times_.try_emplace(group).first->second;
        // What joined since brought samples that were visible in its old home.
        if (!known.valid || known.joins != joins) known = {group->visible_time(), joins, true};
        seen = known;
      }
      entry.visible = seen.visible;
    }
  }

  // The newest sample of a series now; structure_mutex is held.
  int64_t NewestTime(uint32_t slot, bool few) const {
    const SeriesRecord& record = core_.index.table()[slot];
    LockedHome home(record);
    if (home.kind() == Home::Kind::kDetached) {
      return static_cast<const Detached*>(home.home())->max_time;
    }
    if (home.kind() == Home::Kind::kBlock) {
      return static_cast<const GroupBlock*>(home.home())->group->visible_time();
    }
    if (record.chunks.empty()) return kNoMaxTime;
    const ChunkRef last = record.chunks[record.chunks.size() - 1];
    const auto chunk = few ? core_.chunks.Bounds(last) : core_.chunks.Peek(last);
    return chunk.ok() ? chunk->maxt : INT64_MAX;
  }

  HeadCore& core_;
  // Shared with the lists: what one of them found must outlive the querier.
  const std::shared_ptr<const Epochs::Pin> pin_;
  const int64_t mint_, maxt_;
  mutable Mutex mutex_;
  struct GroupTime {
    int64_t visible = kNoMaxTime;
    uint32_t joins = 0;
    bool valid = false;
  };
  mutable absl::flat_hash_map<const Group*, GroupTime> group_times_ GUARDED_BY(mutex_);
};

std::vector<std::string> SortedAndCut(std::vector<std::string> all, size_t limit, bool* truncated) {
  std::sort(all.begin(), all.end());
  if (truncated != nullptr) *truncated = limit != 0 && all.size() > limit;
  if (limit != 0 && all.size() > limit) all.resize(limit);
  return all;
}

StatusOr<std::vector<std::string>> HeadQuerier::LabelNames(std::span<const Matcher> matchers,
                                                           size_t limit, bool* truncated) const {
  std::vector<std::string> out;
  if (!Overlaps()) return SortedAndCut({}, limit, truncated);
  ReaderLock lock(core_.index.mutex());
  const SeriesIndex& index = core_.index;
  std::vector<bool> seen(index.names().limit());
  if (matchers.empty()) {
    for (uint32_t n = 0; n < seen.size(); ++n) seen[n] = index.name(n).linked_values > 0;
  } else {
    LabelIds ids;
    SelectSeries(index, matchers).ForEach([&](uint32_t slot) {
      index.GetLabelIds(slot, &ids);
      for (const LabelId& id : ids) seen[id.name] = true;
    });
  }
  for (uint32_t n = 0; n < seen.size(); ++n) {
    if (seen[n]) out.emplace_back(index.names().Get(n));
  }
  return SortedAndCut(std::move(out), limit, truncated);
}

StatusOr<std::vector<std::string>> HeadQuerier::LabelValues(const std::string& name,
                                                            std::span<const Matcher> matchers,
                                                            size_t limit, bool* truncated) const {
  std::vector<std::string> out;
  if (!Overlaps()) return SortedAndCut({}, limit, truncated);
  ReaderLock lock(core_.index.mutex());
  const SeriesIndex& index = core_.index;
  const uint32_t name_id = index.FindName(name);
  if (name_id == kNoId) return SortedAndCut({}, limit, truncated);
  const SeriesIndex::LabelName& label = index.name(name_id);
  if (matchers.empty()) {
    for (uint32_t v = 0; v < label.info.size(); ++v) {
      if (label.info[v].postings.size() > 0) out.emplace_back(label.values.Get(v));
    }
  } else {
    std::vector<bool> seen(label.info.size());
    SelectSeries(index, matchers).ForEach([&](uint32_t slot) {
      const uint32_t v = index.ValueIdOf(slot, name_id);
      if (v != kNoId) seen[v] = true;
    });
    for (uint32_t v = 0; v < seen.size(); ++v) {
      if (seen[v]) out.emplace_back(label.values.Get(v));
    }
  }
  return SortedAndCut(std::move(out), limit, truncated);
}

}  // namespace

std::unique_ptr<storage::Querier> Head::NewQuerier(int64_t mint, int64_t maxt) const {
  return std::make_unique<HeadQuerier>(&core_, mint, maxt);
}

}  // namespace narthex::tsdb
