#include "server/storage/tsdb/head/detached.h"

namespace narthex::tsdb {

using storage::AppendResult;

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
    core_.LastOfChunks(record, &series->max_time, &series->last_bits);
  }
  record.SetHome(series, 0);
  return series;
}

AppendResult DetachedStore::Check(const Detached& series, int64_t min_valid, int64_t t,
                                  uint64_t bits) {
  if (t < min_valid) return AppendResult::kOutOfBounds;
  if (series.max_time == kNoMaxTime || t > series.max_time) return AppendResult::kOk;
  if (t < series.max_time) return AppendResult::kOutOfOrder;
  return bits == series.last_bits ? AppendResult::kOk : AppendResult::kDuplicate;
}

Status DetachedStore::SealLocked(Detached* series) {
  if (series->open.count() == 0) return OkStatus();
  NX_RETURN_IF_ERROR(core_.AddChunk(series->slot, series->open.first_time(),
                                    series->open.last_time(), series->open.bytes()));
  series->open.Clear();
  return OkStatus();
}

AppendResult DetachedStore::Append(Detached* series, int64_t min_valid, int64_t t, uint64_t bits) {
  MutexLock lock(series->mutex);
  const AppendResult result = Check(*series, min_valid, t, bits);
  if (result != AppendResult::kOk || t == series->max_time) return result;
  series->filled = false;
  if (core_.coverage != nullptr && core_.coverage->Covered(series->slot, t)) {
    if (!SealLocked(series).ok()) return AppendResult::kRefused;
  } else {
    XorChunk& open = series->open;
    const bool full = open.count() >= kSamplesPerChunk ||
                      (open.count() > 0 && !core_.SameChunkRange(open.first_time(), t));
    if (full && !SealLocked(series).ok()) return AppendResult::kRefused;
    open.Append(t, bits);
    series->filled = open.count() >= kSamplesPerChunk && SealLocked(series).ok();
  }
  series->max_time = t;
  series->last_bits = bits;
  return AppendResult::kOk;
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

void EncodeDetached(const SeriesTable& table, std::span<const DetachedSample> samples,
                    std::string* out) {
  ByteWriter writer(out);
  writer.Uvarint(samples.size());
  uint64_t ref = 0;
  int64_t time = 0;
  for (const DetachedSample& s : samples) {
    const uint64_t next = table[s.slot].ref;
    writer.Varint(static_cast<int64_t>(next - ref));
    writer.Varint(
        static_cast<int64_t>(static_cast<uint64_t>(s.time) - static_cast<uint64_t>(time)));
    EncodeWalValue(0, s.bits, out);
    ref = next;
    time = s.time;
  }
}

}  // namespace narthex::tsdb
