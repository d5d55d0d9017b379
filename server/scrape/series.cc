#include "server/scrape/series.h"

#include <absl/container/flat_hash_set.h>

#include "server/scrape/series_sink.h"
#include "server/storage/family_metadata.h"

namespace narthex::scrape {
namespace {

// Upstream's bound on timestamps ahead of the server's clock.
constexpr int64_t kMaxAheadMs = 10 * 60 * 1000;

constexpr size_t kScratchKeepBytes = size_t{4} << 20;
constexpr size_t kFetchAhead = 8;  // samples

template <typename T>
void TrimVector(std::vector<T>* v) {
  if (v->capacity() * sizeof(T) > kScratchKeepBytes) std::vector<T>().swap(*v);
}

void Count(storage::AppendResult result, AppendCounts* counts) {
  switch (result) {
    case storage::AppendResult::kOk: return;
    case storage::AppendResult::kDuplicate: ++counts->duplicate; return;
    case storage::AppendResult::kOutOfOrder:
    case storage::AppendResult::kTooOld: ++counts->out_of_order; return;
    case storage::AppendResult::kOutOfBounds: ++counts->out_of_bounds; return;
    case storage::AppendResult::kRefused: ++counts->refused; return;
  }
}

}  // namespace

bool IsSampleLimitError(const Status& status) { return MessageOf(status) == kSampleLimitError; }
bool IsBucketLimitError(const Status& status) { return MessageOf(status) == kBucketLimitError; }

void Scratch::Trim() {
  TrimVector(&values);
  TrimVector(&seen);
  TrimVector(&result.samples);
  TrimVector(&result.vanished);
  TrimVector(&result.exemplars);
  TrimVector(&result.histograms);
  TrimVector(&result.starts);
  TrimVector(&histograms);
  TrimVector(&exemplars);
  if (body.capacity() > kScratchKeepBytes) std::string().swap(body);
  if (joined.size() * 24 > kScratchKeepBytes) {
    absl::flat_hash_map<uint64_t, uint32_t>().swap(joined);
  }
}

TargetSeries::TargetSeries(storage::Appendable* storage, MetadataCache* metadata, uint64_t seed)
    : storage_(storage), metadata_(metadata), table_(seed) {}

uint32_t TargetSeries::Hold(Labels labels) {
  Held held;
  held.labels = std::move(labels);
  uint32_t index = 0;
  if (free_held_.empty()) {
    index = static_cast<uint32_t>(held_.size());
    held_.push_back(std::move(held));
  } else {
    index = free_held_.back();
    free_held_.pop_back();
    held_[index] = std::move(held);
  }
  if (free_slots_.empty()) {
    slots_.push_back(kHeldBit | index);
    return static_cast<uint32_t>(slots_.size() - 1);
  }
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot] = kHeldBit | index;
  return slot;
}

void TargetSeries::FreeSlot(uint32_t slot) {
  if (slots_[slot] & kHeldBit) {
    const uint32_t index = slots_[slot] & ~kHeldBit;
    held_[index] = Held();
    free_held_.push_back(index);
  }
  free_slots_.push_back(slot);
}

// Most targets hold labels during their first scrape only.
void TargetSeries::ReleaseHeld() {
  if (held_.capacity() == 0 || free_held_.size() != held_.size()) return;
  std::vector<Held>().swap(held_);
  std::vector<uint32_t>().swap(free_held_);
}

void TargetSeries::Reset() {
  for (Held& held : held_) {
    if (held.histogram && !held.fresh) orphans_.push_back(std::move(held.labels));
  }
  table_.Clear();
  std::vector<uint32_t>().swap(slots_);
  std::vector<uint32_t>().swap(free_slots_);
  std::vector<Held>().swap(held_);
  std::vector<uint32_t>().swap(free_held_);
  metadata_->Clear();
  ClearConverted();
  sweep_ = true;
}

void TargetSeries::Invalidate() { Reset(); }

bool TargetSeries::Release() {
  const bool held = group_ != nullptr;
  Reset();
  std::vector<Labels>().swap(orphans_);
  group_.reset();
  std::vector<bool>().swap(members_);
  live_ = false;
  sweep_ = false;
  return held;
}

