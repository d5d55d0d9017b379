// The hot path: one tick of a group.

#include <algorithm>
#include <bit>

#include "core/log/log.h"
#include "server/storage/tsdb/head/group.h"
#include "server/storage/tsdb/wal/row_codec.h"
#include "server/storage/tsdb/wal/sample_records.h"

namespace narthex::tsdb {

using storage::AppendResult;
using storage::GroupWriter;
using storage::kStaleNaNBits;

namespace {

constexpr uint16_t kSealIdleAfter = 100;               // ticks after its first
constexpr uint16_t kDropAfter = TickRing::kTicks - 4;  // the ring is about to reach the chunk
// Values that do not compress fill a chunk early: one that is full takes eight bytes of memory.
constexpr uint16_t kFullBits = 512 * 8;
constexpr uint8_t kSparseBelow = 60;      // a gap before that many samples: the series is sparse
constexpr uint32_t kSpreadMembers = 256;  // groups above this spread the sealing of chunks

int64_t RangeStart(int64_t t, int64_t range) {
  const int64_t rest = t % range;
  return t - rest - (rest < 0 ? range : 0);
}

// The beginning of a block; the rest is fetched as it is read.
void PrefetchBlock(const GroupBlock& block) {
  constexpr size_t kLine = 64;
  for (size_t line = 0; line < 6; ++line) {
    __builtin_prefetch(reinterpret_cast<const char*>(&block) + line * kLine);
  }
}

template <typename Fn>
void ForEachBit(uint64_t mask, Fn&& fn) {
  for (; mask != 0; mask &= mask - 1) fn(static_cast<unsigned>(std::countr_zero(mask)));
}

}  // namespace

// One pass over the members, shared by live ticks and replay.
class TickPass {
 public:
  TickPass(Group* group, int64_t t)
      : group_(*group),
        core_(group->core_),
        time_(t),
        tick_(group->tick_ + 1),
        range_start_(RangeStart(t, group->core_.options.chunk_range_ms)),
        full_(group->core_.max_chunk_samples),
        spread_(group->member_limit_ > kSpreadMembers) {
    group_.ring_.Set(tick_, t);
    if (group_.range_start_ != range_start_) FindRange();
    range_age_ = tick_ - group_.range_tick_;
  }

  enum class Outcome { kAppended, kSkipped, kRefused, kSparse };

  // Appends the newest value once more where that takes no more than counting; else Append.
  bool Repeat(GroupBlock& block, unsigned i, uint64_t bits) const {
    ValueState& state = block.states()[i];
    return bits == state.last_bits && bits != kStaleNaNBits && Continues(block, i, state) &&
           RepeatValue(&state);
  }
  // Fetches what Append will write to.
  void Prefetch(const ValueState& state) const {
    if (state.buffer != 0) {
      __builtin_prefetch(group_.slab_.Address(state.buffer) + state.bits / 8, 1);
    }
  }

  Outcome Append(GroupBlock& block, unsigned i, uint64_t bits) {
    ValueState& state = block.states()[i];
    if (bits == kStaleNaNBits && state.last_bits == kStaleNaNBits) {
      SealIdle(block, i);
      return Outcome::kSkipped;
    }
    if (state.count > 0 && !Continues(block, i, state)) {
      const bool sparse = state.count < kSparseBelow && HasGap(state);
      if (sparse && core_.coverage == nullptr) return Outcome::kSparse;
      if (!SealOrDrop(block, i)) return Outcome::kRefused;
    }
    if (state.count == 0) state.start_tick = static_cast<uint16_t>(tick_);
    return AppendValue(group_.slab_, &state, bits) ? Outcome::kAppended : Outcome::kRefused;
  }

  // Whether Append would write the open chunk away first, and the series stays in the group.
  bool IsFull(GroupBlock& block, unsigned i, uint64_t bits) const {
    const ValueState& state = block.states()[i];
    if (state.count == 0 || (bits == kStaleNaNBits && state.last_bits == kStaleNaNBits)) {
      return false;
    }
    return !Continues(block, i, state) && (state.count >= kSparseBelow || !HasGap(state));
  }

