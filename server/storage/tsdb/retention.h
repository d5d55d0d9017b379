#pragma once
// Which blocks have to go. Only whole blocks do: a block stays until its newest sample is over the
// limit.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "server/storage/tsdb/block/ulid.h"

namespace narthex::tsdb {

struct RetentionLimits {
  int64_t time_ms = 0;    // relative to the end of the newest block; 0: for ever
  uint64_t bytes = 0;     // of blocks, log and head chunks; 0: no limit
  double percentage = 0;  // of the file system; wins over bytes; 0: no limit
  friend bool operator==(const RetentionLimits&, const RetentionLimits&) = default;
};

struct BlockExtent {
  Ulid ulid;
  int64_t min_time = 0;
  int64_t max_time = 0;
  uint64_t bytes = 0;
};

// The largest range of merged blocks where none is given: a tenth of the retention, at most 31
// days.
int64_t LargestRangeMs(int64_t retention_ms);
// Blocks that end `time_ms` or more before the newest one does.
std::vector<Ulid> BeyondTime(std::span<const BlockExtent> blocks, int64_t time_ms);
// The oldest blocks that do not fit into `limit` bytes beside the head, which is never deleted.
std::vector<Ulid> BeyondSize(std::span<const BlockExtent> blocks, uint64_t head_bytes,
                             uint64_t limit);
// The limit in bytes that applies; 0: none. `filesystem_bytes` is the size of the whole device.
uint64_t SizeLimit(const RetentionLimits& limits, uint64_t filesystem_bytes);
// The size of the file system that holds `path`; 0 when it cannot be told.
uint64_t FilesystemBytes(const char* path);
// The files directly in a directory, together.
uint64_t DirectoryBytes(const std::string& dir);

}  // namespace narthex::tsdb
