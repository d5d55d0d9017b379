#include "kube_state_metrics/resources/cron.h"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"

namespace narthex::ksm {
namespace {

constexpr int kYearsAhead = 5;

struct FieldKind {
  int min, max;
  std::span<const std::string_view> names;  // stand for min, min+1, …
};

constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kWeekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
const FieldKind kFields[] = {
    {0, 59, {}}, {0, 23, {}}, {1, 31, {}}, {1, 12, kMonths}, {0, 6, kWeekdays}};

constexpr std::pair<std::string_view, std::string_view> kMacros[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"}};

std::vector<std::string_view> FieldsOf(std::string_view text) {
  std::vector<std::string_view> fields;
  for (const std::string_view part : SplitString(text, ' ')) {
    for (const std::string_view field : SplitString(part, '\t')) {
      if (!field.empty()) fields.push_back(field);
    }
  }
  return fields;
}

std::optional<int> ParseNumber(std::string_view text, const FieldKind& kind) {
  const auto name = std::ranges::find(kind.names, ToLowerAscii(text));
  if (name != kind.names.end()) return kind.min + static_cast<int>(name - kind.names.begin());
  if (text.empty() || text.size() > 3 ||
      !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  return static_cast<int>(*ParseInt(text));
}

// "*", "5", "1-5", "*/15", "3/10": the last counts from 3 to the end.
bool ParseRange(std::string_view text, const FieldKind& kind, uint64_t* bits) {
  const auto parts = SplitString(text, '/');
  const auto ends = SplitString(parts[0], '-');
  if (parts.size() > 2 || ends.size() > 2) return false;
  int from = kind.min;
  int to = kind.max;
  const bool any = parts[0] == "*" || parts[0] == "?";
  if (!any) {
    const auto first = ParseNumber(ends[0], kind);
    const auto last = ends.size() == 2 ? ParseNumber(ends[1], kind) : first;
    if (!first || !last) return false;
    from = *first;
    to = ends.size() == 1 && parts.size() == 2 ? kind.max : *last;
  }
  int step = 1;
  if (parts.size() == 2) {
    const auto parsed = ParseInt(parts[1]);
    if (!parsed || *parsed < 1 || *parsed > kind.max + 1) return false;
    step = static_cast<int>(*parsed);
  }
  if (from < kind.min || to > kind.max || from > to) return false;
  for (int i = from; i <= to; i += step) *bits |= uint64_t{1} << i;
  return true;
}

bool ParseField(std::string_view text, const FieldKind& kind, uint64_t* bits) {
  return std::ranges::all_of(SplitString(text, ','),
                             [&](std::string_view part) { return ParseRange(part, kind, bits); });
}

bool Has(uint64_t bits, int i) { return (bits >> i & 1) != 0; }

int WeekdayOf(absl::CivilDay day) {
  return (static_cast<int>(absl::GetWeekday(day)) + 1) % 7;  // theirs begins with Monday
}

bool LoadZone(const std::string& name, absl::TimeZone* zone) {
  if (name.empty() || name == "UTC") return *zone = absl::UTCTimeZone(), true;
  if (name == "Local") return *zone = absl::LocalTimeZone(), true;
  // The name becomes a path below the zone directory.
  if (name.front() == '/' || name.find("..") != std::string::npos || name.size() > 100 ||
      name.find('\0') != std::string::npos) {
    return false;
  }
  return absl::LoadTimeZone(absl::string_view(name.data(), name.size()), zone);
}

}  // namespace

StatusOr<CronSchedule> CronSchedule::Parse(std::string_view text, std::string_view time_zone) {
  CronSchedule schedule;
  schedule.zone_ = std::string(time_zone);
  for (const std::string_view prefix : {"TZ=", "CRON_TZ="}) {
    if (!text.starts_with(prefix)) continue;
    const size_t blank = std::min(text.find(' '), text.size());
    schedule.zone_ = std::string(text.substr(prefix.size(), blank - prefix.size()));
    text.remove_prefix(blank);
    break;
  }
  while (text.starts_with(' ')) text.remove_prefix(1);
  absl::TimeZone zone;
  if (!LoadZone(schedule.zone_, &zone)) {
    return InvalidArgument("provided bad location {}", schedule.zone_);
  }
  constexpr std::string_view kEvery = "@every ";
  if (text.starts_with(kEvery)) {
    NX_ASSIGN_OR_RETURN(const int64_t nanos, ParseGoDuration(text.substr(kEvery.size())));
    schedule.every_ = std::max<int64_t>(nanos / 1'000'000'000, 1);
    return schedule;
  }
  for (const auto& [macro, fields] : kMacros) {
    if (text == macro) text = fields;
  }
  const std::vector<std::string_view> fields = FieldsOf(text);
  if (fields.size() != 5) {
    return InvalidArgument("expected exactly 5 fields, found {}: {}", fields.size(), text);
  }
  uint64_t* const bits[] = {&schedule.minutes_, &schedule.hours_, &schedule.days_,
                            &schedule.months_, &schedule.weekdays_};
  for (size_t i = 0; i < 5; ++i) {
    if (!ParseField(fields[i], kFields[i], bits[i])) {
      return InvalidArgument("failed to parse field {}", fields[i]);
    }
  }
  return schedule;
}

std::optional<int64_t> CronSchedule::Next(int64_t after) const {
  if (every_ != 0) return after + every_;
  absl::TimeZone zone;
  if (!LoadZone(zone_, &zone)) return std::nullopt;
  const absl::CivilSecond start(zone.At(absl::FromUnixSeconds(after)).cs);
  absl::CivilDay day(start);
  const auto last_year = day.year() + kYearsAhead;
  for (; day.year() <= last_year; ++day) {
    if (!Has(months_, day.month())) {
      day = absl::CivilDay(absl::CivilMonth(day) + 1) - 1;
      continue;
    }
    if (!Has(days_, day.day()) || !Has(weekdays_, WeekdayOf(day))) continue;
    for (int hour = 0; hour < 24; ++hour) {
      if (!Has(hours_, hour)) continue;
      for (int minute = 0; minute < 60; ++minute) {
        if (!Has(minutes_, minute)) continue;
        const absl::CivilMinute at(day.year(), day.month(), day.day(), hour, minute);
        const absl::TimeZone::TimeInfo info = zone.At(absl::CivilSecond(at));
        // A time the clocks skip never comes; of one they show twice the first counts.
        if (info.kind == absl::TimeZone::TimeInfo::SKIPPED) continue;
        const int64_t seconds = absl::ToUnixSeconds(info.pre);
        if (seconds > after) return seconds;
      }
    }
  }
  return std::nullopt;
}

}  // namespace narthex::ksm
