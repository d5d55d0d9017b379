#include "server/storage/tsdb/wal/wal_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>

#include "core/log/log.h"
#include "server/storage/tsdb/wal/wal_format.h"

namespace narthex::tsdb {
namespace {

constexpr size_t kFlushBytes = 256 << 10;
// What may wait while the disk does not take writes; beyond it Append blocks.
constexpr size_t kMaxPending = 64 << 20;
constexpr size_t kCompressFrom = 64 << 10;

std::string SegmentHeader(uint32_t segment) {
  std::string header(kSegmentMagic);
  ByteWriter out(&header);
  out.Le32(segment);
  out.Le32(0);
  return header;
}

}  // namespace

WalWriter::WalWriter(WalOptions options)
    : options_(std::move(options)), segment_(options_.first_segment) {}

std::string WalWriter::PathOf(uint32_t segment) const {
  return fmt::format("{}/wal-{:08}", options_.dir, segment);
}

StatusOr<std::unique_ptr<WalWriter>> WalWriter::Open(WalOptions options) {
  std::unique_ptr<WalWriter> wal(new WalWriter(std::move(options)));
  NX_RETURN_IF_ERROR(wal->OpenSegment(wal->options_.first_segment));
  {
    MutexLock lock(wal->mutex_);
    wal->segment_size_ = kSegmentHeader;
  }
  wal->thread_ = NamedThread("wal-writer", [w = wal.get()] { w->Run(); });
  return wal;
}

WalWriter::~WalWriter() { (void)Close(); }

uint64_t WalWriter::AppendLocked(uint8_t type, std::string_view payload, bool wake) {
  const size_t before = pending_.size();
  AppendFrame(static_cast<RecordType>(type), payload, &pending_);
  segment_size_ += pending_.size() - before;
  appended_position_ += pending_.size() - before;
  counters_.records.fetch_add(1, std::memory_order_relaxed);
  counters_.record_bytes.fetch_add(pending_.size() - before, std::memory_order_relaxed);
  if (IsLate(static_cast<RecordType>(type))) {
    counters_.late_records.fetch_add(1, std::memory_order_relaxed);
    counters_.late_record_bytes.fetch_add(pending_.size() - before, std::memory_order_relaxed);
  }
  const uint64_t position = appended_position_;
  if (segment_size_ >= options_.segment_bytes) RollLocked();
  if (options_.flush_window.count() > 0 || wake) {
    if (before == 0 || pending_.size() >= kFlushBytes || !ended_.empty()) wake_.NotifyOne();
  }
  return position;
}

bool WalWriter::Append(uint8_t type, std::string_view payload, uint32_t expected_segment,
                       uint64_t* position) {
  MutexLock lock(mutex_);
  WaitForRoom(&lock);
  if (segment_.load(std::memory_order_relaxed) != expected_segment) return false;
  const uint64_t at = AppendLocked(type, payload, /*wake=*/false);
  if (position != nullptr) *position = at;
  return true;
}

void WalWriter::WaitForRoom(MutexLock* lock) {
  if (pending_.size() < kMaxPending) return;
  ++waiters_;
  wake_.NotifyOne();
  written_.Wait(
      *lock, [this]() NO_THREAD_SAFETY_ANALYSIS { return pending_.size() < kMaxPending || stop_; });
  --waiters_;
}

uint64_t WalWriter::Append(uint8_t type, std::string_view payload, bool wake) {
  MutexLock lock(mutex_);
  WaitForRoom(&lock);
  return AppendLocked(type, payload, wake);
}

void WalWriter::RollLocked() {
  ended_.push_back({segment_.load(std::memory_order_relaxed), std::move(pending_)});
  pending_.clear();
  segment_.fetch_add(1, std::memory_order_release);
  segment_size_ = kSegmentHeader;
  wake_.NotifyOne();
}

void WalWriter::Push() {
  if (options_.flush_window.count() > 0) return;
  constexpr int kRounds = 4;  // then the thread takes over, lest one commit writes for all
  MutexLock lock(mutex_);
  if (writing_) {
    push_again_ = true;
    return;
  }
  for (int round = 0; round < kRounds; ++round) {
    if (failing_.load() || stop_) return;
    if (!ended_.empty()) break;  // the end of a segment is synced
    if (pending_.empty()) return;
    push_again_ = false;
    WriteRound(/*sync=*/false, &lock);
    if (!push_again_) return;
  }
  wake_.NotifyOne();
}

LogPosition WalWriter::Next() {
  MutexLock lock(mutex_);
  return {segment_.load(std::memory_order_relaxed), segment_size_ - kSegmentHeader};
}

uint32_t WalWriter::Roll() {
  MutexLock lock(mutex_);
  RollLocked();
  return segment_.load();
}

Status WalWriter::WaitWritten(uint64_t position) {
  MutexLock lock(mutex_);
  if (written_position_ < position && !writing_ && !failing_.load() && !stop_ && ended_.empty()) {
    WriteRound(/*sync=*/false, &lock);
  }
  if (written_position_ >= position) return OkStatus();
  const uint64_t attempt = attempts_;
  ++waiters_;
  wake_.NotifyOne();
  // Two rounds: the one under way may have begun before the record was there.
  written_.Wait(lock, [&]() NO_THREAD_SAFETY_ANALYSIS {
    return written_position_ >= position || stop_ || (failing_.load() && attempts_ >= attempt + 2);
  });
  --waiters_;
  if (written_position_ >= position) return OkStatus();
  return last_error_.ok() ? Unavailable("the log is closed") : last_error_;
}

Status WalWriter::Flush(bool sync) {
  uint64_t position = 0;
  uint64_t asked = 0;
  {
    MutexLock lock(mutex_);
    position = appended_position_;
    if (sync) asked = ++sync_asked_;
    wake_.NotifyOne();
  }
  NX_RETURN_IF_ERROR(WaitWritten(position));
  if (!sync) return OkStatus();
  MutexLock lock(mutex_);
  ++waiters_;
  written_.Wait(lock, [&]() NO_THREAD_SAFETY_ANALYSIS { return stop_ || sync_done_ >= asked; });
  --waiters_;
  return last_error_;
}

Status WalWriter::OpenSegment(uint32_t segment) {
  const std::string path = PathOf(segment);
  NX_ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC));
  NX_RETURN_IF_ERROR(WriteAll(fd.get(), SegmentHeader(segment), path));
  fd_ = std::move(fd);
  path_ = path;
  open_segment_ = segment;
  file_size_ = kSegmentHeader;
  unsynced_ = true;
  return SyncDirectory(options_.dir);
}

