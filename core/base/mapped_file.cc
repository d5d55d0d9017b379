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
  MappedFile file;
  file.size_ = static_cast<size_t>(info.st_size);
  if (file.size_ == 0) return file;
  void* p = ::mmap(nullptr, file.size_, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (p == MAP_FAILED) {
    file.size_ = 0;
    return ErrnoStatus(errno, "mmap " + path);
  }
  file.data_ = static_cast<const char*>(p);
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

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<char*>(data_), size_);
}

}  // namespace narthex
