#include "server/storage/tsdb/head/group.h"

#include <bit>

#include "core/base/check.h"
#include "server/storage/tsdb/chunkenc/full_chunk.h"
#include "server/storage/tsdb/head/checkpoint_codec.h"
#include "server/storage/tsdb/wal/row_codec.h"

namespace narthex::tsdb {
namespace {

constexpr uint32_t kFirstBlock = 8;  // most groups are small: rules, report series
constexpr uint32_t kBlock = 64;
constexpr size_t kOpenValuesPiece = 256 << 10;

}  // namespace

Group::~Group() {
  for (GroupBlock* block : blocks_) {
    for (uint32_t i = 0; i < block->capacity; ++i) ClearValues(slab_, &block->states()[i]);
    GroupBlock::Delete(block);
  }
}

std::pair<uint32_t, uint32_t> Group::Locate(uint32_t member) {
  if (member < kFirstBlock) return {0, member};
  return {1 + (member - kFirstBlock) / kBlock, (member - kFirstBlock) % kBlock};
}

GroupBlock& Group::BlockOf(uint32_t member, unsigned* position) const {
  const auto [block, at] = Locate(member);
  *position = at;
  return *blocks_[block];
}

void Group::EnsureBlock(uint32_t block) {
  while (blocks_.size() <= block) {
    const bool first = blocks_.empty();
    const auto n = static_cast<uint32_t>(blocks_.size());
    blocks_.push_back(GroupBlock::New(this, first ? 0 : kFirstBlock + (n - 1) * kBlock,
                                      first ? kFirstBlock : kBlock));
  }
}

uint32_t Group::slot(uint32_t member) const {
  if (member >= member_limit_) return kNoSlot;
  unsigned i;
  const GroupBlock& block = BlockOf(member, &i);
  return (block.used >> i & 1) != 0 ? block.slots()[i] : kNoSlot;
}

bool Group::is_live(uint32_t member) const {
  if (member >= member_limit_) return false;
  unsigned i;
  const GroupBlock& block = BlockOf(member, &i);
  return (block.live >> i & 1) != 0;
}

bool Group::is_redirect(uint32_t member) const {
  if (member >= member_limit_) return false;
  unsigned i;
  const GroupBlock& block = BlockOf(member, &i);
  return (block.redirect >> i & 1) != 0;
}

size_t Group::CountOpen() const {
  size_t n = 0;
  for (const GroupBlock* block : blocks_) {
    const ValueState* states = block->states();
    for (uint64_t left = block->used & ~block->redirect; left != 0; left &= left - 1) {
      n += states[std::countr_zero(left)].count > 0;
    }
  }
  return n;
}

bool Group::empty() const {
  for (const GroupBlock* block : blocks_) {
    if (block->used != 0) return false;
  }
  return true;
}

int64_t Group::NewestTime(GroupBlock& block, unsigned i) const {
  const ValueState& state = block.states()[i];
  if (state.count > 0) return TimeOf(state, state.count - 1u);
  int64_t time = kNoMaxTime;
  const ChunkList& chunks = core_.index.table()[block.slots()[i]].chunks;
  // During replay there may be chunks from the future.
  if (!chunks.empty() && core_.coverage == nullptr) {
    const auto chunk = core_.chunks.Peek(chunks[chunks.size() - 1]);
    if (chunk.ok()) time = chunk->maxt;
  }
  return time;
}

template <typename Fn>
auto Group::WithFullChunk(const GroupBlock& block, unsigned i, Fn&& fn) const {
  const ValueState& state = block.states()[i];
  uint64_t values[kMaxStreamValues];
  DecodeValues(state, state.buffer == 0 ? nullptr : slab_.Address(state.buffer), values);
  int64_t times[kMaxStreamValues];
  for (unsigned k = 0; k < state.count; ++k) times[k] = TimeOf(state, k);
  const FullChunk chunk({times, state.count}, {values, state.count});
  return fn(ChunkView{times[0], times[state.count - 1], Encoding::kXor, chunk.bytes()});
}

Status Group::Seal(GroupBlock& block, unsigned i) {
  ValueState& state = block.states()[i];
  if (state.count == 0) return OkStatus();
  NX_RETURN_IF_ERROR(WithFullChunk(
      block, i, [&](const ChunkView& chunk) { return core_.AddChunk(block.slots()[i], chunk); }));
  ClearValues(slab_, &state);
  return OkStatus();
}

void Group::SealMany(GroupBlock& block, uint64_t positions) {
  thread_local ChunkBatch batch;
  batch.Clear();
  uint32_t slots[kBlock];
  unsigned sealed[kBlock];
  size_t n = 0;
  for (uint64_t mask = positions; mask != 0; mask &= mask - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(mask));
    const bool full = core_.index.table()[block.slots()[i]].chunks.full();
    if (block.states()[i].count == 0 || full) continue;
    slots[n] = block.slots()[i];
    sealed[n++] = i;
    WithFullChunk(block, i, [&](const ChunkView& chunk) {
      batch.Add(core_.index.table()[block.slots()[i]].ref, chunk);
    });
  }
  if (n == 0 || !core_.AddChunks({slots, n}, batch).ok()) return;
  for (size_t k = 0; k < n; ++k) ClearValues(slab_, &block.states()[sealed[k]]);
}

