#pragma once
// The framing of Prometheus' log: segments of 32 KiB pages, records cut into fragments with a
// checksum each, compressed or not (docs/formats/prometheus-wal.md).
//
// Damage: reading goes on at the next page with a fragment that begins a record; every such place
// is counted. A torn tail is damage at the end of the last segment.
//
// Thread safety: functions only.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace narthex::tsdb::promwal {

inline constexpr size_t kPageSize = 32 << 10;
inline constexpr size_t kFragmentHeader = 7;
// No record that Prometheus writes comes close.
inline constexpr size_t kMaxRecord = size_t{256} << 20;

struct LogScan {
  uint64_t bytes = 0;
  uint64_t records = 0;
  uint64_t damaged = 0;  // places where bytes could not be understood
};

// The record is valid during the call.
using OnRecord = std::function<void(std::string_view record)>;

// The records of one segment's bytes.
void ScanSegment(std::string_view segment, const OnRecord& record, LogScan* scan);

struct LogFiles {
  std::string checkpoint;             // its directory, "" when there is none
  std::vector<std::string> segments;  // after the checkpoint, in order
  uint32_t last_segment = 0;          // number of the last one; 0 when there is none
  bool empty() const { return checkpoint.empty() && segments.empty(); }
};

// The log in `dir` (wal/ or wbl/); empty when the directory is missing or has none. A gap between
// segments is not an error: what is there is read.
StatusOr<LogFiles> FindLog(const std::string& dir);

// Reads the checkpoint, then the segments. Fails when a file cannot be read at all.
Status ScanLog(const LogFiles& files, const OnRecord& record, LogScan* scan);

}  // namespace narthex::tsdb::promwal
