#include "alertmanager/types/alert.h"

#include <algorithm>

#include "core/strings/duration.h"

namespace narthex::am {
namespace {

// 2200-01-01T00:00:00Z. Later times ("silence for ever") become this one: nanoseconds end in 2262,
// and there must be room to add a retention.
constexpr int64_t kLatest = 7'258'118'400'000'000'000;

StatusOr<int64_t> ParseNanos(std::string_view text) {
  StatusOr<int64_t> nanos = ParseRfc3339(text);
  if (nanos.ok()) return std::min(*nanos, kLatest);
  // The same moment in a year every reader can count tells "too late" from "no time at all".
  const bool late_year =
      text.size() > 4 && text.substr(0, 4) >= "2200" && text.substr(0, 4) <= "9999";
  if (late_year && ParseRfc3339("2196" + std::string(text.substr(4))).ok()) return kLatest;
  return nanos;
}

int64_t LocalNanos(const Time& time) {
  return time.nanos + time.offset_seconds * int64_t{1'000'000'000};
}

// Replaces the Z of a local time.
std::string InZone(std::string text, const Time& time) {
  if (time.offset_seconds == 0) return text;
  text.pop_back();
  const int minutes = std::abs(time.offset_seconds) / 60;
  return text + fmt::format("{}{:02}:{:02}", time.offset_seconds < 0 ? '-' : '+', minutes / 60,
                            minutes % 60);
}

}  // namespace

std::string FormatNanos(const Time& time) {
  if (!time.is_set()) return "0001-01-01T00:00:00Z";
  return InZone(FormatRfc3339Nanos(LocalNanos(time)), time);
}

std::string FormatMillis(const Time& time) {
  if (!time.is_set()) return "0001-01-01T00:00:00.000Z";
  const int64_t nanos = LocalNanos(time);
  return InZone(FormatRfc3339Millis(nanos / 1'000'000 - (nanos % 1'000'000 < 0 ? 1 : 0)), time);
}

StatusOr<Time> ParseTime(std::string_view text) {
  if (text.starts_with("0001-01-01T00:00:00")) return Time{};
  if (text.size() == 10) {  // a date alone
    NX_ASSIGN_OR_RETURN(const int64_t nanos, ParseNanos(std::string(text) + "T00:00:00Z"));
    return Time{nanos, 0};
  }
  NX_ASSIGN_OR_RETURN(const int64_t nanos, ParseNanos(text));
  Time time{nanos, 0};
  const size_t sign = text.find_last_of("+-");
  if (sign != std::string_view::npos && sign > 10 && text.size() == sign + 6) {
    auto digits = [&](size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); };
    time.offset_seconds = (digits(sign + 1) * 60 + digits(sign + 4)) * 60;
    if (text[sign] == '-') time.offset_seconds = -time.offset_seconds;
  }
  return time;
}

std::string FingerprintText(uint64_t fingerprint) { return fmt::format("{:016x}", fingerprint); }

Alert MergeAlerts(const Alert& a, const Alert& b) {
  const Alert& newer = b.updated_at < a.updated_at ? a : b;
  const Alert& older = b.updated_at < a.updated_at ? b : a;
  Alert merged = newer;
  if (older.starts_at.nanos < merged.starts_at.nanos) merged.starts_at = older.starts_at;
  const int64_t now = newer.updated_at;
  if (newer.ResolvedAt(now)) {
    // Two ends: the later one counts.
    if (older.ResolvedAt(now) && older.ends_at.nanos > merged.ends_at.nanos) {
      merged.ends_at = older.ends_at;
    }
  } else if (older.ends_at.nanos > merged.ends_at.nanos && !older.timeout) {
    merged.ends_at = older.ends_at;
  }
  return merged;
}

bool Overlaps(const Alert& old_alert, const Alert& new_alert) {
  const int64_t old_start = old_alert.starts_at.nanos, old_end = old_alert.ends_at.nanos;
  const int64_t new_start = new_alert.starts_at.nanos, new_end = new_alert.ends_at.nanos;
  return (new_end > old_start && new_end < old_end) ||
         (new_start > old_start && new_start < old_end);
}

void SortAlerts(std::vector<AlertPtr>* alerts) {
  std::sort(alerts->begin(), alerts->end(), [](const AlertPtr& a, const AlertPtr& b) {
    for (std::string_view name : {kJobLabel, kInstanceLabel}) {
      const std::string_view left = a->labels.Get(name), right = b->labels.Get(name);
      if (left != right) return left < right;
    }
    return a->labels < b->labels;
  });
}

}  // namespace narthex::am