Status WalWriter::SyncFile() {
  if (!unsynced_) return OkStatus();
  const auto start = std::chrono::steady_clock::now();
  if (::fdatasync(fd_.get()) != 0) return ErrnoStatus(errno, PathOf(open_segment_));
  last_sync_ = std::chrono::steady_clock::now();
  if (options_.observe_sync) {
    options_.observe_sync(std::chrono::duration<double>(last_sync_ - start).count());
  }
  unsynced_ = false;
  return OkStatus();
}

// Writes a batch, in one piece or not at all: a failed write is cut off again.
Status WalWriter::WriteBatch(Batch* batch) {
  if (batch->segment != open_segment_) {
    NX_RETURN_IF_ERROR(SyncFile());
    NX_RETURN_IF_ERROR(OpenSegment(batch->segment));
    counters_.completed_segments.fetch_add(1, std::memory_order_relaxed);
  }
  if (batch->bytes.empty()) return OkStatus();
  std::string out;
  // A mark every megabyte, on a boundary where a reader looks for it.
  if (file_size_ / kSyncEvery != (file_size_ + batch->bytes.size()) / kSyncEvery) {
    out.resize((kSyncAlignment - file_size_ % kSyncAlignment) % kSyncAlignment);
    std::string mark(kSyncMagic);
    ByteWriter writer(&mark);
    writer.Le32(batch->segment);
    writer.Le64(file_size_ + out.size());
    AppendFrame(RecordType::kSync, mark, &out);
  }
  bool compressed = false;
  if (options_.compression && batch->bytes.size() >= kCompressFrom) {
    std::string packed(ZSTD_compressBound(batch->bytes.size()), '\0');
    const size_t n =
        ZSTD_compress(packed.data(), packed.size(), batch->bytes.data(), batch->bytes.size(), 1);
    if (!ZSTD_isError(n) && n * 115 <= batch->bytes.size() * 100) {
      packed.resize(n);
      AppendFrame(RecordType::kCompressed, packed, &out);
      counters_.bytes_saved.fetch_add(batch->bytes.size() - packed.size(),
                                      std::memory_order_relaxed);
      compressed = true;
    }
  }
  const bool as_is = !compressed && out.empty();
  if (!compressed && !as_is) out += batch->bytes;
  const std::string& bytes = as_is ? batch->bytes : out;
  const Status status = WriteAll(fd_.get(), bytes, path_);
  if (!status.ok()) {
    const auto size = static_cast<off_t>(file_size_);
    if (::ftruncate(fd_.get(), size) != 0 || ::lseek(fd_.get(), size, SEEK_SET) != size) {
      NX_LOG(Error, "Log segment could not be cut back", {"segment", batch->segment});
    }
    return status;
  }
  file_size_ += bytes.size();
  unsynced_ = true;
  counters_.flushes.fetch_add(1, std::memory_order_relaxed);
  counters_.bytes_written.fetch_add(bytes.size(), std::memory_order_relaxed);
  return OkStatus();
}

