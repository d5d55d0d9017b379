#include "server/storage/tsdb/promwal/log_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/compress/snappy.h"
#include "core/compress/zstd.h"
#include "server/storage/tsdb/promwal/log_reader.h"

namespace narthex::tsdb::promwal {
namespace {

constexpr uint8_t kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4;
constexpr uint8_t kSnappyBit = 0x08, kZstdBit = 0x10;
constexpr size_t kFlushBytes = 1 << 20;

}  // namespace

Status LogWriter::BeginSegment() {
  if (next_segment_ == 0) NX_RETURN_IF_ERROR(CreateDirectories(dir_));
  path_ = fmt::format("{}/{:08}", dir_, next_segment_++);
  NX_ASSIGN_OR_RETURN(fd_, OpenFile(path_, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC));
  segment_used_ = 0;
  return OkStatus();
}

Status LogWriter::Flush() {
  NX_RETURN_IF_ERROR(WriteAll(fd_.get(), buffer_, path_));
  buffer_.clear();
  return OkStatus();
}

Status LogWriter::EndSegment() {
  const size_t left = segment_used_ % kPageSize;
  if (left != 0) {
    buffer_.append(kPageSize - left, '\0');
    bytes_ += kPageSize - left;
  }
  NX_RETURN_IF_ERROR(Flush());
  if (::fsync(fd_.get()) != 0) return ErrnoStatus(errno, "fsync " + path_);
  fd_.Reset();
  return OkStatus();
}

uint8_t LogWriter::Compress(std::string_view* record) {
  switch (compression_) {
    case LogCompression::kNone: return 0;
    case LogCompression::kSnappy: SnappyCompress(*record, &compressed_); break;
    case LogCompression::kZstd: compressed_ = ZstdCompress(*record); break;
  }
  if (compressed_.size() >= record->size()) return 0;
  *record = compressed_;
  return compression_ == LogCompression::kZstd ? kZstdBit : kSnappyBit;
}

Status LogWriter::Append(std::string_view record) {
  const uint8_t compression = Compress(&record);
  const size_t per_page = kPageSize - kFragmentHeader;
  const uint64_t need = record.size() + (record.size() / per_page + 2) * kFragmentHeader;
  if (fd_.valid() && segment_used_ > 0 && segment_used_ + need > segment_bytes_) {
    NX_RETURN_IF_ERROR(EndSegment());
  }
  if (!fd_.valid()) NX_RETURN_IF_ERROR(BeginSegment());
  const uint64_t before = segment_used_;
  ByteWriter out(&buffer_);
  for (bool first = true; first || !record.empty(); first = false) {
    size_t room = kPageSize - segment_used_ % kPageSize;
    if (room <= kFragmentHeader) {  // too little for a fragment with data
      buffer_.append(room, '\0');
      segment_used_ += room;
      room = kPageSize;
    }
    const std::string_view part = record.substr(0, room - kFragmentHeader);
    record.remove_prefix(part.size());
    const uint8_t type = first            ? (record.empty() ? kFull : kFirst)
                         : record.empty() ? kLast
                                          : kMiddle;
    out.U8(type | compression);
    out.Be16(static_cast<uint16_t>(part.size()));
    out.Be32(Crc32c(part));
    out.Bytes(part);
    segment_used_ += kFragmentHeader + part.size();
  }
  bytes_ += segment_used_ - before;
  return buffer_.size() < kFlushBytes ? OkStatus() : Flush();
}

Status LogWriter::Close() {
  if (!fd_.valid()) NX_RETURN_IF_ERROR(BeginSegment());
  NX_RETURN_IF_ERROR(EndSegment());
  return SyncDirectory(dir_);
}

}  // namespace narthex::tsdb::promwal