Status TargetSeries::Parse(const AppendInput& input, Scratch* scratch, AppendCounts* counts) {
  ScrapeResult& result = scratch->result;
  result.Clear();
  if (converting_ != input.convert_classic || storing_starts_ != input.store_starts ||
      (converting_ && keeping_classic_ != input.always_classic) ||
      (storing_native_ && !input.native_histograms)) {
    Reset();  // series stand for something else now
    converting_ = input.convert_classic;
  }
  keeping_classic_ = input.always_classic;
  storing_native_ = input.native_histograms;
  storing_starts_ = input.store_starts;
  Sink sink(this, input, scratch);
  ScrapeOptions options;
  options.grammar = input.grammar;
  options.native_histograms = true;  // also to count what is not stored
  options.always_classic = !input.native_histograms || input.always_classic;
  options.classic_without_buckets = !input.native_histograms;
  options.starts = input.store_starts;
  options.type_and_unit_labels = input.type_and_unit_labels;
  Status status = ParseScrape(input.body, options, &table_, &sink, &result);
  counts->scraped = result.scraped;
  if (!input.native_histograms) {
    counts->native_histograms = result.histograms.size();
    result.histograms.clear();
  }
  if (status.ok()) status = ConvertHistograms(input, scratch);
  if (status.ok() && converting_) status = ConvertClassic(input, scratch, counts);
  counts->after_relabel = result.samples.size() + result.histograms.size() + sink.over_limit();
  const uint64_t limit = input.config->limits.samples;
  if (status.ok() && limit > 0 && counts->after_relabel > limit) {
    status = ResourceExhausted("{}", kSampleLimitError);
  }
  // A body that is refused must leave nothing behind, however often it comes.
  if (!status.ok() && (sink.held() > 0 || sink.over_limit() > 0 || converting_)) Reset();
  return status;
}

Status TargetSeries::ConvertHistograms(const AppendInput& input, Scratch* scratch) {
  scratch->histograms.clear();
  for (const ScrapeResult::Histogram& h : scratch->result.histograms) {
    NX_ASSIGN_OR_RETURN(AnyHistogram converted, ConvertHistogram(h, *input.config));
    scratch->histograms.push_back(std::move(converted));
  }
  return OkStatus();
}

// A series that lost its timestamp-less life: its labels are needed, and only parsing gives them.
bool TargetSeries::NeedsLabels(const AppendInput& input, const ScrapeResult& result) const {
  for (const ScrapeResult::Histogram& h : result.histograms) {
    if (!(slots_[h.slot] & kHeldBit)) return true;
  }
  for (const ScrapeResult::Start& start : result.starts) {
    if (!(slots_[start.slot] & kHeldBit) && IsNewStart(input, start)) return true;
  }
  if (!input.config->honor_timestamps || result.timestamped == 0) return false;
  for (const ScrapeResult::Sample& sample : result.samples) {
    if (sample.timestamp_ms != kNoTimestamp && !(slots_[sample.slot] & kHeldBit)) return true;
  }
  return false;
}

TimestampMs TargetSeries::TimeOf(const AppendInput& input, TimestampMs own) const {
  return input.config->honor_timestamps && own != kNoTimestamp ? own : input.timestamp;
}

// A member had a sample in the scrape before; what others had only the storage knows.
bool TargetSeries::IsNewStart(const AppendInput& input, const ScrapeResult::Start& start) const {
  if (start.start_ms >= TimeOf(input, start.timestamp_ms)) return false;
  return (slots_[start.slot] & kHeldBit) != 0 || start.start_ms > last_time_;
}

// Before all else of the scrape: samples of the groups come with their tick, behind these.
Status TargetSeries::AppendStarts(const AppendInput& input, Scratch* scratch) {
  const std::unique_ptr<storage::Appender> appender = storage_->NewAppender();
  const auto labels_of = [this](uint32_t slot) -> const Labels& {
    return held_[slots_[slot] & ~kHeldBit].labels;
  };
  // What is not taken fails no scrape: the storage has had most of them.
  for (const ScrapeResult::Start& start : scratch->result.starts) {
    if (!IsNewStart(input, start) || !(slots_[start.slot] & kHeldBit)) continue;
    const TimestampMs t = TimeOf(input, start.timestamp_ms);
    if (t > input.now + kMaxAheadMs) continue;
    static_cast<void>(appender->AppendStart(labels_of(start.slot), t, start.start_ms));
  }
  for (size_t i = 0; i < scratch->histograms.size(); ++i) {
    const ScrapeResult::Histogram& scraped = scratch->result.histograms[i];
    const TimestampMs t = TimeOf(input, scraped.timestamp_ms);
    if (scraped.start_ms == kNoStart || t > input.now + kMaxAheadMs) continue;
    std::visit(
        [&](const auto& h) {
          static_cast<void>(appender->AppendStart(labels_of(scraped.slot), t, scraped.start_ms, h));
        },
        scratch->histograms[i]);
  }
  return appender->Commit();
}

