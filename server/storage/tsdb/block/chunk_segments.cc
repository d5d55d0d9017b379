#include "server/storage/tsdb/block/chunk_segments.h"

#include <algorithm>

#include "core/base/bytes.h"

namespace narthex::tsdb {
namespace {

constexpr uint32_t kMagic = 0x85BD40DD;
constexpr uint8_t kVersion = 1;
constexpr size_t kHeaderBytes = 8;
constexpr size_t kChecksumBytes = 4;
constexpr size_t kMaxLengthBytes = 5;  // uvarint of a u32

std::string SegmentName(uint32_t number) { return fmt::format("{:06}", number); }

bool IsNumber(std::string_view name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

StatusOr<std::unique_ptr<ChunkSegments>> ChunkSegments::Open(const std::string& chunks_dir) {
  NX_ASSIGN_OR_RETURN(std::vector<std::string> names, ListDirectory(chunks_dir));
  std::erase_if(names, [](const std::string& name) { return !IsNumber(name); });
  auto segments = std::make_unique<ChunkSegments>();
  for (const std::string& name : names) {
    const std::string path = JoinPath(chunks_dir, name);
    NX_ASSIGN_OR_RETURN(MappedFile mapping, MappedFile::Open(path));
    NX_RETURN_IF_ERROR(segments->Add(mapping.data(), path));
    mapping.LimitPages();
    segments->mappings_.push_back(std::move(mapping));
  }
  return segments;
}

StatusOr<std::unique_ptr<ChunkSegments>> ChunkSegments::FromBytes(
    std::vector<std::string_view> files) {
  auto segments = std::make_unique<ChunkSegments>();
  for (size_t i = 0; i < files.size(); ++i) {
    NX_RETURN_IF_ERROR(segments->Add(files[i], SegmentName(static_cast<uint32_t>(i + 1))));
  }
  return segments;
}

Status ChunkSegments::Add(std::string_view file, std::string name) {
  ByteReader reader(file);
  const uint32_t magic = reader.Be32();
  const uint8_t version = reader.U8();
  if (file.size() < kHeaderBytes) return DataLoss("{}: segment header is cut off", name);
  if (magic != kMagic) return DataLoss("{}: invalid magic number {:x}", name, magic);
  if (version != kVersion) return DataLoss("{}: invalid chunk format version {}", name, version);
  bytes_ += file.size();
  files_.push_back(file);
  names_.push_back(std::move(name));
  return OkStatus();
}

StatusOr<StoredChunk> ChunkSegments::Read(uint64_t ref) const {
  const uint64_t segment = ref >> 32;
  const uint64_t offset = ref & UINT32_MAX;
  if (segment >= files_.size()) return DataLoss("chunk segment index {} out of range", segment);
  const std::string_view file = files_[segment];
  if (offset < kHeaderBytes || offset >= file.size()) {
    return DataLoss("{}: chunk at {} beyond its end", names_[segment], offset);
  }
  if (segment < mappings_.size()) mappings_[segment].Touch(offset);
  ByteReader reader(file.substr(offset));
  const uint64_t length = reader.Uvarint();
  if (!reader.ok() || length > reader.remaining() ||
      reader.remaining() - length < 1 + kChecksumBytes) {
    return DataLoss("{}: chunk at {} is cut off", names_[segment], offset);
  }
  const std::string_view checked = reader.Bytes(length + 1);
  if (reader.Be32() != Crc32c(checked)) {
    return DataLoss("{}: checksum mismatch of the chunk at {}", names_[segment], offset);
  }
  return StoredChunk{static_cast<Encoding>(checked[0]), checked.substr(1)};
}

Status ChunkSegmentWriter::Cut() {
  if (file_ != nullptr) NX_RETURN_IF_ERROR(file_->Finish());
  NX_ASSIGN_OR_RETURN(file_, FileWriter::Create(JoinPath(dir_, SegmentName(++files_))));
  std::string header;
  ByteWriter writer(&header);
  writer.Be32(kMagic);
  writer.U8(kVersion);
  header.resize(kHeaderBytes, '\0');
  file_->Write(header);
  bytes_ += header.size();
  return OkStatus();
}

StatusOr<uint64_t> ChunkSegmentWriter::Write(Encoding encoding, std::string_view data) {
  if (data.size() > UINT32_MAX) return InvalidArgument("a chunk of {} bytes", data.size());
  const uint64_t at_most = kMaxLengthBytes + 1 + data.size() + kChecksumBytes;
  if (file_ == nullptr || file_->position() + at_most > segment_bytes_) {
    NX_RETURN_IF_ERROR(Cut());
  }
  const uint64_t offset = file_->position();
  char head[kMaxLengthBytes + 1];
  size_t n = 0;
  for (uint64_t left = data.size();; left >>= 7) {
    head[n++] = static_cast<char>((left & 0x7f) | (left >= 0x80 ? 0x80 : 0));
    if (left < 0x80) break;
  }
  head[n] = static_cast<char>(encoding);
  file_->Write({head, n});
  file_->BeginChecksum();
  file_->Write({head + n, 1});
  file_->Write(data);
  const uint32_t checksum = __builtin_bswap32(file_->checksum());
  file_->Write({reinterpret_cast<const char*>(&checksum), sizeof checksum});
  bytes_ += file_->position() - offset;
  NX_RETURN_IF_ERROR(file_->status());
  return uint64_t{files_ - 1} << 32 | offset;
}

Status ChunkSegmentWriter::Finish() {
  if (file_ != nullptr) NX_RETURN_IF_ERROR(file_->Finish());
  return SyncDirectory(dir_);
}

}  // namespace narthex::tsdb
