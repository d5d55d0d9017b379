#pragma once
// A checkpoint stands for all log segments below its number: the series with their full chunks, the
// groups with their open chunks as they are in memory, the open samples of detached series
// (docs/formats/checkpoint.md). A restart reads the newest sound one and the log from its number
// on. The one before it is kept, with the log behind it.
//
// Writers go on meanwhile; each group is copied as of one moment after the segment was begun, and
// replay recognises what it then finds twice.

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "server/storage/tsdb/head/checkpoint_codec.h"
#include "server/storage/tsdb/head/head.h"

namespace narthex::tsdb {

class FrameFile;

// Begins a new segment, writes the checkpoint for those before it, deletes what no restart needs.
// Serialised by the caller.
Status WriteCheckpoint(Head* head, const std::string& wal_dir);

// The records of a checkpoint.
void CopyHead(Head* head, FrameFile* out);

// Reads a checkpoint through. DataLoss: some of it is damaged. FailedPrecondition: of a version
// this program does not know.
StatusOr<CheckpointHead> CheckCheckpoint(const std::string& path, uint32_t number);

// ---- The files of the log ----

std::string SegmentPath(const std::string& dir, uint32_t number);
std::string CheckpointPath(const std::string& dir, uint32_t number);
// False when some could not be deleted.
bool DeleteLogBelow(const std::string& dir, uint32_t number);

struct LogFiles {
  std::vector<uint32_t> segments, checkpoints;  // ascending
  std::vector<std::string> temporary;           // names

  static StatusOr<LogFiles> List(const std::string& dir);
  // The newest checkpoint before `number`; 0: none.
  uint32_t NewestBelow(uint32_t number) const {
    uint32_t newest = 0;
    for (const uint32_t n : checkpoints) newest = n < number ? n : newest;
    return newest;
  }
  // The number in "<prefix>00000012"; 0 when the name is something else.
  static uint32_t NumberIn(std::string_view name, std::string_view prefix) {
    if (!name.starts_with(prefix)) return 0;
    name.remove_prefix(prefix.size());
    uint32_t n = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), n);
    return error == std::errc() && end == name.data() + name.size() ? n : 0;
  }
};

}  // namespace narthex::tsdb