uint32_t TargetSeries::MemberOf(uint32_t slot, Scratch* scratch, AppendCounts* counts) {
  const uint32_t ref = slots_[slot];
  if (!(ref & kHeldBit)) return ref;
  const uint32_t index = ref & ~kHeldBit;
  Held& held = held_[index];
  bool created = false;
  const StatusOr<uint32_t> added = group_->AddMember(held.labels, &created);
  if (!added.ok()) {
    ++counts->refused;  // stays held: asked again by the next scrape
    return kNoMember;
  }
  const uint32_t member = *added;
  if (scratch->note_joins) scratch->joined.emplace(held.labels.Hash(), member);
  if (member >= members_.size()) members_.resize(member + 1);
  members_[member] = true;
  GrowScratch(scratch);
  if (held.fresh) ++counts->added;
  slots_[slot] = member;
  held = Held();
  free_held_.push_back(index);
  return member;
}

void TargetSeries::GrowScratch(Scratch* scratch) const {
  const size_t n = group_->member_count();
  if (scratch->values.size() >= n) return;
  scratch->values.resize(n, storage::StaleNaN());
  scratch->seen.resize(n, 0);
}

void TargetSeries::AppendExplicit(const AppendInput& input, const ScrapeResult::Sample& sample,
                                  storage::Appender* appender, AppendCounts* counts) {
  if (sample.timestamp_ms > input.now + kMaxAheadMs) {
    ++counts->out_of_bounds;
    return;
  }
  Held& held = held_[slots_[sample.slot] & ~kHeldBit];
  const StatusOr<storage::AppendResult> result =
      appender->Append(held.labels, sample.timestamp_ms, sample.value);
  if (!result.ok()) {
    ++counts->refused;
    return;
  }
  Count(*result, counts);
  if (held.fresh && *result == storage::AppendResult::kOk) ++counts->added;
  held.fresh = false;
}

void TargetSeries::AppendHistograms(const AppendInput& input, Scratch* scratch,
                                    storage::Appender* appender, AppendCounts* counts) {
  for (size_t i = 0; i < scratch->histograms.size(); ++i) {
    const ScrapeResult::Histogram& scraped = scratch->result.histograms[i];
    const bool own_time = input.config->honor_timestamps && scraped.timestamp_ms != kNoTimestamp;
    const int64_t t = own_time ? scraped.timestamp_ms : input.timestamp;
    if (t > input.now + kMaxAheadMs) {
      ++counts->out_of_bounds;
      continue;
    }
    Held& held = held_[slots_[scraped.slot] & ~kHeldBit];
    const StatusOr<storage::AppendResult> result =
        std::visit([&](const auto& h) { return appender->AppendHistogram(held.labels, t, h); },
                   scratch->histograms[i]);
    if (!result.ok()) {
      ++counts->refused;
      continue;
    }
    Count(*result, counts);
    if (*result != storage::AppendResult::kOk) continue;
    counts->added += held.fresh;
    held.fresh = false;
    held.histogram = !own_time;
  }
}

// In the order of their times within a series, as the storage wants them. Those of members go by
// their group, those of other series by the appender, which brings these.
void TargetSeries::AppendExemplars(const AppendInput& input, Scratch* scratch,
                                   storage::Appender* appender, AppendCounts* counts) {
  std::vector<ScrapeResult::Exemplar>& found = scratch->result.exemplars;
  const auto time_of = [&](const ScrapeResult::Exemplar& e) {
    return e.exemplar.timestamp_ms.value_or(input.timestamp);
  };
  std::stable_sort(found.begin(), found.end(),
                   [&](const auto& a, const auto& b) { return time_of(a) < time_of(b); });
  scratch->exemplars.clear();
  for (ScrapeResult::Exemplar& e : found) {
    storage::Exemplar exemplar{.labels = std::move(e.exemplar.labels),
                               .value = e.exemplar.value,
                               .timestamp = time_of(e),
                               .has_timestamp = e.exemplar.timestamp_ms.has_value()};
    const uint32_t place = slots_[e.slot];
    if ((place & kHeldBit) == 0) {
      scratch->exemplars.push_back({place, std::move(exemplar)});
    } else if (appender != nullptr) {
      // What cannot be stored does not fail a scrape.
      const auto result = appender->AppendExemplar(held_[place & ~kHeldBit].labels, exemplar);
      counts->exemplars_out_of_order +=
          result.ok() && *result == storage::AppendResult::kOutOfOrder;
    }
  }
  if (scratch->exemplars.empty()) return;
  counts->exemplars_out_of_order += group_->AppendExemplars(scratch->exemplars);
}

