#include "server/storage/tsdb/head/core.h"

#include <algorithm>

#include "core/log/log.h"
#include "server/storage/tsdb/series/series_record.h"

namespace narthex::tsdb {
namespace {

void LowerTo(std::atomic<int64_t>* value, int64_t to) {
  int64_t now = value->load(std::memory_order_relaxed);
  while (to < now && !value->compare_exchange_weak(now, to)) {
  }
}

void RaiseTo(std::atomic<int64_t>* value, int64_t to) {
  int64_t now = value->load(std::memory_order_relaxed);
  while (to > now && !value->compare_exchange_weak(now, to)) {
  }
}

// Marks symbols in the index itself as written to a segment.
class SegmentMarks final : public SymbolMarks {
 public:
  SegmentMarks(SeriesIndex* index, uint32_t segment) : index_(*index), segment_(segment) {}
  bool Name(uint32_t name) override { return Mark(&index_.name(name).wal_segment); }
  bool Value(uint32_t name, uint32_t value) override {
    return Mark(&index_.name(name).info[value].wal_segment);
  }

 private:
  bool Mark(uint32_t* segment) const { return std::exchange(*segment, segment_) != segment_; }
  SeriesIndex& index_;
  const uint32_t segment_;
};

}  // namespace

int64_t HeadCore::MinValidTime() const {
  const int64_t floor = std::max(truncated_before.load(std::memory_order_relaxed),
                                 fence.load(std::memory_order_relaxed));
  const int64_t newest = max_time.load(std::memory_order_relaxed);
  const int64_t half = options.chunk_range_ms / 2;
  if (newest < INT64_MIN + half) return floor;
  return std::max(floor, newest - half);
}

void HeadCore::NoteMinTime(int64_t mint) { LowerTo(&min_time, mint); }

storage::AppendResult HeadCore::JudgeLate(int64_t t, storage::AppendResult without_window,
                                          int64_t newest) {
  const int64_t window = late.window_ms.load(std::memory_order_relaxed);
  if (window <= 0 || newest == kNoMaxTime) return without_window;
  return newest < INT64_MIN + window || t >= newest - window ? storage::AppendResult::kOk
                                                             : storage::AppendResult::kTooOld;
}

void HeadCore::NoteTimes(int64_t mint, int64_t maxt) {
  LowerTo(&min_time, mint);
  RaiseTo(&max_time, maxt);
}

StatusOr<uint32_t> HeadCore::FindOrCreate(const Labels& labels, BaseGuess* guess, bool* created) {
  *created = false;
  size_t series = 0;
  const uint32_t hash = SeriesIndex::HashOf(labels);
  {
    ReaderLock lock(index.mutex());
    const uint32_t slot = index.Find(labels, hash);
    if (slot != kNoSlot) return slot;
    series = index.size();
  }
  NX_RETURN_IF_ERROR(AdmitSeries(series));
  if (Refusing()) return Unavailable("the database takes no writes");
  WriterLock lock(index.mutex());
  const uint32_t slot = index.Create(labels, hash, next_ref, guess);
  if (slot == kNoSlot) return ResourceExhausted("the head holds no more series");
  index.table()[slot].SetHome(ParkedHome(slot), 0);
  LogSeries(next_ref++);
  counters.series_created.fetch_add(1, std::memory_order_relaxed);
  *created = true;
  return slot;
}

Status HeadCore::AdmitSeries(size_t series) {
  constexpr std::chrono::minutes kWarnEvery{1};
  Status status;
  if (options.max_series != 0 && series >= options.max_series) {
    counters.series_over_limit.fetch_add(1, std::memory_order_relaxed);
    status =
        ResourceExhausted("the head holds {} series, the limit is {}", series, options.max_series);
  } else if (options.refuse_growth != nullptr && options.refuse_growth()) {
    counters.series_over_budget.fetch_add(1, std::memory_order_relaxed);
    status = ResourceExhausted("the memory budget is used up; the head holds {} series", series);
  } else {
    return OkStatus();
  }
  const auto now = std::chrono::steady_clock::now();
  if (now >= next_growth_warning) {
    next_growth_warning = now + kWarnEvery;
    NX_LOG(Warn, "New series are refused; known ones go on", {"err", status});
  }
  return status;
}

void HeadCore::LogSeries(uint64_t ref) {
  if (wal == nullptr) return;
  thread_local std::string definitions, series;
  for (;;) {
    const uint32_t segment = wal->segment();
    definitions.clear();
    series.clear();
    SegmentMarks marks(&index, segment);
    EncodeSeries(index, ref, segment == series_segment, &marks, &definitions, &series);
    if (!definitions.empty() &&
        !wal->Append(static_cast<uint8_t>(RecordType::kSymbols), definitions, segment)) {
      continue;
    }
    if (!wal->Append(static_cast<uint8_t>(RecordType::kSeries), series, segment)) continue;
    series_segment = segment;
    return;
  }
}

std::optional<NewestSample> HeadCore::LastOfChunks(const SeriesRecord& series) const {
  if (series.chunks.empty()) return std::nullopt;
  const auto chunk = chunks.Read(series.chunks[series.chunks.size() - 1]);
  if (!chunk.ok()) return std::nullopt;
  const auto it = NewChunkIterator(chunk->encoding, chunk->data);
  std::optional<NewestSample> newest;
  while (it->Next() != SampleKind::kNone) {
    newest = NewestSample{it->time(), it->bits(), it->kind()};
  }
  return newest;
}

Status HeadCore::AddChunk(uint32_t slot, const ChunkView& chunk) {
  SeriesRecord& series = index.table()[slot];
  if (series.chunks.full()) return ResourceExhausted("series {} has too many chunks", series.ref);
  NX_ASSIGN_OR_RETURN(const ChunkRef ref, chunks.Write(series.ref, chunk));
  size_t at = series.chunks.size();
  // Only a chunk rebuilt by replay can belong before others.
  if (coverage != nullptr) {
    while (at > 0) {
      const auto before = chunks.Peek(series.chunks[at - 1]);
      if (!before.ok() || before->mint <= chunk.mint) break;
      --at;
    }
    coverage->ChunksChanged(slot);
  }
  series.chunks.Insert(at, ref);
  full_chunks.fetch_add(1, std::memory_order_relaxed);
  return OkStatus();
}

Status HeadCore::AddChunks(std::span<const uint32_t> slots, const ChunkBatch& batch) {
  size_t next = 0;
  NX_RETURN_IF_ERROR(chunks.Write(
      batch, [&](const ChunkRef& ref) { index.table()[slots[next++]].chunks.PushBack(ref); }));
  full_chunks.fetch_add(slots.size(), std::memory_order_relaxed);
  return OkStatus();
}

}  // namespace narthex::tsdb
