#pragma once
// Writes a log that Prometheus reads: segments of 32 KiB pages (log_reader.h has the framing),
// records compressed where that makes them smaller.
//
// Thread safety: none.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/file.h"
#include "core/base/status.h"
#include "server/storage/tsdb/options.h"

namespace narthex::tsdb::promwal {

class LogWriter {
 public:
  // Writes to `dir`/00000000 and on; the directory is created and should be empty.
  explicit LogWriter(std::string dir, LogCompression compression = LogCompression::kSnappy,
                     uint64_t segment_bytes = uint64_t{128} << 20)
      : dir_(std::move(dir)), compression_(compression), segment_bytes_(segment_bytes) {}

  Status Append(std::string_view record);
  // Pads, syncs and closes. Without a record there is one empty segment.
  Status Close();
  uint64_t bytes() const { return bytes_; }

 private:
  Status BeginSegment();
  Status EndSegment();
  Status Flush();
  // Replaces *record by what is written for it; the bit of the fragments that says how.
  uint8_t Compress(std::string_view* record);

  const std::string dir_;
  const LogCompression compression_;
  const uint64_t segment_bytes_;
  UniqueFd fd_;
  std::string path_;
  uint32_t next_segment_ = 0;
  uint64_t segment_used_ = 0;  // bytes of the segment, those in buffer_ included
  uint64_t bytes_ = 0;
  std::string buffer_, compressed_;
};

}  // namespace narthex::tsdb::promwal
