#pragma once
// The inside of Db; see db.h. Files: db.cc (open, close, reading), db_maintain.cc (the rounds of
// housekeeping), db_compact.cc (blocks from the head and from blocks), db_adopt.cc, db_admin.cc.
//
// Locks: `maintenance` is held for a whole job (a cut, a compaction, a deletion) and is taken
// before any other. `view_mutex` is held for moments only.

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/file.h"
#include "core/base/mutex.h"
#include "core/base/thread.h"
#include "server/storage/tsdb/block_set.h"
#include "server/storage/tsdb/db.h"
#include "server/storage/tsdb/db_metrics.h"
#include "server/storage/tsdb/delay_file.h"
#include "server/storage/tsdb/head/ended_series.h"
#include "server/storage/tsdb/head/head.h"
#include "server/storage/tsdb/promwal/takeover.h"

namespace narthex::tsdb {

// For metrics.
double SecondsSince(std::chrono::steady_clock::time_point start);

struct LogLength {
  int64_t bytes = 0;
  int64_t samples = 0;
};

struct Db::Impl {
  explicit Impl(const Options& o);
  ~Impl();

  Status Lock();
  Status Start();
  // What the head learns of an imported log (db_adopt.cc): the newest samples, so that it knows
  // what comes late or again, and what blocks cannot hold.
  Status Adopt(const promwal::TakenOver& taken);
  // Of the series of a block that have samples since `from` and that the head does not have.
  Status AdoptNewest(const Block& block, int64_t from);
  Status AdoptExtras(const promwal::TakenOver& taken);
  std::optional<uint64_t> RefOf(const Labels& series, BaseGuess* guess);

  // ---- Housekeeping (db_maintain.cc) ----
  void Run();
  Status Housekeep() EXCLUDES(maintenance);
  // Brings the served blocks in line with the directory and the retention; in the same moment
  // readers stop looking for samples before `new_head_mint` in the head. When one of `written`,
  // just finished to take the place of something else, cannot be opened, nothing changes and it is
  // removed: what it was to replace is still there.
  Status ReloadBlocks() REQUIRES(maintenance) { return ReloadBlocks(head_mint(), {}); }
  Status ReloadBlocks(std::span<const BlockMeta> written) REQUIRES(maintenance) {
    return ReloadBlocks(head_mint(), written);
  }
  Status ReloadBlocks(int64_t new_head_mint, std::span<const BlockMeta> written)
      REQUIRES(maintenance);
  Status CheckOpened(const BlockSet::Change& change, std::span<const BlockMeta> written);
  Status CheckpointLocked() REQUIRES(maintenance);
  // Whether reading the log since the last one takes so long that a new one pays.
  bool CheckpointDue() REQUIRES(maintenance);
  bool GrewMuch() REQUIRES(maintenance);
  // The same at the end, when nobody waits.
  bool LogIsLong() REQUIRES(maintenance);
  // Bytes and samples of the log so far, as the process wrote them.
  LogLength LogSoFar() const;
  // Leaves out chunks that were damaged while nobody looked.
  void VerifyChunks();
  void TruncateLocked(int64_t mint) REQUIRES(maintenance);
  RetentionLimits limits() const {
    MutexLock lock(view_mutex);
    return retention;
  }
  void ApplyRetention(BlockSet::Change* change);
  void ShowLimits();
  uint64_t HeadBytes() const;
  bool Stopping() const { return cancel.load(std::memory_order_relaxed); }

  // ---- Compaction (db_compact.cc) ----
  // Everything that is due: cuts first, then merges of blocks. `may_wait`: cuts after their delay.
  Status Compact(bool may_wait) REQUIRES(maintenance);
  bool CutDue() const;
  // A cut is due, and its random delay is not over.
  bool CutWaits() REQUIRES(maintenance);
  // Series that have ended go to blocks and out of the head when they are many.
  Status CompactStale() REQUIRES(maintenance);
  Status WriteStaleBlocks(const std::vector<EndedSeries>& ended) REQUIRES(maintenance);
  bool FinishStale() REQUIRES(maintenance);
  Status CutHead() REQUIRES(maintenance);
  // Writes what came out of order to blocks of its own.
  Status CutLate() REQUIRES(maintenance);
  Status FenceHead(int64_t maxt);
  StatusOr<BlockMeta> WriteHeadBlock(int64_t mint, int64_t maxt) REQUIRES(maintenance);
  // Takes what has been cut out of the head, once no reader needs it there.
  bool FinishCut() REQUIRES(maintenance);
  Status CompactBlocks() REQUIRES(maintenance);
  Status CompactOnce(const std::vector<Ulid>& plan) REQUIRES(maintenance);
  std::vector<Ulid> Plan() REQUIRES(maintenance);
  BlockWriter::Options WriterOptions() const;
  // Shows for its lifetime that a block is being written.
  class Populating {
   public:
    explicit Populating(DbMetrics* metrics) : gauge_(metrics->populating_block) { gauge_->Set(1); }
    ~Populating() { gauge_->Set(0); }
    Populating(const Populating&) = delete;

   private:
    Gauge* const gauge_;
  };

  std::string LockPath() const { return JoinPath(options.dir, "lock"); }
  // Older samples are in blocks, not in the head.
  int64_t head_mint() const {
    MutexLock lock(view_mutex);
    return view_head_mint;
  }

  const Options options;
  const std::string wal_dir;
  DbMetrics metrics;
  UniqueFd lock_file;
  Head head;
  BlockSet blocks;
  DelayFile delay_file;
  std::vector<std::shared_ptr<Collector>> collectors;
  std::atomic<bool> compactions_enabled{true};
  std::atomic<double> stale_threshold;
  std::atomic<bool> cancel{false};

  mutable Mutex view_mutex;
  int64_t view_head_mint GUARDED_BY(view_mutex) = INT64_MIN;
  RetentionLimits retention GUARDED_BY(view_mutex);

  Mutex maintenance;  // one job at a time
  // What the next start would read, besides the checkpoint: LogSoFar() less this.
  LogLength log_replaced GUARDED_BY(maintenance);
  uint64_t trimmed_at GUARDED_BY(maintenance) = 0;  // series created until then
  bool closed GUARDED_BY(maintenance) = false;
  bool exported GUARDED_BY(maintenance) = false;  // the head is another program's now
  struct Cut {
    int64_t maxt = 0;
    uint64_t mark = 0;  // readers before it still need the head's copy
  };
  std::optional<Cut> unfinished_cut GUARDED_BY(maintenance);
  // Series that blocks have, and that the head still shows to readers from before.
  struct StaleCut {
    std::vector<EndedSeries> series;
    uint64_t mark = 0;
  };
  std::optional<StaleCut> unfinished_stale GUARDED_BY(maintenance);
  std::optional<int64_t> cut_after GUARDED_BY(maintenance);  // ms of the clock

  Mutex stop_mutex;
  CondVar stop_signal;
  bool stop GUARDED_BY(stop_mutex) = false;
  NamedThread thread;
};

}  // namespace narthex::tsdb
