#pragma once
// Reads one segment (or checkpoint) of the log and hands out its records in order.
//
// Damage never stops it: after a bad frame it goes on at the next sync mark and says so through
// `damaged`. A bad frame with no mark behind it is a torn tail.
//
// Thread safety: none needed; a function.

#include <cstdint>
#include <functional>
#include <string_view>

#include "server/storage/tsdb/wal/wal_format.h"

namespace narthex::tsdb {

struct SegmentScan {
  uint64_t records = 0;
  uint64_t damaged = 0;  // places where frames were skipped, the torn tail not counted
  size_t good_end = 0;   // behind the last sound frame
  bool torn_tail = false;
};

SegmentScan ScanSegment(std::string_view bytes, uint32_t segment,
                        const std::function<void(RecordType, std::string_view)>& record,
                        const std::function<void()>& damaged);

}  // namespace narthex::tsdb
