#pragma once
// Private to the scrape parser: which _created line of OpenMetrics belongs to which series.
//
// Goes by the reference, which looks ahead from each series for the first _created line before any
// comment: the series began then if the line is of the same metric, and at no known time if it is
// of another one. What was found holds for the series behind the line, too, until one that is of
// another metric.
//
// Thread safety: none; lives for one body.

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "core/exposition/scrape.h"

namespace narthex {

class StartFinder {
 public:
  explicit StartFinder(ScrapeResult* result) : result_(result) {}

  static bool HasStart(ScrapedType type) {
    return type == ScrapedType::kCounter || type == ScrapedType::kSummary ||
           type == ScrapedType::kHistogram;
  }
  static bool IsCreatedLine(ScrapedType type, std::string_view name) {
    return HasStart(type) && name.ends_with(kCreatedSuffix);
  }

  // A sample was taken: the reader stands on it.
  void TakeSample(const TextReader& reader, uint32_t slot) {
    if (!HasStart(reader.type())) {
      known_ = false;
      return;
    }
    std::string key = KeyOf(reader, FamilyOf(reader.raw_name()));
    const ScrapeResult::Start start{slot, reader.timestamp_ms().value_or(kNoTimestamp), kNoStart};
    if (known_ && key == key_) {
      Found(start, start_ms_);
      return;
    }
    known_ = false;
    waiting_.push_back({std::move(key), start});
  }

  void TakeCreatedLine(const TextReader& reader) {
    if (waiting_.empty()) return;
    std::string_view name = reader.raw_name();
    name.remove_suffix(kCreatedSuffix.size());
    key_ = KeyOf(reader, name);
    start_ms_ = ToMilliseconds(reader.value());
    for (const Waiting& series : waiting_) {
      if (series.key == key_) Found(series.start, start_ms_);
    }
    known_ = waiting_.back().key == key_;
    waiting_.clear();
  }

  // A comment: no line of these series comes any more.
  void EndFamily() { waiting_.clear(); }

 private:
  static constexpr std::string_view kCreatedSuffix = "_created";

  struct Waiting {
    std::string key;
    ScrapeResult::Start start;
  };

  static std::string_view FamilyOf(std::string_view name) {
    for (const std::string_view suffix :
         {"_created", "_count", "_sum", "_bucket", "_total", "_gcount", "_gsum", "_info"}) {
      if (!name.ends_with(suffix)) continue;
      name.remove_suffix(suffix.size());
      break;
    }
    return name;
  }
  static std::string KeyOf(const TextReader& reader, std::string_view family) {
    std::string key;
    reader.AppendMetricKey(&key);
    key.append(family);
    return key;
  }
  static int64_t ToMilliseconds(double seconds) {
    const double ms = seconds * 1000;
    return std::abs(ms) < 0x1p63 ? static_cast<int64_t>(ms) : kNoStart;
  }
  void Found(ScrapeResult::Start start, int64_t ms) {
    if (ms == kNoStart) return;
    start.start_ms = ms;
    result_->starts.push_back(start);
  }

  ScrapeResult* const result_;
  std::vector<Waiting> waiting_;  // series behind the last _created line or comment
  // What the last _created line said, while it holds.
  bool known_ = false;
  std::string key_;
  int64_t start_ms_ = kNoStart;
};

}  // namespace narthex
