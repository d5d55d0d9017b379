#pragma once
// The series one source writes together. One commit is one tick: its timestamp is stored once, in
// a ring, and every member appends one value to its stream. Readers see a tick when visible_time
// says so; they take that time when they select and ignore later samples.
//
// A group outlives its writer: when the source comes back (after a restart, a reload), the new
// writer takes the group over with its open chunks.
//
// Thread safety: commit_mutex serialises writing; blocks have their own mutexes for readers.
//
// Invariants: an open chunk spans fewer ticks than the ring has; visible_time never falls and no
// sample of a member is newer.

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "server/storage/tsdb/head/core.h"
#include "server/storage/tsdb/head/detached.h"
#include "server/storage/tsdb/head/group_block.h"
#include "server/storage/tsdb/head/tick_ring.h"

namespace narthex::tsdb {

class RowBuilder;
class RowReader;
struct OpenValues;

class Group {
 public:
  static constexpr uint32_t kNoMember = UINT32_MAX;

  Group(HeadCore* core, uint32_t id) : core_(*core), id_(id), slab_(core->SlabFor(id)) {}
  ~Group();
  Group(const Group&) = delete;

  uint32_t id() const { return id_; }
  Mutex& commit_mutex() NX_TSA(lock_returned(commit_mutex_)) { return commit_mutex_; }
  int64_t visible_time() const { return visible_time_.load(std::memory_order_acquire); }
  // Counts the series that came with samples of their own: a visible time read before such a join
  // would hide them. Read it before visible_time().
  uint32_t joins() const { return joins_.load(std::memory_order_acquire); }
  BaseGuess& base_guess() { return base_guess_; }
  // Whether a GroupWriter holds it. Guarded by HeadCore::structure_mutex.
  bool open = false;

  // ---- Ticks ----

  struct Late {  // samples that go the detached way
    uint32_t member;
    uint64_t bits;
  };
  // Writes one tick to the members that live here and logs it. What must be written as detached
  // samples is appended to *late, the caller's business after unlocking.
  storage::GroupWriter::Commit Tick(int64_t t, std::span<const double> values,
                                    std::vector<Late>* late) REQUIRES(commit_mutex_);
  // Replays a row. False when the row does not fit the group's state.
  bool ReplayTick(int64_t t, RowReader* row) REQUIRES(commit_mutex_);
  // Ends the members that were retired; their indexes are free afterwards. Returns the slots of
  // those that were redirected.
  std::vector<uint32_t> FinishRetired() REQUIRES(commit_mutex_);

  // ---- Members (structure_mutex is held too) ----

  uint32_t AddMember(uint32_t slot, bool redirect) REQUIRES(commit_mutex_);
  // For replay: at a given index, which is grown to.
  void PlaceMember(uint32_t member, uint32_t slot, bool redirect) REQUIRES(commit_mutex_);
  void Claim(uint32_t member) REQUIRES(commit_mutex_);
  // Of the newest sample of a member that lives here.
  int64_t MemberTime(uint32_t member) REQUIRES(commit_mutex_);
  void Retire(uint32_t member) REQUIRES(commit_mutex_);
  // Frees the index; an open chunk is sealed and the series parked.
  Status EndMember(uint32_t member) REQUIRES(commit_mutex_);
  // All members stop being live; redirected ones leave. Their slots are returned.
  std::vector<uint32_t> Reset() REQUIRES(commit_mutex_);
  // Moves the open samples into a detached series.
  Detached* DetachMember(uint32_t member, DetachedStore* store) REQUIRES(commit_mutex_);
  // The opposite, for a series whose open chunk is empty. The object is then to be removed.
  void RejoinMember(uint32_t member, Detached* series) REQUIRES(commit_mutex_);
  // Seals every open chunk and parks every series. Not for groups with a writer.
  Status Dissolve() REQUIRES(commit_mutex_);

  uint32_t member_limit() const REQUIRES(commit_mutex_) { return member_limit_; }
  uint32_t slot(uint32_t member) const REQUIRES(commit_mutex_);
  bool is_live(uint32_t member) const REQUIRES(commit_mutex_);
  bool is_redirect(uint32_t member) const REQUIRES(commit_mutex_);
  bool empty() const REQUIRES(commit_mutex_);
  // Members with an open chunk.
  size_t CountOpen() const REQUIRES(commit_mutex_);

  // ---- The log ----

