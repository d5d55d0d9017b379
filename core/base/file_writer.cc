#include "core/base/file_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace narthex {

StatusOr<std::unique_ptr<FileWriter>> FileWriter::Create(const std::string& path) {
  NX_ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_RDWR | O_CREAT | O_EXCL));
  return std::unique_ptr<FileWriter>(new FileWriter(std::move(fd), path));
}

void FileWriter::Write(std::string_view data) {
  crc_ = Crc32c(data, crc_);
  position_ += data.size();
  if (buffer_.size() + data.size() > kBufferBytes && !Flush().ok()) return;
  if (data.size() >= kBufferBytes) {
    if (status_.ok()) status_ = WriteAll(fd_.get(), data, path_);
    return;
  }
  if (buffer_.capacity() < kBufferBytes) buffer_.reserve(kBufferBytes);
  buffer_.append(data);
}

Status FileWriter::Flush() {
  if (status_.ok()) status_ = WriteAll(fd_.get(), buffer_, path_);
  buffer_.clear();
  return status_;
}

Status FileWriter::PatchAt(uint64_t offset, std::string_view data) {
  NX_RETURN_IF_ERROR(Flush());
  while (!data.empty()) {
    const ssize_t n = ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return status_ = ErrnoStatus(errno, "write " + path_);
    data.remove_prefix(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return OkStatus();
}

Status FileWriter::Finish() {
  NX_RETURN_IF_ERROR(Flush());
  if (::fsync(fd_.get()) != 0) return status_ = ErrnoStatus(errno, "fsync " + path_);
  if (::close(fd_.release()) != 0) return status_ = ErrnoStatus(errno, "close " + path_);
  return OkStatus();
}

}  // namespace narthex
