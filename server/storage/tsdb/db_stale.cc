// Compaction of stale series: those that have ended leave the head early, into blocks of their own.

#include <algorithm>

#include "core/log/log.h"
#include "server/storage/tsdb/compact/plan.h"
#include "server/storage/tsdb/db_impl.h"
#include "server/storage/tsdb/head/head_chunks.h"

namespace narthex::tsdb {
namespace {

// Soon everything is cut anyway.
constexpr int64_t kNearCutMs = 10 * 60 * 1000;

}  // namespace

Status Db::Impl::CompactStale() {
  if (unfinished_stale.has_value() && !FinishStale()) return OkStatus();
  const double threshold = stale_threshold.load();
  const int64_t mint = head.core().min_time.load(), maxt = head.core().max_time.load();
  if (threshold <= 0 || mint == kNoMinTime || maxt <= mint) return OkStatus();
  const auto span = static_cast<uint64_t>(maxt) - static_cast<uint64_t>(mint);
  if (span + kNearCutMs > static_cast<uint64_t>(options.chunk_range_ms) / 2 * 3) return OkStatus();
  std::vector<EndedSeries> ended = FindEnded(&head, threshold);
  if (ended.empty()) return OkStatus();
  NX_RETURN_IF_ERROR(WriteStaleBlocks(ended));
  if (Stopping()) return OkStatus();
  unfinished_stale = StaleCut{std::move(ended), head.core().epochs.Mark()};
  FinishStale();
  return OkStatus();
}

Status Db::Impl::WriteStaleBlocks(const std::vector<EndedSeries>& ended) {
  const auto start = std::chrono::steady_clock::now();
  const Populating populating(&metrics);
  std::vector<uint32_t> slots;
  int64_t newest = INT64_MIN;
  for (const EndedSeries& series : ended) {
    slots.push_back(series.slot);
    newest = std::max(newest, series.newest);
  }
  const IdSet only = IdSet::FromSorted(slots);
  const int64_t oldest = std::max(head.core().min_time.load(), head_mint());
  std::vector<BlockMeta> blocks_written;
  for (int64_t end = RangeEnd(oldest, options.chunk_range_ms);; end += options.chunk_range_ms) {
    BlockMeta meta;
    meta.min_time = end - options.chunk_range_ms;
    meta.max_time = end;
    meta.compaction.AddHint(kHintStaleSeries);
    const std::unique_ptr<ChunkSeriesSet> series =
        NewHeadChunks(&head, std::max(meta.min_time, head_mint()), end - 1, &only);
    metrics.compactions->Inc();
    const auto written = BlockWriter(options.dir, WriterOptions()).Write(meta, series.get());
    if (!written.ok()) {
      if (written.status().code() == StatusCode::kCancelled) return OkStatus();
      metrics.compactions_failed->Inc();
      return Annotate(written.status(), "cut a block of stale series");
    }
    blocks_written.push_back(*written);
    if (newest < end) break;
  }
  NX_LOG(Info, "Wrote stale series to blocks", {"series", ended.size()},
         {"duration", fmt::format("{:.3f}s", SecondsSince(start))});
  return ReloadBlocks(blocks_written);
}

bool Db::Impl::FinishStale() {
  if (!unfinished_stale.has_value()) return true;
  // No hurry: the next round looks again.
  if (!head.core().epochs.Passed(unfinished_stale->mark)) return false;
  const StaleCut cut = *std::exchange(unfinished_stale, std::nullopt);
  const uint64_t removed = RemoveEnded(&head, cut.series);
  NX_LOG(Info, "Stale series left the head", {"series", removed});
  return true;
}

}  // namespace narthex::tsdb
