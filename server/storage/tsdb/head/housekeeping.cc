// What keeps the head bounded: parking idle series, retention, removal of dead series.

#include <absl/container/flat_hash_set.h>

#include <algorithm>

#include "core/log/log.h"
#include "server/storage/tsdb/head/head.h"

namespace narthex::tsdb {
namespace {

constexpr int64_t kIdleMs = 3600 * 1000;
constexpr uint32_t kSlice = 4096;  // series looked at in one hold of the lock

}  // namespace

void Head::ParkIdle() {
  const int64_t newest = core_.max_time.load();
  if (newest == kNoMaxTime) return;
  const int64_t retention = core_.options.retention_ms;
  const int64_t before = newest - (retention > 0 ? std::min(kIdleMs, retention / 2) : kIdleMs);

  MutexLock structure(core_.structure_mutex);
  std::vector<Group*> idle;
  for (const auto& [id, group] : groups_) {
    if (!group->open && group->visible_time() < before) idle.push_back(group.get());
  }
  for (Group* group : idle) {
    Status status;
    {
      MutexLock lock(group->commit_mutex());
      (void)group->Reset();
      status = group->Dissolve();
    }
    if (status.ok()) RemoveGroup(group);
  }
  for (size_t i = 0; i < detached_.size();) {
    Detached* series = detached_.at(i);
    const bool busy = series->owners > 0 || series->pending > 0 || series->max_time >= before;
    // Park moves the last one to i.
    if (busy || !detached_.Seal(series).ok()) {
      ++i;
    } else {
      detached_.Park(series);
    }
  }
}

void Head::DropChunks(std::span<const ChunkRef> damaged) {
  absl::flat_hash_set<uint64_t> gone;
  const auto key = [](const ChunkRef& c) { return uint64_t{c.file} << 32 | c.offset; };
  for (const ChunkRef& chunk : damaged) gone.insert(key(chunk));
  std::vector<uint32_t> slots;
  {
    ReaderLock lock(core_.index.mutex());
    slots = core_.index.all().ToVector();
  }
  MutexLock structure(core_.structure_mutex);  // series stay meanwhile
  for (const uint32_t slot : slots) {
    SeriesRecord& record = core_.index.table()[slot];
    if (record.ref == 0) continue;
    LockedHome home(record);
    std::vector<ChunkRef> kept;
    for (size_t i = 0; i < record.chunks.size(); ++i) {
      if (!gone.contains(key(record.chunks[i]))) kept.push_back(record.chunks[i]);
    }
    if (kept.size() == record.chunks.size()) continue;
    const auto lost = static_cast<int64_t>(record.chunks.size() - kept.size());
    core_.full_chunks.fetch_sub(lost, std::memory_order_relaxed);
    record.chunks.Clear();
    for (const ChunkRef& chunk : kept) record.chunks.PushBack(chunk);
  }
}

bool Head::DropOldChunks(SeriesRecord& record, int64_t mint) {
  size_t old = 0;
  for (; old < record.chunks.size(); ++old) {
    const uint32_t second = record.chunks[old].min_second;
    if (second != 0 && int64_t{second} * 1000 >= mint) break;
    // One that begins later tells enough: chunks are in order and do not overlap.
    const uint32_t next = old + 1 < record.chunks.size() ? record.chunks[old + 1].min_second : 0;
    if (next != 0 && (int64_t{next} + 1) * 1000 <= mint) continue;
    const auto chunk = core_.chunks.Bounds(record.chunks[old]);
    if (chunk.ok() && chunk->maxt >= mint) break;
  }
  record.chunks.EraseFront(old);
  core_.counters.chunks_removed.fetch_add(old, std::memory_order_relaxed);
  core_.full_chunks.fetch_sub(static_cast<int64_t>(old), std::memory_order_relaxed);
  return record.chunks.empty();
}

void Head::CollectDead(uint32_t from, uint32_t to, int64_t mint, std::vector<uint32_t>* dead) {
  std::vector<uint32_t> slots;
  {
    ReaderLock lock(core_.index.mutex());
    for (uint32_t slot = from; slot < to && slot < core_.index.table().limit(); ++slot) {
      if (core_.index.all().Contains(slot)) slots.push_back(slot);
    }
  }
  for (const uint32_t slot : slots) {
    SeriesRecord& record = core_.index.table()[slot];
    bool empty = false;
    Home::Kind kind;
    {
      LockedHome home(record);
      empty = DropOldChunks(record, mint);
      kind = home.kind();
    }
    if (!empty || kind == Home::Kind::kBlock || core_.late.Has(slot)) continue;
    if (kind == Home::Kind::kDetached) {
      Detached* series = detached_.Get(slot);
      if (series->owners > 0 || series->pending > 0 || series->max_time >= mint) continue;
      detached_.Park(series);
    }
    dead->push_back(slot);
  }
}

void Head::RemoveSeries(const std::vector<uint32_t>& dead) {
  if (dead.empty()) return;
  std::string payload;
  ByteWriter out(&payload);
  out.Uvarint(dead.size());
  uint64_t previous = 0;
  for (const uint32_t slot : dead) {
    const uint64_t ref = core_.index.table()[slot].ref;
    out.Varint(static_cast<int64_t>(ref - previous));
    previous = ref;
    core_.metadata.Forget(ref);
  }
  {
    WriterLock lock(core_.index.mutex());
    core_.index.Unlink(IdSet::FromSorted(dead));
  }
  if (core_.wal != nullptr) {
    core_.wal->Append(static_cast<uint8_t>(RecordType::kTombstone), payload);
  }
  if (core_.deletes.any()) {
    std::vector<uint64_t> refs;
    for (const uint32_t slot : dead) refs.push_back(core_.index.table()[slot].ref);
    core_.deletes.RemoveSeries(refs);
  }
  core_.counters.series_removed.fetch_add(dead.size(), std::memory_order_relaxed);
  core_.epochs.Retire([this, dead] {
    MutexLock structure(core_.structure_mutex);
    WriterLock lock(core_.index.mutex());
    core_.index.Release(dead);
  });
}

// The oldest sample that is left. What is committed during the search lowers the time itself.
void Head::FindMinTime(int64_t mint) {
  if (core_.min_time.exchange(kNoMinTime) == kNoMinTime) return;
  int64_t oldest = kNoMinTime;
  const Epochs::Pin pin(&core_.epochs);  // the slots stay theirs
  std::vector<uint32_t> slots;
  {
    ReaderLock lock(core_.index.mutex());
    slots = core_.index.all().ToVector();
  }
  for (const uint32_t slot : slots) {
    const SeriesRecord& record = core_.index.table()[slot];
    LockedHome home(record);
    if (!record.chunks.empty()) {
      const uint32_t second = record.chunks[0].min_second;
      if (second != 0 && int64_t{second} * 1000 >= oldest) continue;
      const auto chunk = core_.chunks.Bounds(record.chunks[0]);
      if (chunk.ok()) oldest = std::min(oldest, chunk->mint);
    } else if (home.kind() == Home::Kind::kBlock) {
      const auto* block = static_cast<const GroupBlock*>(home.home());
      const ValueState& state = block->states()[home.position()];
      if (state.count > 0) oldest = std::min(oldest, block->group->TimeOf(state, 0));
    } else if (home.kind() == Home::Kind::kDetached) {
      const auto* series = static_cast<const Detached*>(home.home());
      if (series->open.count() > 0) oldest = std::min(oldest, series->open.first_time());
    }
  }
  if (oldest != kNoMinTime) core_.NoteMinTime(std::max(oldest, mint));
}

void Head::Truncate(int64_t mint) {
  if (mint > core_.truncated_before.load()) core_.truncated_before = mint;
  if (core_.wal != nullptr) {
    std::string payload;
    ByteWriter(&payload).Varint(mint);
    core_.wal->Append(static_cast<uint8_t>(RecordType::kCut), payload);
  }
  uint64_t removed = 0;
  for (uint32_t from = 0;; from += kSlice) {
    MutexLock structure(core_.structure_mutex);
    if (from >= core_.index.table().limit()) break;
    std::vector<uint32_t> dead;
    CollectDead(from, from + kSlice, mint, &dead);
    RemoveSeries(dead);
    removed += dead.size();
  }
  FindMinTime(mint);
  core_.deletes.RemoveBefore(mint);
  core_.chunks.RemoveBefore(mint);
  core_.epochs.Drain();
  if (removed > 0) NX_LOG(Info, "Head truncated", {"mint", mint}, {"series_removed", removed});
}

}  // namespace narthex::tsdb