// Takes back what was not written, before what came since.
void WalWriter::PutBack(std::vector<Batch> batches, size_t done) {
  Batch rest = std::move(batches.back());
  batches.pop_back();
  batches.erase(batches.begin(),
                batches.begin() + static_cast<ptrdiff_t>(std::min(done, batches.size())));
  if (rest.segment == segment_.load()) {
    pending_.insert(0, rest.bytes);
  } else if (!ended_.empty() && ended_.front().segment == rest.segment) {
    ended_.front().bytes.insert(0, rest.bytes);
  } else {
    batches.push_back(std::move(rest));
  }
  ended_.insert(ended_.begin(), std::make_move_iterator(batches.begin()),
                std::make_move_iterator(batches.end()));
}

void WalWriter::WriteRound(bool sync, MutexLock* lock) {
  writing_ = true;
  std::vector<Batch> batches = std::move(ended_);
  ended_.clear();
  batches.push_back({segment_.load(), std::move(pending_)});
  pending_.clear();
  const uint64_t position = appended_position_;
  lock->Unlock();

  Status status;
  size_t done = 0;
  for (; done < batches.size() && status.ok(); ++done) status = WriteBatch(&batches[done]);
  if (!status.ok()) --done;
  if (status.ok() && sync) status = SyncFile();

  lock->Lock();
  writing_ = false;
  ++attempts_;
  last_error_ = status;
  if (done == batches.size()) {
    written_position_ = position;
    // The buffer is used again.
    if (pending_.empty() && segment_.load() == batches.back().segment) {
      pending_ = std::move(batches.back().bytes);
      pending_.clear();
    }
  } else {
    PutBack(std::move(batches), done);
  }
  if (!status.ok()) {
    counters_.write_failures.fetch_add(1, std::memory_order_relaxed);
    if (!failing_.exchange(true)) {
      NX_LOG(Error, "Writing the log failed; new samples are refused until it works again",
             {"err", status});
      wake_.NotifyOne();  // the thread tries again
    }
  } else if (failing_.exchange(false)) {
    NX_LOG(Info, "Writing the log works again");
  }
  if (waiters_ > 0 || thread_waits_) written_.NotifyAll();
}

void WalWriter::Run() {
  const auto retry = std::max(options_.flush_window, std::chrono::milliseconds(10));
  const bool window = options_.flush_window.count() > 0;
  MutexLock lock(mutex_);
  last_sync_ = std::chrono::steady_clock::now();
  for (;;) {
    const auto due = [this]() NO_THREAD_SAFETY_ANALYSIS {
      return stop_ || waiters_ > 0 || sync_asked_ > sync_done_ || (push_again_ && !writing_) ||
             !ended_.empty() || pending_.size() >= kFlushBytes;
    };
    if (failing_.load()) {
      wake_.WaitFor(lock, retry, [this]() NO_THREAD_SAFETY_ANALYSIS { return stop_; });
    } else {
      // First something must be there; then it may gather for the window.
      const auto any = [&]() NO_THREAD_SAFETY_ANALYSIS { return due() || !pending_.empty(); };
      if (options_.sync_interval.count() > 0) {
        wake_.WaitFor(lock, options_.sync_interval, any);
      } else {
        wake_.Wait(lock, any);
      }
      if (window) wake_.WaitFor(lock, options_.flush_window, due);
    }
    thread_waits_ = true;
    written_.Wait(lock, [this]() NO_THREAD_SAFETY_ANALYSIS { return !writing_; });
    thread_waits_ = false;
    const bool stopping = stop_;
    const uint64_t asked = sync_asked_;
    const bool interval_over =
        options_.sync_interval.count() > 0 &&
        std::chrono::steady_clock::now() - last_sync_ >= options_.sync_interval;
    push_again_ = false;
    WriteRound(asked > sync_done_ || stopping || interval_over, &lock);
    if (last_error_.ok()) sync_done_ = asked;
    written_.NotifyAll();
    if (stopping) return;
  }
}

Status WalWriter::Close() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    wake_.NotifyAll();
  }
  thread_.Join();
  MutexLock lock(mutex_);
  written_.NotifyAll();
  return last_error_;
}

}  // namespace narthex::tsdb
