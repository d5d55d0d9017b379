#pragma once
// Whose directory is it? Opening a data directory here, after Prometheus or after an export for it.
//
//   wal/, wbl/, chunk_snapshot.*   Prometheus ran here: its head becomes blocks, then they go. When
//                                  the log was damaged it is set aside as wal.damaged-<ms> instead.
//   … and head/exported fits       nobody ran here since our export: wal/ is a copy of head/ and
//   goes … and head/exported does not   Prometheus went on from our export, so its log has all of
//   head/:
//                                  head/ and chunks_head/ go as well
//   … and no head/exported         both servers hold something the other has not: both are kept
//
// A crash at any place leaves a directory that opens with the same contents: blocks are complete
// when they have their name, and what they stand for goes after them.

#include <cstdint>
#include <deque>
#include <string>

#include "core/base/status.h"
#include "server/storage/tsdb/promwal/import.h"

namespace narthex::tsdb::promwal {

// What an imported log had that blocks cannot hold.
struct TakenOver {
  std::deque<SeriesExemplar> exemplars;
  MetadataTable metadata;
};

enum class HeadOwner : uint8_t { kNobody, kOurs, kPrometheus, kBoth };

// By the table above; changes nothing.
StatusOr<HeadOwner> OwnerOfHead(const std::string& data_dir);

// Where our chunk files lie between an export and our next start. Of chunks_head/ Prometheus reads
// all files and does not start when one is missing between others; ours go when they are old,
// wherever they stand. After the export, when nobody writes them any more.
Status PutChunksAway(const std::string& data_dir);

// Before anything else opens the directory, with its lock held. Changes nothing in a directory that
// Prometheus has not used.
StatusOr<TakenOver> TakeOver(const ImportOptions& options);

}  // namespace narthex::tsdb::promwal