  // Replay: the sample is in a chunk file already.
  bool SkipCovered(GroupBlock& block, unsigned i, uint64_t bits) {
    if (!core_.coverage->Covered(block.slots()[i], time_)) return false;
    ValueState& state = block.states()[i];
    if (state.count > 0 && !group_.Seal(block, i).ok()) ClearValues(group_.slab_, &state);
    state.last_bits = bits;
    return true;
  }

  // Members nobody writes any more go when their chunk is empty or the ring is about to pass it.
  void EndDormant(GroupBlock& block) {
    ForEachBit(block.used & ~block.live, [&](unsigned i) {
      const ValueState& state = block.states()[i];
      if (state.count > 0 && Age(state) < kSealIdleAfter) return;
      SealIdle(block, i);
      if (block.states()[i].count == 0) dormant_.push_back(block.first_member + i);
    });
  }

  const std::vector<uint32_t>& dormant() const { return dormant_; }
  void Finish() { group_.tick_ = tick_; }

 private:
  uint16_t Age(const ValueState& state) const {
    return static_cast<uint16_t>(static_cast<uint16_t>(tick_) - state.start_tick);
  }

  bool HasGap(const ValueState& state) const { return Age(state) != state.count; }

  void FindRange() {
    const uint32_t oldest = tick_ - std::min(tick_ - 1, TickRing::kTicks - 1);
    uint32_t first = tick_;
    while (first > oldest && group_.ring_[first - 1] >= range_start_) --first;
    group_.range_start_ = range_start_;
    group_.range_tick_ = first;
  }

  // Whether the sample of this tick goes into the open chunk.
  bool Continues(GroupBlock& block, unsigned i, const ValueState& state) const {
    const uint16_t age = Age(state);
    if (age != state.count || state.count == 0 || state.count >= full_) return false;
    if (state.bits >= kFullBits) return false;
    if (age > range_age_) return false;
    return !spread_ || state.count < full_ / 2 || !CutShort(block, i, state);
  }

  // The first chunk of a range is cut short by a different length in each block, so that a large
  // group does not fill its chunks in one tick and a block fills them in one write.
  bool CutShort(GroupBlock& block, unsigned i, const ValueState& state) const {
    const int turn = static_cast<int>(block.first_member / 64 * 37) % std::max(full_ / 2, 1);
    if (state.count != full_ / 2 + turn) return false;
    const uint32_t slot = block.slots()[i];
    const ChunkList& chunks = core_.index.table()[slot].chunks;
    return chunks.empty() || int64_t{chunks[chunks.size() - 1].min_second} * 1000 < range_start_;
  }

  void SealIdle(GroupBlock& block, unsigned i) {
    ValueState& state = block.states()[i];
    if (state.count > 0 && Age(state) >= kSealIdleAfter) (void)SealOrDrop(block, i);
  }

  // False: the chunk could not be written and stays a while longer.
  bool SealOrDrop(GroupBlock& block, unsigned i) {
    ValueState& state = block.states()[i];
    if (group_.Seal(block, i).ok()) return true;
    if (Age(state) < kDropAfter) return false;
    NX_LOG(Error, "A chunk could not be written and leaves memory",
           {"ref", core_.index.table()[block.slots()[i]].ref}, {"samples", state.count});
    ClearValues(group_.slab_, &state);
    return true;
  }

