// The Appender of the head: samples with timestamps of their own, committed together.

#include <deque>

#include "server/storage/tsdb/head/head.h"
#include "server/storage/tsdb/wal/sample_records.h"

namespace narthex::tsdb {
namespace {

using storage::AppendResult;

// A sample that waits for its commit. Histograms are in lists of their own.
struct Pending {
  uint32_t slot = 0;
  SampleKind kind = SampleKind::kFloat;
  int64_t time = 0;
  uint64_t bits = 0;
  size_t index = 0;
  bool late = false;   // out of order, within the window
  bool start = false;  // a zero where the series began: see AppendStart
};

class HeadAppender final : public storage::Appender {
 public:
  explicit HeadAppender(Head* head) : head_(*head), core_(head->core()) {
    core_.counters.active_appenders.fetch_add(1);
  }
  ~HeadAppender() override {
    Rollback();
    core_.counters.active_appenders.fetch_sub(1);
  }

  StatusOr<AppendResult> Append(const Labels& labels, TimestampMs t, double v) override {
    const auto bits = std::bit_cast<uint64_t>(v);
    return Take(labels, {0, SampleKind::kFloat, t, bits, 0}, bits);
  }
  StatusOr<AppendResult> AppendHistogram(const Labels& labels, TimestampMs t,
                                         const IntHistogram& h) override {
    return TakeHistogram(labels, SampleKind::kHistogram, t, h, &histograms_);
  }
  StatusOr<AppendResult> AppendHistogram(const Labels& labels, TimestampMs t,
                                         const FloatHistogram& h) override {
    return TakeHistogram(labels, SampleKind::kFloatHistogram, t, h, &float_histograms_);
  }
  StatusOr<AppendResult> AppendStart(const Labels& labels, TimestampMs t,
                                     TimestampMs start) override {
    return TakeStart(labels, t, {.kind = SampleKind::kFloat, .time = start}, uint64_t{0});
  }
  StatusOr<AppendResult> AppendStart(const Labels& labels, TimestampMs t, TimestampMs start,
                                     const IntHistogram& like) override {
    return TakeHistogramStart(labels, t, {.kind = SampleKind::kHistogram, .time = start}, like,
                              &histograms_);
  }
  StatusOr<AppendResult> AppendStart(const Labels& labels, TimestampMs t, TimestampMs start,
                                     const FloatHistogram& like) override {
    return TakeHistogramStart(labels, t, {.kind = SampleKind::kFloatHistogram, .time = start}, like,
                              &float_histograms_);
  }
  StatusOr<AppendResult> AppendExemplar(const Labels& labels,
                                        const storage::Exemplar& exemplar) override;
  Status UpdateMetadata(const Labels& labels, const storage::MetricMetadata& metadata) override;
  Conflict conflict() const override { return conflict_; }
  Status Commit(bool durable) override;
  void Rollback() override;

