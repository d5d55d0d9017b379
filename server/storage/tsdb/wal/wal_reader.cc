#include "server/storage/tsdb/wal/wal_reader.h"

#include <zstd.h>

#include "core/base/crc32c.h"

namespace narthex::tsdb {
namespace {

struct Frame {
  RecordType type;
  std::string_view payload;
  size_t size;
};

bool ReadFrame(std::string_view bytes, Frame* frame) {
  ByteReader in(bytes);
  const uint32_t length = in.Le32();
  const uint32_t crc = in.Le32();
  const std::string_view body = in.rest();
  if (!in.ok() || length > kMaxPayload || body.size() < size_t{2} + length) return false;
  if (Crc32c(body.substr(0, size_t{2} + length)) != crc) return false;
  frame->type = static_cast<RecordType>(body[0]);
  frame->payload = body.substr(2, length);
  frame->size = kFrameHeader + length;
  return true;
}

bool IsSync(const Frame& frame, uint32_t segment, size_t offset) {
  ByteReader in(frame.payload);
  return frame.type == RecordType::kSync && in.Bytes(kSyncMagic.size()) == kSyncMagic &&
         in.Le32() == segment && in.Le64() == offset && in.ok();
}

// The offset of the next sync mark after `from`; npos when there is none.
size_t FindSync(std::string_view bytes, uint32_t segment, size_t from) {
  for (size_t at = (from / kSyncAlignment + 1) * kSyncAlignment; at < bytes.size();
       at += kSyncAlignment) {
    Frame frame;
    if (ReadFrame(bytes.substr(at), &frame) && IsSync(frame, segment, at)) return at;
  }
  return std::string_view::npos;
}

bool AllZero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

// Hands out the records inside a compressed frame. False when it is malformed.
bool Unpack(std::string_view payload, SegmentScan* scan,
            const std::function<void(RecordType, std::string_view)>& record) {
  const auto size = ZSTD_getFrameContentSize(payload.data(), payload.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN ||
      size > 2 * kMaxPayload) {
    return false;
  }
  std::string plain(size, '\0');
  const size_t n = ZSTD_decompress(plain.data(), plain.size(), payload.data(), payload.size());
  if (ZSTD_isError(n) || n != size) return false;
  for (std::string_view rest = plain; !rest.empty();) {
    Frame frame;
    if (!ReadFrame(rest, &frame) || frame.type == RecordType::kCompressed) return false;
    ++scan->records;
    record(frame.type, frame.payload);
    rest.remove_prefix(frame.size);
  }
  return true;
}

}  // namespace

SegmentScan ScanSegment(std::string_view bytes, uint32_t segment,
                        const std::function<void(RecordType, std::string_view)>& record,
                        const std::function<void()>& damaged) {
  SegmentScan scan;
  size_t at = kSegmentHeader;
  // Goes to the next mark; false when there is none.
  const auto resume = [&](size_t from) {
    const size_t next = FindSync(bytes, segment, from);
    if (next == std::string_view::npos) return false;
    ++scan.damaged;
    damaged();
    at = next;
    return true;
  };
  if (bytes.size() < kSegmentHeader || bytes.substr(0, kSegmentMagic.size()) != kSegmentMagic) {
    if (!resume(0)) {
      scan.torn_tail = !bytes.empty();
      return scan;
    }
  } else {
    scan.good_end = kSegmentHeader;
  }
  while (at < bytes.size()) {
    const std::string_view rest = bytes.substr(at);
    // Before a mark the file is padded with zeros to the alignment.
    const size_t padding = (kSyncAlignment - at % kSyncAlignment) % kSyncAlignment;
    Frame frame;
    if (padding > 0 && padding < rest.size() && AllZero(rest.substr(0, padding)) &&
        ReadFrame(rest.substr(padding), &frame) && IsSync(frame, segment, at + padding)) {
      at += padding + frame.size;
      scan.good_end = at;
      continue;
    }
    if (!ReadFrame(rest, &frame)) {
      if (resume(at)) continue;
      scan.torn_tail = true;
      return scan;
    }
    if (frame.type == RecordType::kCompressed) {
      if (!Unpack(frame.payload, &scan, record)) {
        ++scan.damaged;
        damaged();
      }
    } else if (frame.type != RecordType::kSync) {
      ++scan.records;
      record(frame.type, frame.payload);
    }
    at += frame.size;
    scan.good_end = at;
  }
  return scan;
}

}  // namespace narthex::tsdb
