// Which checkpoint replay begins with, and the records only a checkpoint has.

#include <algorithm>
#include <array>
#include <span>

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
  if (head->series > 0 && head->series < symbol_limit_) {
    Reach(static_cast<uint32_t>(head->series - 1));
  }
  if (head->min_time <= head->max_time) core_.NoteTimes(head->min_time, head->max_time);
}

// Here the labels; the chunks are taken by another thread meanwhile.
void Replay::ApplyCheckpointSeries(std::string_view payload) {
  WaitUnless(Work::kChunkLists);
  std::string slots;
  AddLabels(payload, &slots);
  std::string work;
  ByteWriter(&work).UvarintString(slots);
  work += payload;
  HandOver(Work::kChunkLists, RecordType::kCheckpointSeries, nullptr, work);
}

// *slots gets four bytes for each series of the record.
void Replay::AddLabels(std::string_view payload, std::string* slots) {
  struct Series {
    uint64_t ref = 0;
    uint32_t hash = 0;
    LabelIds labels;  // none: lost
  };
  std::array<Series, 16> ahead;  // what is looked at first is fetched for so many
  size_t waiting = 0;
  const auto add = [&]() NO_THREAD_SAFETY_ANALYSIS {
    for (const Series& series : std::span(ahead).first(waiting)) {
      const bool lost = series.labels.empty();
      result_.unknown_series += lost;
      ByteWriter(slots).Le32(lost ? kNoSlot : AddSeries(series.labels, series.hash, series.ref));
    }
    waiting = 0;
  };
  CheckpointSeriesReader in(payload);
  std::vector<CheckpointSymbols::Label> labels;
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
      sound = names.Get(labels[i - 1].id.name) < names.Get(labels[i].id.name);
    }
    Series& next = ahead[waiting++];
    next.ref = series.ref;
    next.hash = 0;
    next.labels.clear();
    for (size_t i = 0; i < labels.size() && sound; ++i) {
      next.labels.push_back(labels[i].id);
      next.hash += labels[i].hash;
    }
    core_.index.Prefetch(next.hash);
    if (waiting == ahead.size()) add();
  }
  add();
  if (!in.ok()) ++result_.unknown_series;
}

void Replay::ApplyChunkLists(std::string_view payload) {
  ByteReader in(payload);
  ByteReader slots(in.UvarintString());
  CheckpointSeriesReader series(in.rest());
  while (!slots.empty() && series.Next()) {
    const uint32_t slot = slots.Le32();
    if (slot != kNoSlot) TakeChunks(slot, series.series());
  }
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

void Replay::ApplyOpenValues(Group* group, std::string_view payload,
                             RowCounts* counts) NO_THREAD_SAFETY_ANALYSIS {
  ByteReader in(payload);
  in.Uvarint();  // the group
  MutexLock lock(group->commit_mutex());
  uint64_t member = 0;
  while (in.ok() && !in.empty()) {
    member += in.Uvarint();
    OpenValues values;
    if (!DecodeOpenValues(&in, &values) || member >= group->member_limit()) {
      ++counts->lost;
      return;
    }
    const auto m = static_cast<uint32_t>(member++);
    if (group->slot(m) == kNoSlot) {
      // A lost series: rows are differences to its newest value.
      group->SetLastBits(m, values.state.last_bits);
    } else if (group->is_redirect(m) || !group->RestoreOpenValues(m, values)) {
      ++counts->lost;
    }
  }
}

}  // namespace narthex::tsdb
