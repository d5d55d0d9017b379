// Deletion of samples in the head, and the fence behind which a block is cut.

#include <algorithm>

#include "server/storage/tsdb/head/head.h"
#include "server/storage/tsdb/series/matching.h"

namespace narthex::tsdb {

bool Head::Fence(int64_t mint) NO_THREAD_SAFETY_ANALYSIS {
  MutexLock structure(core_.structure_mutex);
  if (mint > core_.fence.load()) core_.fence = mint;
  // A tick that looked at the fence before holds its group.
  for (const auto& [id, group] : groups_) MutexLock lock(group->commit_mutex());
  return core_.pending_times.empty() || *core_.pending_times.begin() >= mint;
}

namespace {

// The newest sample of a series; kNoMaxTime when there is none.
int64_t NewestOf(const HeadCore& core, const SeriesRecord& record) {
  LockedHome home(record);
  if (home.kind() == Home::Kind::kDetached) {
    return static_cast<const Detached*>(home.home())->max_time;
  }
  if (home.kind() == Home::Kind::kBlock) {
    const auto* block = static_cast<const GroupBlock*>(home.home());
    const ValueState& state = block->states()[home.position()];
    if (state.count > 0) return block->group->TimeOf(state, state.count - 1u);
  }
  if (record.chunks.empty()) return kNoMaxTime;
  const auto chunk = core.chunks.Peek(record.chunks[record.chunks.size() - 1]);
  return chunk.ok() ? chunk->maxt : kNoMaxTime;
}

}  // namespace

Status Head::Delete(int64_t mint, int64_t maxt, std::span<const Matcher> matchers) {
  if (core_.wal == nullptr) return FailedPrecondition("the log is closed");
  const Epochs::Pin pin(&core_.epochs);
  std::vector<uint32_t> slots;
  {
    ReaderLock lock(core_.index.mutex());
    slots = SelectSeries(core_.index, matchers).ToVector();
  }
  mint = std::max(mint, core_.truncated_before.load());
  std::vector<HeadDeletes::Entry> entries;
  for (const uint32_t slot : slots) {
    const SeriesRecord& record = core_.index.table()[slot];
    const int64_t newest = NewestOf(core_, record);
    if (newest == kNoMaxTime || newest < mint) continue;
    const Interval interval{mint, std::min(maxt, newest)};
    if (interval.mint <= interval.maxt) entries.push_back({record.ref, interval});
  }
  if (entries.empty()) return OkStatus();
  core_.deletes.Add(entries);
  const uint64_t position =
      core_.wal->Append(static_cast<uint8_t>(RecordType::kDelete), HeadDeletes::Encode(entries));
  return core_.wal->WaitWritten(position);
}

}  // namespace narthex::tsdb