// Members get theirs by their group, other series by the appender.
void TargetSeries::StoreMetadata(storage::Appender* appender) {
  std::vector<storage::FamilyMetadata> families;
  for (MetricMetadata& m : metadata_->List("")) {
    families.push_back(
        {std::move(m.metric), {std::move(m.type), std::move(m.help), std::move(m.unit)}});
  }
  group_->UpdateMetadata(families);
  metadata_changed_ = false;
  if (appender == nullptr) return;
  for (const Held& held : held_) {
    if (held.labels.empty() || held.fresh) continue;
    const auto* metadata = storage::FindMetadata(families, held.labels.metric_name());
    // A series that the storage did not take has none.
    if (metadata != nullptr) (void)appender->UpdateMetadata(held.labels, *metadata);
  }
}

// Ends the series of histograms from before a reset that this scrape does not go on with.
void TargetSeries::EndOrphans(TimestampMs timestamp, Scratch* scratch,
                              storage::Appender* appender) {
  absl::flat_hash_set<Labels> shown;
  for (const ScrapeResult::Histogram& h : scratch->result.histograms) {
    if (slots_[h.slot] & kHeldBit) shown.insert(held_[slots_[h.slot] & ~kHeldBit].labels);
  }
  for (const Labels& labels : std::exchange(orphans_, {})) {
    if (shown.contains(labels) || SeenAsMember(labels, *scratch)) continue;
    static_cast<void>(appender->Append(labels, timestamp, storage::StaleNaN()));
  }
}

void TargetSeries::CollectValues(const AppendInput& input, Scratch* scratch, AppendCounts* counts,
                                 storage::Appender* explicit_samples) {
  scratch->values.clear();
  scratch->seen.clear();
  scratch->joined.clear();
  GrowScratch(scratch);
  const std::vector<ScrapeResult::Sample>& samples = scratch->result.samples;
  for (size_t i = 0; i < samples.size(); ++i) {
    // Slots are in the order in which lines came to be, which is not that of the body for long.
    if (i + kFetchAhead < samples.size()) {
      __builtin_prefetch(&slots_[samples[i + kFetchAhead].slot]);
    }
    const ScrapeResult::Sample& sample = samples[i];
    if (explicit_samples != nullptr && sample.timestamp_ms != kNoTimestamp) {
      AppendExplicit(input, sample, explicit_samples, counts);
      continue;
    }
    const uint32_t member = MemberOf(sample.slot, scratch, counts);
    if (member == kNoMember) continue;
    double& value = scratch->values[member];
    if (!scratch->seen[member]) {
      scratch->seen[member] = 1;
      value = sample.value;
    } else if (sample.repeated ||
               std::bit_cast<uint64_t>(value) != std::bit_cast<uint64_t>(sample.value)) {
      ++counts->duplicate;  // the first one stands
    }
  }
}

void TargetSeries::Retire(uint32_t member) {
  if (!members_[member]) return;
  group_->RetireMember(member);
  members_[member] = false;
}

// Whether a series that had no member goes on as one in this scrape: a histogram became a float.
bool TargetSeries::SeenAsMember(const Labels& labels, const Scratch& scratch) {
  if (scratch.joined.empty()) return false;
  const auto found = scratch.joined.find(labels.Hash());
  return found != scratch.joined.end() && scratch.seen[found->second];
}

size_t TargetSeries::RetireUnseen(const AppendInput& input, Scratch* scratch,
                                  storage::Appender* appender) {
  size_t retired = 0;
  const auto retire = [&](uint32_t member) {
    if (scratch->seen[member] || !members_[member]) return;
    Retire(member);
    ++retired;
  };
  for (const ScrapeResult::Vanished& gone : scratch->result.vanished) {
    const uint32_t ref = slots_[gone.slot];
    if (!(ref & kHeldBit)) {
      retire(ref);
    } else if (const Held& held = held_[ref & ~kHeldBit];
               appender != nullptr && !SeenAsMember(held.labels, *scratch) &&
               (held.histogram ||
                (gone.had_timestamp && input.config->track_timestamps_staleness))) {
      // Refusals only mean that the series has newer samples from elsewhere.
      static_cast<void>(appender->Append(held.labels, input.timestamp, storage::StaleNaN()));
    }
    FreeSlot(gone.slot);
  }
  if (sweep_) {
    for (uint32_t m = 0; m < members_.size(); ++m) retire(m);
    sweep_ = false;
  }
  for (const uint32_t run : scratch->result.vanished_metadata) metadata_->Remove(run);
  return retired;
}

