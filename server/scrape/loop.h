#pragma once
// The scrape loop of one target, as a state machine that owns no thread:
//
//   kActive ──due──▶ request in flight ──body──▶ worker ──▶ idle until the next due time
//   kActive ──End()──▶ kEnding: one more due time notes the moment the target was missed, the next
//                      but one ends its series there, unless the target came back (Resume)
//   any ──Stop()──▶ kStopped: nothing more is written
//
// A loop whose scrape is still under way when the next is due misses that turn.
//
// Thread safety: public methods may be called from any thread; series are touched by one worker at
// a time (busy_).

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/http/body_pool.h"
#include "server/scrape/fetch.h"
#include "server/scrape/metadata.h"
#include "server/scrape/metrics.h"
#include "server/scrape/report.h"
#include "server/scrape/scheduler.h"
#include "server/scrape/series.h"
#include "server/scrape/settings.h"
#include "server/scrape/target.h"
#include "server/scrape/target_status.h"
#include "server/scrape/workers.h"

namespace narthex::scrape {

// What all loops of the process share. Outlives them.
struct LoopContext {
  const Clock* clock = nullptr;
  storage::Appendable* storage = nullptr;
  Metrics* metrics = nullptr;
  Scheduler* scheduler = nullptr;
  Workers* workers = nullptr;
  TextPool* texts = nullptr;
  bool adjust_timestamps = true;
  bool store_metadata = false;
  bool store_starts = false;
  bool type_and_unit_labels = false;
  int64_t timestamp_tolerance_ms = 2;
  size_t default_body_limit = 0;
  std::shared_ptr<ByteBudget> body_budget;  // null: no limit
  std::shared_ptr<http::BodyPool> bodies;
};

class Loop final : public Scheduled, public std::enable_shared_from_this<Loop> {
 public:
  Loop(const LoopContext& context, std::shared_ptr<const Target> target,
       std::shared_ptr<const PoolSettings> settings, uint64_t offset_seed);

  // Hands the loop to the scheduler.
  void Start();
  // The same target under a new configuration or with other hidden labels; also brings an ending
  // loop back. False when it had ended already.
  bool Update(std::shared_ptr<const Target> target, std::shared_ptr<const PoolSettings> settings,
              uint64_t offset_seed) EXCLUDES(mutex_);
  // Every scrape fails with this error while it is set (target_limit).
  void SetForcedError(Status error) EXCLUDES(mutex_);
  void End() EXCLUDES(mutex_);
  void Stop() EXCLUDES(mutex_);

  bool ending() const EXCLUDES(mutex_);
  bool stopped() const EXCLUDES(mutex_);
  std::shared_ptr<const Target> target() const EXCLUDES(mutex_);
  ActiveTarget status(const std::string& pool) const EXCLUDES(mutex_);
  const MetadataCache& metadata() const { return metadata_; }

  int64_t OnDue(int64_t due_nanos, int64_t now_nanos) override EXCLUDES(mutex_);

 private:
  enum class State { kActive, kEnding, kStopped };
  // One scrape on its way through the pipeline.
  struct Scrape {
    std::shared_ptr<Loop> loop;
    std::shared_ptr<const Target> target;
    std::shared_ptr<const PoolSettings> settings;
    std::shared_ptr<const http::PreparedRequest> request;
    StatusOr<http::ClientResponse> response;
    Status forced_error;
    int64_t start_nanos = 0;
    int64_t start_monotonic = 0;
    TimestampMs timestamp = 0;
  };

  int64_t NextDue(int64_t now_nanos) const REQUIRES(mutex_);
  int64_t OnDueEnding(int64_t due_nanos, int64_t now_nanos) REQUIRES(mutex_);
  TimestampMs SampleTime(int64_t due_nanos, int64_t now_nanos) const REQUIRES(mutex_);
  void PrepareRequest() REQUIRES(mutex_);
  static void Begin(std::shared_ptr<Scrape> scrape);
  static void Process(std::shared_ptr<Scrape> scrape);
  void Finish(Scrape* scrape, Scratch* scratch);
  Status Store(const Scrape& scrape, Scratch* scratch, AppendCounts* counts, double* body_size);
  void WriteReport(const Scrape& scrape, const Status& status, const AppendCounts& counts,
                   double body_size, double duration);
  static void WarnOfDropped(const Scrape& scrape, const AppendCounts& counts);
  void CountOutcome(const Scrape& scrape, const Status& status, const AppendCounts& counts);
  void RememberStatus(const Scrape& scrape, const Status& status, double duration) EXCLUDES(mutex_);
  void EndSeries(Scratch* scratch) EXCLUDES(mutex_);

  const LoopContext& context_;
  MetadataCache metadata_;
  const int64_t bunch_nanos_;

  mutable Mutex mutex_;
  State state_ GUARDED_BY(mutex_) = State::kActive;
  bool busy_ GUARDED_BY(mutex_) = false;
  std::shared_ptr<const Target> target_ GUARDED_BY(mutex_);
  std::shared_ptr<const PoolSettings> settings_ GUARDED_BY(mutex_);
  uint64_t seed_ GUARDED_BY(mutex_);
  // Made of target_ and settings_ when first needed.
  std::shared_ptr<const http::PreparedRequest> request_ GUARDED_BY(mutex_);
  Summary* interval_length_ GUARDED_BY(mutex_) = nullptr;
  Status forced_error_ GUARDED_BY(mutex_);
  TimestampMs stale_at_ GUARDED_BY(mutex_) = 0;  // while ending: when it was first missed
  int64_t last_start_nanos_ GUARDED_BY(mutex_) = 0;
  double last_duration_ GUARDED_BY(mutex_) = 0;
  Status last_error_ GUARDED_BY(mutex_);
  Health health_ GUARDED_BY(mutex_) = Health::kUnknown;

  // The worker's, while busy_.
  TargetSeries series_;
  ReportSeries report_;
  KnownType known_type_;
  uint64_t series_generation_;
  int64_t down_since_ms_ = 0;
  // How long the last Finish took. The first is long: every series is new.
  int64_t finish_nanos_ = std::numeric_limits<int64_t>::max();
};

}  // namespace narthex::scrape
