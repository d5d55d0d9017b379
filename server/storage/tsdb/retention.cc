#include "server/storage/tsdb/retention.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "core/base/file.h"

namespace narthex::tsdb {
namespace {

std::vector<BlockExtent> NewestFirst(std::span<const BlockExtent> blocks) {
  std::vector<BlockExtent> sorted(blocks.begin(), blocks.end());
  std::sort(sorted.begin(), sorted.end(), [](const BlockExtent& a, const BlockExtent& b) {
    return a.max_time != b.max_time ? a.max_time > b.max_time : a.ulid > b.ulid;
  });
  return sorted;
}

}  // namespace

int64_t LargestRangeMs(int64_t retention_ms) {
  constexpr int64_t kLongest = int64_t{31} * 24 * 3600 * 1000;
  return retention_ms > 0 ? std::min(retention_ms / 10, kLongest) : kLongest;
}

std::vector<Ulid> BeyondTime(std::span<const BlockExtent> blocks, int64_t time_ms) {
  std::vector<Ulid> out;
  if (time_ms <= 0) return out;
  const std::vector<BlockExtent> sorted = NewestFirst(blocks);
  for (const BlockExtent& block : sorted) {
    if (&block == sorted.data()) continue;
    if (sorted.front().max_time - block.max_time >= time_ms) out.push_back(block.ulid);
  }
  return out;
}

std::vector<Ulid> BeyondSize(std::span<const BlockExtent> blocks, uint64_t head_bytes,
                             uint64_t limit) {
  std::vector<Ulid> out;
  if (limit == 0) return out;
  uint64_t sum = head_bytes;
  bool over = false;
  for (const BlockExtent& block : NewestFirst(blocks)) {
    sum += block.bytes;
    // Once one does not fit, all older ones go: what remains has no holes.
    over = over || sum > limit;
    if (over) out.push_back(block.ulid);
  }
  return out;
}

uint64_t SizeLimit(const RetentionLimits& limits, uint64_t filesystem_bytes) {
  if (limits.percentage > 0 && filesystem_bytes > 0) {
    return static_cast<uint64_t>(static_cast<double>(filesystem_bytes) * limits.percentage / 100);
  }
  return limits.bytes;
}

uint64_t FilesystemBytes(const char* path) {
  struct statvfs fs;
  if (::statvfs(path, &fs) != 0) return 0;
  return uint64_t{fs.f_blocks} * fs.f_frsize;
}

uint64_t DirectoryBytes(const std::string& dir) {
  uint64_t bytes = 0;
  const auto names = ListDirectory(dir);
  if (!names.ok()) return 0;
  for (const std::string& name : *names) {
    struct stat st;
    if (::stat(JoinPath(dir, name).c_str(), &st) == 0 && S_ISREG(st.st_mode)) {
      bytes += static_cast<uint64_t>(st.st_size);
    }
  }
  return bytes;
}

}  // namespace narthex::tsdb