uint32_t Group::AddMember(uint32_t slot, bool redirect) {
  uint32_t member = member_limit_;
  if (!free_members_.empty()) {
    member = free_members_.back();
    free_members_.pop_back();
  }
  PlaceMember(member, slot, redirect);
  return member;
}

void Group::PlaceMember(uint32_t member, uint32_t slot, bool redirect) {
  if (core_.coverage != nullptr) {
    // Replay chooses the index itself.
    if (this->slot(member) != kNoSlot) (void)EndMember(member);
  }
  member_limit_ = std::max(member_limit_, member + 1);
  const auto [at, i] = Locate(member);
  EnsureBlock(at);
  GroupBlock& block = *blocks_[at];
  SeriesRecord& record = core_.index.table()[slot];
  int64_t newest = kNoMaxTime;
  uint64_t last_bits = storage::kStaleNaNBits;
  {
    // The series is parked (or detached): nothing else is locked here.
    LockedHome home(record);
    if (!redirect && core_.coverage == nullptr) {
      if (const auto last = core_.LastOfChunks(record)) {
        newest = last->time;
        last_bits = last->bits;
      }
    }
  }
  MutexLock lock(block.mutex);
  const uint64_t bit = uint64_t{1} << i;
  block.slots()[i] = slot;
  block.states()[i] = ValueState();
  block.states()[i].last_bits = last_bits;
  block.used |= bit;
  block.live |= bit;
  block.retiring &= ~bit;
  if (redirect) {
    block.redirect |= bit;
  } else {
    block.redirect &= ~bit;
    if (core_.coverage == nullptr) Welcome(newest);
    record.SetHome(&block, i);
  }
  NoteLayout(redirect ? LayoutChange::kRedirect : LayoutChange::kAdd, member, record.ref,
             last_bits);
}

void Group::Claim(uint32_t member) {
  unsigned i;
  GroupBlock& block = BlockOf(member, &i);
  MutexLock lock(block.mutex);
  const uint64_t bit = uint64_t{1} << i;
  block.retiring &= ~bit;
  if ((block.live & bit) != 0) return;
  block.live |= bit;
  if (core_.coverage == nullptr) Welcome(NewestTime(block, i));
  NoteLayout(LayoutChange::kAdd, member, core_.index.table()[block.slots()[i]].ref,
             block.states()[i].last_bits);
}

void Group::Retire(uint32_t member) {
  if (!is_live(member)) return;
  unsigned i;
  GroupBlock& block = BlockOf(member, &i);
  MutexLock lock(block.mutex);
  block.retiring |= uint64_t{1} << i;
}

