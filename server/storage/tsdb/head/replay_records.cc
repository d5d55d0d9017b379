// One function for each type of record.

#include <absl/container/flat_hash_set.h>

#include <algorithm>

#include "server/storage/tsdb/head/replay.h"
#include "server/storage/tsdb/wal/row_codec.h"

namespace narthex::tsdb {
namespace {
constexpr uint64_t kMaxMember = uint64_t{1} << 24;  // in a group; more is damage
}

void Replay::Apply(RecordType type, std::string_view payload) NO_THREAD_SAFETY_ANALYSIS {
  switch (type) {
    case RecordType::kRow:
    case RecordType::kKeyRow:
    case RecordType::kOpenValues: {
      ByteReader in(payload);
      Group* const group = head_.FindGroup(static_cast<uint32_t>(in.Uvarint()));
      if (group != nullptr) {
        const bool row = type != RecordType::kOpenValues;
        HandOver(row ? Work::kRows : Work::kOpenValues, type, group, payload);
      } else if (type != RecordType::kOpenValues) {
        ++result_.lost_rows;
      }
      return;
    }
    case RecordType::kSymbols:
      if (!symbols_.AddDefinitions(payload).ok()) ++result_.unknown_series;
      return;
    case RecordType::kCheckpointSymbols:
      // A missing one is found when a series needs it.
      (void)checkpoint_symbols_.Add(payload, symbol_limit_);
      return;
    case RecordType::kCheckpointSeries: return ApplyCheckpointSeries(payload);
    case RecordType::kCopied: return ApplyCopied(payload);
    case RecordType::kGroup: return ApplyGroup(payload);
    default: Drain(); return ApplyAlone(type, payload);
  }
}

// What waits for the threads.
void Replay::ApplyAlone(RecordType type, std::string_view payload) NO_THREAD_SAFETY_ANALYSIS {
  switch (type) {
    case RecordType::kSeries: return ApplySeries(payload);
    case RecordType::kLayout: return ApplyLayout(payload);
    case RecordType::kDetached:
    case RecordType::kHistograms:
    case RecordType::kFloatHistograms: return ApplyDetached(type, payload);
    case RecordType::kExemplars: return ApplyExemplars(payload);
    case RecordType::kMetadata: return ApplyMetadata(payload);
    case RecordType::kTombstone: return ApplyTombstone(payload);
    case RecordType::kCheckpointHead: return ApplyHead(payload);
    case RecordType::kLate:
    case RecordType::kLateHistograms:
    case RecordType::kLateFloatHistograms: return ApplyLate(InOrderType(type), payload);
    case RecordType::kDelete: return ApplyDelete(payload);
    case RecordType::kCut: {
      ByteReader in(payload);
      const int64_t mint = in.Varint();
      if (in.ok() && mint > core_.truncated_before) core_.truncated_before = mint;
      return;
    }
    default: return;
  }
}

void Replay::ApplySeries(std::string_view payload) {
  uint64_t ref = 0;
  uint32_t slot = kNoSlot;
  {
    WriterLock lock(core_.index.mutex());
    const LabelIds* labels = nullptr;
    if (symbols_.DecodeSeries(payload, &core_.index, &ref, &labels).ok()) {
      slot = AddSeries(*labels, core_.index.HashOf(*labels), ref);
    } else {
      ++result_.unknown_series;
    }
  }
  if (slot == kNoSlot) return;
  AttachChunks(slot, ref, core_.index.table()[slot].chunks.empty() ? INT64_MIN : INT64_MAX);
}

uint32_t Replay::AddSeries(const LabelIds& labels, uint32_t hash, uint64_t ref) {
  highest_ref_ = std::max(highest_ref_, ref);
  if (slots_.Get(ref) != kNoSlot) return kNoSlot;  // a checkpoint had it
  bool created = false;
  const uint32_t slot = core_.index.FindOrCreate(labels, hash, ref, &guess_, &created);
  if (slot == kNoSlot) return kNoSlot;
  if (created) {
    core_.index.table()[slot].SetHome(core_.ParkedHome(slot), 0);
    if (slot < spans_.size()) ForgetSpan(slot);
  } else {
    has_aliases_ |= core_.index.table()[slot].ref != ref;
  }
  slots_.Set(ref, slot);
  return slot;
}

void Replay::ApplyCopied(std::string_view payload) {
  ByteReader in(payload);
  const auto group = static_cast<uint32_t>(in.Uvarint());
  const auto segment = static_cast<uint32_t>(in.Uvarint());
  const uint64_t offset = in.Uvarint();
  if (in.ok()) copied_at_[group] = {segment, offset};
}

bool Replay::Outdated(uint32_t slot, const Group* claimant) {
  const HomeRef where = core_.index.table()[slot].where();
  if (copied_at_.empty() || where.home->kind != Home::Kind::kBlock) return false;
  const Group* home = static_cast<GroupBlock*>(where.home)->group;
  if (home == claimant) return false;
  const auto copied = copied_at_.find(home->id());
  return copied != copied_at_.end() && position_ <= copied->second;
}

void Replay::Unhome(uint32_t slot) NO_THREAD_SAFETY_ANALYSIS {
  const HomeRef where = core_.index.table()[slot].where();
  if (where.home->kind == Home::Kind::kBlock) {
    Drain();  // its open chunk may not be there yet
    auto* block = static_cast<GroupBlock*>(where.home);
    Group* group = block->group;
    const uint32_t member = block->first_member + where.position;
    MutexLock lock(group->commit_mutex());
    const bool live = group->is_live(member);
    if (!group->EndMember(member).ok()) {
      ++result_.lost_rows;
    } else if (live) {
      group->PlaceGhost(member);
    }
  } else if (where.home->kind == Home::Kind::kDetached) {
    auto* series = static_cast<Detached*>(where.home);
    if (!head_.detached().Seal(series).ok()) ++result_.lost_rows;
    head_.detached().Park(series);
  }
}

void Replay::Join(Group* group, uint32_t member, uint32_t slot) {
  {
    MutexLock lock(group->commit_mutex());
    if (group->slot(member) == slot && !group->is_redirect(member)) {
      group->SetLive(member, true);
      return;
    }
  }
  Unhome(slot);
  // Without room on the disk the series keeps its old home.
  if (core_.index.table()[slot].where().home->kind != Home::Kind::kParked) return;
  MutexLock lock(group->commit_mutex());
  group->PlaceMember(member, slot, /*redirect=*/false);
}

Detached* Replay::Detach(uint32_t slot) NO_THREAD_SAFETY_ANALYSIS {
  const HomeRef where = core_.index.table()[slot].where();
  if (where.home->kind == Home::Kind::kBlock) Drain();
  Detached* series = head_.Detach(slot);
  if (where.home->kind != Home::Kind::kBlock) return series;
  auto* block = static_cast<GroupBlock*>(where.home);
  const uint32_t member = block->first_member + where.position;
  MutexLock lock(block->group->commit_mutex());
  if (block->group->is_live(member)) block->group->PlaceGhost(member);
  return series;
}

void Replay::Redirect(Group* group, uint32_t member, uint32_t slot) NO_THREAD_SAFETY_ANALYSIS {
  Detach(slot);
  MutexLock lock(group->commit_mutex());
  if (group->slot(member) == slot && group->is_redirect(member)) return;
  group->PlaceMember(member, slot, /*redirect=*/true);
}

void Replay::ApplyMember(Group* group, uint32_t member, uint64_t ref, bool live, bool redirect) {
  const uint32_t slot = SlotOf(ref);
  if (slot == kNoSlot || Outdated(slot, group)) {
    if (slot == kNoSlot) ++result_.unknown_series;
    MutexLock lock(group->commit_mutex());
    if (live && !redirect) {
      group->PlaceGhost(member);
    } else if (member < group->member_limit()) {
      (void)group->EndMember(member);
    }
    return;
  }
  if (redirect) return Redirect(group, member, slot);
  Join(group, member, slot);
  if (live) return;
  MutexLock lock(group->commit_mutex());
  if (group->slot(member) == slot) group->SetLive(member, false);
}

void Replay::ApplyGroup(std::string_view payload) NO_THREAD_SAFETY_ANALYSIS {
  ByteReader in(payload);
  const auto id = static_cast<uint32_t>(in.Uvarint());
  const auto version = static_cast<uint32_t>(in.Uvarint());
  const auto sequence = static_cast<uint32_t>(in.Uvarint());
  const int64_t last_time = in.Varint();
  const uint64_t ticks = in.Uvarint();
  constexpr uint64_t kMostTicks = 256;  // logs of a larger ring; of these the newest are kept
  static_assert(kMostTicks >= TickRing::kTicks);
  if (!in.ok() || ticks > kMostTicks || id == UINT32_MAX) return;
  // A checkpoint copies one group after the other: threads may be filling those before.
  const bool copy = position_.segment == UINT32_MAX && head_.FindGroup(id) == nullptr;
  WaitUnless(copy ? Work::kOpenValues : Work::kNone);
  std::vector<int64_t> times;
  for (uint64_t k = 0; k < ticks; ++k) {
    const int64_t delta = in.Varint();
    if (!times.empty() && (delta <= 0 || times.back() > INT64_MAX - delta)) return;
    times.push_back(times.empty() ? delta : times.back() + delta);
  }
  if (!in.ok()) return;
  Group* group = head_.FindGroup(id);
  if (group != nullptr && static_cast<int32_t>(version - group->log.layout_version) <= 0) return;
  group = head_.CreateGroup(id);
  std::vector<bool> listed;
  uint64_t member = 0, ref = 0;
  while (in.ok() && !in.empty()) {
    const uint64_t head = in.Uvarint();
    member += head >> 2;
    ref += static_cast<uint64_t>(in.Varint());
    if (!in.ok() || member >= kMaxMember) break;
    if (listed.size() <= member) listed.resize(member + 1);
    listed[member] = true;
    ApplyMember(group, static_cast<uint32_t>(member), ref, head & 1, head >> 1 & 1);
    ++member;
  }
  MutexLock lock(group->commit_mutex());
  for (uint32_t m = 0; m < group->member_limit(); ++m) {
    if (m >= listed.size() || !listed[m]) (void)group->EndMember(m);
  }
  group->log.layout_version = version;
  group->log.broken = false;
  if (group->has_ticks()) return;
  group->RestoreTicks(times);
  group->log.row_sequence = sequence;
  group->log.last_row_time = last_time;
}

void Replay::ApplyLayout(std::string_view payload) NO_THREAD_SAFETY_ANALYSIS {
  ByteReader in(payload);
  const auto id = static_cast<uint32_t>(in.Uvarint());
  const auto version = static_cast<uint32_t>(in.Uvarint());
  if (!in.ok() || id == UINT32_MAX) return;
  Group* group = head_.FindGroup(id);
  // The first record of a new group is the one with version 1.
  if (group == nullptr) {
    if (version != 1) return;
    group = head_.CreateGroup(id);
  }
  const auto ahead = static_cast<int32_t>(version - group->log.layout_version);
  if (ahead <= 0) return;
  if (ahead != 1) {
    group->log.broken = true;  // until the next group record
    return;
  }
  while (in.ok() && !in.empty()) {
    if (ApplyChange(group, &in)) continue;
    group->log.broken = true;
    return;
  }
  group->log.layout_version = version;
}

bool Replay::ApplyChange(Group* group, ByteReader* in) NO_THREAD_SAFETY_ANALYSIS {
  const auto change = static_cast<LayoutChange>(in->U8());
  const uint64_t index = in->Uvarint();
  if (!in->ok() || index >= kMaxMember) return false;
  const auto member = static_cast<uint32_t>(index);
  const bool has_ref = change == LayoutChange::kAdd || change == LayoutChange::kRedirect;
  const uint64_t ref = has_ref ? in->Uvarint() : 0;
  const bool has_bits = change == LayoutChange::kAdd || change == LayoutChange::kRejoin;
  const uint64_t bits = has_bits ? in->Le64() : 0;
  if (!in->ok()) return false;
  switch (change) {
    case LayoutChange::kAdd:
    case LayoutChange::kRedirect: {
      ApplyMember(group, member, ref, true, change == LayoutChange::kRedirect);
      MutexLock lock(group->commit_mutex());
      if (has_bits && member < group->member_limit()) group->SetLastBits(member, bits);
      return true;
    }
    case LayoutChange::kEnd: {
      MutexLock lock(group->commit_mutex());
      if (member < group->member_limit()) (void)group->EndMember(member);
      return true;
    }
    case LayoutChange::kDetach: {
      MutexLock lock(group->commit_mutex());
      const uint32_t slot = group->slot(member);
      if (slot == kNoSlot) {  // a lost series
        if (member < group->member_limit()) (void)group->EndMember(member);
      } else if (!group->is_redirect(member)) {
        group->SetLive(member, true);
        group->DetachMember(member, &head_.detached());
      }
      return true;
    }
    case LayoutChange::kRejoin: {
      MutexLock lock(group->commit_mutex());
      const uint32_t slot = group->slot(member);
      if (slot != kNoSlot && !group->is_redirect(member)) return true;
      Detached* series = slot == kNoSlot ? nullptr : head_.detached().Get(slot);
      if (series == nullptr || !head_.detached().Seal(series).ok()) {
        group->PlaceGhost(member);
        return true;
      }
      group->RejoinMember(member, series);
      group->SetLastBits(member, bits);
      lock.Unlock();
      head_.detached().Remove(series);
      return true;
    }
    case LayoutChange::kReset: {
      MutexLock lock(group->commit_mutex());
      (void)group->Reset();
      return true;
    }
  }
  return false;
}

void Replay::ApplyRow(bool key, Group* group, std::string_view payload,
                      RowCounts* counts) NO_THREAD_SAFETY_ANALYSIS {
  RowReader row(key, payload);
  if (!row.ok()) {
    ++counts->lost;
    return;
  }
  if (row.head().layout_version != group->log.layout_version) {
    // Rows from before a checkpoint's state are not lost: the checkpoint has them.
    const bool old = static_cast<int32_t>(row.head().sequence - group->log.row_sequence) <= 0;
    if (!old) ++counts->lost;
    return;
  }
  Group::LogState& log = group->log;
  const auto ahead = static_cast<int32_t>(row.head().sequence - log.row_sequence);
  if (ahead <= 0) return;
  counts->samples += row.head().members;
  if (ahead != 1) log.broken = true;
  if (log.broken && !key) {
    ++counts->lost;
    return;
  }
  const int64_t t = key ? row.head().time
                        : static_cast<int64_t>(static_cast<uint64_t>(log.last_row_time) +
                                               static_cast<uint64_t>(row.head().time));
  MutexLock lock(group->commit_mutex());
  log.broken = !group->ReplayTick(t, &row);
  if (log.broken) ++counts->lost;
  log.row_sequence = row.head().sequence;
  log.last_row_time = t;
}

void Replay::ApplyDetached(RecordType type, std::string_view payload) NO_THREAD_SAFETY_ANALYSIS {
  for (SampleReader in(type, payload); in.Next();) {
    const uint32_t slot = SlotOf(in.ref());
    if (slot == kNoSlot) {
      ++result_.unknown_series;
      continue;
    }
    // A copied group has what was logged for its members before.
    if (Outdated(slot, nullptr)) continue;
    const int64_t t = in.time();
    const auto append = [&](const auto& value) {
      return head_.detached().Append(Detach(slot), INT64_MIN, t, value);
    };
    const auto appended = type == RecordType::kHistograms        ? append(in.histogram())
                          : type == RecordType::kFloatHistograms ? append(in.float_histogram())
                                                                 : append(in.bits());
    if (appended == storage::AppendResult::kOk && t >= core_.truncated_before) {
      core_.NoteTimes(t, t);
    }
  }
}

void Replay::ApplyExemplars(std::string_view payload) {
  for (const LoggedExemplar& e : DecodeExemplars(payload)) {
    const uint32_t slot = SlotOf(e.ref);
    if (slot == kNoSlot) continue;  // its series is gone, rightly
    Labels labels;
    {
      ReaderLock lock(core_.index.mutex());
      labels = core_.index.GetLabels(slot);
    }
    // A checkpoint and the log behind it may both have it.
    if (core_.exemplars.Check(labels, e.exemplar) == ExemplarRing::Verdict::kTaken) {
      (void)core_.exemplars.Add(labels, e.exemplar);
    }
  }
}

void Replay::ApplyMetadata(std::string_view payload) {
  DecodeMetadata(payload, [this](uint64_t ref, const storage::MetricMetadata& metadata) {
    const uint32_t slot = SlotOf(ref);
    if (slot != kNoSlot) core_.metadata.Set(core_.index.table()[slot].ref, metadata);
  });
}

void Replay::ApplyLate(RecordType type, std::string_view payload) {
  for (SampleReader in(type, payload); in.Next();) {
    const uint32_t slot = SlotOf(in.ref());
    if (slot == kNoSlot) {
      ++result_.unknown_series;
    } else if (type == RecordType::kHistograms) {
      core_.late.Insert(slot, in.time(), in.histogram());
    } else if (type == RecordType::kFloatHistograms) {
      core_.late.Insert(slot, in.time(), in.float_histogram());
    } else {
      core_.late.Insert(slot, in.time(), in.bits());
    }
  }
}

void Replay::ApplyTombstone(std::string_view payload) {
  ByteReader in(payload);
  const uint64_t count = in.Uvarint();
  uint64_t ref = 0;
  std::vector<uint32_t> dead;
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    ref += static_cast<uint64_t>(in.Varint());
    const uint32_t slot = slots_.Get(ref);
    if (!in.ok() || slot == kNoSlot) continue;
    if (core_.index.table()[slot].ref == ref) {
      Unhome(slot);
      if (core_.index.table()[slot].where().home->kind == Home::Kind::kParked) dead.push_back(slot);
    }
    slots_.Set(ref, kNoSlot);
  }
  if (dead.empty()) return;
  std::sort(dead.begin(), dead.end());
  dead.erase(std::unique(dead.begin(), dead.end()), dead.end());
  if (has_aliases_) {
    const absl::flat_hash_set<uint32_t> gone(dead.begin(), dead.end());
    slots_.EraseIf([&](uint32_t slot) { return gone.contains(slot); });
  }
  for (const uint32_t slot : dead) {
    core_.late.Forget(slot);
    core_.metadata.Forget(core_.index.table()[slot].ref);
  }
  WriterLock lock(core_.index.mutex());
  core_.index.Unlink(IdSet::FromSorted(dead));
  core_.index.Release(dead);
  symbols_.ForgetIds();
  checkpoint_symbols_.Clear();  // none of its records comes behind this one
}

void Replay::ApplyDelete(std::string_view payload) {
  std::vector<HeadDeletes::Entry> known;
  for (const auto& [ref, interval] : HeadDeletes::Decode(payload)) {
    const uint32_t slot = SlotOf(ref);
    if (slot != kNoSlot) known.push_back({core_.index.table()[slot].ref, interval});
  }
  core_.deletes.Add(known);
}

}  // namespace narthex::tsdb