  void NoteLayout(LayoutChange change, uint32_t member, uint64_t ref, uint64_t last_bits = 0)
      REQUIRES(commit_mutex_);
  // Writes noted layout changes.
  void FlushLayout() REQUIRES(commit_mutex_);
  // For the writer of a group record, which has the changes too.
  void ForgetLayout() REQUIRES(commit_mutex_);
  // The payload of a kGroup record: everything but the values.
  std::string EncodeGroup() REQUIRES(commit_mutex_);
  // The payloads of kOpenValues records, in pieces.
  void EncodeOpenValues(const std::function<void(std::string_view)>& emit) REQUIRES(commit_mutex_);
  // ---- Replay ----

  // Takes the timestamps of a group record; only for a group without ticks.
  void RestoreTicks(std::span<const int64_t> times) REQUIRES(commit_mutex_);
  bool has_ticks() const REQUIRES(commit_mutex_) { return tick_ > 0; }
  // Takes over an open chunk; samples that are in a chunk file already are left out.
  bool RestoreOpenValues(uint32_t member, const OpenValues& values) REQUIRES(commit_mutex_);
  void SetLastBits(uint32_t member, uint64_t bits) REQUIRES(commit_mutex_);
  void SetLive(uint32_t member, bool live) REQUIRES(commit_mutex_);
  // A member whose series is lost or lives elsewhere already: its values are read over.
  void PlaceGhost(uint32_t member) REQUIRES(commit_mutex_);
  // Ready for a writer and for readers.
  void FinishReplay() REQUIRES(commit_mutex_);

  struct LogState {
    uint32_t layout_version = 0;
    uint32_t row_sequence = 0;
    int64_t last_row_time = 0;
    uint32_t segment = 0;  // of the last row; 0: none yet
    int rows_since_key = 0;
    bool broken = false;  // replay lost a row: only a key row can follow
  };
  LogState log;

  // ---- Reading ----

  // Timestamps of a member's open samples. The block is locked.
  int64_t TimeOf(const ValueState& state, unsigned index) const {
    return ring_[state.start_tick + index];
  }
  const Slab& slab() const { return slab_; }

 private:
  friend class TickPass;
  static std::pair<uint32_t, uint32_t> Locate(uint32_t member);
  GroupBlock& BlockOf(uint32_t member, unsigned* position) const;
  storage::GroupWriter::Commit LateTick(int64_t t, std::span<const double> values,
                                        std::vector<Late>* late) REQUIRES(commit_mutex_);
  void EnsureBlock(uint32_t block) REQUIRES(commit_mutex_);
  // The block is locked for these.
  Status Seal(GroupBlock& block, unsigned position);
  // Many at once and in one write; those that cannot be stay open. Not during replay.
  void SealMany(GroupBlock& block, uint64_t positions);
  // Calls fn(ChunkView) with the open chunk, which has samples, as a full one.
  template <typename Fn>
  auto WithFullChunk(const GroupBlock& block, unsigned position, Fn&& fn) const;
  bool RestoreUncovered(GroupBlock& block, unsigned position, const OpenValues& values);
  int64_t NewestTime(GroupBlock& block,
                     unsigned position) const;  // of a member; the block is locked
  void LogRow(int64_t t, RowBuilder* row, std::span<const double> values) REQUIRES(commit_mutex_);
  // Before a series with samples up to `newest` gets its home here.
  void Welcome(int64_t newest) {
    RaiseVisible(newest);
    joins_.fetch_add(1, std::memory_order_release);
  }
  void RaiseVisible(int64_t t) {
    if (t > visible_time()) visible_time_.store(t, std::memory_order_release);
  }

  HeadCore& core_;
  const uint32_t id_;
  Slab& slab_;
  Mutex commit_mutex_;
  std::atomic<int64_t> visible_time_{kNoMaxTime};
  std::atomic<uint32_t> joins_{0};
  uint32_t tick_ = 0;                // the newest tick; ring_[tick_] is its time
  int64_t range_start_ = INT64_MIN;  // of the chunk range of the newest tick
  uint32_t range_tick_ = 0;          // the first tick in it that the ring still has
  TickRing ring_;                    // entries a block has seen under its mutex are stable for it
  std::vector<GroupBlock*> blocks_;
  std::vector<uint32_t> free_members_;
  uint32_t member_limit_ = 0;
  BaseGuess base_guess_;
  std::string pending_layout_;
  bool pending_values_ = false;  // it has last values that a group record does not repeat
};

}  // namespace narthex::tsdb
