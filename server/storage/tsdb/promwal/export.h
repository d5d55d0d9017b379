#pragma once
// Writes series as a log that Prometheus replays: the way back. Together with the blocks of the
// directory nothing is missing when it opens it.
//
// Thread safety: none.

#include <atomic>
#include <cstdint>
#include <span>
#include <string>

#include "core/base/status.h"
#include "server/storage/interface.h"
#include "server/storage/tsdb/chunk_series.h"
#include "server/storage/tsdb/options.h"
#include "server/storage/tsdb/promwal/metadata_table.h"

namespace narthex::tsdb::promwal {

struct ExportResult {
  uint64_t series = 0;
  uint64_t samples = 0;
  uint64_t exemplars = 0;
  uint64_t metadata = 0;
  uint64_t bytes = 0;  // of the log
};

// Writes the log into `dir`, which must not exist. Series of `exemplars`, in label order as
// SelectExemplars gives them, and of `metadata`, sorted by labels, that have no samples are written
// without. Memory: one series. Polls `cancel`, which may be nullptr, once a series.
StatusOr<ExportResult> WriteLog(
    const std::string& dir, LogCompression compression, ChunkSeriesSet* series,
    std::span<const storage::ExemplarQueryable::SeriesExemplars> exemplars = {},
    const MetadataTable& metadata = {}, const std::atomic<bool>* cancel = nullptr);

// Where an export puts its log before it is complete, and where it belongs.
std::string UnfinishedExportDir(const std::string& data_dir);
std::string LogDir(const std::string& data_dir);

// Replaces data_dir/wal by the finished export and remembers what it looks like, so that opening
// the directory here again takes it for the copy that it is (takeover.h).
Status PublishExport(const std::string& data_dir);

}  // namespace narthex::tsdb::promwal
