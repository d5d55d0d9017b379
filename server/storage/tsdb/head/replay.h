#pragma once
// Rebuilds the head from chunk files, the newest checkpoint and the segments after it, by doing
// again what the records say. Samples that are in a chunk file already only move the state along;
// what a damaged chunk file lost is rebuilt from the log where the log still has it.
//
// Rows of several groups are applied by several threads; everything else waits for these.
//
// Thread safety: one thread, before anything else uses the head.

#include <absl/container/flat_hash_map.h>

#include <string>
#include <vector>

#include "server/storage/tsdb/head/head.h"
#include "server/storage/tsdb/head/ref_map.h"
#include "server/storage/tsdb/head/row_workers.h"
#include "server/storage/tsdb/series/series_record.h"
#include "server/storage/tsdb/wal/wal_reader.h"

namespace narthex::tsdb {

struct ReplayResult {
  uint32_t next_segment = 1;
  uint64_t bytes = 0;  // of the log that was read
  uint64_t records = 0;
  uint64_t corruptions = 0;     // damaged places and torn tails
  uint64_t lost_rows = 0;       // rows that could not be applied
  uint64_t unknown_series = 0;  // records about series that are lost
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
  void Drain() { rows_.Drain(); }

 private:
  // Times around the last one asked for that have the same answer: a chunk, or a gap.
  struct Span {
    int64_t start = INT64_MAX;
    int64_t end = INT64_MIN;
  };
  // A chunk that waits for its series.
  struct Found {
    uint64_t ref;
    ChunkRef chunk;
  };
  void FindSpan(uint32_t slot, int64_t t);
  // Room in the tables by slot, so that threads find it there.
  void Reach(uint32_t slot);
  Status LoadChunks();
  Status ReadFile(const std::string& path, uint32_t segment, bool checkpoint, bool last);
  void Finish();

  void ApplySeries(std::string_view payload);
  // kNoSlot when the reference is known, or no room is left. The index is locked.
  uint32_t AddSeries(const LabelIds& labels, uint64_t ref);
  void ApplyGroup(std::string_view payload);
  void ApplyMember(Group* group, uint32_t member, uint64_t ref, bool live, bool redirect);
  void ApplyLayout(std::string_view payload);
  bool ApplyChange(Group* group, ByteReader* in);
  void AddRow(bool key, std::string_view payload);
  // On any thread, but one group on one.
  void ApplyRow(bool key, std::string_view payload, uint64_t* lost);
  void ApplyDetached(RecordType type, std::string_view payload);
  void ApplyExemplars(std::string_view payload);
  void ApplyLate(RecordType type, std::string_view payload);
  void ApplyTombstone(std::string_view payload);
  void ApplyOpenChunk(std::string_view payload);
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
  void AttachChunks(uint32_t slot, uint64_t ref);

  Head& head_;
  HeadCore& core_;
  const std::string wal_dir_;
  ReplayResult result_;
  SegmentSymbols symbols_;
  LogPosition position_;                                  // behind the record being applied
  absl::flat_hash_map<uint32_t, LogPosition> copied_at_;  // groups of the checkpoint
  BaseGuess guess_;
  RefMap slots_;
  std::vector<Found> found_;      // by ref
  std::vector<Span> spans_;       // by slot
  std::vector<uint8_t> covered_;  // by slot: what the span is
  uint64_t highest_ref_ = 0;
  bool has_aliases_ = false;         // a label set was logged under two references (after damage)
  std::vector<uint64_t> lost_rows_;  // by worker
  RowWorkers rows_;                  // last: its threads use all of the above
};

}  // namespace narthex::tsdb
