#include "server/storage/tsdb/head/replay.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <thread>
#include <tuple>

#include "core/base/mapped_file.h"
#include "core/log/log.h"

namespace narthex::tsdb {
namespace {

constexpr size_t kLetGoEvery = 1 << 20;
constexpr uint32_t kLetGoAfterPeeks = 512;  // each may map pages of a chunk file

// Reading the log is a fraction of the work.
size_t Threads() {
  constexpr unsigned kMost = 8;
  const unsigned cpus = std::thread::hardware_concurrency();
  return cpus < 2 ? 0 : std::min(cpus, kMost);
}

}  // namespace

Replay::Replay(Head* head, std::string wal_dir)
    : head_(*head),
      core_(head->core()),
      wal_dir_(std::move(wal_dir)),
      bounds_(&core_.chunks),
      counts_(Threads() + 1),
      workers_(Threads(),
               [this](size_t worker, RecordType type, Group* group, std::string_view payload) {
                 ApplyWork(type, group, payload, &counts_[worker]);
               }) {
  core_.coverage = this;
}

Replay::~Replay() {
  Drain();
  core_.coverage = nullptr;
}

void Replay::WaitUnless(Work work) {
  if (work_ == work) return;
  workers_.Drain();
  work_ = work;
}

void Replay::HandOver(Work work, RecordType type, Group* group, std::string_view payload) {
  if (spans_.size() < core_.index.table().limit()) {
    Drain();
    Reach(core_.index.table().limit() - 1);
  }
  WaitUnless(work);
  workers_.Add(type, group, payload);
}

void Replay::ApplyWork(RecordType type, Group* group, std::string_view payload, RowCounts* counts) {
  switch (type) {
    case RecordType::kCheckpointSeries: return ApplyChunkLists(payload);
    case RecordType::kOpenValues: return ApplyOpenValues(group, payload, counts);
    default: return ApplyRow(type == RecordType::kKeyRow, group, payload, counts);
  }
}

Status Replay::LoadChunks(const CheckpointHead& head) {
  const auto found = [this](const HeadChunk& chunk, const ChunkRef& ref) {
    const uint64_t length = static_cast<uint64_t>(chunk.maxt) - static_cast<uint64_t>(chunk.mint);
    found_.push_back({chunk.ref, chunk.mint,
                      static_cast<uint32_t>(std::min<uint64_t>(length, Found::kLong)), ref});
    highest_ref_ = std::max(highest_ref_, chunk.ref);
  };
  NX_RETURN_IF_ERROR(core_.chunks.Open(head.files, found));
  // Without the copy that a stable sort takes.
  std::sort(found_.begin(), found_.end(), [](const Found& a, const Found& b) {
    return std::tie(a.ref, a.chunk.file, a.chunk.offset) <
           std::tie(b.ref, b.chunk.file, b.chunk.offset);
  });
  return OkStatus();
}

StatusOr<ReplayResult> Replay::Run() NO_THREAD_SAFETY_ANALYSIS {
  NX_RETURN_IF_ERROR(CreateDirectories(wal_dir_));
  NX_ASSIGN_OR_RETURN(const LogFiles files, LogFiles::List(wal_dir_));
  for (const std::string& name : files.temporary) ::unlink(JoinPath(wal_dir_, name).c_str());
  NX_ASSIGN_OR_RETURN(const Begin begin, ChooseCheckpoint(files));
  NX_RETURN_IF_ERROR(LoadChunks(begin.head));
  if (begin.older != 0) (void)DeleteLogBelow(wal_dir_, begin.older);
  const auto first = std::lower_bound(files.segments.begin(), files.segments.end(), begin.number);
  const std::vector<uint32_t> segments(first, files.segments.end());
  ReplayProgress* progress = core_.options.progress;
  if (progress != nullptr && !segments.empty()) {
    progress->min = segments.front();
    progress->max = segments.back();
  }
  const auto newest = [](const std::vector<uint32_t>& n) { return n.empty() ? 0 : n.back(); };
  result_.next_segment = std::max(newest(files.checkpoints), newest(files.segments)) + 1;

  MutexLock structure(core_.structure_mutex);
  if (begin.number != 0) {
    NX_RETURN_IF_ERROR(ReadFile(CheckpointPath(wal_dir_, begin.number), begin.number,
                                /*checkpoint=*/true, /*last=*/false));
    checkpoint_symbols_.Clear();  // its views end with the file
  }
  for (const uint32_t segment : segments) {
    if (progress != nullptr) progress->current = segment;
    NX_RETURN_IF_ERROR(ReadFile(SegmentPath(wal_dir_, segment), segment, /*checkpoint=*/false,
                                segment == segments.back()));
  }
  Drain();
  for (const RowCounts& counts : counts_) {
    result_.lost_rows += counts.lost;
    result_.samples += counts.samples;
  }
  Finish();
  return result_;
}

Status Replay::ReadFile(const std::string& path, uint32_t segment, bool checkpoint, bool last) {
  SegmentScan scan;
  {
    NX_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::OpenSequential(path));
    symbols_.Clear();
    symbol_limit_ = file.data().size();
    // What a checkpoint says is never outdated by itself.
    position_ = {checkpoint ? UINT32_MAX : segment, 0};
    // What has been read need not stay in memory.
    size_t let_go = 0;
    scan = ScanSegment(
        file.data(), segment,
        [&](RecordType type, std::string_view payload) {
          position_.offset += kFrameHeader + payload.size();
          Apply(type, payload);
          // Not so for what was compressed.
          const auto at = reinterpret_cast<uintptr_t>(payload.data()) -
                          reinterpret_cast<uintptr_t>(file.data().data());
          if (at >= file.data().size() || at < let_go + kLetGoEvery) return;
          file.DropPages(let_go, at);
          core_.chunks.DropMappedPages();  // those that told what they cover
          let_go = at;
        },
        // A lost definition could make an id mean its former string.
        [this] { symbols_.Clear(); });
    if (!checkpoint) result_.bytes += file.data().size();
  }
  result_.records += scan.records;
  if (checkpoint) return OkStatus();  // what is damaged in it was counted when it was chosen
  result_.corruptions += scan.damaged + scan.torn_tail;
  if (scan.damaged > 0) {
    NX_LOG(Warn, "Log is damaged; reading went on at the next mark", {"file", path},
           {"places", scan.damaged});
  }
  if (scan.torn_tail) {
    NX_LOG(Warn, "Log ends in an incomplete record, which is dropped", {"file", path},
           {"good_bytes", scan.good_end});
    if (last && ::truncate(path.c_str(), static_cast<off_t>(scan.good_end)) != 0) {
      NX_LOG(Warn, "Torn log segment could not be cut", {"file", path},
             {"err", ErrnoStatus(errno, "truncate")});
    }
  }
  return OkStatus();
}

