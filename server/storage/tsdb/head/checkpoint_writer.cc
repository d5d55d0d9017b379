// What a checkpoint holds, copied while writers go on.

#include <span>

#include "server/storage/tsdb/head/checkpoint.h"
#include "server/storage/tsdb/head/checkpoint_codec.h"
#include "server/storage/tsdb/head/frame_file.h"

namespace narthex::tsdb {
namespace {

constexpr uint32_t kSlice = 1024;  // series looked at in one hold of the index lock

class CheckpointWriter {
 public:
  CheckpointWriter(Head* head, FrameFile* out)
      : head_(*head), core_(head->core()), out_(*out), pin_(&core_.epochs) {}

  void Run() {
    Step();
    WriteHead();
    Series();
    if (core_.deletes.any()) {
      out_.Add(RecordType::kDelete, HeadDeletes::Encode(core_.deletes.All()));
    }
    Groups();
    RestOfDetached();
    Late();
    Exemplars();
    Metadata();
    std::string end;
    ByteWriter(&end).Uvarint(out_.records());
    out_.Add(RecordType::kCheckpointEnd, end);
  }

 private:
  using Records = std::vector<std::pair<RecordType, std::string>>;

  void Step() {
    if (core_.options.checkpoint_step) core_.options.checkpoint_step();
  }
  void AddAll(const Records& records) {
    for (const auto& [type, payload] : records) out_.Add(type, payload);
  }

  // Before anything is copied: what is sealed later is found behind these extents.
  void WriteHead() {
    CheckpointHead head;
    {
      MutexLock structure(core_.structure_mutex);
      head.next_ref = core_.next_ref;
    }
    {
      ReaderLock lock(core_.index.mutex());
      head.series = core_.index.size();
    }
    head.min_time = core_.min_time.load();
    head.max_time = core_.max_time.load();
    head.truncated_before = core_.truncated_before.load();
    head.files = core_.chunks.Extents();
    for (const ChunkFiles::Extent& file : head.files) {
      if (extents_.size() <= file.number) extents_.resize(file.number + 1);
      extents_[file.number] = file.bytes;
    }
    out_.Add(RecordType::kCheckpointHead, head.Encode());
  }

  void Series() {
    for (uint32_t from = 0; out_.status().ok(); from += kSlice) {
      std::vector<uint32_t> slots;
      {
        ReaderLock lock(core_.index.mutex());
        const uint32_t limit = core_.index.table().limit();
        if (from >= limit) return;
        for (uint32_t slot = from; slot < std::min(limit, from + kSlice); ++slot) {
          if (core_.index.all().Contains(slot)) slots.push_back(slot);
        }
      }
      Records records;
      Describe(slots, &records);
      AddAll(records);
      Step();
    }
  }

  // Labels first, then chunks: the index and a home are never locked together.
  void Describe(std::span<const uint32_t> slots, Records* records) {
    std::vector<std::pair<uint32_t, LabelIds>> labels;
    {
      ReaderLock lock(core_.index.mutex());
      LabelIds ids;
      for (const uint32_t slot : slots) {
        if (!described_.Add(slot)) continue;
        core_.index.GetLabelIds(slot, &ids);
        symbols_.Number(core_.index, ids, &labels.emplace_back(slot, LabelIds()).second);
      }
    }
    std::string symbols = symbols_.Take();
    if (!symbols.empty()) {
      records->emplace_back(RecordType::kCheckpointSymbols, std::move(symbols));
    }
    if (labels.empty()) return;
    CheckpointSeriesWriter writer;
    CheckpointSeries series;
    for (auto& [slot, numbers] : labels) {
      series.ref = core_.index.table()[slot].ref;
      series.labels.swap(numbers);
      CopyChunks(slot, &series);
      writer.Add(series);
    }
    records->emplace_back(RecordType::kCheckpointSeries, writer.Take());
  }

  void CopyChunks(uint32_t slot, CheckpointSeries* series) {
    const SeriesRecord& record = core_.index.table()[slot];
    series->chunks.clear();
    series->covered_until = CheckpointSeries::kNoCoverage;
    {
      LockedHome home(record);
      for (size_t i = 0; i < record.chunks.size(); ++i) {
        const ChunkRef chunk = record.chunks[i];
        if (chunk.file < extents_.size() && chunk.offset < extents_[chunk.file]) {
          series->chunks.push_back(chunk);
        }
      }
      // With a chunk that is newer than the extents replay has to look for itself.
      if (record.chunks.empty() || series->chunks.size() != record.chunks.size()) return;
    }
    const auto last = core_.chunks.Bounds(series->chunks.back());
    if (last.ok()) series->covered_until = last->maxt;
  }

  // A series that came after Series() passed its slot is in the log as well, but there its
  // definition comes too late for what this file says about it.
  void DescribeLate(uint32_t slot, Records* records) {
    if (!described_.Contains(slot)) Describe(std::span(&slot, 1), records);
  }

  // A group comes after the detached series it redirects to, so that replay finds those detached.
  void Groups() {
    std::vector<uint32_t> ids;
    {
      MutexLock structure(core_.structure_mutex);
      for (const auto& [id, group] : head_.groups()) ids.push_back(id);
    }
    for (const uint32_t id : ids) {
      if (!out_.status().ok()) return;
      Records records;
      {
        MutexLock structure(core_.structure_mutex);
        Group* group = head_.FindGroup(id);
        if (group == nullptr) continue;
        MutexLock lock(group->commit_mutex());
        EncodeGroup(group, &records);
      }
      AddAll(records);
      Step();
    }
  }

