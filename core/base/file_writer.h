#pragma once
// Writes a new file from front to back through a buffer and knows its position. After the first
// error every further call returns it, so a writer of many small parts may check at the end.
//
// Thread safety: none.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/crc32c.h"
#include "core/base/file.h"
#include "core/base/status.h"

namespace narthex {

class FileWriter {
 public:
  // Fails when the file exists.
  static StatusOr<std::unique_ptr<FileWriter>> Create(const std::string& path);

  void Write(std::string_view data);
  uint64_t position() const { return position_; }
  const std::string& path() const { return path_; }
  const Status& status() const { return status_; }

  // The CRC-32C of what is written between the two.
  void BeginChecksum() { crc_ = 0; }
  uint32_t checksum() const { return crc_; }

  Status Flush();
  // Overwrites bytes written before; flushes. The position stays.
  Status PatchAt(uint64_t offset, std::string_view data);
  // Flushes, syncs, closes.
  Status Finish();

 private:
  FileWriter(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  static constexpr size_t kBufferBytes = 256 << 10;

  UniqueFd fd_;
  std::string path_;
  std::string buffer_;
  uint64_t position_ = 0;
  uint32_t crc_ = 0;
  Status status_;
};

}  // namespace narthex
