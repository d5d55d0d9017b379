#pragma once
// A whole file, mapped read-only. Its size is taken once, at Open.
//
// Thread safety: const methods may run concurrently.

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/resident_pages.h"
#include "core/base/status.h"

namespace narthex {

class MappedFile {
 public:
  // An empty file gives empty data.
  static StatusOr<MappedFile> Open(const std::string& path);
  // The same for who reads it once from front to back.
  static StatusOr<MappedFile> OpenSequential(const std::string& path);
  // The first `size` bytes of a file, which may be there later only.
  static StatusOr<MappedFile> Map(int fd, size_t size, const std::string& path);
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        pages_(std::move(other.pages_)) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(pages_, other.pages_);
    return *this;
  }
  ~MappedFile();

  std::string_view data() const { return {data_, size_}; }
  // Takes the pages that lie within [from, to) out of the process's memory; they are read again
  // from the page cache when needed.
  void DropPages(size_t from, size_t to) const;
  // From now on readers tell what they touch, so that not all of it stays in memory.
  void LimitPages();
  void Touch(size_t offset) const {
    if (pages_ != nullptr) pages_->Touch(offset);
  }

 private:
  const char* data_ = nullptr;
  size_t size_ = 0;
  std::unique_ptr<ResidentPages::Mapping> pages_;
};

}  // namespace narthex
