#pragma once
// A whole file, mapped read-only. Its size is taken once, at Open.
//
// Thread safety: const methods may run concurrently.

#include <string>
#include <string_view>
#include <utility>

#include "core/base/status.h"

namespace narthex {

class MappedFile {
 public:
  // An empty file gives empty data.
  static StatusOr<MappedFile> Open(const std::string& path);
  // The same for who reads it once from front to back.
  static StatusOr<MappedFile> OpenSequential(const std::string& path);
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~MappedFile();

  std::string_view data() const { return {data_, size_}; }
  // Takes the pages that lie within [from, to) out of the process's memory; they are read again
  // from the page cache when needed.
  void DropPages(size_t from, size_t to) const;

 private:
  const char* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace narthex
