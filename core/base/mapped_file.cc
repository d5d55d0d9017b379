#include "core/base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "core/base/file.h"

namespace narthex {

StatusOr<MappedFile> MappedFile::Open(const std::string& path) {
  NX_ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(path, O_RDONLY));
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, "stat " + path);
  if (!S_ISREG(info.st_mode)) return InvalidArgument("{} is not a file", path);
  return Map(fd.get(), static_cast<size_t>(info.st_size), path);
}

StatusOr<MappedFile> MappedFile::Map(int fd, size_t size, const std::string& path) {
  MappedFile file;
  if (size == 0) return file;
  void* p = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (p == MAP_FAILED) return ErrnoStatus(errno, "mmap " + path);
  file.data_ = static_cast<const char*>(p);
  file.size_ = size;
  return file;
}

StatusOr<MappedFile> MappedFile::OpenSequential(const std::string& path) {
  NX_ASSIGN_OR_RETURN(MappedFile file, Open(path));
  if (file.size_ > 0) ::madvise(const_cast<char*>(file.data_), file.size_, MADV_SEQUENTIAL);
  return file;
}

void MappedFile::DropPages(size_t from, size_t to) const {
  constexpr size_t kPage = 4096;
  from = (from + kPage - 1) / kPage * kPage;
  to = std::min(to, size_) / kPage * kPage;
  if (from < to) ::madvise(const_cast<char*>(data_) + from, to - from, MADV_DONTNEED);
}

void MappedFile::LimitPages() {
  if (size_ == 0) return;
  pages_ = std::make_unique<ResidentPages::Mapping>(&ResidentPages::OfProcess(), data_, size_);
}

MappedFile::~MappedFile() {
  pages_ = nullptr;
  if (data_ != nullptr) ::munmap(const_cast<char*>(data_), size_);
}

}  // namespace narthex
