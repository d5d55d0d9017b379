// Which checkpoint replay begins with, and the records only a checkpoint has.

#include <algorithm>

#include "core/log/log.h"
#include "server/storage/tsdb/head/replay.h"

namespace narthex::tsdb {

// The newest sound checkpoint. Damaged ones are deleted when the log or an older checkpoint reaches
// back behind them; else what is left of the oldest is taken.
StatusOr<Replay::Begin> Replay::ChooseCheckpoint(const LogFiles& files) {
  Begin begin;
  std::vector<uint32_t> damaged;
  for (size_t i = files.checkpoints.size(); i-- > 0;) {
    const uint32_t number = files.checkpoints[i];
    const std::string path = CheckpointPath(wal_dir_, number);
    StatusOr<CheckpointHead> head = CheckCheckpoint(path, number);
    if (head.ok()) {
      begin = {number, *std::move(head), i > 0 ? files.checkpoints[i - 1] : 0};
      break;
    }
    // Not damage: a program that knows it must be used.
    if (head.status().code() == StatusCode::kFailedPrecondition) return head.status();
    NX_LOG(Warn, "Checkpoint of the log is damaged", {"file", path}, {"err", head.status()});
    ++result_.corruptions;
    ++result_.damaged_checkpoints;
    damaged.push_back(number);
  }
  const bool whole_log = !files.segments.empty() && !files.checkpoints.empty() &&
                         files.segments.front() < files.checkpoints.front();
  if (begin.number == 0 && !damaged.empty() && !whole_log) {
    begin.number = damaged.back();
    damaged.pop_back();
    NX_LOG(Warn, "No older checkpoint is left; what can be read of this one is used",
           {"file", CheckpointPath(wal_dir_, begin.number)});
  }
  for (const uint32_t number : damaged) {
    if (::unlink(CheckpointPath(wal_dir_, number).c_str()) != 0) {
      NX_LOG(Warn, "Damaged checkpoint could not be deleted", {"number", number});
    }
  }
  return begin;
}

void Replay::ApplyHead(std::string_view payload) {
  const StatusOr<CheckpointHead> head = CheckpointHead::Decode(payload);
  if (!head.ok()) return;
  if (head->next_ref > 0) highest_ref_ = std::max(highest_ref_, head->next_ref - 1);
  if (head->truncated_before > core_.truncated_before) {
    core_.truncated_before = head->truncated_before;
  }
  result_.checkpoint_cut = head->truncated_before;
  if (head->series < symbol_limit_) {  // a series takes more than a byte
    WriterLock lock(core_.index.mutex());
    core_.index.Reserve(head->series);
  }
  if (head->min_time <= head->max_time) core_.NoteTimes(head->min_time, head->max_time);
}

void Replay::ApplyCheckpointSeries(std::string_view payload) {
  CheckpointSeriesReader in(payload);
  LabelIds labels;
  bool sound = false;  // labels are those of the series before
  WriterLock lock(core_.index.mutex());
  while (in.Next()) {
    const CheckpointSeries& series = in.series();
    const bool again = sound && in.same_names();
    labels.resize(series.labels.size());
    sound = true;
    for (size_t i = 0; i < labels.size() && sound; ++i) {
      if (again && !in.Changed(i)) continue;
      sound = checkpoint_symbols_.Resolve(series.labels[i], &core_.index, &labels[i]);
    }
    for (size_t i = 1; i < labels.size() && sound && !again; ++i) {
      const StringTable& names = core_.index.names();
      sound = names.Get(labels[i - 1].name) < names.Get(labels[i].name);
    }
    const uint32_t slot = sound ? AddSeries(labels, series.ref) : kNoSlot;
    if (!sound) ++result_.unknown_series;
    if (slot != kNoSlot) TakeChunks(slot, series);
  }
  if (!in.ok()) ++result_.unknown_series;
}

void Replay::TakeChunks(uint32_t slot, const CheckpointSeries& series) {
  SeriesRecord& record = core_.index.table()[slot];
  const bool others = !record.chunks.empty();  // a second reference to the same labels
  bool all = true;
  for (const ChunkRef& chunk : series.chunks) {
    if (core_.chunks.IsKnown(chunk) && !record.chunks.full()) {
      record.chunks.PushBack(chunk);
    } else {
      all = false;
    }
  }
  if (!series.chunks.empty() || others) ChunksChanged(slot);
  if (others) SortChunks(slot);
  const bool known = all && !others && !series.chunks.empty() &&
                     series.covered_until != CheckpointSeries::kNoCoverage;
  const int64_t end = record.chunks.empty() ? INT64_MIN : known ? series.covered_until : INT64_MAX;
  if (AttachChunks(slot, series.ref, end) || !known || end == INT64_MAX) return;
  // Spares looking at the chunk: what comes now is newer.
  spans_[slot] = {series.covered_until + 1, INT64_MAX};
  covered_[slot] = kGap;
}

void Replay::ApplyOpenValues(std::string_view payload) NO_THREAD_SAFETY_ANALYSIS {
  ByteReader in(payload);
  Group* group = head_.FindGroup(static_cast<uint32_t>(in.Uvarint()));
  if (group == nullptr) return;
  MutexLock lock(group->commit_mutex());
  uint64_t member = 0;
  while (in.ok() && !in.empty()) {
    member += in.Uvarint();
    OpenValues values;
    if (!DecodeOpenValues(&in, &values) || member >= group->member_limit()) {
      ++result_.lost_rows;
      return;
    }
    const auto m = static_cast<uint32_t>(member++);
    if (group->slot(m) == kNoSlot) {
      // A lost series: rows are differences to its newest value.
      group->SetLastBits(m, values.state.last_bits);
    } else if (group->is_redirect(m) || !group->RestoreOpenValues(m, values)) {
      ++result_.lost_rows;
    }
  }
}

}  // namespace narthex::tsdb