  Group& group_;
  HeadCore& core_;
  const int64_t time_;
  const uint32_t tick_;
  const int64_t range_start_;
  const int full_;  // samples of a chunk
  const bool spread_;
  uint32_t range_age_ = 0;  // ticks since the first in the chunk range
  std::vector<uint32_t> dormant_;
};

GroupWriter::Commit Group::Tick(int64_t t, std::span<const double> values,
                                std::vector<Late>* late) {
  GroupWriter::Commit result;
  const bool early = t < core_.MinValidTime();
  const bool out_of_bounds =
      !TickRing::Holds(t) ||
      (early && core_.JudgeLate(t, AppendResult::kOutOfBounds) != AppendResult::kOk);
  if (core_.Refusing() || out_of_bounds) {
    uint32_t n = 0;
    for (const GroupBlock* block : blocks_) n += static_cast<uint32_t>(std::popcount(block->live));
    (core_.Refusing() ? result.refused : result.out_of_bounds) = n;
    return result;
  }
  if (early || t <= visible_time()) return LateTick(t, values, late);

  const uint32_t segment = core_.wal == nullptr ? 0 : core_.wal->segment();
  thread_local RowScratch scratch;
  RowBuilder row(log.segment != segment || log.rows_since_key + 1 >= kKeyRowEvery, &scratch);
  TickPass pass(this, t);
  for (size_t b = 0; b < blocks_.size(); ++b) {
    GroupBlock* const block = blocks_[b];
    MutexLock lock(block->mutex);
    if (b + 1 < blocks_.size()) PrefetchBlock(*blocks_[b + 1]);
    if ((block->used & ~block->live) != 0) pass.EndDormant(*block);
    row.Reserve(block->capacity);
    const auto value_of = [&](unsigned i) {
      const uint32_t member = block->first_member + i;
      return (block->retiring >> i & 1) != 0 || member >= values.size()
                 ? kStaleNaNBits
                 : std::bit_cast<uint64_t>(values[member]);
    };
    // First what takes no more than the states; what else must be written to comes meanwhile.
    uint64_t rest = 0;
    ForEachBit(block->live, [&](unsigned i) {
      const uint64_t bit = uint64_t{1} << i;
      const uint64_t bits = value_of(i);
      if ((block->redirect & bit) != 0) {
        late->push_back({block->first_member + i, bits});
        return;
      }
      const ValueState& state = block->states()[i];
      row.Add(state.last_bits, bits);
      if (pass.Repeat(*block, i, bits)) {
        ++result.appended;
      } else {
        pass.Prefetch(state);
        rest |= bit;
      }
    });
    uint64_t full = 0;
    ForEachBit(rest, [&](unsigned i) {
      if (pass.IsFull(*block, i, value_of(i))) full |= uint64_t{1} << i;
    });
    if (full != 0) SealMany(*block, full);
    ForEachBit(rest, [&](unsigned i) {
      const uint64_t bits = value_of(i);
      switch (pass.Append(*block, i, bits)) {
        case TickPass::Outcome::kAppended: ++result.appended; break;
        case TickPass::Outcome::kRefused: ++result.refused; break;
        case TickPass::Outcome::kSparse: late->push_back({block->first_member + i, bits}); break;
        case TickPass::Outcome::kSkipped: break;
      }
    });
  }
  for (const uint32_t member : pass.dormant()) (void)EndMember(member);
  if (result.appended == 0) return result;
  core_.NoteTimes(t, t);
  LogRow(t, &row, values);  // before the tick counts: a group record must not have it yet
  // The row has values that their series did not take: differences to them would be wrong.
  if (result.refused > 0) log.rows_since_key = kKeyRowEvery;
  pass.Finish();
  RaiseVisible(t);
  return result;
}

GroupWriter::Commit Group::LateTick(int64_t t, std::span<const double> values,
                                    std::vector<Late>* late) {
  GroupWriter::Commit result;
  const AppendResult judged = core_.JudgeLate(t, AppendResult::kOutOfOrder);
  SampleRecords log;
  for (GroupBlock* block : blocks_) {
    MutexLock lock(block->mutex);
    ForEachBit(block->live, [&](unsigned i) {
      const uint32_t member = block->first_member + i;
      const uint64_t bits = member < values.size() && (block->retiring >> i & 1) == 0
                                ? std::bit_cast<uint64_t>(values[member])
                                : kStaleNaNBits;
      if ((block->redirect >> i & 1) != 0) {
        late->push_back({member, bits});
        return;
      }
      const uint64_t last = block->states()[i].last_bits;
      const int64_t newest = NewestTime(*block, i);
      if (t > newest) {
        if (bits == kStaleNaNBits && last == kStaleNaNBits) return;
        late->push_back({member, bits});
      } else if (t < newest && judged == AppendResult::kOk) {
        const uint32_t slot = block->slots()[i];
        if (core_.late.Insert(slot, t, bits)) log.Add(core_.index.table()[slot].ref, t, bits);
        core_.late.appended.fetch_add(1, std::memory_order_relaxed);
        ++result.appended;
      } else if (t < newest) {
        ++(judged == AppendResult::kTooOld ? result.out_of_bounds : result.out_of_order);
      } else if (bits == last) {
        ++result.appended;
      } else {
        ++result.duplicate;
      }
    });
  }
  for (const auto& [type, payload] : log.Take()) {
    if (core_.wal == nullptr) continue;
    core_.wal->Append(static_cast<uint8_t>(RecordType::kLate), payload, /*wake=*/false);
  }
  return result;
}

void Group::LogRow(int64_t t, RowBuilder* row, std::span<const double> values) {
  if (core_.wal == nullptr) return;
  RowHead head{.group = id_, .sequence = log.row_sequence + 1};
  for (bool rebuilt = false;; rebuilt = true) {
    const uint32_t segment = core_.wal->segment();
    RowScratch scratch;
    RowBuilder again(true, &scratch);
    const RowBuilder* use = row;
    if (rebuilt || segment != log.segment) {
      // A segment explains itself: it has the members before the first row.
      if (pending_values_) FlushLayout();
      ForgetLayout();
      ++log.layout_version;
      const std::string group = EncodeGroup();
      if (!core_.wal->Append(static_cast<uint8_t>(RecordType::kGroup), group, segment)) continue;
      log.segment = segment;
      if (!row->key()) {
        for (const GroupBlock* block : blocks_) {
          again.Reserve(block->capacity);
          ForEachBit(block->live & ~block->redirect, [&](unsigned i) {
            const uint32_t member = block->first_member + i;
            const bool ends = (block->retiring >> i & 1) != 0 || member >= values.size();
            again.Add(0, ends ? kStaleNaNBits : std::bit_cast<uint64_t>(values[member]));
          });
        }
        use = &again;
      }
    } else {
      FlushLayout();
    }
    head.layout_version = log.layout_version;
    head.time = use->key() ? t : t - log.last_row_time;
    const auto type = use->key() ? RecordType::kKeyRow : RecordType::kRow;
    if (!core_.wal->Append(static_cast<uint8_t>(type), use->Build(head), segment)) continue;
    log.rows_since_key = use->key() ? 0 : log.rows_since_key + 1;
    log.last_row_time = t;
    log.row_sequence = head.sequence;
    return;
  }
}

bool Group::ReplayTick(int64_t t, RowReader* row) {
  if (!TickRing::Holds(t) || (tick_ > 0 && t <= ring_[tick_])) return false;
  uint32_t members = 0;
  for (const GroupBlock* block : blocks_) {
    members += static_cast<uint32_t>(std::popcount(block->live & ~block->redirect));
  }
  if (members != row->head().members) return false;
  TickPass pass(this, t);
  int64_t appended = 0;
  for (size_t b = 0; b < blocks_.size(); ++b) {
    GroupBlock* const block = blocks_[b];
    MutexLock lock(block->mutex);
    if (b + 1 < blocks_.size()) PrefetchBlock(*blocks_[b + 1]);
    // First the values, so that what they are appended to comes meanwhile.
    uint64_t known = 0;
    uint64_t values[64];
    ForEachBit(block->live & ~block->redirect, [&](unsigned i) {
      if (!row->ok()) return;
      ValueState& state = block->states()[i];
      values[i] = row->Next(state.last_bits);
      if (block->slots()[i] == kNoSlot) {  // its series is lost
        state.last_bits = values[i];
        return;
      }
      if (!row->ok()) return;
      known |= uint64_t{1} << i;
      if (values[i] != state.last_bits) pass.Prefetch(state);
    });
    ForEachBit(known, [&](unsigned i) {
      if (pass.SkipCovered(*block, i, values[i])) return;
      if (pass.Repeat(*block, i, values[i])) {
        ++appended;
        return;
      }
      if (pass.Append(*block, i, values[i]) == TickPass::Outcome::kAppended) ++appended;
    });
  }
  pass.Finish();
  if (appended > 0) core_.NoteTimes(t, t);
  RaiseVisible(t);
  return row->ok();
}

}  // namespace narthex::tsdb
