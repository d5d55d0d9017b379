#pragma once
// meta.json of a block (Prometheus' tsdb/docs/format). Written with tabs, in upstream's order of
// members; a member upstream leaves out when it is zero is left out here too. Members we do not
// know (Thanos adds one) are ignored.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "server/storage/tsdb/block/ulid.h"

namespace narthex::tsdb {

inline constexpr std::string_view kMetaFile = "meta.json";
inline constexpr std::string_view kHintOutOfOrder = "from-out-of-order";
inline constexpr std::string_view kHintStaleSeries = "from-stale-series";
inline constexpr std::string_view kHintSelectedSeries = "from-selected-series";

struct BlockStats {
  uint64_t samples = 0;
  uint64_t float_samples = 0;
  uint64_t histogram_samples = 0;
  uint64_t series = 0;
  uint64_t chunks = 0;
  uint64_t tombstones = 0;
  friend bool operator==(const BlockStats&, const BlockStats&) = default;
};

struct BlockDescription {
  Ulid ulid;
  int64_t min_time = 0;
  int64_t max_time = 0;
  friend bool operator==(const BlockDescription&, const BlockDescription&) = default;
};

struct BlockCompaction {
  int level = 1;
  std::vector<Ulid> sources;  // the level-1 blocks it stems from; itself for one cut from the head
  bool deletable = false;     // left empty by a compaction
  std::vector<BlockDescription> parents;  // what the last compaction merged
  bool failed = false;                    // a compaction of it failed; it is not tried again
  std::vector<std::string> hints;

  bool HasHint(std::string_view hint) const;
  void AddHint(std::string_view hint);  // once
  friend bool operator==(const BlockCompaction&, const BlockCompaction&) = default;
};

// [min_time, max_time): half-open, unlike the ranges of queries and chunks.
struct BlockMeta {
  Ulid ulid;
  int64_t min_time = 0;
  int64_t max_time = 0;
  BlockStats stats;
  BlockCompaction compaction;

  BlockDescription description() const { return {ulid, min_time, max_time}; }
  friend bool operator==(const BlockMeta&, const BlockMeta&) = default;
};

std::string FormatMeta(const BlockMeta& meta);
// Any bytes are safe. Versions other than 1 are refused.
StatusOr<BlockMeta> ParseMeta(std::string_view json);

StatusOr<BlockMeta> ReadMetaFile(const std::string& block_dir);
// Atomically and synced.
Status WriteMetaFile(const std::string& block_dir, const BlockMeta& meta);

}  // namespace narthex::tsdb
