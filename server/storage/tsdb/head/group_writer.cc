// The GroupWriter of the head: membership, and the samples of a tick that go the detached way.

#include "server/storage/family_metadata.h"
#include "server/storage/tsdb/head/head.h"

namespace narthex::tsdb {
namespace {

using storage::AppendResult;
using storage::kStaleNaNBits;

// A detached series with fewer open samples than this stays detached when a group takes it: it
// comes and goes, and each return would leave a short chunk behind.
constexpr uint16_t kRejoinFrom = 60;

class HeadGroupWriter final : public storage::GroupWriter {
 public:
  explicit HeadGroupWriter(Head* head) : head_(*head), core_(head->core()) {}
  ~HeadGroupWriter() override;

  StatusOr<uint32_t> AddMember(const Labels& labels, bool* created) override;
  void RetireMember(uint32_t member) override;
  size_t member_count() const override { return limit_; }
  Commit CommitTick(TimestampMs t, std::span<const double> values) override;
  Commit CommitTickBeforeNext(TimestampMs t, std::span<const double> values) override;
  uint32_t AppendExemplars(std::span<const MemberExemplar> exemplars) override;
  void UpdateMetadata(std::span<const storage::FamilyMetadata> families) override;

 private:
  uint32_t Join(uint32_t slot) REQUIRES(core_.structure_mutex);
  void TakeOver(Group* group) REQUIRES(core_.structure_mutex);
  void Own(Group* group);
  uint32_t Redirect(Detached* series, uint32_t slot) REQUIRES(core_.structure_mutex);
  void CommitDetached(TimestampMs t, std::span<const Group::Late> late, Commit* result);
  void Rejoin(const std::vector<uint32_t>& members) REQUIRES(core_.structure_mutex);
  void Finish();
  void Close() REQUIRES(core_.structure_mutex);

