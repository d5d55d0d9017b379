#include "server/storage/tsdb/head/checkpoint.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/base/mapped_file.h"
#include "core/log/log.h"
#include "server/storage/tsdb/head/checkpoint_codec.h"
#include "server/storage/tsdb/head/frame_file.h"
#include "server/storage/tsdb/wal/wal_reader.h"

namespace narthex::tsdb {
namespace {

constexpr size_t kLetGoEvery = 1 << 20;

bool Delete(const std::string& path) {
  if (::unlink(path.c_str()) == 0) return true;
  NX_LOG(Warn, "Old log file could not be deleted", {"file", path});
  return false;
}

}  // namespace

StatusOr<LogFiles> LogFiles::List(const std::string& dir) {
  NX_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir));
  LogFiles files;
  for (const std::string& name : names) {
    if (const uint32_t n = NumberIn(name, "wal-"); n != 0) files.segments.push_back(n);
    if (const uint32_t n = NumberIn(name, "checkpoint-"); n != 0) files.checkpoints.push_back(n);
    if (name.ends_with(".tmp")) files.temporary.push_back(name);
  }
  std::sort(files.segments.begin(), files.segments.end());
  std::sort(files.checkpoints.begin(), files.checkpoints.end());
  return files;
}

std::string SegmentPath(const std::string& dir, uint32_t number) {
  return fmt::format("{}/wal-{:08}", dir, number);
}

std::string CheckpointPath(const std::string& dir, uint32_t number) {
  return fmt::format("{}/checkpoint-{:08}", dir, number);
}

bool DeleteLogBelow(const std::string& dir, uint32_t number) {
  const StatusOr<LogFiles> files = LogFiles::List(dir);
  if (!files.ok()) return false;
  bool all = true;
  for (const uint32_t n : files->segments) {
    if (n < number) all &= Delete(SegmentPath(dir, n));
  }
  for (const uint32_t n : files->checkpoints) {
    if (n < number) all &= Delete(CheckpointPath(dir, n));
  }
  return all;
}

Status WriteCheckpoint(Head* head, const std::string& wal_dir) {
  HeadCore& core = head->core();
  if (core.wal == nullptr) return FailedPrecondition("the log is closed");
  const uint32_t number = core.wal->Roll();
  const std::string path = CheckpointPath(wal_dir, number);
  const std::string temporary = path + ".tmp";
  FrameFile file(temporary, number);
  CopyHead(head, &file);
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
  // The one before stays, with the log behind it, for the case that this one cannot be read.
  const StatusOr<LogFiles> files = LogFiles::List(wal_dir);
  if (!files.ok() || !DeleteLogBelow(wal_dir, files->NewestBelow(number))) {
    ++core.counters.checkpoint_deletions_failed;
  }
  NX_LOG(Info, "Log checkpoint complete", {"first", number}, {"bytes", file.size()});
  return OkStatus();
}

StatusOr<CheckpointHead> CheckCheckpoint(const std::string& path, uint32_t number) {
  NX_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::OpenSequential(path));
  StatusOr<CheckpointHead> head = DataLoss("{}: no head", path);
  uint64_t records = 0;
  bool ended = false;
  size_t let_go = 0;
  const SegmentScan scan = ScanSegment(
      file.data(), number,
      [&](RecordType type, std::string_view payload) {
        if (records == 0 && type == RecordType::kCheckpointHead) {
          head = CheckpointHead::Decode(payload);
        }
        ended = type == RecordType::kCheckpointEnd && ByteReader(payload).Uvarint() == records;
        ++records;
        const auto at = reinterpret_cast<uintptr_t>(payload.data()) -
                        reinterpret_cast<uintptr_t>(file.data().data());
        if (at < let_go + kLetGoEvery || at >= file.data().size()) return;
        file.DropPages(let_go, at);
        let_go = at;
      },
      [] {});
  if (!head.ok()) return Annotate(head.status(), path);
  if (scan.damaged > 0 || scan.torn_tail || !ended) return DataLoss("{}: damaged", path);
  return head;
}

}  // namespace narthex::tsdb
