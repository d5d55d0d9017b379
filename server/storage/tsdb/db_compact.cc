// Blocks from the head, and blocks from blocks.

#include <malloc.h>

#include <algorithm>
#include <random>
#include <thread>

#include "core/log/log.h"
#include "server/storage/tsdb/compact/compactor.h"
#include "server/storage/tsdb/compact/plan.h"
#include "server/storage/tsdb/db_impl.h"
#include "server/storage/tsdb/head/head_chunks.h"

namespace narthex::tsdb {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(5);
// How long a cut waits for appenders with old samples, and for readers of what it took.
constexpr auto kPatience = std::chrono::seconds(10);

// True when the condition came true in time.
template <typename Condition>
bool Wait(const std::atomic<bool>& cancel, Condition&& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (cancel.load() || std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kPoll);
  }
  return true;
}

double RandomPart() {
  std::random_device device;
  return std::uniform_real_distribution<double>(0, 1)(device);
}

}  // namespace

BlockWriter::Options Db::Impl::WriterOptions() const {
  BlockWriter::Options out;
  out.segment_bytes = options.block_segment_bytes;
  out.cancel = &cancel;
  return out;
}

Status Db::Impl::Compact(bool may_wait) {
  bool cut = false;
  while (CutDue() && !Stopping() && !(may_wait && CutWaits())) {
    // Readers of the last cut are still there: the head keeps growing until they have gone.
    if (unfinished_cut.has_value() && !FinishCut()) break;
    NX_RETURN_IF_ERROR(CutHead());
    cut_after.reset();
    cut = true;
  }
  if (cut) {
    NX_RETURN_IF_ERROR(CutLate());
    NX_RETURN_IF_ERROR(CheckpointLocked());
  }
  NX_RETURN_IF_ERROR(CompactStale());
  return CompactBlocks();
}

bool Db::Impl::CutWaits() {
  if (options.compaction_delay_percent <= 0) return false;
  const Clock& clock = options.clock != nullptr ? *options.clock : Clock::System();
  const int64_t now = clock.NowMs();
  const auto longest = static_cast<double>(options.chunk_range_ms) / 100 *
                       static_cast<double>(options.compaction_delay_percent);
  // A clock that went back must not keep the head growing until it is there again.
  if (!cut_after.has_value() || static_cast<double>(*cut_after - now) > longest) {
    const double part = options.random ? options.random() : RandomPart();
    cut_after = now + static_cast<int64_t>(longest * part);
    NX_LOG(Info, "Compaction of the head is delayed", {"ms", *cut_after - now});
  }
  return now < *cut_after;
}

bool Db::Impl::CutDue() const {
  const int64_t mint = head.core().min_time.load(), maxt = head.core().max_time.load();
  if (mint == kNoMinTime || maxt == kNoMaxTime || maxt <= mint) return false;
  // In unsigned arithmetic: the span of two times may be wider than a time.
  return static_cast<uint64_t>(maxt) - static_cast<uint64_t>(mint) >
         static_cast<uint64_t>(options.chunk_range_ms) / 2 * 3;
}

Status Db::Impl::FenceHead(int64_t maxt) {
  if (Wait(cancel, [&] { return head.Fence(maxt); })) return OkStatus();
  return Unavailable("a block is not cut while an appender holds older samples");
}

StatusOr<BlockMeta> Db::Impl::WriteHeadBlock(int64_t mint, int64_t maxt) {
  const Populating populating(&metrics);
  BlockMeta meta;
  meta.min_time = mint;
  meta.max_time = maxt;
  // The set is a reader of the head and must have gone before what was cut is taken out.
  const std::unique_ptr<ChunkSeriesSet> series =
      ObserveChunks(NewHeadChunks(&head, head_mint(), maxt - 1), metrics.chunk_observer());
  return BlockWriter(options.dir, WriterOptions()).Write(meta, series.get());
}

Status Db::Impl::CutHead() {
  const auto start = std::chrono::steady_clock::now();
  const int64_t mint = head.core().min_time.load();
  const int64_t maxt = RangeEnd(mint, options.chunk_range_ms);
  NX_RETURN_IF_ERROR(FenceHead(maxt));
  metrics.compactions->Inc();
  const auto written = WriteHeadBlock(mint, maxt);
  if (!written.ok()) {
    if (written.status().code() == StatusCode::kCancelled) return OkStatus();
    metrics.compactions_failed->Inc();
    return Annotate(written.status(), "cut a block from the head");
  }
  metrics.compaction_seconds->Observe(SecondsSince(start));
  if (written->stats.samples > 0) {
    NX_LOG(Info, "Wrote a block from the head", {"ulid", written->ulid.ToString()}, {"mint", mint},
           {"maxt", maxt}, {"series", written->stats.series}, {"samples", written->stats.samples},
           {"duration", fmt::format("{:.3f}s", SecondsSince(start))});
  }
  NX_RETURN_IF_ERROR(ReloadBlocks(maxt, std::span(&*written, 1)));
  unfinished_cut = Cut{maxt, head.core().epochs.Mark()};
  FinishCut();
  ::malloc_trim(0);  // the tables of the block's index
  return OkStatus();
}