Status Group::EndMember(uint32_t member) {
  unsigned i;
  GroupBlock& block = BlockOf(member, &i);
  const uint64_t bit = uint64_t{1} << i;
  MutexLock lock(block.mutex);
  if ((block.used & bit) == 0) {
    block.live &= ~bit;
    return OkStatus();
  }
  if ((block.live & bit) != 0) NoteLayout(LayoutChange::kEnd, member, 0);
  const bool redirect = (block.redirect & bit) != 0;
  block.live &= ~bit;
  block.retiring &= ~bit;
  if (!redirect) {
    // Without room on the disk the member stays, unwritten, and is tried again.
    NX_RETURN_IF_ERROR(Seal(block, i));
    const uint32_t slot = block.slots()[i];
    core_.index.table()[slot].SetHome(core_.ParkedHome(slot), 0);
  }
  block.redirect &= ~bit;
  block.used &= ~bit;
  block.slots()[i] = kNoSlot;
  block.states()[i] = ValueState();
  free_members_.push_back(member);
  return OkStatus();
}

std::vector<uint32_t> Group::FinishRetired() {
  std::vector<uint32_t> redirected;
  for (GroupBlock* block : blocks_) {
    if (block->retiring == 0) continue;
    {
      MutexLock lock(block->mutex);
      SealMany(*block, block->retiring & block->used & ~block->redirect);
    }
    for (uint64_t mask = block->retiring; mask != 0; mask &= mask - 1) {
      const auto i = static_cast<unsigned>(std::countr_zero(mask));
      if ((block->redirect >> i & 1) != 0) redirected.push_back(block->slots()[i]);
      (void)EndMember(block->first_member + i);
    }
  }
  return redirected;
}

std::vector<uint32_t> Group::Reset() {
  std::vector<uint32_t> redirected;
  for (GroupBlock* block : blocks_) {
    for (uint64_t mask = block->redirect; mask != 0; mask &= mask - 1) {
      const auto i = static_cast<unsigned>(std::countr_zero(mask));
      redirected.push_back(block->slots()[i]);
      (void)EndMember(block->first_member + i);
    }
    MutexLock lock(block->mutex);
    block->live = 0;
    block->retiring = 0;
  }
  NoteLayout(LayoutChange::kReset, 0, 0);
  return redirected;
}

int64_t Group::MemberTime(uint32_t member) {
  unsigned i;
  GroupBlock& block = BlockOf(member, &i);
  MutexLock lock(block.mutex);
  return NewestTime(block, i);
}

Detached* Group::DetachMember(uint32_t member, DetachedStore* store) {
  unsigned i;
  GroupBlock& block = BlockOf(member, &i);
  const uint32_t slot = block.slots()[i];
  const uint64_t bit = uint64_t{1} << i;
  Detached* series = store->Create(slot);
  MutexLock lock(block.mutex);
  ValueState& state = block.states()[i];
  uint64_t values[kMaxStreamValues];
  DecodeValues(state, state.buffer == 0 ? nullptr : slab_.Address(state.buffer), values);
  for (unsigned k = 0; k < state.count; ++k) series->open.Extend(TimeOf(state, k), values[k]);
  series->max_time = NewestTime(block, i);
  series->last_bits = state.last_bits;
  ClearValues(slab_, &state);
  state = ValueState();
  core_.index.table()[slot].SetHome(series, 0);
  if ((block.live & bit) != 0) {
    block.redirect |= bit;
    series->owners = 1;
    NoteLayout(LayoutChange::kDetach, member, 0);
  } else {
    block.used &= ~bit;
    block.slots()[i] = kNoSlot;
    free_members_.push_back(member);
  }
  return series;
}

void Group::RejoinMember(uint32_t member, Detached* series) {
  unsigned i;
  GroupBlock& block = BlockOf(member, &i);
  MutexLock series_lock(series->mutex);
  MutexLock lock(block.mutex);
  block.states()[i] = ValueState();
  block.states()[i].last_bits = series->last_bits;
  block.redirect &= ~(uint64_t{1} << i);
  if (core_.coverage == nullptr) Welcome(series->max_time);
  core_.index.table()[series->slot].SetHome(&block, i);
  NoteLayout(LayoutChange::kRejoin, member, 0, series->last_bits);
}

