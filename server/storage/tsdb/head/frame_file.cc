#include "server/storage/tsdb/head/frame_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace narthex::tsdb {
namespace {
constexpr size_t kWriteBytes = 1 << 20;
}

FrameFile::FrameFile(std::string path, uint32_t number) : path_(std::move(path)), number_(number) {
  auto fd = OpenFile(path_, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
  status_ = fd.status();
  if (fd.ok()) fd_ = *std::move(fd);
  buffer_ = kSegmentMagic;
  ByteWriter out(&buffer_);
  out.Le32(number_);
  out.Le32(0);
}

void FrameFile::Add(RecordType type, std::string_view payload) {
  AppendFrame(type, payload, &buffer_);
  ++records_;
  if (buffer_.size() >= kWriteBytes) Write();
}

void FrameFile::Write() {
  if (status_.ok()) status_ = WriteAll(fd_.get(), buffer_, path_);
  size_ += buffer_.size();
  buffer_.assign((kSyncAlignment - size_ % kSyncAlignment) % kSyncAlignment, '\0');
  std::string mark(kSyncMagic);
  ByteWriter out(&mark);
  out.Le32(number_);
  out.Le64(size_ + buffer_.size());
  AppendFrame(RecordType::kSync, mark, &buffer_);
}

Status FrameFile::Finish() {
  Write();
  if (status_.ok() && ::fsync(fd_.get()) != 0) status_ = ErrnoStatus(errno, path_);
  return status_;
}

}  // namespace narthex::tsdb