void Replay::Finish() NO_THREAD_SAFETY_ANALYSIS {
  core_.coverage = nullptr;
  core_.next_ref = std::max(highest_ref_ + 1, kFirstRef);
  int64_t chunks = 0;
  core_.index.all().ForEach([&](uint32_t slot) {
    chunks += static_cast<int64_t>(core_.index.table()[slot].chunks.size());
  });
  core_.full_chunks = chunks;
  for (const auto& [id, group] : head_.groups()) {
    MutexLock lock(group->commit_mutex());
    group->FinishReplay();
  }
  for (size_t i = 0; i < head_.detached().size(); ++i) {
    Detached* series = head_.detached().at(i);
    series->owners = 0;  // no group has a writer
    MutexLock lock(series->mutex);
    const auto newest = core_.LastOfChunks(core_.index.table()[series->slot]);
    if (newest && newest->time > series->max_time) series->SetNewest(*newest);
  }
  core_.chunks.DropMappedPages();
}

bool Replay::Covered(uint32_t slot, int64_t t) {
  if (t < core_.truncated_before.load(std::memory_order_relaxed)) return true;
  if (slot >= spans_.size()) return false;
  Span& span = spans_[slot];
  if (t > span.end && covered_[slot] == kNewestChunk) {
    span = {span.end + 1, INT64_MAX};
    covered_[slot] = kGap;
  } else if (t < span.start || t > span.end) {
    FindSpan(slot, t);
  }
  return covered_[slot] != kGap;
}

