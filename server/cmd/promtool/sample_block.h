#pragma once
// Samples of one block in the making, encoded as they come: what backfilling collects.
//
// The rules of upstream's importer hold: a sample that is not newer than the newest of its series
// is dropped within one batch (where upstream's commit drops it), and an error from one batch to
// the next.

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/labels/labels.h"
#include "server/storage/tsdb/block/block_writer.h"
#include "server/storage/tsdb/chunkenc/chunk_list.h"

namespace narthex::promtool {

// Label sets by number, shared by the blocks of one import.
class SeriesNumbers {
 public:
  uint32_t Of(const Labels& labels);
  const Labels& labels(uint32_t number) const { return *labels_[number]; }

 private:
  absl::flat_hash_map<Labels, uint32_t> numbers_;
  std::vector<std::unique_ptr<const Labels>> labels_;
};

class SampleBlock {
 public:
  explicit SampleBlock(const SeriesNumbers* numbers) : numbers_(numbers) {}

  Status Add(uint32_t series, int64_t t, double v);
  uint64_t dropped() const { return dropped_; }
  bool empty() const { return series_.empty(); }
  // Writes the block and forgets the samples.
  StatusOr<tsdb::BlockMeta> Write(const std::string& dir);

 private:
  static constexpr uint64_t kBatch = 5000;  // samples, upstream's
  struct Series {
    tsdb::ChunkListEncoder chunks;
    int64_t newest = INT64_MIN;
    int64_t newest_before = INT64_MIN;  // in the batches before this one
    uint64_t batch = 0;
    uint64_t last_bits = 0;
  };

  const SeriesNumbers* numbers_;
  absl::flat_hash_map<uint32_t, std::unique_ptr<Series>> series_;
  uint64_t samples_ = 0;
  uint64_t dropped_ = 0;
  int64_t mint_ = INT64_MAX;
  int64_t maxt_ = INT64_MIN;
};

}  // namespace narthex::promtool
