#include "server/storage/tsdb/head/checkpoint.h"

#include <absl/container/flat_hash_set.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "core/base/file.h"
#include "core/log/log.h"
#include "server/storage/tsdb/series/series_record.h"

namespace narthex::tsdb {
namespace {

constexpr uint32_t kSlice = 1024;  // series encoded in one hold of the index lock
constexpr size_t kWriteBytes = 1 << 20;

class Marks final : public SymbolMarks {
 public:
  bool Name(uint32_t name) override { return names_.insert(name).second; }
  bool Value(uint32_t name, uint32_t value) override {
    return values_.insert(uint64_t{name} << 32 | value).second;
  }

 private:
  absl::flat_hash_set<uint32_t> names_;
  absl::flat_hash_set<uint64_t> values_;
};

// Appends frames to a file in large writes, with sync marks as in a segment. A failure sticks.
class FrameFile {
 public:
  FrameFile(std::string path, uint32_t number) : path_(std::move(path)), number_(number) {
    auto fd = OpenFile(path_, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
    status_ = fd.status();
    if (fd.ok()) fd_ = *std::move(fd);
    buffer_ = kSegmentMagic;
    ByteWriter out(&buffer_);
    out.Le32(number_);
    out.Le32(0);
  }
  void Add(RecordType type, std::string_view payload) {
    AppendFrame(type, payload, &buffer_);
    if (buffer_.size() >= kWriteBytes) Write();
  }
  void Write() {
    if (status_.ok()) status_ = WriteAll(fd_.get(), buffer_, path_);
    size_ += buffer_.size();
    buffer_.assign((kSyncAlignment - size_ % kSyncAlignment) % kSyncAlignment, '\0');
    std::string mark(kSyncMagic);
    ByteWriter out(&mark);
    out.Le32(number_);
    out.Le64(size_ + buffer_.size());
    AppendFrame(RecordType::kSync, mark, &buffer_);
  }
  Status Finish() {
    Write();
    if (status_.ok() && ::fsync(fd_.get()) != 0) status_ = ErrnoStatus(errno, path_);
    return status_;
  }
  const Status& status() const { return status_; }
  size_t size() const { return size_; }

 private:
  const std::string path_;
  const uint32_t number_;
  UniqueFd fd_;
  std::string buffer_;
  size_t size_ = 0;
  Status status_;
};

class CheckpointWriter {
 public:
  CheckpointWriter(Head* head, FrameFile* out)
      : head_(*head), core_(head->core()), out_(*out), pin_(&core_.epochs) {}

  void Run() {
    Step();
    std::string cut;
    ByteWriter(&cut).Varint(core_.truncated_before.load());
    out_.Add(RecordType::kCut, cut);
    Series();
    if (core_.deletes.any()) {
      out_.Add(RecordType::kDelete, HeadDeletes::Encode(core_.deletes.All()));
    }
    Groups();
    RestOfDetached();
    Late();
    Exemplars();
  }

 private:
  using Records = std::vector<std::pair<RecordType, std::string>>;

  void Step() {
    if (core_.options.checkpoint_step) core_.options.checkpoint_step();
  }

  void Series() {
    for (uint32_t from = 0; out_.status().ok(); from += kSlice) {
      Records records;
      {
        ReaderLock lock(core_.index.mutex());
        const uint32_t limit = core_.index.table().limit();
        if (from >= limit) return;
        for (uint32_t slot = from; slot < std::min(limit, from + kSlice); ++slot) {
          if (core_.index.all().Contains(slot)) Describe(slot, &records);
        }
      }
      for (const auto& [type, payload] : records) out_.Add(type, payload);
      Step();
    }
  }

  void Describe(uint32_t slot, Records* records) REQUIRES_SHARED(core_.index.mutex()) {
    if (!described_.Add(slot)) return;
    std::string definitions, series;
    EncodeSeries(core_.index, slot, &marks_, &definitions, &series);
    if (!definitions.empty()) records->emplace_back(RecordType::kSymbols, std::move(definitions));
    records->emplace_back(RecordType::kSeries, std::move(series));
  }

  // A series that came after Series() passed its slot is in the log as well, but there its
  // definition comes too late for what this file says about it.
  void DescribeLate(uint32_t slot, Records* records) {
    if (described_.Contains(slot)) return;
    ReaderLock lock(core_.index.mutex());
    Describe(slot, records);
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
      for (const auto& [type, payload] : records) out_.Add(type, payload);
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
    group->EncodeOpenChunks(
        [&](std::string_view p) { records->emplace_back(RecordType::kOpenChunk, std::string(p)); });
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
      for (const auto& [type, payload] : records) out_.Add(type, payload);
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
        for (const auto& [type, payload] : records) out_.Add(type, payload);
        piece.push_back(std::move(all[i].second));
      }
      if (piece.empty() || (piece.size() < kSlice && i + 1 < all.size())) continue;
      out_.Add(RecordType::kExemplars, EncodeExemplars(piece));
      piece.clear();
    }
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
        for (const auto& [type, payload] : records) out_.Add(type, payload);
      }
    }
  }

  Marks marks_;
  IdSet described_;
  IdSet detached_;  // their open samples are in the file
};

// Deletes the segments and checkpoints below `number`; false when some are left.
bool DeleteBelow(const std::string& dir, uint32_t number) {
  const auto names = ListDirectory(dir);
  if (!names.ok()) return false;
  bool all = true;
  for (const std::string& name : *names) {
    const size_t dash = name.rfind('-');
    if (dash == std::string::npos) continue;
    const std::string kind = name.substr(0, dash);
    if (kind != "wal" && kind != "checkpoint") continue;
    uint32_t n = 0;
    const char* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + dash + 1, end, n);
    if (error != std::errc() || stop != end || n >= number) continue;
    if (::unlink(JoinPath(dir, name).c_str()) != 0) {
      NX_LOG(Warn, "Old log file could not be deleted", {"file", name});
      all = false;
    }
  }
  return all;
}

}  // namespace

Status WriteCheckpoint(Head* head, const std::string& wal_dir) {
  HeadCore& core = head->core();
  if (core.wal == nullptr) return FailedPrecondition("the log is closed");
  const uint32_t number = core.wal->Roll();
  const std::string path = fmt::format("{}/checkpoint-{:08}", wal_dir, number);
  const std::string temporary = path + ".tmp";
  FrameFile file(temporary, number);
  CheckpointWriter(head, &file).Run();
  Status status = file.Finish();
  // Chunks that were sealed meanwhile are not in the checkpoint: they must be on the disk, and so
  // must the log records that come after it.
  if (status.ok()) status = core.chunks.Sync();
  if (status.ok()) status = core.wal->Flush(/*sync=*/true);
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    status = ErrnoStatus(errno, "rename " + path);
  }
  if (status.ok()) status = SyncDirectory(wal_dir);
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return Annotate(status, "checkpoint");
  }
  if (!DeleteBelow(wal_dir, number)) ++core.counters.checkpoint_deletions_failed;
  NX_LOG(Info, "Log checkpoint complete", {"first", number}, {"bytes", file.size()});
  return OkStatus();
}

}  // namespace narthex::tsdb
