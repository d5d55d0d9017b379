#pragma once
// Turns the head of a Prometheus data directory, as its log holds it, into blocks: what Prometheus
// itself would do at its next compaction, so that nothing depends on the log afterwards and both
// servers can go on from the blocks.
//
// Read: wal/checkpoint.* and wal/ (all record types), wbl/ (out-of-order samples), and, where the
// log is damaged, chunks_head/ and the newest chunk_snapshot.*, which repeat what it has. The rules
// are those of Prometheus' replay: of one series only rising timestamps count, samples before the
// newest in-order block are in blocks already, deletions apply; out-of-order samples are merged in.
//
// Passes: one over the log for series and counts; then for each block one for every batch of
// series that fits the memory budget. Memory: the label sets of the head's series, and the budget.
//
// Thread safety: one import a directory at a time; nothing else uses the directory.

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/labels/labels.h"
#include "server/storage/interface.h"
#include "server/storage/tsdb/block/meta.h"
#include "server/storage/tsdb/chunkenc/xor_chunk.h"
#include "server/storage/tsdb/promwal/metadata_table.h"

namespace narthex::tsdb::promwal {

struct ImportOptions {
  std::string dir;  // of the data
  int64_t block_range_ms = int64_t{2} * 3600 * 1000;
  uint64_t memory_bytes = 0;                  // 0: an eighth of the machine's, at most 1 GiB
  int samples_per_chunk = kSamplesPerChunk;   // of floats
  const std::atomic<bool>* cancel = nullptr;  // polled once a series written
  size_t max_exemplars = 0;                   // the newest ones of the log are handed on
};

struct SeriesExemplar {
  Labels series;
  storage::Exemplar exemplar;
};

struct ImportResult {
  uint64_t log_bytes = 0;
  uint64_t records = 0;
  uint64_t series = 0;            // label sets
  uint64_t samples = 0;           // written to blocks
  uint64_t damaged = 0;           // places of the log that could not be read
  uint64_t unknown_records = 0;   // of types that do not exist yet
  uint64_t lost_samples = 0;      // of series that no record describes: only after damage
  uint64_t exemplars = 0;         // seen; blocks cannot hold them
  uint64_t metadata = 0;          // seen; blocks cannot hold them
  MetadataTable series_metadata;  // the newest of each series
  std::vector<BlockMeta> blocks;
  std::deque<SeriesExemplar> newest_exemplars;  // in the order of the log
};

// The end of the newest block that is complete for its time, INT64_MIN when there is none: replay
// ignores in-order samples of a log before it.
int64_t InOrderBlocksEnd(const std::string& data_dir);

// Writes the blocks and leaves the log alone. Unimplemented when the log has records with start
// timestamps, whose meaning is not known here: nothing is written then.
StatusOr<ImportResult> ImportLog(const ImportOptions& options);

}  // namespace narthex::tsdb::promwal