void Replay::FindSpan(uint32_t slot, int64_t t) {
  const ChunkList& chunks = core_.index.table()[slot].chunks;
  const auto begins_after = [&](size_t i) {
    const uint32_t second = chunks[i].min_second;
    if (second != 0) return int64_t{second} * 1000 > t;
    const auto chunk = bounds_.Get(slot, chunks[i]);
    return chunk.ok() && chunk->mint > t;
  };
  // The first chunk that certainly begins later; they are in order and do not overlap.
  size_t from = 0, to = chunks.size();
  while (from < to) {
    const size_t middle = (from + to) / 2;
    if (begins_after(middle)) {
      to = middle;
    } else {
      from = middle + 1;
    }
  }
  Span span{INT64_MIN, INT64_MAX};
  uint8_t covered = kGap;
  if (to < chunks.size()) {
    const auto later = bounds_.Get(slot, chunks[to]);
    span.end = later.ok() ? later->mint - 1 : t;
  }
  // Of those before it the last may still begin later, within its second.
  for (size_t i = to; i > 0 && span.start == INT64_MIN && covered == kGap; --i) {
    const auto chunk = bounds_.Get(slot, chunks[i - 1]);
    if (!chunk.ok()) continue;
    if (chunk->mint <= t && t <= chunk->maxt) {
      covered = i == chunks.size() ? kNewestChunk : kChunk;
      span = {chunk->mint, chunk->maxt};
    } else if (chunk->mint > t) {
      span.end = chunk->mint - 1;
    } else {
      span.start = chunk->maxt + 1;
    }
  }
  spans_[slot] = span;
  covered_[slot] = covered;
}

void Replay::Reach(uint32_t slot) {
  if (slot < spans_.size()) return;
  // Most series have chunks or will.
  const size_t size = std::max<size_t>(slot + 1, core_.index.table().limit());
  spans_.resize(size);
  covered_.resize(size);
}

void Replay::ChunksChanged(uint32_t slot) {
  Reach(slot);
  ForgetSpan(slot);
}

bool Replay::AttachChunks(uint32_t slot, uint64_t ref, int64_t end) {
  const auto by_ref = [](const Found& f, uint64_t r) { return f.ref < r; };
  // Series mostly come in the order of their references.
  auto found = found_.begin() + static_cast<ptrdiff_t>(next_found_);
  const bool next = (found == found_.end() || found->ref >= ref) &&
                    (found == found_.begin() || std::prev(found)->ref < ref);
  if (!next) found = std::lower_bound(found_.begin(), found_.end(), ref, by_ref);
  next_found_ = static_cast<size_t>(found - found_.begin());
  if (found == found_.end() || found->ref != ref) return false;
  ChunkList& chunks = core_.index.table()[slot].chunks;
  const auto end_of = [](const Found& f) { return f.mint + int64_t{f.length}; };
  const Found& first = *found;
  const size_t before = chunks.size();
  bool in_order = end != INT64_MAX;
  for (; found != found_.end() && found->ref == ref && !chunks.full(); ++found) {
    in_order = in_order && found->mint > end && found->length != Found::kLong;
    if (in_order) end = end_of(*found);
    chunks.PushBack(found->chunk);
  }
  next_found_ = static_cast<size_t>(found - found_.begin());
  if (!in_order || chunks.size() == before) {
    SortChunks(slot);
    return true;
  }
  core_.NoteTimes(first.mint, end);
  ChunksChanged(slot);
  // Spares looking at the file: what the log says first is in that chunk, or behind it.
  spans_[slot] = {first.mint, end_of(first)};
  covered_[slot] = chunks.size() == before + 1 ? kNewestChunk : kChunk;
  return true;
}

void Replay::SortChunks(uint32_t slot) {
  SeriesRecord& record = core_.index.table()[slot];
  struct Chunk {
    int64_t mint, maxt;
    ChunkRef ref;
  };
  std::vector<Chunk> sorted;
  for (size_t i = 0; i < record.chunks.size(); ++i) {
    if (++peeked_ % kLetGoAfterPeeks == 0) core_.chunks.DropMappedPages();
    const auto view = core_.chunks.Peek(record.chunks[i]);
    if (view.ok()) sorted.push_back({view->mint, view->maxt, record.chunks[i]});
  }
  record.chunks.Clear();
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Chunk& a, const Chunk& b) { return a.mint < b.mint; });
  int64_t end = INT64_MIN;
  for (const Chunk& chunk : sorted) {
    // The same chunk twice: a crash came between writing it and remembering that.
    if (chunk.mint <= end && end != INT64_MIN) continue;
    record.chunks.PushBack(chunk.ref);
    core_.NoteTimes(chunk.mint, chunk.maxt);
    end = chunk.maxt;
  }
  ChunksChanged(slot);
}

uint32_t Replay::SlotOf(uint64_t ref) const { return slots_.Get(ref); }

}  // namespace narthex::tsdb
