#pragma once
// Whose directory is it? Opening a data directory here, after Prometheus or after an export for it.
//
//   wal/, wbl/, chunk_snapshot.*   Prometheus ran here: its head becomes blocks, then they go. When
//                                  the log was damaged it is set aside as wal.damaged-<ms> instead.
//   … and head/exported fits       nobody ran here since our export: wal/ is a copy of head/ and
//                                  goes
//   … and wal/exported says the    Prometheus went on from our export, so its log has all of head/:
//   same as head/exported          head/ goes as well
//   … and else                     both servers hold something the other has not: both are kept
//
// A crash at any place leaves a directory that opens with the same contents: blocks are complete
// when they have their name, and what they stand for goes after them. An export is published by one
// rename: before it the directory is ours, and what Prometheus makes of it then is kept beside
// head/; behind it either may open it.

#include <cstdint>
#include <deque>
#include <string>

#include "core/base/status.h"
#include "server/storage/tsdb/promwal/import.h"

namespace narthex::tsdb::promwal {

// What became of an imported log: its blocks, ascending by time, and what these cannot hold.
struct TakenOver {
  std::vector<Ulid> blocks;
  std::deque<SeriesExemplar> exemplars;
  MetadataTable metadata;
};

enum class HeadOwner : uint8_t { kNobody, kOurs, kPrometheus, kBoth };

// By the table above; changes nothing.
StatusOr<HeadOwner> OwnerOfHead(const std::string& data_dir);

// Before anything else opens the directory, with its lock held. Changes nothing in a directory that
// Prometheus has not used.
StatusOr<TakenOver> TakeOver(const ImportOptions& options);

}  // namespace narthex::tsdb::promwal
