#include "server/storage/tsdb/head/ended_series.h"

#include <algorithm>
#include <optional>

namespace narthex::tsdb {
namespace {

constexpr size_t kSlice = 1024;  // series taken out in one hold of the lock

bool IsMarker(uint64_t bits) { return bits == storage::kStaleNaNBits; }

enum class Look { kQuick, kDecode };

// The time of the marker a series ended with; none while it goes on. A quick look takes every
// series without open samples for one that ended. structure_mutex is held.
std::optional<int64_t> EndOf(HeadCore& core, uint32_t slot, Look look) NO_THREAD_SAFETY_ANALYSIS {
  const SeriesRecord& record = core.index.table()[slot];
  LockedHome home(record);
  switch (home.kind()) {
    case Home::Kind::kBlock: {
      const auto* block = static_cast<const GroupBlock*>(home.home());
      const ValueState& state = block->states()[home.position()];
      if (block->group->open || !IsMarker(state.last_bits)) return std::nullopt;
      if (state.count > 0) return block->group->TimeOf(state, state.count - 1u);
      break;
    }
    case Home::Kind::kDetached: {
      const auto* series = static_cast<const Detached*>(home.home());
      if (series->owners > 0 || series->pending > 0 || !IsMarker(series->last_bits)) {
        return std::nullopt;
      }
      if (series->max_time == kNoMaxTime) return std::nullopt;
      return series->max_time;
    }
    case Home::Kind::kParked: break;
  }
  if (record.chunks.empty()) return std::nullopt;
  if (look == Look::kQuick) return 0;
  const auto newest = core.LastOfChunks(record);
  if (!newest || !IsMarker(newest->bits)) return std::nullopt;
  return newest->time;
}

// Leaves the series with nothing but full chunks. False when it cannot be sealed.
bool ParkSeries(Head* head, uint32_t slot) NO_THREAD_SAFETY_ANALYSIS {
  HeadCore& core = head->core();
  const HomeRef where = core.index.table()[slot].where();
  if (where.home->kind == Home::Kind::kDetached) {
    auto* series = static_cast<Detached*>(where.home);
    if (!head->detached().Seal(series).ok()) return false;
    head->detached().Park(series);
  } else if (where.home->kind == Home::Kind::kBlock) {
    auto* block = static_cast<GroupBlock*>(where.home);
    Group* group = block->group;
    MutexLock lock(group->commit_mutex());
    const Status ended = group->EndMember(block->first_member + where.position);
    group->FlushLayout();
    return ended.ok();
  }
  return true;
}

}  // namespace

std::vector<EndedSeries> FindEnded(Head* head, double at_least) NO_THREAD_SAFETY_ANALYSIS {
  HeadCore& core = head->core();
  const Epochs::Pin pin(&core.epochs);
  std::vector<uint32_t> slots;
  {
    ReaderLock lock(core.index.mutex());
    slots = core.index.all().ToVector();
  }
  const auto total = static_cast<double>(slots.size());
  std::vector<EndedSeries> ended;
  for (const Look look : {Look::kQuick, Look::kDecode}) {
    ended.clear();
    for (size_t from = 0; from < slots.size(); from += kSlice) {
      MutexLock structure(core.structure_mutex);
      for (size_t i = from; i < std::min(slots.size(), from + kSlice); ++i) {
        const uint32_t slot = slots[i];
        if (core.late.Has(slot)) continue;
        const std::optional<int64_t> end = EndOf(core, slot, look);
        if (end) ended.push_back({slot, core.index.table()[slot].ref, *end});
      }
    }
    if (ended.empty() || static_cast<double>(ended.size()) < at_least * total) return {};
  }
  return ended;
}

uint64_t RemoveEnded(Head* head, std::span<const EndedSeries> ended) NO_THREAD_SAFETY_ANALYSIS {
  HeadCore& core = head->core();
  uint64_t removed = 0;
  while (!ended.empty()) {
    const auto slice = ended.first(std::min(ended.size(), kSlice));
    ended = ended.subspan(slice.size());
    MutexLock structure(core.structure_mutex);
    std::vector<uint32_t> dead;
    for (const EndedSeries& series : slice) {
      {
        ReaderLock lock(core.index.mutex());
        if (!core.index.all().Contains(series.slot)) continue;
      }
      if (core.index.table()[series.slot].ref != series.ref || core.late.Has(series.slot)) continue;
      if (EndOf(core, series.slot, Look::kDecode) != series.newest) continue;
      if (!ParkSeries(head, series.slot)) continue;
      SeriesRecord& record = core.index.table()[series.slot];
      LockedHome home(record);
      core.counters.chunks_removed.fetch_add(record.chunks.size(), std::memory_order_relaxed);
      core.full_chunks.fetch_sub(static_cast<int64_t>(record.chunks.size()),
                                 std::memory_order_relaxed);
      record.chunks.Clear();
      dead.push_back(series.slot);
    }
    removed += dead.size();
    head->RemoveSeries(dead);
  }
  core.epochs.Drain();
  return removed;
}

}  // namespace narthex::tsdb