void TargetSeries::CommitValues(TimestampMs timestamp, Scratch* scratch, AppendCounts* counts) {
  const storage::GroupWriter::Commit commit =
      group_->CommitTickBeforeNext(timestamp, scratch->values);
  counts->out_of_order += commit.out_of_order;
  counts->duplicate += commit.duplicate;
  counts->out_of_bounds += commit.out_of_bounds;
  counts->refused += commit.refused;
}

Status TargetSeries::Append(const AppendInput& input, Scratch* scratch, AppendCounts* counts) {
  NX_RETURN_IF_ERROR(Parse(input, scratch, counts));
  size_t most_added = SIZE_MAX;
  if (NeedsLabels(input, scratch->result)) {
    // Read anew, all series are; those that had been known are not added.
    most_added = static_cast<size_t>(std::count_if(
        held_.begin(), held_.end(), [](const Held& h) { return h.fresh && !h.labels.empty(); }));
    Reset();
    NX_RETURN_IF_ERROR(Parse(input, scratch, counts));
  }
  if (group_ == nullptr) group_ = storage_->NewGroup();
  const auto& vanished = scratch->result.vanished;
  const bool explicit_ones = input.config->honor_timestamps &&
                             (scratch->result.timestamped > 0 ||
                              std::any_of(vanished.begin(), vanished.end(),
                                          [](const auto& v) { return v.had_timestamp; }));
  std::unique_ptr<storage::Appender> appender;
  const bool histograms = !scratch->histograms.empty();
  if (input.store_starts && (histograms || !scratch->result.starts.empty())) {
    NX_RETURN_IF_ERROR(AppendStarts(input, scratch));
  }
  if (explicit_ones || histograms || histograms_live_ || !orphans_.empty())
    appender = storage_->NewAppender();

  scratch->note_joins = appender != nullptr;
  const std::unique_ptr<storage::Appender> explicit_samples =
      explicit_ones ? storage_->NewAppender() : nullptr;
  CollectValues(input, scratch, counts, explicit_samples.get());
  if (histograms) AppendHistograms(input, scratch, appender.get(), counts);
  if (!orphans_.empty()) EndOrphans(input.timestamp, scratch, appender.get());
  EndSilent(input.timestamp, appender.get());
  const size_t retired = RetireUnseen(input, scratch, appender.get());
  const bool any = std::find(scratch->seen.begin(), scratch->seen.end(), 1) != scratch->seen.end();
  // First what has its own time: the end of a series that had none until now is newer.
  Status status = explicit_samples == nullptr ? OkStatus() : explicit_samples->Commit();
  if (any || retired > 0) CommitValues(input.timestamp, scratch, counts);
  if (!scratch->result.exemplars.empty()) AppendExemplars(input, scratch, appender.get(), counts);
  counts->added = std::min(counts->added, most_added);
  if (input.store_metadata && (metadata_changed_ || counts->added > 0)) {
    StoreMetadata(appender.get());
  }
  last_time_ = input.timestamp;
  live_ = any;
  explicit_live_ = explicit_ones;
  histograms_live_ = histograms;
  ReleaseHeld();
  if (appender != nullptr) {
    const Status committed = appender->Commit();
    if (status.ok()) status = committed;
  }
  return status;
}

void TargetSeries::MarkStale(TimestampMs timestamp, bool track_explicit, Scratch* scratch) {
  if (live_ && group_ != nullptr) {
    scratch->values.assign(group_->member_count(), storage::StaleNaN());
    group_->CommitTickBeforeNext(timestamp, scratch->values);
  }
  if (histograms_live_ || (explicit_live_ && track_explicit)) {
    const std::unique_ptr<storage::Appender> appender = storage_->NewAppender();
    for (const Held& held : held_) {
      if (held.labels.empty() || held.fresh) continue;
      if (!held.histogram && !(explicit_live_ && track_explicit)) continue;
      static_cast<void>(appender->Append(held.labels, timestamp, storage::StaleNaN()));
    }
    for (const Labels& labels : std::exchange(orphans_, {})) {
      static_cast<void>(appender->Append(labels, timestamp, storage::StaleNaN()));
    }
    static_cast<void>(appender->Commit());
  }
  last_time_ = timestamp;
  live_ = false;
  explicit_live_ = false;
  histograms_live_ = false;
}

}  // namespace narthex::scrape