 private:
  template <typename Value>
  StatusOr<AppendResult> Take(const Labels& labels, Pending sample, const Value& value);
  template <typename Value>
  StatusOr<AppendResult> TakeStart(const Labels& labels, int64_t t, Pending sample,
                                   const Value& value);
  template <typename Histogram>
  StatusOr<AppendResult> TakeHistogramStart(const Labels& labels, int64_t t, Pending sample,
                                            const Histogram& like, std::deque<Histogram>* list);
  bool HasNewer(const Labels& labels, int64_t t) REQUIRES(core_.structure_mutex);
  template <typename Histogram>
  StatusOr<AppendResult> TakeHistogram(const Labels& labels, SampleKind kind, int64_t t,
                                       const Histogram& h, std::deque<Histogram>* list);
  bool SameAsPending(const Pending& sample, const Pending& other, uint64_t) const {
    return other.kind == sample.kind && other.bits == sample.bits;
  }
  bool SameAsPending(const Pending& sample, const Pending& other, const IntHistogram& h) const {
    return other.kind == sample.kind && SameCounts(histograms_[other.index], h);
  }
  bool SameAsPending(const Pending& sample, const Pending& other, const FloatHistogram& h) const {
    return other.kind == sample.kind && SameCounts(float_histograms_[other.index], h);
  }
  AppendResult Store(const Pending& sample, SampleRecords* log) REQUIRES(core_.structure_mutex);
  AppendResult Judge(const Pending& sample, AppendResult without_window) {
    if (sample.start) return without_window;
    const int64_t newest = core_.max_time.load(std::memory_order_relaxed);
    return core_.JudgeLate(sample.time, without_window, newest == kNoMaxTime ? first_ : newest);
  }
  AppendResult TakeLate(Detached* series, Pending sample) {
    conflict_ = {};
    sample.late = true;
    samples_.push_back(sample);
    ++series->pending;
    return AppendResult::kOk;
  }
  void StoreLate(const Detached& series, const Pending& sample);
  uint64_t LogLate();
  uint64_t Log(SampleRecords* log);
  uint64_t CommitExemplars();
  uint64_t CommitMetadata();
  void Clear();
  void Count(AppendResult result, SampleKind kind);

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
  std::vector<Pending> samples_;
  SampleRecords late_;
  std::deque<IntHistogram> histograms_;
  std::deque<FloatHistogram> float_histograms_;
  std::vector<std::pair<Labels, LoggedExemplar>> exemplars_;
  std::vector<std::pair<uint32_t, LoggedMetadata>> metadata_;  // by slot
  // The newest pending sample of each series, which the next one is checked against.
  absl::flat_hash_map<uint32_t, Pending> newest_;
  // Time of the first sample taken: the newest one of an empty head.
  int64_t first_ = kNoMaxTime;
  Conflict conflict_;
};

void HeadAppender::Count(AppendResult result, SampleKind kind) {
  HeadCounters& c = core_.counters;
  const auto count = [kind](std::atomic<uint64_t>& floats, std::atomic<uint64_t>& histograms) {
    (kind == SampleKind::kFloat ? floats : histograms).fetch_add(1, std::memory_order_relaxed);
  };
  switch (result) {
    case AppendResult::kOk: count(c.samples_appended, c.histograms_appended); break;
    case AppendResult::kDuplicate: c.duplicates.fetch_add(1, std::memory_order_relaxed); break;
    case AppendResult::kOutOfOrder: count(c.out_of_order, c.histograms_out_of_order); break;
    case AppendResult::kTooOld: count(core_.late.too_old, core_.late.histograms_too_old); break;
    case AppendResult::kOutOfBounds: count(c.out_of_bounds, c.histograms_out_of_bounds); break;
    case AppendResult::kRefused: c.refused.fetch_add(1, std::memory_order_relaxed); break;
  }
}

template <typename Value>
StatusOr<AppendResult> HeadAppender::Take(const Labels& labels, Pending sample,
                                          const Value& value) {
  const int64_t t = sample.time;
  if (core_.Refusing()) {
    if (!sample.start) Count(AppendResult::kRefused, sample.kind);
    return AppendResult::kRefused;
  }
  MutexLock structure(core_.structure_mutex);
  if (t < core_.MinValidTime()) {
    const AppendResult result = Judge(sample, AppendResult::kOutOfBounds);
    if (result != AppendResult::kOk) {
      if (!sample.start) Count(result, sample.kind);
      return result;
    }
  }
  if (sample.start && HasNewer(labels, t)) return AppendResult::kOutOfOrder;
  bool created = false;
  NX_ASSIGN_OR_RETURN(sample.slot, core_.FindOrCreate(labels, nullptr, &created));
  Detached* series = head_.Detach(sample.slot);
  series->by_appender |= !sample.start;  // a start comes once
  AppendResult result = head_.detached().Check(*series, core_.MinValidTime(), t, value);
  if (result == AppendResult::kOutOfOrder || result == AppendResult::kOutOfBounds) {
    result = Judge(sample, result);
    if (result == AppendResult::kOk) return TakeLate(series, sample);
  }
  std::optional<double> taken;
  if (series->last_kind == SampleKind::kFloat) taken = std::bit_cast<double>(series->last_bits);
  const auto [newest, first] = newest_.try_emplace(sample.slot, sample);
  conflict_ = {};
  if (result == AppendResult::kOk && !first) {
    const Pending& last = newest->second;
    if (t < last.time) {
      result = Judge(sample, AppendResult::kOutOfOrder);
      if (result == AppendResult::kOk) return TakeLate(series, sample);
    }
    if (t == last.time && !SameAsPending(sample, last, value)) result = AppendResult::kDuplicate;
    taken.reset();
    if (last.kind == SampleKind::kFloat) taken = std::bit_cast<double>(last.bits);
    conflict_.pending = result != AppendResult::kOk;
  }
  if (result != AppendResult::kOk) {
    if (result == AppendResult::kDuplicate) conflict_.value = taken;
    if (first) newest_.erase(newest);
    if (!sample.start) Count(result, sample.kind);
    return result;
  }
  newest->second = sample;
  if (first_ == kNoMaxTime) first_ = t;
  samples_.push_back(sample);
  ++series->pending;
  NotePending(t);
  return result;
}

// Whether the series is in a group and has a sample behind `t`. Most starts are old news, which
// must not move their series out of the group.
bool HeadAppender::HasNewer(const Labels& labels, int64_t t) {
  uint32_t slot = kNoSlot;
  {
    ReaderLock lock(core_.index.mutex());
    slot = core_.index.Find(labels);
  }
  if (slot == kNoSlot) return false;
  const HomeRef where = core_.index.table()[slot].where();
  if (where.home->kind != Home::Kind::kBlock) return false;
  auto* block = static_cast<GroupBlock*>(where.home);
  MutexLock lock(block->group->commit_mutex());
  // Its own writer may have parked it before the lock was held.
  if (core_.index.table()[slot].where().home != where.home) return false;
  return block->group->MemberTime(block->first_member + where.position) >= t;
}

template <typename Value>
StatusOr<AppendResult> HeadAppender::TakeStart(const Labels& labels, int64_t t, Pending sample,
                                               const Value& value) {
  if (sample.time >= t) return AppendResult::kOutOfOrder;
  // Before there is any sample this one's would set the bound.
  const bool empty = core_.max_time.load(std::memory_order_relaxed) == kNoMaxTime;
  const bool too_old = sample.time < INT64_MIN + core_.options.chunk_range_ms ||
                       t - core_.options.chunk_range_ms / 2 > sample.time;
  if (empty && too_old) return AppendResult::kOutOfBounds;
  sample.start = true;
  return Take(labels, sample, value);
}

template <typename Histogram>
StatusOr<AppendResult> HeadAppender::TakeHistogramStart(const Labels& labels, int64_t t,
                                                        Pending sample, const Histogram& like,
                                                        std::deque<Histogram>* list) {
  Histogram zero;
  zero.reset = CounterResetHint::kReset;
  zero.schema = like.schema;
  zero.zero_threshold = like.zero_threshold;
  zero.custom_values = like.custom_values;
  sample.index = list->size();
  NX_ASSIGN_OR_RETURN(const AppendResult result, TakeStart(labels, t, sample, zero));
  if (result == AppendResult::kOk) list->push_back(std::move(zero));
  return result;
}

template <typename Histogram>
StatusOr<AppendResult> HeadAppender::TakeHistogram(const Labels& labels, SampleKind kind, int64_t t,
                                                   const Histogram& h,
                                                   std::deque<Histogram>* list) {
  const bool stale = storage::IsStaleNaN(h.sum);
  // Whoever calls has checked it, but the encoders rely on it.
  if (!stale) NX_RETURN_IF_ERROR(Validate(h));
  Pending sample{0, kind, t, std::bit_cast<uint64_t>(h.sum), list->size()};
  NX_ASSIGN_OR_RETURN(const AppendResult result, Take(labels, sample, h));
  if (result != AppendResult::kOk) return result;
  list->push_back(h);
  if (stale) {
    list->back() = Histogram();
    list->back().reset = h.reset;
    list->back().sum = h.sum;
  }
  return result;
}

StatusOr<AppendResult> HeadAppender::AppendExemplar(const Labels& labels,
                                                    const storage::Exemplar& exemplar) {
  using Verdict = ExemplarRing::Verdict;
  NX_RETURN_IF_ERROR(CheckExemplarLabels(exemplar.labels));
  uint64_t ref = 0;
  {
    ReaderLock lock(core_.index.mutex());
    const uint32_t slot = core_.index.Find(labels);
    if (slot == kNoSlot) return NotFound("no series {} for an exemplar", labels.ToString());
    ref = core_.index.table()[slot].ref;
  }
  const Verdict verdict = core_.exemplars.Check(labels, exemplar);
  if (verdict == Verdict::kOutOfOrder) return AppendResult::kOutOfOrder;
  if (verdict == Verdict::kTaken) exemplars_.emplace_back(labels, LoggedExemplar{ref, exemplar});
  return AppendResult::kOk;
}

uint64_t HeadAppender::CommitExemplars() {
  std::vector<LoggedExemplar> taken;
  for (auto& [labels, e] : exemplars_) {
    if (core_.exemplars.Add(labels, e.exemplar) != ExemplarRing::Verdict::kTaken) continue;
    taken.push_back(std::move(e));
  }
  if (taken.empty() || core_.wal == nullptr) return 0;
  return core_.wal->Append(static_cast<uint8_t>(RecordType::kExemplars), EncodeExemplars(taken),
                           /*wake=*/false);
}

Status HeadAppender::UpdateMetadata(const Labels& labels, const storage::MetricMetadata& metadata) {
  ReaderLock lock(core_.index.mutex());
  const uint32_t slot = core_.index.Find(labels);
  if (slot == kNoSlot) return NotFound("no series {} for metadata", labels.ToString());
  metadata_.emplace_back(slot, LoggedMetadata{core_.index.table()[slot].ref, metadata});
  return OkStatus();
}

uint64_t HeadAppender::CommitMetadata() {
  std::vector<LoggedMetadata> changed;
  for (auto& [slot, entry] : metadata_) {
    if (core_.index.table()[slot].ref != entry.ref) continue;  // removed meanwhile
    if (core_.metadata.Set(entry.ref, entry.metadata)) changed.push_back(std::move(entry));
  }
  if (changed.empty() || core_.wal == nullptr) return 0;
  return core_.wal->Append(static_cast<uint8_t>(RecordType::kMetadata), EncodeMetadata(changed),
                           /*wake=*/false);
}

void HeadAppender::StoreLate(const Detached& series, const Pending& s) {
  const auto store = [&](const auto& value) {
    if (!core_.late.Insert(s.slot, s.time, value)) return;
    auto& counter =
        s.kind == SampleKind::kFloat ? core_.late.appended : core_.late.histograms_appended;
    counter.fetch_add(1, std::memory_order_relaxed);
    late_.Add(core_.index.table()[s.slot].ref, s.time, value);
    Count(AppendResult::kOk, s.kind);
  };
  // A stale marker is of the kind of its series.
  const bool stale = s.kind == SampleKind::kFloat && s.bits == storage::kStaleNaNBits;
  if (s.kind == SampleKind::kHistogram) {
    store(histograms_[s.index]);
  } else if (s.kind == SampleKind::kFloatHistogram) {
    store(float_histograms_[s.index]);
  } else if (stale && series.last_kind == SampleKind::kHistogram) {
    store(IntHistogram{.sum = storage::StaleNaN()});
  } else if (stale && series.last_kind == SampleKind::kFloatHistogram) {
    store(FloatHistogram{.sum = storage::StaleNaN()});
  } else {
    store(s.bits);
  }
}

uint64_t HeadAppender::LogLate() {
  uint64_t position = 0;
  for (const auto& [type, payload] : late_.Take()) {
    if (core_.wal == nullptr) continue;
    position = core_.wal->Append(static_cast<uint8_t>(LateType(type)), payload, /*wake=*/false);
  }
  return position;
}

AppendResult HeadAppender::Store(const Pending& s, SampleRecords* log) {
  Detached* series = head_.detached().Get(s.slot);
  --series->pending;
  if (s.late) {
    StoreLate(*series, s);
    return AppendResult::kOk;
  }
  const uint64_t ref = core_.index.table()[s.slot].ref;
  // Bounds were checked when the sample came in; another writer may have been faster since.
  const auto store = [&](const auto& value) {
    bool repeated;  // it is there already: neither logged nor counted
    {
      MutexLock lock(series->mutex);
      repeated = series->max_time == s.time;
    }
    const AppendResult result = head_.detached().Append(series, INT64_MIN, s.time, value);
    if (result == AppendResult::kOutOfOrder && Judge(s, result) == AppendResult::kOk) {
      StoreLate(*series, s);
      return AppendResult::kOk;
    }
    if (result == AppendResult::kOk && repeated) return result;
    if (result == AppendResult::kOk) {
      LogSample(*series, ref, s.time, value, log);
      core_.NoteTimes(s.time, s.time);
    }
    Count(result, s.kind);
    return result;
  };
  switch (s.kind) {
    case SampleKind::kHistogram: return store(histograms_[s.index]);
    case SampleKind::kFloatHistogram: return store(float_histograms_[s.index]);
    default: return store(s.bits);
  }
}

uint64_t HeadAppender::Log(SampleRecords* log) {
  if (core_.wal == nullptr) return 0;
  uint64_t position = 0;
  for (const auto& [type, payload] : log->Take()) {
    position = core_.wal->Append(static_cast<uint8_t>(type), payload, /*wake=*/false);
  }
  return position;
}

Status HeadAppender::Commit(bool durable) {
  if (samples_.empty() && exemplars_.empty() && metadata_.empty()) return OkStatus();
  if (core_.Refusing()) {
    Rollback();
    return Unavailable("the database takes no writes");
  }
  uint64_t position = 0;
  uint64_t refused = 0;
  {
    MutexLock structure(core_.structure_mutex);
    SampleRecords log;
    for (const Pending& s : samples_) {
      refused += Store(s, &log) == AppendResult::kRefused;
    }
    ForgetPending();
    position = std::max({Log(&log), LogLate(), CommitExemplars(), CommitMetadata()});
  }
  Clear();
  if (refused > 0) return ResourceExhausted("{} samples could not be stored", refused);
  if (position == 0) return OkStatus();
  if (durable) return core_.wal->WaitWritten(position);
  core_.wal->Push();
  return OkStatus();
}

void HeadAppender::Clear() {
  samples_.clear();
  histograms_.clear();
  float_histograms_.clear();
  exemplars_.clear();
  metadata_.clear();
  newest_.clear();
  first_ = kNoMaxTime;
}

void HeadAppender::Rollback() {
  exemplars_.clear();
  metadata_.clear();
  if (samples_.empty()) return;
  MutexLock structure(core_.structure_mutex);
  for (const Pending& s : samples_) --head_.detached().Get(s.slot)->pending;
  ForgetPending();
  Clear();
}

}  // namespace

std::unique_ptr<storage::Appender> Head::NewAppender() {
  return std::make_unique<HeadAppender>(this);
}

}  // namespace narthex::tsdb
