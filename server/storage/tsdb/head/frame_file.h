#pragma once
// Writes a file of log frames (docs/formats/wal.md) in large writes, with sync marks as in a
// segment. A failure sticks.
//
// Thread safety: none.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/file.h"
#include "core/base/status.h"
#include "server/storage/tsdb/wal/wal_format.h"

namespace narthex::tsdb {

class FrameFile {
 public:
  FrameFile(std::string path, uint32_t number);

  void Add(RecordType type, std::string_view payload);
  // Writes what is buffered and syncs.
  Status Finish();
  const Status& status() const { return status_; }
  size_t size() const { return size_; }
  uint64_t records() const { return records_; }

 private:
  void Write();
  const std::string path_;
  const uint32_t number_;
  UniqueFd fd_;
  std::string buffer_;
  size_t size_ = 0;
  uint64_t records_ = 0;
  Status status_;
};

}  // namespace narthex::tsdb
