#pragma once
// chunks/000001 … of a block:
//
//   ┌ u32 0x85BD40DD ┬ u8 1 ┬ 3 × 0 ┬ chunk … ┐    at most 512 MiB a file
//   chunk: ┌ uvarint n ┬ u8 encoding ┬ n bytes ┬ u32 CRC-32C of encoding and bytes ┐
//
// A reference is the position of the file among its siblings, from 0, in the upper 32 bits, and the
// offset of the chunk in the lower ones.
//
// Thread safety: ChunkSegments: const methods may run concurrently. The writer: none.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/file_writer.h"
#include "core/base/mapped_file.h"
#include "core/base/status.h"
#include "server/storage/tsdb/chunkenc/encoding.h"

namespace narthex::tsdb {

inline constexpr std::string_view kChunksDir = "chunks";

struct StoredChunk {
  Encoding encoding = Encoding::kNone;
  std::string_view data;
};

// The segments of one block, mapped.
class ChunkSegments {
 public:
  static StatusOr<std::unique_ptr<ChunkSegments>> Open(const std::string& chunks_dir);
  // Over the given file contents, which must outlive it; for tests.
  static StatusOr<std::unique_ptr<ChunkSegments>> FromBytes(std::vector<std::string_view> files);

  // Verifies bounds and checksum. The bytes live as long as this object.
  StatusOr<StoredChunk> Read(uint64_t ref) const;
  uint64_t bytes() const { return bytes_; }

 private:
  Status Add(std::string_view file, std::string name);

  std::vector<MappedFile> mappings_;
  std::vector<std::string_view> files_;
  std::vector<std::string> names_;
  uint64_t bytes_ = 0;
};

class ChunkSegmentWriter {
 public:
  ChunkSegmentWriter(std::string chunks_dir, uint64_t segment_bytes)
      : dir_(std::move(chunks_dir)), segment_bytes_(segment_bytes) {}

  // Begins a new file when the chunk does not fit into the current one.
  StatusOr<uint64_t> Write(Encoding encoding, std::string_view data);
  // Syncs the files and the directory.
  Status Finish();
  uint64_t bytes() const { return bytes_; }

 private:
  Status Cut();

  const std::string dir_;
  const uint64_t segment_bytes_;
  std::unique_ptr<FileWriter> file_;
  uint32_t files_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace narthex::tsdb
