#pragma once
// Writes the log (docs/formats/wal.md). Callers hand over encoded records; a thread writes them
// with write(2) at most `flush_window` later, or earlier when 256 KiB are waiting or someone waits.
// Without a window whoever commits writes (Push), with what others have handed over meanwhile:
// waking a thread costs more than the write.
//
// Records that only make sense together with earlier ones of the same segment (symbols, deltas) are
// encoded against segment(); Append refuses them when the segment has ended meanwhile, and the
// caller encodes again.
//
// When a write fails nothing is dropped: the log keeps what it could not write, failing() tells
// writers to refuse new samples, and the thread tries again.
//
// Thread safety: every method.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/file.h"
#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/base/thread.h"
#include "server/storage/tsdb/wal/wal_format.h"

namespace narthex::tsdb {

struct WalOptions {
  std::string dir;
  uint32_t first_segment = 1;  // must not exist yet
  uint64_t segment_bytes = uint64_t{64} << 20;
  std::chrono::milliseconds flush_window{100};
  std::chrono::milliseconds sync_interval{5000};
  bool compression = true;
  std::function<void(double seconds)> observe_sync;  // may be empty
};

struct WalCounters {
  std::atomic<uint64_t> flushes{0};
  std::atomic<uint64_t> write_failures{0};
  std::atomic<uint64_t> completed_segments{0};
  std::atomic<uint64_t> bytes_written{0};
  std::atomic<uint64_t> bytes_saved{0};   // by compression
  std::atomic<uint64_t> records{0};       // handed over, written or not
  std::atomic<uint64_t> record_bytes{0};  // of these, with their frames
  std::atomic<uint64_t> late_records{0};  // of these, those of late samples
  std::atomic<uint64_t> late_record_bytes{0};
};

class WalWriter {
 public:
  static StatusOr<std::unique_ptr<WalWriter>> Open(WalOptions options);
  ~WalWriter();

  uint32_t segment() const { return segment_.load(std::memory_order_acquire); }
  bool failing() const { return failing_.load(std::memory_order_relaxed); }

  // False when `expected_segment` is over. *position (may be null) is what to wait for. The caller
  // ends with Push.
  bool Append(uint8_t type, std::string_view payload, uint32_t expected_segment,
              uint64_t* position = nullptr);
  // For records that stand alone. Without `wake` the caller ends with Push or WaitWritten.
  uint64_t Append(uint8_t type, std::string_view payload, bool wake = true);
  // Hands what was appended to write(2) now, unless there is a window or another thread is at it,
  // which then takes this too. No lock that a reader needs may be held.
  void Push();
  // Where the next record goes: the offset counts frames as if none were compressed.
  LogPosition Next();
  // Returns when everything up to `position` was handed to write(2), or writing failed.
  Status WaitWritten(uint64_t position);
  // Everything appended so far; optionally on the disk too.
  Status Flush(bool sync);
  // Ends the segment; returns the number of the new one.
  uint32_t Roll();
  Status Close();

  const WalCounters& counters() const { return counters_; }

 private:
  explicit WalWriter(WalOptions options);
  void Run();
  // The records of one segment that wait to be written.
  struct Batch {
    uint32_t segment = 0;
    std::string bytes;
  };
  uint64_t AppendLocked(uint8_t type, std::string_view payload, bool wake) REQUIRES(mutex_);
  // Writes everything that waits; mutex_ is released meanwhile, writing_ keeps others away.
  void WriteRound(bool sync, MutexLock* lock) REQUIRES(mutex_) NO_THREAD_SAFETY_ANALYSIS;
  void WaitForRoom(MutexLock* lock) REQUIRES(mutex_);
  void PutBack(std::vector<Batch> batches, size_t done) REQUIRES(mutex_);
  void RollLocked() REQUIRES(mutex_);
  Status WriteBatch(Batch* batch);
  Status OpenSegment(uint32_t segment);
  Status SyncFile();
  std::string PathOf(uint32_t segment) const;

  const WalOptions options_;
  std::atomic<uint32_t> segment_;
  std::atomic<bool> failing_{false};
  WalCounters counters_;

  Mutex mutex_;
  CondVar wake_;                                  // the thread: there is something to do
  CondVar written_;                               // waiters: written_position_ or failing_ changed
  std::string pending_ GUARDED_BY(mutex_);        // of segment_
  std::vector<Batch> ended_ GUARDED_BY(mutex_);   // of segments before it, in order
  uint64_t segment_size_ GUARDED_BY(mutex_) = 0;  // logical size, pending_ included
  uint64_t appended_position_ GUARDED_BY(mutex_) = 0;
  uint64_t written_position_ GUARDED_BY(mutex_) = 0;
  uint64_t attempts_ GUARDED_BY(mutex_) = 0;  // finished write rounds
  Status last_error_ GUARDED_BY(mutex_);
  int waiters_ GUARDED_BY(mutex_) = 0;
  uint64_t sync_asked_ GUARDED_BY(mutex_) = 0;  // calls of Flush(true)
  uint64_t sync_done_ GUARDED_BY(mutex_) = 0;
  bool writing_ GUARDED_BY(mutex_) = false;       // a thread owns the file and what belongs to it
  bool push_again_ GUARDED_BY(mutex_) = false;    // records came while it was writing
  bool thread_waits_ GUARDED_BY(mutex_) = false;  // for writing_ to end
  bool stop_ GUARDED_BY(mutex_) = false;

  // Owned by whoever set writing_.
  UniqueFd fd_;
  std::string path_;  // of fd_
  uint32_t open_segment_ = 0;
  uint64_t file_size_ = 0;
  bool unsynced_ = false;
  std::chrono::steady_clock::time_point last_sync_;
  NamedThread thread_;
};

}  // namespace narthex::tsdb
