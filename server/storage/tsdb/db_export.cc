// The way back to Prometheus.

#include <algorithm>
#include <filesystem>

#include "core/log/log.h"
#include "server/storage/tsdb/db_impl.h"
#include "server/storage/tsdb/head/head_chunks.h"
#include "server/storage/tsdb/promwal/export.h"
#include "server/storage/tsdb/promwal/import.h"

namespace narthex::tsdb {
namespace {

// What Prometheus would ignore in a log, since newer blocks look complete to it.
Status ExportLateSamples(Head* head, const std::string& dir, int64_t mint, int64_t end) {
  if (mint >= end) return OkStatus();
  BlockMeta meta;
  meta.min_time = mint;
  meta.max_time = end;
  meta.compaction.AddHint(kHintOutOfOrder);
  const std::unique_ptr<ChunkSeriesSet> series = NewHeadChunks(head, mint, end - 1);
  return BlockWriter(dir).Write(meta, series.get()).status();
}

// By labels.
promwal::MetadataTable AllMetadata(HeadCore* core) {
  promwal::MetadataTable table;
  if (!core->metadata.any()) return table;
  ReaderLock lock(core->index.mutex());
  for (const uint32_t slot : core->index.all().ToVector()) {
    auto metadata = core->metadata.Get(core->index.table()[slot].ref);
    if (!metadata) continue;
    table.series.emplace_back(core->index.GetLabels(slot), table.Intern(*std::move(metadata)));
  }
  std::sort(table.series.begin(), table.series.end());
  return table;
}

}  // namespace

Status Db::ExportLog(LogCompression compression) {
  MutexLock lock(impl_->maintenance);
  if (impl_->closed) return FailedPrecondition("the database is closed");
  const auto start = std::chrono::steady_clock::now();
  HeadCore& core = impl_->head.core();
  core.writable = false;
  const std::string& dir = impl_->options.dir;
  const std::string fresh = promwal::UnfinishedExportDir(dir);
  std::error_code ignored;
  std::filesystem::remove_all(fresh, ignored);
  const int64_t in_blocks = promwal::InOrderBlocksEnd(dir);
  const int64_t mint = std::max(impl_->head_mint(), core.min_time.load());
  NX_RETURN_IF_ERROR(impl_->CutLate());
  NX_RETURN_IF_ERROR(ExportLateSamples(&impl_->head, dir, mint, in_blocks));
  const std::unique_ptr<ChunkSeriesSet> series =
      NewHeadChunks(&impl_->head, std::max(impl_->head_mint(), in_blocks), INT64_MAX);
  const std::vector<Matcher> every_series;
  NX_ASSIGN_OR_RETURN(const std::vector<SeriesExemplars> exemplars,
                      SelectExemplars(INT64_MIN, INT64_MAX, std::span(&every_series, 1)));
  NX_ASSIGN_OR_RETURN(const promwal::ExportResult result,
                      promwal::WriteLog(fresh, compression, series.get(), exemplars,
                                        AllMetadata(&core), &impl_->cancel));
  NX_RETURN_IF_ERROR(promwal::PublishExport(dir));
  impl_->exported = true;
  NX_LOG(Info, "Wrote the head as a log for Prometheus", {"series", result.series},
         {"samples", result.samples}, {"exemplars", result.exemplars},
         {"metadata", result.metadata}, {"bytes", result.bytes},
         {"duration", fmt::format("{:.3f}s", SecondsSince(start))});
  return OkStatus();
}

}  // namespace narthex::tsdb
