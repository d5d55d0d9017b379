// What replay does to groups beyond what writers do.

#include <algorithm>
#include <bit>

#include "server/storage/tsdb/chunkenc/xor_chunk.h"
#include "server/storage/tsdb/head/group.h"

namespace narthex::tsdb {

void Group::RestoreTicks(std::span<const int64_t> times) {
  for (const int64_t t : times) ring_[++tick_ % kRing] = t;
  if (!times.empty()) RaiseVisible(times.back());
}

void Group::SetLastBits(uint32_t member, uint64_t bits) {
  unsigned i;
  GroupBlock& block = BlockOf(member, &i);
  MutexLock lock(block.mutex);
  block.states()[i].last_bits = bits;
}

void Group::SetLive(uint32_t member, bool live) {
  unsigned i;
  GroupBlock& block = BlockOf(member, &i);
  MutexLock lock(block.mutex);
  const uint64_t bit = uint64_t{1} << i;
  block.live = live ? block.live | bit : block.live & ~bit;
}

void Group::PlaceGhost(uint32_t member) {
  if (slot(member) != kNoSlot) (void)EndMember(member);
  member_limit_ = std::max(member_limit_, member + 1);
  EnsureBlock(Locate(member).first);
  SetLive(member, true);
}

bool Group::RestoreOpenChunk(uint32_t member, std::string_view xor_chunk) {
  if (slot(member) == kNoSlot || is_redirect(member)) return false;
  unsigned i;
  GroupBlock& block = BlockOf(member, &i);
  MutexLock lock(block.mutex);
  ValueState& state = block.states()[i];
  ClearValues(slab_, &state);
  XorIterator it(xor_chunk);
  uint32_t tick = tick_ - std::min(tick_, kRing - 1);
  while (it.Next()) {
    // The tick of this sample; ticks ascend in time.
    while (tick <= tick_ && ring_[tick % kRing] != it.time()) ++tick;
    if (tick > tick_) return false;
    if (core_.coverage->Covered(block.slots()[i], it.time())) {
      if (state.count > 0 && !Seal(block, i).ok()) ClearValues(slab_, &state);
      state.last_bits = it.bits();
      continue;
    }
    const bool follows =
        static_cast<uint16_t>(state.start_tick + state.count) == static_cast<uint16_t>(tick);
    if (state.count > 0 && (!follows || state.count >= kMaxStreamValues)) return false;
    if (state.count == 0) state.start_tick = static_cast<uint16_t>(tick);
    if (!AppendValue(slab_, &state, it.bits())) return false;
    core_.NoteTimes(it.time(), it.time());
  }
  return it.status().ok();
}

void Group::FinishReplay() {
  log.segment = 0;
  log.broken = false;
  (void)Reset();  // the writers are gone
  for (GroupBlock* block : blocks_) {
    MutexLock lock(block->mutex);
    for (uint64_t mask = block->used; mask != 0; mask &= mask - 1) {
      const auto i = static_cast<unsigned>(std::countr_zero(mask));
      RaiseVisible(NewestTime(*block, i));
    }
  }
  free_members_.clear();
  for (uint32_t member = member_limit_; member-- > 0;) {
    if (slot(member) == kNoSlot) free_members_.push_back(member);
  }
}

}  // namespace narthex::tsdb
