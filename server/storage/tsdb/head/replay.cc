#include "server/storage/tsdb/head/replay.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <thread>

#include "core/base/mapped_file.h"
#include "core/log/log.h"

namespace narthex::tsdb {
namespace {

constexpr std::string_view kSegmentPrefix = "wal-";
constexpr std::string_view kCheckpointPrefix = "checkpoint-";

// The number in "<prefix>00000012"; 0 when the name is something else.
uint32_t NumberIn(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return 0;
  name.remove_prefix(prefix.size());
  uint32_t n = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), n);
  return error == std::errc() && end == name.data() + name.size() ? n : 0;
}

// Rows on threads of their own: reading the log is a fraction of the work.
size_t RowThreads() {
  constexpr unsigned kMost = 8;
  const unsigned cpus = std::thread::hardware_concurrency();
  return cpus < 2 ? 0 : std::min(cpus, kMost);
}

}  // namespace

Replay::Replay(Head* head, std::string wal_dir)
    : head_(*head),
      core_(head->core()),
      wal_dir_(std::move(wal_dir)),
      lost_rows_(RowThreads() + 1),
      rows_(RowThreads(), [this](size_t worker, bool key, std::string_view payload) {
        ApplyRow(key, payload, &lost_rows_[worker]);
      }) {
  core_.coverage = this;
}

Replay::~Replay() {
  rows_.Drain();
  core_.coverage = nullptr;
}

Status Replay::LoadChunks() {
  NX_RETURN_IF_ERROR(core_.chunks.Open([this](const HeadChunk& chunk, const ChunkRef& ref) {
    found_.push_back({chunk.ref, ref});
    highest_ref_ = std::max(highest_ref_, chunk.ref);
  }));
  std::stable_sort(found_.begin(), found_.end(),
                   [](const Found& a, const Found& b) { return a.ref < b.ref; });
  return OkStatus();
}

StatusOr<ReplayResult> Replay::Run() NO_THREAD_SAFETY_ANALYSIS {
  NX_RETURN_IF_ERROR(LoadChunks());
  NX_RETURN_IF_ERROR(CreateDirectories(wal_dir_));
  NX_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(wal_dir_));
  uint32_t checkpoint = 0;
  for (const std::string& name : names) {
    if (name.ends_with(".tmp")) ::unlink(JoinPath(wal_dir_, name).c_str());
    checkpoint = std::max(checkpoint, NumberIn(name, kCheckpointPrefix));
  }
  std::vector<uint32_t> segments;
  for (const std::string& name : names) {
    const uint32_t segment = NumberIn(name, kSegmentPrefix);
    const uint32_t old = NumberIn(name, kCheckpointPrefix);
    // What a checkpoint stands for may have survived a crash right after it was made.
    const bool obsolete = (segment != 0 && segment < checkpoint) || (old != 0 && old < checkpoint);
    if (obsolete) ::unlink(JoinPath(wal_dir_, name).c_str());
    if (segment != 0 && !obsolete) segments.push_back(segment);
  }
  std::sort(segments.begin(), segments.end());
  ReplayProgress* progress = core_.options.progress;
  if (progress != nullptr && !segments.empty()) {
    progress->min = segments.front();
    progress->max = segments.back();
  }
  result_.next_segment = std::max(checkpoint, segments.empty() ? 0 : segments.back()) + 1;

  MutexLock structure(core_.structure_mutex);
  if (checkpoint != 0) {
    NX_RETURN_IF_ERROR(ReadFile(fmt::format("{}/{}{:08}", wal_dir_, kCheckpointPrefix, checkpoint),
                                checkpoint, /*checkpoint=*/true, /*last=*/false));
  }
  for (const uint32_t segment : segments) {
    if (progress != nullptr) progress->current = segment;
    NX_RETURN_IF_ERROR(ReadFile(fmt::format("{}/{}{:08}", wal_dir_, kSegmentPrefix, segment),
                                segment, /*checkpoint=*/false, segment == segments.back()));
  }
  rows_.Drain();
  for (const uint64_t lost : lost_rows_) result_.lost_rows += lost;
  Finish();
  return result_;
}

Status Replay::ReadFile(const std::string& path, uint32_t segment, bool checkpoint, bool last) {
  SegmentScan scan;
  {
    NX_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::OpenSequential(path));
    symbols_.Clear();
    // What a checkpoint says is never outdated by itself.
    position_ = {checkpoint ? UINT32_MAX : segment, 0};
    scan = ScanSegment(
        file.data(), segment,
        [this](RecordType type, std::string_view payload) {
          position_.offset += kFrameHeader + payload.size();
          Apply(type, payload);
        },
        // A lost definition could make an id mean its former string.
        [this] { symbols_.Clear(); });
    result_.bytes += file.data().size();
  }
  result_.records += scan.records;
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
}

bool Replay::Covered(uint32_t slot, int64_t t) {
  if (t < core_.truncated_before.load(std::memory_order_relaxed)) return true;
  if (slot >= spans_.size()) return false;
  if (t < spans_[slot].start || t > spans_[slot].end) FindSpan(slot, t);
  return covered_[slot];
}

void Replay::FindSpan(uint32_t slot, int64_t t) {
  const ChunkList& chunks = core_.index.table()[slot].chunks;
  // The first chunk that ends at t or later; they are in order and do not overlap.
  size_t from = 0, to = chunks.size();
  while (from < to) {
    const size_t middle = (from + to) / 2;
    const auto chunk = core_.chunks.Peek(chunks[middle]);
    if (chunk.ok() && chunk->maxt >= t) {
      to = middle;
    } else {
      from = middle + 1;
    }
  }
  Span span{INT64_MIN, INT64_MAX};
  bool covered = false;
  if (from > 0) {
    const auto before = core_.chunks.Peek(chunks[from - 1]);
    if (before.ok()) span.start = before->maxt + 1;
  }
  if (from < chunks.size()) {
    const auto chunk = core_.chunks.Peek(chunks[from]);
    covered = chunk.ok() && chunk->mint <= t;
    if (covered) {
      span = {chunk->mint, chunk->maxt};
    } else if (chunk.ok()) {
      span.end = chunk->mint - 1;
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
  spans_[slot] = Span();
}

void Replay::AttachChunks(uint32_t slot, uint64_t ref) {
  const auto by_ref = [](const Found& f, uint64_t r) { return f.ref < r; };
  auto found = std::lower_bound(found_.begin(), found_.end(), ref, by_ref);
  if (found == found_.end() || found->ref != ref) return;
  std::vector<std::pair<int64_t, ChunkRef>> sorted;
  for (; found != found_.end() && found->ref == ref; ++found) {
    sorted.emplace_back(core_.chunks.Peek(found->chunk)->mint, found->chunk);
  }
  SeriesRecord& record = core_.index.table()[slot];
  LockedHome home(record);
  // A second reference to the same labels: one list for both.
  for (size_t i = 0; i < record.chunks.size(); ++i) {
    sorted.emplace_back(core_.chunks.Peek(record.chunks[i])->mint, record.chunks[i]);
  }
  record.chunks.Clear();
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  int64_t end = INT64_MIN;
  for (const auto& [mint, chunk] : sorted) {
    const auto view = core_.chunks.Peek(chunk);
    // The same chunk twice: a crash came between writing it and remembering that.
    if (mint <= end && end != INT64_MIN) continue;
    record.chunks.PushBack(chunk);
    core_.NoteTimes(mint, view->maxt);
    end = view->maxt;
  }
  ChunksChanged(slot);
}

uint32_t Replay::SlotOf(uint64_t ref) const { return slots_.Get(ref); }

}  // namespace narthex::tsdb
