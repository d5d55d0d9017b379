#pragma once
// chunk_snapshot.*: the series of Prometheus' head with their open chunks, as it leaves them when
// it stops under memory-snapshot-on-shutdown. The framing is that of the log. All of it is in the
// log as well; where that is damaged it fills the holes.
//
//   u8 1, u64 ref, labels, i64, uvarint 0 | uvarint 1, i64 mint, i64 maxt, u8 encoding,
//                                           uvarint n, n bytes of the chunk, its writer's state
//
// (Integers big endian; types 2 and 3 repeat tombstones and exemplars.)
//
// Thread safety: functions only.

#include <functional>
#include <string>

#include "core/base/status.h"
#include "core/labels/labels.h"
#include "server/storage/tsdb/head/chunk_files.h"

namespace narthex::tsdb::promwal {

struct SnapshotSeries {
  uint64_t ref = 0;
  Labels labels;
  bool has_chunk = false;
  HeadChunk chunk;  // valid during the call
};

// The newest one of a data directory; "" when there is none.
std::string FindSnapshot(const std::string& data_dir);

// Each sound series. Any bytes are safe; damage ends nothing.
Status ForEachSnapshotSeries(const std::string& snapshot_dir,
                             const std::function<void(const SnapshotSeries&)>& found);

}  // namespace narthex::tsdb::promwal
