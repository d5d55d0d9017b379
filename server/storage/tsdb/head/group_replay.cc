// What replay does to groups beyond what writers do.

#include <algorithm>
#include <bit>
#include <cstring>

#include "server/storage/tsdb/head/checkpoint_codec.h"
#include "server/storage/tsdb/head/group.h"

namespace narthex::tsdb {

void Group::RestoreTicks(std::span<const int64_t> times) {
  for (const int64_t t : times) ring_.Set(++tick_, t);
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

bool Group::RestoreOpenValues(uint32_t member, const OpenValues& values) {
  unsigned i;
  GroupBlock& block = BlockOf(member, &i);
  MutexLock lock(block.mutex);
  ValueState& state = block.states()[i];
  if (state.count > 0) return false;
  state.last_bits = values.state.last_bits;
  if (values.state.count == 0) return true;
  // All its ticks must be in the ring.
  const uint32_t oldest = std::min(tick_, TickRing::kTicks - 1);
  if (values.age >= oldest || values.state.count - 1u > values.age) return false;
  ValueState restored = values.state;
  restored.start_tick = static_cast<uint16_t>(tick_ - values.age);
  const uint32_t slot = block.slots()[i];
  const int64_t first = TimeOf(restored, 0);
  const int64_t last = TimeOf(restored, restored.count - 1u);
  if (core_.coverage->Covered(slot, first) || core_.coverage->Covered(slot, last)) {
    return RestoreUncovered(block, i, values);
  }
  if (!values.stream.empty()) {
    restored.buffer = slab_.Allocate(values.stream.size());
    if (restored.buffer == 0) return false;
    std::memcpy(slab_.Address(restored.buffer), values.stream.data(), values.stream.size());
  }
  state = restored;
  core_.NoteTimes(first, last);
  return true;
}

// The chunk went to a file, whole or in part, after the checkpoint was made.
bool Group::RestoreUncovered(GroupBlock& block, unsigned i, const OpenValues& values) {
  ValueState& state = block.states()[i];
  uint64_t bits[kMaxStreamValues];
  DecodeValues(values.state, reinterpret_cast<const uint8_t*>(values.stream.data()), bits);
  const uint32_t start = tick_ - values.age;
  for (uint32_t k = 0; k < values.state.count; ++k) {
    const int64_t t = ring_[start + k];
    if (core_.coverage->Covered(block.slots()[i], t)) {
      if (state.count > 0 && !Seal(block, i).ok()) ClearValues(slab_, &state);
      state.last_bits = bits[k];
      continue;
    }
    if (state.count == 0) state.start_tick = static_cast<uint16_t>(start + k);
    if (!AppendValue(slab_, &state, bits[k])) return false;
    core_.NoteTimes(t, t);
  }
  return true;
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