Status Group::Dissolve() {
  for (uint32_t member = 0; member < member_limit_; ++member) {
    NX_RETURN_IF_ERROR(EndMember(member));
  }
  return OkStatus();
}

// ---- The log ----

void Group::NoteLayout(LayoutChange change, uint32_t member, uint64_t ref, uint64_t last_bits) {
  if (core_.wal == nullptr) return;
  ByteWriter out(&pending_layout_);
  out.U8(static_cast<uint8_t>(change));
  out.Uvarint(member);
  if (change == LayoutChange::kAdd || change == LayoutChange::kRedirect) out.Uvarint(ref);
  // What the next row's difference is taken from.
  if (change != LayoutChange::kAdd && change != LayoutChange::kRejoin) return;
  out.Le64(last_bits);
  pending_values_ |= last_bits != storage::kStaleNaNBits;
}

void Group::FlushLayout() {
  if (pending_layout_.empty() || core_.wal == nullptr) return;
  std::string payload;
  ByteWriter out(&payload);
  out.Uvarint(id_);
  out.Uvarint(++log.layout_version);
  out.Bytes(pending_layout_);
  core_.wal->Append(static_cast<uint8_t>(RecordType::kLayout), payload, /*wake=*/false);
  ForgetLayout();
}

void Group::ForgetLayout() {
  std::string().swap(pending_layout_);  // changes are rare
  pending_values_ = false;
}

std::string Group::EncodeGroup() {
  std::string payload;
  ByteWriter out(&payload);
  out.Uvarint(id_);
  out.Uvarint(log.layout_version);
  out.Uvarint(log.row_sequence);
  out.Varint(log.last_row_time);
  // One less than the ring holds: a tick under way has overwritten the oldest.
  const uint32_t ticks = std::min(tick_, TickRing::kTicks - 1);
  out.Uvarint(ticks);
  int64_t previous = 0;
  for (uint32_t k = 0; k < ticks; ++k) {
    const int64_t t = ring_[tick_ - ticks + 1 + k];
    out.Varint(t - previous);
    previous = t;
  }
  uint32_t next = 0;
  uint64_t ref = 0;
  for (const GroupBlock* block : blocks_) {
    for (uint64_t mask = block->used; mask != 0; mask &= mask - 1) {
      const auto i = static_cast<unsigned>(std::countr_zero(mask));
      const uint32_t member = block->first_member + i;
      const uint64_t own = core_.index.table()[block->slots()[i]].ref;
      out.Uvarint(uint64_t{member - next} << 2 | (block->redirect >> i & 1) << 1 |
                  (block->live >> i & 1));
      out.Varint(static_cast<int64_t>(own - ref));
      next = member + 1;
      ref = own;
    }
  }
  return payload;
}

void Group::EncodeOpenValues(const std::function<void(std::string_view)>& emit) {
  std::string payload;
  uint32_t next = 0;
  const auto begin = [&] {
    payload.clear();
    ByteWriter(&payload).Uvarint(id_);
    next = 0;
  };
  begin();
  const size_t header = payload.size();
  for (GroupBlock* block : blocks_) {
    for (uint64_t mask = block->used & ~block->redirect; mask != 0; mask &= mask - 1) {
      const auto i = static_cast<unsigned>(std::countr_zero(mask));
      const ValueState& state = block->states()[i];
      const uint32_t member = block->first_member + i;
      ByteWriter(&payload).Uvarint(member - next);
      next = member + 1;
      tsdb::EncodeOpenValues(state, state.buffer == 0 ? nullptr : slab_.Address(state.buffer),
                             static_cast<uint16_t>(tick_ - state.start_tick), &payload);
      if (payload.size() < kOpenValuesPiece) continue;
      emit(payload);
      begin();
    }
  }
  if (payload.size() > header) emit(payload);
}

}  // namespace narthex::tsdb