  void EncodeGroup(Group* group, Records* records)
      REQUIRES(core_.structure_mutex, group->commit_mutex()) {
    group->FlushLayout();
    for (uint32_t member = 0; member < group->member_limit(); ++member) {
      const uint32_t slot = group->slot(member);
      if (slot == kNoSlot) continue;
      DescribeLate(slot, records);
      if (group->is_redirect(member)) EncodeDetached(slot, records);
    }
    const LogPosition now = core_.wal->Next();
    std::string copied;
    ByteWriter out(&copied);
    out.Uvarint(group->id());
    out.Uvarint(now.segment);
    out.Uvarint(now.offset);
    records->emplace_back(RecordType::kCopied, std::move(copied));
    records->emplace_back(RecordType::kGroup, group->EncodeGroup());
    group->EncodeOpenValues([&](std::string_view p) {
      records->emplace_back(RecordType::kOpenValues, std::string(p));
    });
  }

  // Detached series no group redirects to, and those that became detached since their group was
  // encoded.
  void RestOfDetached() {
    std::vector<uint32_t> slots;
    {
      MutexLock structure(core_.structure_mutex);
      for (size_t i = 0; i < head_.detached().size(); ++i) {
        slots.push_back(head_.detached().at(i)->slot);
      }
    }
    for (const uint32_t slot : slots) {
      Records records;
      {
        MutexLock structure(core_.structure_mutex);
        EncodeDetached(slot, &records);
      }
      AddAll(records);
      Step();
    }
  }

  // The open samples of a series, unless it is no longer detached.
  void EncodeDetached(uint32_t slot, Records* records) REQUIRES(core_.structure_mutex) {
    Detached* series = head_.detached().Get(slot);
    if (series == nullptr || !detached_.Add(slot)) return;
    SampleRecords samples;
    {
      MutexLock lock(series->mutex);
      if (series->open.count() == 0) return;
      LogChunk(core_.index.table()[slot].ref, series->open, &samples);
    }
    DescribeLate(slot, records);
    for (auto& record : samples.Take()) records->push_back(std::move(record));
  }

  void Exemplars() {
    std::vector<std::pair<Labels, LoggedExemplar>> all;
    core_.exemplars.ForEach([&](const Labels& series, const storage::Exemplar& e) {
      all.emplace_back(series, LoggedExemplar{0, e});
    });
    std::vector<LoggedExemplar> piece;
    for (size_t i = 0; i < all.size() && out_.status().ok(); ++i) {
      uint32_t slot = kNoSlot;
      {
        ReaderLock lock(core_.index.mutex());
        slot = core_.index.Find(all[i].first);
        if (slot != kNoSlot) all[i].second.ref = core_.index.table()[slot].ref;
      }
      if (slot != kNoSlot) {
        Records records;
        DescribeLate(slot, &records);
        AddAll(records);
        piece.push_back(std::move(all[i].second));
      }
      if (piece.empty() || (piece.size() < kSlice && i + 1 < all.size())) continue;
      out_.Add(RecordType::kExemplars, EncodeExemplars(piece));
      piece.clear();
    }
  }

  // That of series which came meanwhile is in the log, too, behind their definition.
  void Metadata() {
    if (!core_.metadata.any()) return;
    std::vector<LoggedMetadata> piece;
    const auto write = [&] {
      if (!piece.empty()) out_.Add(RecordType::kMetadata, EncodeMetadata(piece));
      piece.clear();
      Step();
    };
    for (const uint64_t ref : core_.metadata.Refs()) {
      auto metadata = core_.metadata.Get(ref);
      if (!metadata) continue;  // gone meanwhile
      piece.push_back({ref, *std::move(metadata)});
      if (piece.size() >= kSlice) write();
      if (!out_.status().ok()) return;
    }
    write();
  }

  Head& head_;
  HeadCore& core_;
  FrameFile& out_;
  const Epochs::Pin pin_;  // symbol ids keep their meaning meanwhile
  // The samples that came out of order and are in no block yet.
  void Late() {
    for (const auto& generation : core_.late.generations()) {
      for (const uint32_t slot : generation->Slots()) {
        Records records;
        LateSamples samples;
        generation->Read(slot, INT64_MIN, INT64_MAX, &samples);
        samples.Sort();
        DescribeLate(slot, &records);
        SampleRecords log;
        const uint64_t ref = core_.index.table()[slot].ref;
        samples.ForEach([&](int64_t t, const auto& value) { log.Add(ref, t, value); });
        for (auto& [type, payload] : log.Take()) {
          records.emplace_back(LateType(type), std::move(payload));
        }
        AddAll(records);
      }
    }
  }

  CheckpointSymbolWriter symbols_;
  std::vector<uint64_t> extents_;  // bytes, by number of the chunk file
  IdSet described_;
  IdSet detached_;  // their open samples are in the file
};

}  // namespace

void CopyHead(Head* head, FrameFile* out) { CheckpointWriter(head, out).Run(); }

}  // namespace narthex::tsdb