  Head& head_;
  HeadCore& core_;
  Group* group_ = nullptr;
  BaseGuess first_guess_;  // until there is a group
  size_t limit_ = 0;
  bool retiring_ = false;
};

HeadGroupWriter::~HeadGroupWriter() {
  if (group_ == nullptr) return;
  {
    MutexLock structure(core_.structure_mutex);
    Close();
  }
  if (core_.wal != nullptr) core_.wal->Push();
}

void HeadGroupWriter::Close() {
  std::vector<uint32_t> released;
  bool empty = false;
  {
    MutexLock lock(group_->commit_mutex());
    released = group_->FinishRetired();
    const std::vector<uint32_t> redirected = group_->Reset();
    released.insert(released.end(), redirected.begin(), redirected.end());
    group_->FlushLayout();
    empty = group_->empty();
  }
  head_.ReleaseOwners(released);
  group_->open = false;
  if (empty) head_.RemoveGroup(group_);
}

void HeadGroupWriter::Own(Group* group) {
  group_ = group;
  group_->open = true;
  group_->base_guess() = first_guess_;
}

void HeadGroupWriter::TakeOver(Group* group) {
  Own(group);
  std::vector<uint32_t> redirected;
  {
    MutexLock lock(group_->commit_mutex());
    redirected = group_->Reset();
    limit_ = group_->member_limit();
  }
  head_.ReleaseOwners(redirected);
}

uint32_t HeadGroupWriter::Redirect(Detached* series, uint32_t slot) {
  if (group_ == nullptr) Own(head_.CreateGroup());
  MutexLock lock(group_->commit_mutex());
  // The same labels twice in one source: one member.
  for (uint32_t m = 0; series->owners > 0 && m < group_->member_limit(); ++m) {
    if (group_->slot(m) != slot || !group_->is_redirect(m)) continue;
    group_->Claim(m);
    return m;
  }
  ++series->owners;
  return group_->AddMember(slot, /*redirect=*/true);
}

// Finds a place for a series in the writer's group; core.h has the rules of locking.
uint32_t HeadGroupWriter::Join(uint32_t slot) {
  SeriesRecord& record = core_.index.table()[slot];
  HomeRef where = record.where();
  if (where.home->kind == Home::Kind::kBlock) {
    auto* block = static_cast<GroupBlock*>(where.home);
    Group* other = block->group;
    const uint32_t member = block->first_member + where.position;
    if (group_ == nullptr && !other->open) TakeOver(other);
    if (other == group_) {
      MutexLock lock(group_->commit_mutex());
      group_->Claim(member);
      return member;
    }
    if (other->open) return Redirect(head_.Detach(slot), slot);
    MutexLock lock(other->commit_mutex());
    const bool ended = other->EndMember(member).ok();
    other->FlushLayout();  // before its new group says that it is there
    if (!ended) {
      // No room on the disk for the open chunk: keep it in memory.
      lock.Unlock();
      return Redirect(head_.Detach(slot), slot);
    }
  } else if (where.home->kind == Home::Kind::kDetached) {
    auto* series = static_cast<Detached*>(where.home);
    const bool stays = series->owners > 0 || series->pending > 0 || series->by_appender ||
                       (series->open.count() > 0 && series->open.count() < kRejoinFrom);
    if (stays || !head_.detached().Seal(series).ok()) return Redirect(series, slot);
    head_.detached().Park(series);
  }
  if (group_ == nullptr) Own(head_.CreateGroup());
  MutexLock lock(group_->commit_mutex());
  return group_->AddMember(slot, /*redirect=*/false);
}

StatusOr<uint32_t> HeadGroupWriter::AddMember(const Labels& labels, bool* created) {
  MutexLock structure(core_.structure_mutex);
  BaseGuess* guess = group_ == nullptr ? &first_guess_ : &group_->base_guess();
  NX_ASSIGN_OR_RETURN(const uint32_t slot, core_.FindOrCreate(labels, guess, created));
  const uint32_t member = Join(slot);
  limit_ = std::max(limit_, size_t{member} + 1);
  return member;
}

void HeadGroupWriter::RetireMember(uint32_t member) {
  if (group_ == nullptr) return;
  MutexLock lock(group_->commit_mutex());
  group_->Retire(member);
  retiring_ = true;
}

storage::GroupWriter::Commit HeadGroupWriter::CommitTick(TimestampMs t,
                                                         std::span<const double> values) {
  const Commit result = CommitTickBeforeNext(t, values);
  if (core_.wal != nullptr) core_.wal->Push();
  return result;
}

storage::GroupWriter::Commit HeadGroupWriter::CommitTickBeforeNext(TimestampMs t,
                                                                   std::span<const double> values) {
  Commit result;
  if (group_ == nullptr) return result;
  std::vector<Group::Late> late;
  {
    MutexLock lock(group_->commit_mutex());
    result = group_->Tick(t, values, &late);
  }
  if (!late.empty()) CommitDetached(t, late, &result);
  if (retiring_ && result.out_of_bounds == 0 && result.refused == 0) Finish();
  core_.counters.samples_appended.fetch_add(result.appended, std::memory_order_relaxed);
  core_.counters.out_of_order.fetch_add(result.out_of_order, std::memory_order_relaxed);
  core_.counters.duplicates.fetch_add(result.duplicate, std::memory_order_relaxed);
  core_.counters.out_of_bounds.fetch_add(result.out_of_bounds, std::memory_order_relaxed);
  core_.counters.refused.fetch_add(result.refused, std::memory_order_relaxed);
  return result;
}

uint32_t HeadGroupWriter::AppendExemplars(std::span<const MemberExemplar> exemplars) {
  if (group_ == nullptr || core_.exemplars.capacity() == 0 || core_.Refusing()) return 0;
  std::vector<LoggedExemplar> taken;
  uint32_t out_of_order = 0;
  for (const auto& [member, exemplar] : exemplars) {
    if (!CheckExemplarLabels(exemplar.labels).ok()) continue;
    uint32_t slot = kNoSlot;
    {
      MutexLock lock(group_->commit_mutex());
      if (member < group_->member_limit()) slot = group_->slot(member);
    }
    if (slot == kNoSlot) continue;
    Labels labels;
    {
      ReaderLock lock(core_.index.mutex());
      labels = core_.index.GetLabels(slot);
    }
    switch (core_.exemplars.Add(labels, exemplar)) {
      case ExemplarRing::Verdict::kTaken:
        taken.push_back({core_.index.table()[slot].ref, exemplar});
        break;
      case ExemplarRing::Verdict::kOutOfOrder: ++out_of_order; break;
      default: break;
    }
  }
  if (taken.empty() || core_.wal == nullptr) return out_of_order;
  core_.wal->Append(static_cast<uint8_t>(RecordType::kExemplars), EncodeExemplars(taken),
                    /*wake=*/false);
  core_.wal->Push();
  return out_of_order;
}

void HeadGroupWriter::UpdateMetadata(std::span<const storage::FamilyMetadata> families) {
  if (group_ == nullptr || families.empty() || core_.Refusing()) return;
  std::vector<uint32_t> slots;
  {
    MutexLock lock(group_->commit_mutex());
    for (uint32_t m = 0; m < group_->member_limit(); ++m) {
      if (group_->slot(m) != kNoSlot && group_->is_live(m)) slots.push_back(group_->slot(m));
    }
  }
  std::vector<LoggedMetadata> changed;
  for (const uint32_t slot : slots) {
    Labels labels;
    {
      ReaderLock lock(core_.index.mutex());
      labels = core_.index.GetLabels(slot);
    }
    const auto* metadata = storage::FindMetadata(families, labels.metric_name());
    const uint64_t ref = core_.index.table()[slot].ref;
    if (metadata != nullptr && core_.metadata.Set(ref, *metadata)) {
      changed.push_back({ref, *metadata});
    }
  }
  if (changed.empty() || core_.wal == nullptr) return;
  core_.wal->Append(static_cast<uint8_t>(RecordType::kMetadata), EncodeMetadata(changed),
                    /*wake=*/false);
  core_.wal->Push();
}

void HeadGroupWriter::Finish() {
  retiring_ = false;
  MutexLock structure(core_.structure_mutex);
  std::vector<uint32_t> released;
  {
    MutexLock lock(group_->commit_mutex());
    released = group_->FinishRetired();
  }
  head_.ReleaseOwners(released);
}

void HeadGroupWriter::CommitDetached(TimestampMs t, std::span<const Group::Late> late,
                                     Commit* result) {
  MutexLock structure(core_.structure_mutex);
  const int64_t min_valid = core_.MinValidTime();
  SampleRecords log;
  bool any = false;
  std::vector<uint32_t> filled;
  for (const auto& [member, bits] : late) {
    uint32_t slot = kNoSlot;
    {
      MutexLock lock(group_->commit_mutex());
      slot = group_->slot(member);
    }
    if (slot == kNoSlot) continue;
    Detached* series = head_.Detach(slot);
    if (t > series->max_time && bits == kStaleNaNBits && series->last_bits == kStaleNaNBits)
      continue;
    switch (head_.detached().Append(series, min_valid, t, bits)) {
      case AppendResult::kOk:
        ++result->appended;
        any = true;
        LogSample(*series, core_.index.table()[slot].ref, t, bits, &log);
        if (series->filled && series->owners == 1 && !series->by_appender) filled.push_back(member);
        break;
      case AppendResult::kDuplicate: ++result->duplicate; break;
      case AppendResult::kOutOfOrder: ++result->out_of_order; break;
      case AppendResult::kOutOfBounds:
      case AppendResult::kTooOld: ++result->out_of_bounds; break;
      case AppendResult::kRefused: ++result->refused; break;
    }
  }
  if (!any) return;
  core_.NoteTimes(t, t);
  if (core_.wal != nullptr) {
    for (const auto& [type, payload] : log.Take()) {
      core_.wal->Append(static_cast<uint8_t>(type), payload, /*wake=*/false);
    }
  }
  Rejoin(filled);
}

// Series that have been regular for a whole chunk come back into the group.
void HeadGroupWriter::Rejoin(const std::vector<uint32_t>& members) {
  for (const uint32_t member : members) {
    MutexLock lock(group_->commit_mutex());
    if (!group_->is_redirect(member)) continue;
    Detached* series = head_.detached().Get(group_->slot(member));
    if (series == nullptr || series->pending > 0) continue;
    group_->RejoinMember(member, series);
    lock.Unlock();
    head_.detached().Remove(series);
  }
}

}  // namespace

std::unique_ptr<storage::GroupWriter> Head::NewGroup() {
  return std::make_unique<HeadGroupWriter>(this);
}

}  // namespace narthex::tsdb