Status Db::Impl::CutLate() {
  const std::shared_ptr<LateGeneration> late = head.core().late.Freeze();
  if (late == nullptr) return OkStatus();
  const Populating populating(&metrics);
  const auto [mint, maxt] = late->bounds();
  std::vector<BlockMeta> blocks_written;
  for (int64_t end = RangeEnd(mint, options.chunk_range_ms);; end += options.chunk_range_ms) {
    BlockMeta meta;
    meta.min_time = end - options.chunk_range_ms;
    meta.max_time = end;
    meta.compaction.AddHint(kHintOutOfOrder);
    const std::unique_ptr<ChunkSeriesSet> series =
        NewLateChunks(&head.core(), late, meta.min_time, end - 1);
    const auto written = BlockWriter(options.dir, WriterOptions()).Write(meta, series.get());
    if (!written.ok()) {
      if (written.status().code() == StatusCode::kCancelled) return OkStatus();
      metrics.compactions_failed->Inc();
      return Annotate(written.status(), "cut a block of samples that came out of order");
    }
    blocks_written.push_back(*written);
    if (maxt < end) break;
  }
  NX_RETURN_IF_ERROR(ReloadBlocks(blocks_written));
  head.core().late.DropFrozen();
  return OkStatus();
}

bool Db::Impl::FinishCut() {
  if (!unfinished_cut.has_value()) return true;
  const Cut cut = *unfinished_cut;
  if (!Wait(cancel, [&] { return head.core().epochs.Passed(cut.mark); })) return false;
  unfinished_cut.reset();
  TruncateLocked(cut.maxt);
  return true;
}

std::vector<Ulid> Db::Impl::Plan() {
  const int64_t largest =
      options.max_block_ms != 0 ? options.max_block_ms : LargestRangeMs(limits().time_ms);
  PlanOptions plan;
  plan.ranges = CompactionRanges(options.chunk_range_ms, largest);
  plan.merge_overlapping = options.overlapping_compaction;
  plan.held_back = [this](const BlockMeta& block) { return delay_file.HoldsBack(block); };
  std::vector<BlockMeta> metas;
  const std::shared_ptr<const BlockSet::List> served = blocks.list();
  for (const BlockPtr& block : *served) metas.push_back(block->meta());
  return PlanCompaction(metas, plan);
}

Status Db::Impl::CompactBlocks() {
  while (!Stopping()) {
    const std::vector<Ulid> plan = Plan();
    if (plan.empty()) return OkStatus();
    NX_RETURN_IF_ERROR(CompactOnce(plan));
    // Memory first: a cut that became due meanwhile is not kept waiting by merges.
    if (CutDue() && !unfinished_cut.has_value()) return OkStatus();
  }
  return OkStatus();
}

Status Db::Impl::CompactOnce(const std::vector<Ulid>& plan) {
  const auto start = std::chrono::steady_clock::now();
  const Populating populating(&metrics);
  std::vector<BlockPtr> inputs;
  const std::shared_ptr<const BlockSet::List> served = blocks.list();
  for (const BlockPtr& block : *served) {
    if (std::find(plan.begin(), plan.end(), block->ulid()) != plan.end()) inputs.push_back(block);
  }
  metrics.compactions->Inc();
  const bool vertical = AnyOverlap(inputs);
  if (vertical) metrics.vertical_compactions->Inc();
  const auto written = inputs.size() == 1 ? RewriteBlock(inputs[0], options.dir, WriterOptions())
                                          : MergeBlocks(inputs, options.dir, WriterOptions(),
                                                        metrics.chunk_observer());
  if (!written.ok()) {
    if (written.status().code() == StatusCode::kCancelled) return OkStatus();
    metrics.compactions_failed->Inc();
    // A full disk says nothing about the blocks.
    if (written.status().code() != StatusCode::kResourceExhausted) {
      for (const BlockPtr& block : inputs) (void)block->SetCompactionFailed();
    }
    return Annotate(written.status(), "compact blocks");
  }
  if (written->stats.samples == 0) {
    // Nothing is left of them, so there is no successor to replace them.
    for (const BlockPtr& block : inputs) NX_RETURN_IF_ERROR(block->SetDeletable());
  }
  metrics.compaction_seconds->Observe(SecondsSince(start));
  NX_LOG(Info, "Compacted blocks", {"ulid", written->ulid.ToString()}, {"blocks", inputs.size()},
         {"mint", written->min_time}, {"maxt", written->max_time},
         {"series", written->stats.series}, {"overlapping", vertical},
         {"duration", fmt::format("{:.3f}s", SecondsSince(start))});
  return ReloadBlocks(std::span(&*written, 1));
}

}  // namespace narthex::tsdb
