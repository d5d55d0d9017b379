#pragma once
// Rebuilds the head from the newest sound checkpoint and the segments after it, by doing again what
// the records say, and from the chunk files. Samples that are in a chunk file already only move the
// state along; what a damaged chunk file lost is rebuilt from the log where the log still has it.
//
// Rows and open chunks of several groups are applied by several threads, chunk lists of a
// checkpoint by one while the labels of further series are read; everything else waits for these.
//
// Thread safety: one thread, before anything else uses the head.

#include <absl/container/flat_hash_map.h>

#include <deque>
#include <string>
#include <vector>

#include "server/storage/tsdb/head/checkpoint.h"
#include "server/storage/tsdb/head/chunk_bounds.h"
#include "server/storage/tsdb/head/head.h"
#include "server/storage/tsdb/head/ref_map.h"
#include "server/storage/tsdb/head/replay_workers.h"
#include "server/storage/tsdb/series/series_record.h"
#include "server/storage/tsdb/wal/wal_reader.h"

namespace narthex::tsdb {

struct ReplayResult {
  uint32_t next_segment = 1;
  uint64_t bytes = 0;  // of the log that was read
  uint64_t records = 0;
  uint64_t corruptions = 0;          // damaged places and torn tails
  uint64_t damaged_checkpoints = 0;  // counted as corruptions too
  uint64_t lost_rows = 0;            // rows that could not be applied
  uint64_t unknown_series = 0;       // records about series that are lost
  uint64_t samples = 0;              // in rows of the log
  // Samples before it are gone from what the checkpoint holds; INT64_MIN: there was none.
  int64_t checkpoint_cut = INT64_MIN;
};

class Replay final : public ReplayCoverage {
 public:
  Replay(Head* head, std::string wal_dir);
  ~Replay() override;

  StatusOr<ReplayResult> Run();

  // Applies one record; public for fuzzing. Any bytes are safe. Rows may take effect later: see
  // Drain.
  void Apply(RecordType type, std::string_view payload);
  bool Covered(uint32_t slot, int64_t t) override;
  void ChunksChanged(uint32_t slot) override;
  void Drain() { WaitUnless(Work::kNone); }

 private:
  // Times around the last one asked for that have the same answer: a chunk, or a gap.
  struct Span {
    int64_t start = INT64_MAX;
    int64_t end = INT64_MIN;
  };
  // What a span is.
  enum : uint8_t { kGap, kChunk, kNewestChunk };
  // A chunk that waits for its series. Long ones say kLong.
  struct Found {
    static constexpr uint32_t kLong = UINT32_MAX;
    uint64_t ref;
    int64_t mint;
    uint32_t length;  // maxt - mint
    ChunkRef chunk;
  };
  // What the threads may have to do: of one kind at a time.
  enum class Work : uint8_t { kNone, kRows, kOpenValues, kChunkLists };
  // Waits for all work of other kinds.
  void WaitUnless(Work work);
  void HandOver(Work work, RecordType type, Group* group, std::string_view payload);
  void FindSpan(uint32_t slot, int64_t t);
  void ForgetSpan(uint32_t slot) {
    spans_[slot] = Span();
    covered_[slot] = kGap;
  }
  // Room in the tables by slot, so that threads find it there.
  void Reach(uint32_t slot);
  // Where reading begins.
  struct Begin {
    uint32_t number = 0;  // of the checkpoint; 0: none
    CheckpointHead head;  // empty when the checkpoint is damaged
    uint32_t older = 0;   // the checkpoint that is kept besides
  };
  StatusOr<Begin> ChooseCheckpoint(const LogFiles& files);
  Status LoadChunks(const CheckpointHead& head);
  Status ReadFile(const std::string& path, uint32_t segment, bool checkpoint, bool last);
  void Finish();

  void ApplyAlone(RecordType type, std::string_view payload);
  void ApplySeries(std::string_view payload);
  // kNoSlot when the reference is known, or no room is left. The index is locked.
  uint32_t AddSeries(const LabelIds& labels, uint32_t hash, uint64_t ref);
  void ApplyGroup(std::string_view payload);
  void ApplyMember(Group* group, uint32_t member, uint64_t ref, bool live, bool redirect);
  void ApplyLayout(std::string_view payload);
  bool ApplyChange(Group* group, ByteReader* in);
  // What a thread counts.
  struct RowCounts {
    uint64_t lost = 0;
    uint64_t samples = 0;
  };
  // On any thread, but one group on one.
  void ApplyWork(RecordType type, Group* group, std::string_view payload, RowCounts* counts);
  void ApplyRow(bool key, Group* group, std::string_view payload, RowCounts* counts);
  void ApplyOpenValues(Group* group, std::string_view payload, RowCounts* counts);
  // `payload`: slots, then a kCheckpointSeries record with the series.
  void ApplyChunkLists(std::string_view payload);
  void ApplyDetached(RecordType type, std::string_view payload);
  void ApplyExemplars(std::string_view payload);
  void ApplyMetadata(std::string_view payload);
  void ApplyLate(RecordType type, std::string_view payload);
  void ApplyTombstone(std::string_view payload);
  void ApplyHead(std::string_view payload);
  void ApplyCheckpointSeries(std::string_view payload);
  void AddLabels(std::string_view payload, std::string* slots);
  void TakeChunks(uint32_t slot, const CheckpointSeries& series);
  void ApplyDelete(std::string_view payload);

  uint32_t SlotOf(uint64_t ref) const;
  // A checkpoint copies one group after the other while series move: what the log said before a
  // group was copied must not take a series away from it again.
  bool Outdated(uint32_t slot, const Group* claimant);
  // Takes the series out of wherever it lives. A group it leaves so goes on reading values for it
  // until its own records tell.
  void Unhome(uint32_t slot);
  Detached* Detach(uint32_t slot);
  void ApplyCopied(std::string_view payload);
  void Join(Group* group, uint32_t member, uint32_t slot);
  void Redirect(Group* group, uint32_t member, uint32_t slot);
  // Chunk lists of series that no thread works on need no lock.
  // Gives a series the chunks that were found for it; false when there are none. `end`: of those it
  // has, INT64_MIN without any, INT64_MAX when that is not known.
  bool AttachChunks(uint32_t slot, uint64_t ref, int64_t end);
  // Puts the chunks of a series in order and drops what is there twice.
  void SortChunks(uint32_t slot);

  Head& head_;
  HeadCore& core_;
  const std::string wal_dir_;
  ReplayResult result_;
  SegmentSymbols symbols_;
  LogPosition position_;                                  // behind the record being applied
  absl::flat_hash_map<uint32_t, LogPosition> copied_at_;  // groups of the checkpoint
  BaseGuess guess_;
  RefMap slots_;
  std::deque<Found> found_;  // by ref; a vector would take twice as much to grow
  size_t next_found_ = 0;    // behind those that a series took last
  ChunkBounds bounds_;
  std::vector<Span> spans_;       // by slot
  std::vector<uint8_t> covered_;  // by slot: kGap, kChunk, kNewestChunk
  uint64_t highest_ref_ = 0;
  uint32_t peeked_ = 0;
  bool has_aliases_ = false;  // a label set was logged under two references (after damage)
  CheckpointSymbols checkpoint_symbols_;
  uint64_t symbol_limit_ = 1 << 20;  // numbers of symbols in a checkpoint are below
  std::vector<RowCounts> counts_;    // by worker
  Work work_ = Work::kNone;
  ReplayWorkers workers_;  // last: its threads use all of the above
};

}  // namespace narthex::tsdb
