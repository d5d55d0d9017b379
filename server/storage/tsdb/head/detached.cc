#include "server/storage/tsdb/head/detached.h"

namespace narthex::tsdb {

using storage::AppendResult;
using storage::IsStaleNaN;

namespace {

SampleKind KindOf(const IntHistogram&) { return SampleKind::kHistogram; }
SampleKind KindOf(const FloatHistogram&) { return SampleKind::kFloatHistogram; }

// kDuplicate: as new as the newest sample.
AppendResult CheckTime(const Detached& series, int64_t min_valid, int64_t t) {
  if (t < min_valid) return AppendResult::kOutOfBounds;
  if (series.max_time == kNoMaxTime || t > series.max_time) return AppendResult::kOk;
  return t < series.max_time ? AppendResult::kOutOfOrder : AppendResult::kDuplicate;
}

// The newest sample of a chunk of this kind of histograms.
template <typename Histogram>
std::optional<Histogram> NewestOf(Encoding encoding, std::string_view data, const Histogram& kind) {
  const auto it = NewChunkIterator(encoding, data);
  std::optional<Histogram> newest;
  while (it->Next() == KindOf(kind)) it->Get(newest ? &*newest : &newest.emplace());
  return newest;
}

}  // namespace

DetachedStore::~DetachedStore() = default;

Detached* DetachedStore::Get(uint32_t slot) const {
  const HomeRef where = core_.index.table()[slot].where();
  return where.home->kind == Home::Kind::kDetached ? static_cast<Detached*>(where.home) : nullptr;
}

Detached* DetachedStore::Create(uint32_t slot) {
  all_.push_back(std::make_unique<Detached>(slot));
  all_.back()->position = static_cast<uint32_t>(all_.size() - 1);
  return all_.back().get();
}

Detached* DetachedStore::FromParked(uint32_t slot) {
  SeriesRecord& record = core_.index.table()[slot];
  Detached* series = Create(slot);
  LockedHome home(record);
  // During replay there may be chunks from the future.
  if (core_.coverage == nullptr) {
    if (const auto newest = core_.LastOfChunks(record)) series->SetNewest(*newest);
  }
  record.SetHome(series, 0);
  return series;
}

AppendResult DetachedStore::Check(const Detached& series, int64_t min_valid, int64_t t,
                                  uint64_t bits) const {
  const AppendResult order = CheckTime(series, min_valid, t);
  if (order != AppendResult::kDuplicate) return order;
  const bool comparable = series.last_kind == SampleKind::kFloat || bits == storage::kStaleNaNBits;
  return comparable && bits == series.last_bits ? AppendResult::kOk : AppendResult::kDuplicate;
}

template <typename Histogram>
AppendResult DetachedStore::CheckHistogram(const Detached& series, int64_t min_valid, int64_t t,
                                           const Histogram& h) const {
  const AppendResult order = CheckTime(series, min_valid, t);
  if (order != AppendResult::kDuplicate) return order;
  return IsNewest(series, h) ? AppendResult::kOk : AppendResult::kDuplicate;
}

AppendResult DetachedStore::Check(const Detached& series, int64_t min_valid, int64_t t,
                                  const IntHistogram& h) const {
  return CheckHistogram(series, min_valid, t, h);
}

AppendResult DetachedStore::Check(const Detached& series, int64_t min_valid, int64_t t,
                                  const FloatHistogram& h) const {
  return CheckHistogram(series, min_valid, t, h);
}

// The chunk may have given the newest sample empty buckets that it came without.
template <typename Histogram>
bool DetachedStore::IsNewest(const Detached& series, const Histogram& h) const {
  if (series.last_kind != KindOf(h)) return false;
  if (series.last_bits != std::bit_cast<uint64_t>(h.sum)) return false;
  if (IsStaleNaN(h.sum)) return true;
  const auto newest = NewestOf(series.open.encoding(), series.open.bytes(), h);
  if (newest) return SameCounts(*newest, h);
  const ChunkList& chunks = core_.index.table()[series.slot].chunks;
  if (chunks.empty()) return false;
  const auto chunk = core_.chunks.Read(chunks[chunks.size() - 1]);
  if (!chunk.ok()) return false;
  const auto stored = NewestOf(chunk->encoding, chunk->data, h);
  return stored && SameCounts(*stored, h);
}

Status DetachedStore::SealLocked(Detached* series) {
  if (series->open.count() == 0) return OkStatus();
  NX_RETURN_IF_ERROR(core_.AddChunk(series->slot, series->open.view()));
  series->open.Clear();
  return OkStatus();
}

// False when a chunk could not be written.
template <typename Value>
bool DetachedStore::Store(Detached* series, int64_t t, const Value& value) {
  series->filled = false;
  if (core_.coverage != nullptr && core_.coverage->Covered(series->slot, t)) {
    return SealLocked(series).ok();
  }
  const ChunkLimits limits{core_.options.chunk_range_ms, core_.max_chunk_samples};
  const auto next = series->open.Add(t, value, limits);
  if (!next) return true;
  if (!SealLocked(series).ok()) return false;
  series->open.Begin(t, value, limits, *next);
  return true;
}

AppendResult DetachedStore::Append(Detached* series, int64_t min_valid, int64_t t, uint64_t bits) {
  if (bits == storage::kStaleNaNBits && series->last_kind == SampleKind::kHistogram) {
    return Append(series, min_valid, t, IntHistogram{.sum = storage::StaleNaN()});
  }
  if (bits == storage::kStaleNaNBits && series->last_kind == SampleKind::kFloatHistogram) {
    return Append(series, min_valid, t, FloatHistogram{.sum = storage::StaleNaN()});
  }
  MutexLock lock(series->mutex);
  const AppendResult result = Check(*series, min_valid, t, bits);
  if (result != AppendResult::kOk || t == series->max_time) return result;
  if (!Store(series, t, bits)) return AppendResult::kRefused;
  series->filled = series->open.count() >= core_.max_chunk_samples && SealLocked(series).ok();
  series->SetNewest({t, bits, SampleKind::kFloat});
  return AppendResult::kOk;
}

template <typename Histogram>
AppendResult DetachedStore::AppendHistogram(Detached* series, int64_t min_valid, int64_t t,
                                            const Histogram& h) {
  MutexLock lock(series->mutex);
  const AppendResult result = CheckHistogram(*series, min_valid, t, h);
  if (result != AppendResult::kOk || t == series->max_time) return result;
  if (!Store(series, t, h)) return AppendResult::kRefused;
  series->SetNewest({t, std::bit_cast<uint64_t>(h.sum), KindOf(h)});
  return AppendResult::kOk;
}

AppendResult DetachedStore::Append(Detached* series, int64_t min_valid, int64_t t,
                                   const IntHistogram& h) {
  return AppendHistogram(series, min_valid, t, h);
}

AppendResult DetachedStore::Append(Detached* series, int64_t min_valid, int64_t t,
                                   const FloatHistogram& h) {
  return AppendHistogram(series, min_valid, t, h);
}

Status DetachedStore::Seal(Detached* series) {
  MutexLock lock(series->mutex);
  return SealLocked(series);
}

void DetachedStore::Park(Detached* series) {
  {
    MutexLock lock(series->mutex);
    core_.index.table()[series->slot].SetHome(core_.ParkedHome(series->slot), 0);
  }
  Remove(series);
}

void DetachedStore::Remove(Detached* series) {
  const uint32_t at = series->position;
  std::unique_ptr<Detached> gone = std::move(all_[at]);
  if (at + 1 != all_.size()) {
    all_[at] = std::move(all_.back());
    all_[at]->position = at;
  }
  all_.pop_back();
  // A reader may be waiting for its mutex.
  core_.epochs.Retire([object = std::shared_ptr<Detached>(std::move(gone))] {});
}

void LogChunk(uint64_t ref, const OpenChunk& chunk, SampleRecords* log) {
  const auto it = NewChunkIterator(chunk.encoding(), chunk.bytes());
  bool first = true;
  const auto add = [&](auto histogram) {
    it->Get(&histogram);
    const ResetHeader header = chunk.reset_header();
    if (first && header == ResetHeader::kReset) histogram.reset = CounterResetHint::kReset;
    if (header == ResetHeader::kGauge) histogram.reset = CounterResetHint::kGauge;
    log->Add(ref, it->time(), histogram);
  };
  for (; it->Next() != SampleKind::kNone; first = false) {
    if (it->kind() == SampleKind::kHistogram) {
      add(IntHistogram());
    } else if (it->kind() == SampleKind::kFloatHistogram) {
      add(FloatHistogram());
    } else {
      log->Add(ref, it->time(), it->bits());
    }
  }
}

void LogSample(const Detached& series, uint64_t ref, int64_t t, uint64_t bits, SampleRecords* log) {
  if (series.last_kind == SampleKind::kHistogram) {
    log->Add(ref, t, IntHistogram{.sum = storage::StaleNaN()});
  } else if (series.last_kind == SampleKind::kFloatHistogram) {
    log->Add(ref, t, FloatHistogram{.sum = storage::StaleNaN()});
  } else {
    log->Add(ref, t, bits);
  }
}

void LogSample(const Detached&, uint64_t ref, int64_t t, const IntHistogram& h,
               SampleRecords* log) {
  log->Add(ref, t, h);
}

void LogSample(const Detached&, uint64_t ref, int64_t t, const FloatHistogram& h,
               SampleRecords* log) {
  log->Add(ref, t, h);
}

}  // namespace narthex::tsdb
