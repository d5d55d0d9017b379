// The Appender of the head: samples with timestamps of their own, committed together.

#include "server/storage/tsdb/head/head.h"

namespace narthex::tsdb {
namespace {

using storage::AppendResult;

class HeadAppender final : public storage::Appender {
 public:
  explicit HeadAppender(Head* head) : head_(*head), core_(head->core()) {
    core_.counters.active_appenders.fetch_add(1);
  }
  ~HeadAppender() override {
    Rollback();
    core_.counters.active_appenders.fetch_sub(1);
  }

  StatusOr<AppendResult> Append(const Labels& labels, TimestampMs t, double v) override;
  Conflict conflict() const override { return conflict_; }
  Status Commit(bool durable) override;
  void Rollback() override;

 private:
  void Count(AppendResult result);
  // Whether samples are pending, and the oldest of them; structure_mutex is held.
  void NotePending(int64_t t) {
    if (oldest_ != core_.pending_times.end() && *oldest_ <= t) return;
    ForgetPending();
    oldest_ = core_.pending_times.insert(t);
  }
  void ForgetPending() {
    if (oldest_ != core_.pending_times.end()) core_.pending_times.erase(oldest_);
    oldest_ = core_.pending_times.end();
  }
  Head& head_;
  HeadCore& core_;
  std::multiset<int64_t>::iterator oldest_ = core_.pending_times.end();
  std::vector<DetachedSample> samples_;
  // The newest pending sample of each series, which the next one is checked against.
  absl::flat_hash_map<uint32_t, DetachedSample> newest_;
  Conflict conflict_;
};

void HeadAppender::Count(AppendResult result) {
  HeadCounters& c = core_.counters;
  switch (result) {
    case AppendResult::kOk:
      c.samples_appended.fetch_add(1, std::memory_order_relaxed);
      break;
    case AppendResult::kDuplicate:
      c.duplicates.fetch_add(1, std::memory_order_relaxed);
      break;
    case AppendResult::kOutOfOrder:
      c.out_of_order.fetch_add(1, std::memory_order_relaxed);
      break;
    case AppendResult::kOutOfBounds:
    case AppendResult::kTooOld:
      c.out_of_bounds.fetch_add(1, std::memory_order_relaxed);
      break;
    case AppendResult::kRefused:
      c.refused.fetch_add(1, std::memory_order_relaxed);
      break;
  }
}

StatusOr<AppendResult> HeadAppender::Append(const Labels& labels, TimestampMs t, double v) {
  if (core_.Refusing()) {
    Count(AppendResult::kRefused);
    return AppendResult::kRefused;
  }
  const auto bits = std::bit_cast<uint64_t>(v);
  MutexLock structure(core_.structure_mutex);
  if (t < core_.MinValidTime()) {
    Count(AppendResult::kOutOfBounds);
    return AppendResult::kOutOfBounds;
  }
  bool created = false;
  NX_ASSIGN_OR_RETURN(const uint32_t slot, core_.FindOrCreate(labels, nullptr, &created));
  Detached* series = head_.Detach(slot);
  series->by_appender = true;
  AppendResult result = DetachedStore::Check(*series, core_.MinValidTime(), t, bits);
  uint64_t taken = series->last_bits;
  const auto [newest, first] = newest_.try_emplace(slot, DetachedSample{slot, t, bits});
  conflict_ = {};
  if (result == AppendResult::kOk && !first) {
    const DetachedSample& last = newest->second;
    if (t < last.time) result = AppendResult::kOutOfOrder;
    if (t == last.time && bits != last.bits) result = AppendResult::kDuplicate;
    taken = last.bits;
    conflict_.pending = result != AppendResult::kOk;
  }
  if (result != AppendResult::kOk) {
    if (result == AppendResult::kDuplicate) conflict_.value = std::bit_cast<double>(taken);
    if (first) newest_.erase(newest);
    Count(result);
    return result;
  }
  newest->second = {slot, t, bits};
  samples_.push_back({slot, t, bits});
  ++series->pending;
  NotePending(t);
  return result;
}

Status HeadAppender::Commit(bool durable) {
  if (samples_.empty()) return OkStatus();
  if (core_.Refusing()) {
    Rollback();
    return Unavailable("the database takes no writes");
  }
  uint64_t position = 0;
  uint64_t refused = 0;
  {
    MutexLock structure(core_.structure_mutex);
    std::vector<DetachedSample> written;
    for (const DetachedSample& s : samples_) {
      Detached* series = head_.detached().Get(s.slot);
      // Bounds were checked when the sample came in; another writer may have been faster since.
      const AppendResult result = head_.detached().Append(series, INT64_MIN, s.time, s.bits);
      --series->pending;
      Count(result);
      refused += result == AppendResult::kRefused;
      if (result != AppendResult::kOk) continue;
      core_.NoteTimes(s.time, s.time);
      written.push_back(s);
    }
    ForgetPending();
    if (core_.wal != nullptr && !written.empty()) {
      std::string payload;
      EncodeDetached(core_.index.table(), written, &payload);
      position = core_.wal->Append(static_cast<uint8_t>(RecordType::kDetached), payload,
                                   /*wake=*/false);
    }
  }
  samples_.clear();
  newest_.clear();
  if (refused > 0) return ResourceExhausted("{} samples could not be stored", refused);
  if (position == 0) return OkStatus();
  if (durable) return core_.wal->WaitWritten(position);
  core_.wal->Push();
  return OkStatus();
}

void HeadAppender::Rollback() {
  if (samples_.empty()) return;
  MutexLock structure(core_.structure_mutex);
  for (const DetachedSample& s : samples_) --head_.detached().Get(s.slot)->pending;
  ForgetPending();
  samples_.clear();
  newest_.clear();
}

}  // namespace

std::unique_ptr<storage::Appender> Head::NewAppender() {
  return std::make_unique<HeadAppender>(this);
}

}  // namespace narthex::tsdb
