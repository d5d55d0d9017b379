#include "core/compress/snappy.h"

#include <snappy.h>

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/compress/limits.h"

namespace narthex {
namespace {

// The densest element is a copy of 64 bytes in three.
constexpr size_t kMaxSnappyRatio = 22;

// Stream format (github.com/google/snappy/framing_format.txt):
//   chunk = type u8 │ length u24 le │ data;  data of 0x00/0x01 = masked CRC32C le │ block/bytes
constexpr uint8_t kCompressedChunk = 0x00;
constexpr uint8_t kUncompressedChunk = 0x01;
constexpr uint8_t kLastUnskippable = 0x7f;
constexpr uint8_t kStreamIdentifier = 0xff;
constexpr std::string_view kMagic = "sNaPpY";
constexpr size_t kMaxChunkData = 65536;
constexpr size_t kChecksumSize = 4;

uint32_t MaskedCrc(std::string_view data) {
  uint32_t crc = Crc32c(data);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

Status Corrupt() { return InvalidArgument("snappy: corrupt input"); }

// Appends one decoded block of at most `limit` bytes.
Status AppendBlock(std::string_view block, size_t limit, std::string* out) {
  size_t size = 0;
  if (!snappy::GetUncompressedLength(block.data(), block.size(), &size)) return Corrupt();
  if (size > limit) return TooLarge(limit);
  if (size / kMaxSnappyRatio > block.size()) return Corrupt();
  size_t before = out->size();
  out->resize(before + size);
  if (!snappy::RawUncompress(block.data(), block.size(), out->data() + before)) {
    out->resize(before);
    return Corrupt();
  }
  return OkStatus();
}

Status AppendDataChunk(uint8_t type, std::string_view data, size_t limit, std::string* out) {
  if (data.size() < kChecksumSize) return Corrupt();
  uint32_t want = ByteReader(data).Le32();
  data.remove_prefix(kChecksumSize);
  size_t before = out->size();
  if (type == kCompressedChunk) {
    size_t size = 0;
    if (!snappy::GetUncompressedLength(data.data(), data.size(), &size)) return Corrupt();
    if (size > kMaxChunkData) return Corrupt();
    if (size > limit - before) return TooLarge(limit);
    NX_RETURN_IF_ERROR(AppendBlock(data, size, out));
  } else {
    if (data.size() > kMaxChunkData) return Corrupt();
    if (data.size() > limit - before) return TooLarge(limit);
    out->append(data);
  }
  if (MaskedCrc(std::string_view(*out).substr(before)) != want) return Corrupt();
  return OkStatus();
}

void AppendChunkHeader(uint8_t type, size_t length, std::string* out) {
  ByteWriter writer(out);
  writer.U8(type);
  writer.U8(static_cast<uint8_t>(length));
  writer.U8(static_cast<uint8_t>(length >> 8));
  writer.U8(static_cast<uint8_t>(length >> 16));
}

}  // namespace

Status SnappyDecompress(std::string_view block, size_t limit, std::string* out) {
  out->clear();
  return AppendBlock(block, limit, out);
}

void SnappyCompress(std::string_view input, std::string* out) {
  snappy::Compress(input.data(), input.size(), out);
}

std::string SnappyCompress(std::string_view input) {
  std::string out;
  SnappyCompress(input, &out);
  return out;
}

// A block is its length and elements, of which those for 64 KiB refer to nothing before them when
// the reference compressor has made them.
void SnappyBlockBuilder::Flush() {
  if (pending_.empty()) return;
  SnappyCompress(pending_, &scratch_);
  ByteReader block(scratch_);
  block.Uvarint();
  compressed_.append(block.rest());
  pending_.clear();
}

void SnappyBlockBuilder::Append(std::string_view data) {
  size_ += data.size();
  while (!data.empty()) {
    const std::string_view piece = data.substr(0, kMaxChunkData - pending_.size());
    pending_.append(piece);
    data.remove_prefix(piece.size());
    if (pending_.size() == kMaxChunkData) Flush();
  }
}

void SnappyBlockBuilder::Append(SnappyBlockBuilder* part) {
  Flush();
  part->Flush();
  compressed_.append(part->compressed_);
  size_ += part->size_;
  *part = SnappyBlockBuilder();
}

std::string SnappyBlockBuilder::Finish() {
  Flush();
  std::string out;
  if (size_ <= UINT32_MAX) {
    char length[kMaxUvarint];
    out.assign(length, PutUvarint(size_, length));
    compressed_.insert(0, out);
    out = std::move(compressed_);
  }
  *this = SnappyBlockBuilder();
  return out;
}

Status SnappyFramedDecompress(std::string_view stream, size_t limit, std::string* out) {
  out->clear();
  bool identified = false;
  ByteReader reader(stream);
  while (!reader.empty()) {
    uint8_t type = reader.U8();
    uint32_t length = reader.U8();
    length |= uint32_t{reader.U8()} << 8;
    length |= uint32_t{reader.U8()} << 16;
    std::string_view data = reader.Bytes(length);
    if (!reader.ok()) return InvalidArgument("unexpected EOF");
    if (!identified && type != kStreamIdentifier) return Corrupt();
    if (type == kStreamIdentifier) {
      if (data != kMagic) return Corrupt();
      identified = true;
    } else if (type == kCompressedChunk || type == kUncompressedChunk) {
      NX_RETURN_IF_ERROR(AppendDataChunk(type, data, limit, out));
    } else if (type <= kLastUnskippable) {
      return InvalidArgument("snappy: unsupported input");
    }
  }
  return OkStatus();
}

std::string SnappyFramedCompress(std::string_view input) {
  std::string out;
  AppendChunkHeader(kStreamIdentifier, kMagic.size(), &out);
  out.append(kMagic);
  std::string block;
  for (; !input.empty(); input.remove_prefix(std::min(kMaxChunkData, input.size()))) {
    std::string_view piece = input.substr(0, kMaxChunkData);
    SnappyCompress(piece, &block);
    // As the reference writer: compress only where it saves an eighth.
    bool worth = block.size() < piece.size() - piece.size() / 8;
    std::string_view body = worth ? std::string_view(block) : piece;
    AppendChunkHeader(worth ? kCompressedChunk : kUncompressedChunk, body.size() + kChecksumSize,
                      &out);
    ByteWriter(&out).Le32(MaskedCrc(piece));
    out.append(body);
  }
  return out;
}

}  // namespace narthex
