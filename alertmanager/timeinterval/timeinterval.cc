#include "alertmanager/timeinterval/timeinterval.h"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <algorithm>

#include "core/strings/numbers.h"
#include "core/strings/quote.h"

namespace narthex::am {
namespace {

constexpr std::string_view kWeekdays[] = {"sunday",   "monday", "tuesday", "wednesday",
                                          "thursday", "friday", "saturday"};
constexpr std::string_view kMonths[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};

StatusOr<int> ParseMinute(std::string_view text) {
  const Status bad = InvalidArgument("couldn't parse timestamp {}, invalid format", text);
  if (text.size() != 5 || text[2] != ':') return bad;
  const auto hour = ParseInt(text.substr(0, 2)), minute = ParseInt(text.substr(3));
  if (!hour || !minute || *hour < 0 || *minute < 0 || *minute > 59) return bad;
  if (*hour > 24 || (*hour == 24 && *minute != 0)) return bad;
  return static_cast<int>(*hour * 60 + *minute);
}

// Splits at the colon; one value stands for both ends.
template <typename ParseOne>
StatusOr<NumberRange> ParseRange(std::string_view text, ParseOne parse_one) {
  const std::vector<std::string_view> parts = SplitString(text, ':');
  if (parts.size() > 2) return InvalidArgument("couldn't parse range {}, invalid format", text);
  NumberRange range;
  NX_ASSIGN_OR_RETURN(range.begin, parse_one(parts.front()));
  NX_ASSIGN_OR_RETURN(range.end, parse_one(parts.back()));
  return range;
}

StatusOr<int> Number(std::string_view text) {
  const std::optional<int64_t> number = ParseInt(text);
  if (!number || *number < -100'000 || *number > 100'000) {
    return InvalidArgument("strconv.Atoi: parsing {}: invalid syntax", GoQuote(text));
  }
  return static_cast<int>(*number);
}

template <typename Range>
StatusOr<Range> As(StatusOr<NumberRange> range) {
  if (!range.ok()) return range.status();
  Range out;
  out.begin = range->begin;
  out.end = range->end;
  return out;
}

std::string RangeText(const NumberRange& range) {
  return range.begin == range.end ? fmt::format("{}", range.begin)
                                  : fmt::format("{}:{}", range.begin, range.end);
}

template <typename Range>
bool AnyContains(const std::vector<Range>& ranges, int64_t value) {
  return ranges.empty() || std::any_of(ranges.begin(), ranges.end(), [&](const Range& r) {
           return value >= r.begin && value <= r.end;
         });
}

int DaysInMonth(const absl::CivilSecond& cs) {
  const absl::CivilMonth month(cs);
  return static_cast<int>(absl::CivilDay(month + 1) - absl::CivilDay(month));
}

bool ContainsDay(const std::vector<DayOfMonthRange>& ranges, int day, int days_in_month) {
  if (ranges.empty()) return true;
  for (const DayOfMonthRange& range : ranges) {
    int begin = range.begin < 0 ? days_in_month + range.begin + 1 : range.begin;
    int end = range.end < 0 ? days_in_month + range.end + 1 : range.end;
    if (begin > days_in_month) continue;
    begin = std::max(begin, 1);
    end = std::min(end, days_in_month);
    if (day >= begin && day <= end) return true;
  }
  return false;
}

}  // namespace

struct TimeInterval::Zone {
  absl::TimeZone zone;
};

void TimeRange::Describe(config::Fields& f) {
  f.Type("timeinterval.yamlTimeRange");
  f.Field("start_time", start_text, config::Print::kAlways);
  f.Field("end_time", end_text, config::Print::kAlways);
}

Status TimeRange::AfterDecode() {
  if (start_text.empty() || end_text.empty()) {
    return InvalidArgument("both start and end times must be provided");
  }
  NX_ASSIGN_OR_RETURN(start_minute, ParseMinute(start_text));
  NX_ASSIGN_OR_RETURN(end_minute, ParseMinute(end_text));
  if (start_minute >= end_minute) {
    return InvalidArgument("start time cannot be equal or greater than end time");
  }
  return OkStatus();
}

StatusOr<WeekdayRange> WeekdayRange::ParseText(std::string_view text) {
  auto day = [](std::string_view name) -> StatusOr<int> {
    const std::string lower = ToLowerAscii(name);
    const auto* found = std::find(std::begin(kWeekdays), std::end(kWeekdays), lower);
    if (found == std::end(kWeekdays)) return InvalidArgument("{} is not a valid weekday", name);
    return static_cast<int>(found - std::begin(kWeekdays));
  };
  NX_ASSIGN_OR_RETURN(WeekdayRange range, As<WeekdayRange>(ParseRange(text, day)));
  if (range.begin > range.end) return InvalidArgument("start day cannot be before end day");
  return range;
}
std::string WeekdayRange::ToText() const {
  if (begin == end) return std::string(kWeekdays[begin]);
  return fmt::format("{}:{}", kWeekdays[begin], kWeekdays[end]);
}

StatusOr<DayOfMonthRange> DayOfMonthRange::ParseText(std::string_view text) {
  NX_ASSIGN_OR_RETURN(DayOfMonthRange range, As<DayOfMonthRange>(ParseRange(text, Number)));
  for (const int day : {range.begin, range.end}) {
    if (day == 0 || day < -31 || day > 31) {
      return InvalidArgument("{} is not a valid day of the month: out of range", day);
    }
  }
  if (range.begin < 0 && range.end > 0) {
    return InvalidArgument("end day must be negative if start day is negative");
  }
  // Whatever the length of the month, the end must be able to follow the start.
  const int end = range.begin > 0 && range.end < 0 ? 31 + range.end + 1 : range.end;
  if (range.begin > end) {
    return InvalidArgument("end day {} is always before start day {}", range.end, range.begin);
  }
  return range;
}
std::string DayOfMonthRange::ToText() const { return RangeText(*this); }

StatusOr<MonthRange> MonthRange::ParseText(std::string_view text) {
  auto month = [](std::string_view name) -> StatusOr<int> {
    const std::string lower = ToLowerAscii(name);
    const auto* found = std::find(std::begin(kMonths), std::end(kMonths), lower);
    if (found != std::end(kMonths)) return static_cast<int>(found - std::begin(kMonths)) + 1;
    const std::optional<int64_t> number = ParseInt(name);
    if (!number || *number < 1 || *number > 12) {
      return InvalidArgument("{} is not a valid month", name);
    }
    return static_cast<int>(*number);
  };
  NX_ASSIGN_OR_RETURN(MonthRange range, As<MonthRange>(ParseRange(text, month)));
  if (range.begin > range.end) {
    return InvalidArgument("end month {} is before start month {}", range.end, range.begin);
  }
  return range;
}
std::string MonthRange::ToText() const { return RangeText(*this); }

StatusOr<YearRange> YearRange::ParseText(std::string_view text) {
  NX_ASSIGN_OR_RETURN(YearRange range, As<YearRange>(ParseRange(text, Number)));
  if (range.begin > range.end) {
    return InvalidArgument("end year {} is before start year {}", range.end, range.begin);
  }
  return range;
}
std::string YearRange::ToText() const { return RangeText(*this); }

namespace {

template <typename Range>
void FlowRanges(config::Fields& f, std::string_view key, std::vector<Range>& ranges) {
  if (!f.printing()) return f.Field(key, ranges);
  std::vector<std::string> texts;
  for (const Range& range : ranges) texts.push_back(range.ToText());
  f.FlowList(key, texts);
}

}  // namespace

void TimeInterval::Describe(config::Fields& f) {
  f.Type("timeinterval.TimeInterval");
  f.Field("times", times_);
  FlowRanges(f, "weekdays", weekdays_);
  FlowRanges(f, "days_of_month", days_);
  FlowRanges(f, "months", months_);
  FlowRanges(f, "years", years_);
  f.Field("location", location_);
}

Status TimeInterval::AfterDecode() {
  auto zone = std::make_shared<Zone>();
  zone->zone = absl::UTCTimeZone();
  if (location_ == "Local") {
    zone->zone = absl::LocalTimeZone();
  } else if (!location_.empty() &&
             !absl::LoadTimeZone(absl::string_view(location_.data(), location_.size()),
                                 &zone->zone)) {
    return InvalidArgument("unknown time zone {}", location_);
  }
  zone_ = std::move(zone);
  return OkStatus();
}

bool TimeInterval::Contains(int64_t unix_nanos) const {
  const absl::CivilSecond cs =
      (zone_ != nullptr ? zone_->zone : absl::UTCTimeZone()).At(absl::FromUnixNanos(unix_nanos)).cs;
  const int minute = cs.hour() * 60 + cs.minute();
  const bool in_times =
      times_.empty() || std::any_of(times_.begin(), times_.end(), [&](const TimeRange& r) {
        return minute >= r.start_minute && minute < r.end_minute;
      });
  const int weekday = (static_cast<int>(absl::GetWeekday(absl::CivilDay(cs))) + 1) % 7;
  return in_times && ContainsDay(days_, cs.day(), DaysInMonth(cs)) &&
         AnyContains(months_, cs.month()) && AnyContains(weekdays_, weekday) &&
         AnyContains(years_, cs.year());
}

}  // namespace narthex::am
