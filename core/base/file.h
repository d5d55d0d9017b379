#pragma once
// Files: whole-file reads with a limit, atomic replacement, directory sync, RAII descriptors.
// Every error names the path.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"

namespace narthex {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

// Fails with OutOfRange when the file is larger than `limit` bytes. Works on /proc and /sys files,
// whose reported size is zero.
StatusOr<std::string> ReadFile(const std::string& path, size_t limit = size_t{1} << 30);

// Writes to a temporary file beside `path`, syncs it, renames it over `path`, syncs the directory.
Status WriteFileAtomically(const std::string& path, std::string_view content, int mode = 0644);

StatusOr<UniqueFd> OpenFile(const std::string& path, int flags, int mode = 0644);
Status WriteAll(int fd, std::string_view data, const std::string& path);
Status CreateDirectories(const std::string& path);
Status SyncDirectory(const std::string& path);
bool FileExists(const std::string& path);
// Names (not paths) in a directory, sorted, without "." and "..".
StatusOr<std::vector<std::string>> ListDirectory(const std::string& path);
// Joins a relative path to a base directory; absolute and empty paths stay as they are.
std::string JoinPath(std::string_view base, std::string_view path);

}  // namespace narthex
