// Classic histograms that become native ones with custom buckets: which series are parts of which
// histogram, and what a scrape makes of them.

#include "server/scrape/series.h"

namespace narthex::scrape {
namespace {

constexpr std::string_view kBucketLabel = "le";

}  // namespace

ClassicSeries TargetSeries::Classify(const Labels& labels) {
  const auto le = std::find_if(labels.begin(), labels.end(),
                               [](const Label& l) { return l.name == kBucketLabel; });
  if (le == labels.end()) return ClassifySeries(labels.metric_name(), nullptr);
  const std::string_view bound = (*le).value;
  return ClassifySeries(labels.metric_name(), &bound);
}

TargetSeries::Converted& TargetSeries::ConvertedOf(const Labels& labels, uint32_t* index) {
  const auto [at, fresh] = converted_by_labels_.try_emplace(labels, 0);
  if (fresh && free_converted_.empty()) {
    at->second = static_cast<uint32_t>(converted_.size());
    converted_.emplace_back();
  } else if (fresh) {
    at->second = free_converted_.back();
    free_converted_.pop_back();
  }
  *index = at->second;
  Converted& converted = converted_[at->second];
  if (fresh) converted.labels = labels;
  return converted;
}

uint32_t TargetSeries::BareSlot() {
  if (free_slots_.empty()) {
    slots_.push_back(kNoPlace);
    return static_cast<uint32_t>(slots_.size() - 1);
  }
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot] = kNoPlace;
  return slot;
}

void TargetSeries::SetPart(uint32_t slot, const PartOf& part) {
  if (slot >= parts_.size()) parts_.resize(slot + 1);
  if (parts_[slot].histogram != kNoHistogram) return;  // the same series in another spelling
  parts_[slot] = part;
  Converted& converted = converted_[part.histogram];
  ++(part.part == ClassicPart::kNone ? converted.natives : converted.parts);
}

void TargetSeries::ClearConverted() {
  std::vector<PartOf>().swap(parts_);
  std::vector<Converted>().swap(converted_);
  std::vector<uint32_t>().swap(free_converted_);
  converted_by_labels_ = {};
  silent_.clear();
}

// Takes the parts out of the samples of this scrape, unless they are stored as well.
size_t TargetSeries::CollectParts(ScrapeResult* result) {
  std::erase_if(result->starts, [this](const ScrapeResult::Start& start) {
    if (start.slot >= parts_.size() || parts_[start.slot].histogram == kNoHistogram) return false;
    Converted& converted = converted_[parts_[start.slot].histogram];
    if (converted.start_ms == kNoStart) converted.start_ms = start.start_ms;
    return slots_[start.slot] == kNoPlace;
  });
  return std::erase_if(result->samples, [this](const ScrapeResult::Sample& sample) {
    if (sample.slot >= parts_.size()) return false;
    const PartOf& part = parts_[sample.slot];
    if (part.histogram == kNoHistogram) return false;
    Converted& converted = converted_[part.histogram];
    if (converted.collected.empty()) converted.timestamp_ms = sample.timestamp_ms;
    converted.collected.Add(part.part, part.bound, sample.value);
    return slots_[sample.slot] == kNoPlace;
  });
}

// Series that are gone leave their histograms; what stands for nothing else is forgotten here.
void TargetSeries::ForgetParts(ScrapeResult* result) {
  std::erase_if(result->vanished, [this](const ScrapeResult::Vanished& gone) {
    if (gone.slot >= parts_.size()) return false;
    const PartOf part = std::exchange(parts_[gone.slot], PartOf());
    if (part.histogram == kNoHistogram) return false;
    Converted& converted = converted_[part.histogram];
    --(part.part == ClassicPart::kNone ? converted.natives : converted.parts);
    if (slots_[gone.slot] != kNoPlace) return false;
    free_slots_.push_back(gone.slot);
    return true;
  });
}

// Exemplars of buckets are those of the histogram alone, where they have a timestamp.
void TargetSeries::MoveExemplars(ScrapeResult* result) {
  std::vector<ScrapeResult::Exemplar> moved;
  std::erase_if(result->exemplars, [&](const ScrapeResult::Exemplar& e) {
    if (e.slot >= parts_.size() || parts_[e.slot].part == ClassicPart::kNone) return false;
    const Converted& converted = converted_[parts_[e.slot].histogram];
    if (converted.shown && e.exemplar.timestamp_ms) {
      moved.push_back(e);
      moved.back().slot = converted.slot;
    }
    return true;
  });
  result->exemplars.insert(result->exemplars.end(), std::make_move_iterator(moved.begin()),
                           std::make_move_iterator(moved.end()));
}

Status TargetSeries::ConvertClassic(const AppendInput& input, Scratch* scratch,
                                    AppendCounts* counts) {
  ScrapeResult& result = scratch->result;
  counts->scraped -= CollectParts(&result);
  ForgetParts(&result);
  silent_.clear();
  Status status;
  for (uint32_t i = 0; i < converted_.size(); ++i) {
    Converted& converted = converted_[i];
    if (converted.labels.empty()) continue;  // a free place
    const bool was_shown = std::exchange(converted.shown, false);
    const TimestampMs start = std::exchange(converted.start_ms, kNoStart);
    std::optional<AnyHistogram> histogram;
    if (!converted.collected.empty() && converted.natives == 0) {
      histogram = converted.collected.Convert();
    }
    converted.collected.Clear();
    if (histogram) ++counts->scraped;
    if (histogram && converted.slot != kDropSlot) {
      StatusOr<AnyHistogram> limited = LimitHistogram(*std::move(histogram), *input.config);
      if (!limited.ok()) {
        if (status.ok()) status = limited.status();
        continue;
      }
      converted.shown = true;
      result.histograms.push_back({converted.slot, converted.timestamp_ms, nullptr, false, start});
      scratch->histograms.push_back(*std::move(limited));
    }
    if (was_shown && !converted.shown && converted.parts > 0) silent_.push_back(converted.slot);
    if (converted.parts > 0 || converted.natives > 0) continue;
    if (converted.slot != kDropSlot) result.vanished.push_back({converted.slot, false});
    converted_by_labels_.erase(converted.labels);
    converted = Converted();
    free_converted_.push_back(i);
  }
  MoveExemplars(&result);
  return status;
}

// Histograms whose parts say nothing sound in this scrape.
void TargetSeries::EndSilent(TimestampMs timestamp, storage::Appender* appender) {
  for (const uint32_t slot : silent_) {
    Held& held = held_[slots_[slot] & ~kHeldBit];
    if (!std::exchange(held.histogram, false) || appender == nullptr) continue;
    static_cast<void>(appender->Append(held.labels, timestamp, storage::StaleNaN()));
  }
  silent_.clear();
}

}  // namespace narthex::scrape
