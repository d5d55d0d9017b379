// What the head of a Prometheus directory leaves to ours besides blocks.

#include <algorithm>

#include "core/log/log.h"
#include "server/storage/tsdb/chunkenc/chunk_list.h"
#include "server/storage/tsdb/db_impl.h"

namespace narthex::tsdb {
namespace {

constexpr size_t kPiece = 1024;  // entries of a record, chunks of a write

// The newest sample of a stored chunk, as chunks.
StatusOr<std::vector<EncodedChunk>> NewestOf(const Block& block, const ChunkMeta& meta) {
  NX_ASSIGN_OR_RETURN(const StoredChunk chunk, block.chunks().Read(meta.ref));
  const auto it = NewChunkIterator(chunk.encoding, chunk.data);
  while (it->Next() != SampleKind::kNone && it->time() < meta.maxt) {
  }
  NX_RETURN_IF_ERROR(it->status());
  ChunkListEncoder encoder;
  if (it->kind() != SampleKind::kNone) encoder.Add(*it);
  return encoder.Take();
}

}  // namespace

Status Db::Impl::Adopt(const promwal::TakenOver& taken) {
  // Newest block first: a series that is in several ends in the last.
  const std::shared_ptr<const BlockSet::List> served = blocks.list();
  int64_t newest = INT64_MIN;
  for (auto it = taken.blocks.rbegin(); it != taken.blocks.rend(); ++it) {
    const auto block = std::find_if(served->begin(), served->end(),
                                    [&](const BlockPtr& b) { return b->ulid() == *it; });
    if (block == served->end()) continue;
    newest = std::max(newest, (*block)->max_time() - 1);
    const int64_t from = newest - options.chunk_range_ms / 2;
    if ((*block)->max_time() <= from) break;
    const Status status = AdoptNewest(**block, from);
    if (status.ok()) continue;
    // Samples that come again are not recognised then.
    NX_LOG(Warn, "The newest samples of an imported log are in a block alone", {"err", status});
    break;
  }
  return AdoptExtras(taken);
}

Status Db::Impl::AdoptNewest(const Block& block, int64_t from) {
  HeadCore& core = head.core();
  NX_ASSIGN_OR_RETURN(const PostingsList all, block.index().AllPostings());
  IndexReader::Series series;
  BaseGuess guess;
  ChunkBatch batch;
  std::vector<uint32_t> slots;
  MutexLock structure(core.structure_mutex);
  const auto flush = [&] {
    size_t next = 0;
    const Status status = core.chunks.Write(batch, [&](const ChunkRef& ref) {
      SeriesRecord& record = core.index.table()[slots[next++]];
      const LockedHome home(record);
      record.chunks.PushBack(ref);
    });
    core.full_chunks.fetch_add(static_cast<int64_t>(next), std::memory_order_relaxed);
    batch.Clear();
    slots.clear();
    return status;
  };
  for (uint32_t i = 0; i < all.size(); ++i) {
    NX_RETURN_IF_ERROR(block.index().ReadSeries(all[i], &series, from));
    if (series.chunks.empty()) continue;
    NX_ASSIGN_OR_RETURN(const Labels labels, block.index().LabelsOf(series));
    NX_ASSIGN_OR_RETURN(const auto chunks, NewestOf(block, series.chunks.back()));
    bool created = false;
    NX_ASSIGN_OR_RETURN(const uint32_t slot, core.FindOrCreate(labels, &guess, &created));
    if (!created || chunks.size() != 1) continue;
    batch.Add(core.index.table()[slot].ref, chunks.front().view());
    slots.push_back(slot);
    core.NoteTimes(chunks.front().mint, chunks.front().maxt);
    if (slots.size() == kPiece) NX_RETURN_IF_ERROR(flush());
  }
  return slots.empty() ? OkStatus() : flush();
}

// Both belong to series of the head: those it does not have begin without samples, as they would
// after a restart of Prometheus, and go with the next truncation unless somebody writes them.
std::optional<uint64_t> Db::Impl::RefOf(const Labels& series, BaseGuess* guess) {
  HeadCore& core = head.core();
  bool created = false;
  MutexLock structure(core.structure_mutex);
  const StatusOr<uint32_t> slot = core.FindOrCreate(series, guess, &created);
  if (!slot.ok()) return std::nullopt;  // no room for more
  return core.index.table()[*slot].ref;
}

Status Db::Impl::AdoptExtras(const promwal::TakenOver& taken) {
  HeadCore& core = head.core();
  BaseGuess guess;
  const auto log = [&core](RecordType type, const std::string& record) {
    core.wal->Append(static_cast<uint8_t>(type), record);
  };
  std::vector<LoggedExemplar> exemplars;
  for (const auto& [series, exemplar] : taken.exemplars) {
    if (core.exemplars.Add(series, exemplar) != ExemplarRing::Verdict::kTaken) continue;
    const std::optional<uint64_t> ref = RefOf(series, &guess);
    if (!ref) continue;
    exemplars.push_back({*ref, exemplar});
    if (exemplars.size() < kPiece) continue;
    log(RecordType::kExemplars, EncodeExemplars(exemplars));
    exemplars.clear();
  }
  if (!exemplars.empty()) log(RecordType::kExemplars, EncodeExemplars(exemplars));
  std::vector<LoggedMetadata> metadata;
  for (const auto& [series, text] : taken.metadata.series) {
    const std::optional<uint64_t> ref = RefOf(series, &guess);
    if (!ref) break;
    core.metadata.Set(*ref, taken.metadata.text(text));
    metadata.push_back({*ref, taken.metadata.text(text)});
    if (metadata.size() < kPiece) continue;
    log(RecordType::kMetadata, EncodeMetadata(metadata));
    metadata.clear();
  }
  if (!metadata.empty()) log(RecordType::kMetadata, EncodeMetadata(metadata));
  return taken.exemplars.empty() && taken.metadata.series.empty() ? OkStatus()
                                                                  : core.wal->Flush(/*sync=*/true);
}

}  // namespace narthex::tsdb
