#include "core/template/time_value.h"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <cmath>

#include "core/strings/duration.h"

namespace narthex::tmpl {
namespace {

constexpr std::string_view kStringLayout = "2006-01-02 15:04:05.999999999 -0700 MST";
constexpr std::string_view kMonths[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
constexpr std::string_view kDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};

StatusOr<absl::TimeZone> LoadZone(std::string_view name) {
  if (name.empty() || name == "UTC") return absl::UTCTimeZone();
  if (name == "Local") return absl::LocalTimeZone();
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(absl::string_view(name.data(), name.size()), &zone)) {
    return InvalidArgument("unknown time zone {}", name);
  }
  return zone;
}

struct Clockface {
  int64_t year;
  int month, day, hour, minute, second, weekday, year_day, offset;
  int64_t nanos;
  std::string abbreviation;
};

constexpr int64_t kGoZeroSeconds = -62'135'596'800;

Clockface Read(int64_t unix_nanos, const absl::TimeZone& zone) {
  const bool zero = unix_nanos == kGoZeroTime;
  const absl::TimeZone::CivilInfo info =
      zone.At(zero ? absl::FromUnixSeconds(kGoZeroSeconds) : absl::FromUnixNanos(unix_nanos));
  const absl::CivilSecond& cs = info.cs;
  const int weekday = (static_cast<int>(absl::GetWeekday(absl::CivilDay(cs))) + 1) % 7;
  return {cs.year(),     cs.month(),
          cs.day(),      cs.hour(),
          cs.minute(),   cs.second(),
          weekday,       absl::GetYearDay(absl::CivilDay(cs)),
          info.offset,   zero ? 0 : ((unix_nanos % 1'000'000'000) + 1'000'000'000) % 1'000'000'000,
          info.zone_abbr};
}

std::string Offset(int seconds, bool colon, bool with_seconds, bool zulu) {
  if (zulu && seconds == 0) return "Z";
  const int magnitude = std::abs(seconds);
  std::string out = fmt::format("{}{:02}{}{:02}", seconds < 0 ? '-' : '+', magnitude / 3600,
                                colon ? ":" : "", magnitude / 60 % 60);
  if (with_seconds) out += fmt::format("{}{:02}", colon ? ":" : "", magnitude % 60);
  return out;
}

// ".000" keeps its digits, ".999" drops trailing zeros and itself when nothing is left.
std::string Fraction(std::string_view element, int64_t nanos) {
  std::string digits = fmt::format("{:09}", nanos).substr(0, element.size() - 1);
  if (element[1] == '9') {
    while (!digits.empty() && digits.back() == '0') digits.pop_back();
    if (digits.empty()) return "";
  }
  return element[0] + digits;
}

// The fraction element at the start of a layout: a point or comma, then zeros or nines.
size_t FractionLength(std::string_view layout) {
  if (layout.size() < 2 || (layout[0] != '.' && layout[0] != ',')) return 0;
  if (layout[1] != '0' && layout[1] != '9') return 0;
  size_t end = 1;
  while (end < layout.size() && layout[end] == layout[1]) ++end;
  const bool digit_follows = end < layout.size() && layout[end] >= '0' && layout[end] <= '9';
  return digit_follows || end > 10 ? 0 : end;
}

struct Element {
  std::string_view text;
  std::string (*format)(const Clockface&);
};

// Longer ones first where one is the prefix of another.
constexpr Element kElements[] = {
    {"January", [](const Clockface& c) { return std::string(kMonths[c.month - 1]); }},
    {"Jan", [](const Clockface& c) { return std::string(kMonths[c.month - 1].substr(0, 3)); }},
    {"Monday", [](const Clockface& c) { return std::string(kDays[c.weekday]); }},
    {"Mon", [](const Clockface& c) { return std::string(kDays[c.weekday].substr(0, 3)); }},
    {"MST", [](const Clockface& c) { return c.abbreviation; }},
    {"2006", [](const Clockface& c) { return fmt::format("{:04}", c.year); }},
    {"-07:00:00", [](const Clockface& c) { return Offset(c.offset, true, true, false); }},
    {"-07:00", [](const Clockface& c) { return Offset(c.offset, true, false, false); }},
    {"-070000", [](const Clockface& c) { return Offset(c.offset, false, true, false); }},
    {"-0700", [](const Clockface& c) { return Offset(c.offset, false, false, false); }},
    {"-07", [](const Clockface& c) { return Offset(c.offset, false, false, false).substr(0, 3); }},
    {"Z07:00:00", [](const Clockface& c) { return Offset(c.offset, true, true, true); }},
    {"Z07:00", [](const Clockface& c) { return Offset(c.offset, true, false, true); }},
    {"Z070000", [](const Clockface& c) { return Offset(c.offset, false, true, true); }},
    {"Z0700", [](const Clockface& c) { return Offset(c.offset, false, false, true); }},
    {"002", [](const Clockface& c) { return fmt::format("{:03}", c.year_day); }},
    {"01", [](const Clockface& c) { return fmt::format("{:02}", c.month); }},
    {"02", [](const Clockface& c) { return fmt::format("{:02}", c.day); }},
    {"03", [](const Clockface& c) { return fmt::format("{:02}", (c.hour + 11) % 12 + 1); }},
    {"04", [](const Clockface& c) { return fmt::format("{:02}", c.minute); }},
    {"05", [](const Clockface& c) { return fmt::format("{:02}", c.second); }},
    {"06", [](const Clockface& c) { return fmt::format("{:02}", c.year % 100); }},
    {"15", [](const Clockface& c) { return fmt::format("{:02}", c.hour); }},
    {"PM", [](const Clockface& c) { return std::string(c.hour < 12 ? "AM" : "PM"); }},
    {"pm", [](const Clockface& c) { return std::string(c.hour < 12 ? "am" : "pm"); }},
    {"__2", [](const Clockface& c) { return fmt::format("{:3}", c.year_day); }},
    {"_2", [](const Clockface& c) { return fmt::format("{:2}", c.day); }},
    {"1", [](const Clockface& c) { return fmt::format("{}", c.month); }},
    {"2", [](const Clockface& c) { return fmt::format("{}", c.day); }},
    {"3", [](const Clockface& c) { return fmt::format("{}", (c.hour + 11) % 12 + 1); }},
    {"4", [](const Clockface& c) { return fmt::format("{}", c.minute); }},
    {"5", [](const Clockface& c) { return fmt::format("{}", c.second); }},
};

const Element* ElementAt(std::string_view layout) {
  for (const Element& element : kElements) {
    if (!layout.starts_with(element.text)) continue;
    // "Month" is a word, not a day; "_2006" is a literal and a year.
    const char next = element.text.size() < layout.size() ? layout[element.text.size()] : '\0';
    if ((element.text == "Jan" || element.text == "Mon") && next >= 'a' && next <= 'z') continue;
    if (element.text == "_2" && layout.substr(1).starts_with("2006")) continue;
    return &element;
  }
  return nullptr;
}

std::string Format(const Clockface& clock, std::string_view layout) {
  std::string out;
  while (!layout.empty()) {
    if (const size_t length = FractionLength(layout); length > 0) {
      out += Fraction(layout.substr(0, length), clock.nanos);
      layout.remove_prefix(length);
    } else if (const Element* element = ElementAt(layout); element != nullptr) {
      out += element->format(clock);
      layout.remove_prefix(element->text.size());
    } else {
      out += layout[0];
      layout.remove_prefix(1);
    }
  }
  return out;
}

using Args = std::span<const Value>;
using Methods = std::map<std::string, Function, std::less<>>;

const Function* FindMethod(const Methods& methods, std::string_view name) {
  auto found = methods.find(name);
  return found == methods.end() ? nullptr : &found->second;
}

int64_t RoundTo(int64_t nanos, int64_t unit, bool truncate) {
  if (unit <= 0) return nanos;
  const int64_t rest = nanos % unit;
  if (truncate) return nanos - rest;
  if (std::abs(rest) * 2 < unit) return nanos - rest;
  return nanos - rest + (nanos < 0 ? -unit : unit);
}

StatusOr<int64_t> NeedDuration(const Value& value) {
  int64_t nanos = 0;
  if (DurationOf(value, &nanos)) return nanos;
  if (value.kind() == Value::Kind::kInt) return value.as_int();
  return InvalidArgument("wrong type for value; expected time.Duration; got {}", value.TypeName());
}

StatusOr<int64_t> NeedTime(const Value& value) {
  int64_t nanos = 0;
  if (TimeOf(value, &nanos)) return nanos;
  return InvalidArgument("wrong type for value; expected time.Time; got {}", value.TypeName());
}

class DurationObject final : public Object {
 public:
  explicit DurationObject(int64_t nanos) : nanos_(nanos) {
    auto number = [this](std::string name, double unit) {
      methods_[std::move(name)] = {"", [v = nanos_, unit](Args) -> StatusOr<Value> {
                                     return Value(static_cast<double>(v) / unit);
                                   }};
    };
    number("Hours", 3600e9);
    number("Minutes", 60e9);
    number("Seconds", 1e9);
    auto integer = [this](std::string name, int64_t unit) {
      methods_[std::move(name)] = {
          "", [v = nanos_, unit](Args) -> StatusOr<Value> { return Value(v / unit); }};
    };
    integer("Milliseconds", 1'000'000);
    integer("Microseconds", 1'000);
    integer("Nanoseconds", 1);
    methods_["String"] = {
        "", [v = nanos_](Args) -> StatusOr<Value> { return Value(FormatGoDuration(v)); }};
    methods_["Abs"] = {
        "", [v = nanos_](Args) -> StatusOr<Value> { return MakeDuration(v < 0 ? -v : v); }};
    for (const bool truncate : {false, true}) {
      methods_[truncate ? "Truncate" : "Round"] = {
          "a", [v = nanos_, truncate](Args a) -> StatusOr<Value> {
            NX_ASSIGN_OR_RETURN(const int64_t unit, NeedDuration(a[0]));
            return MakeDuration(RoundTo(v, unit, truncate));
          }};
    }
  }
  std::string type_name() const override { return "time.Duration"; }
  std::string ToText() const override { return FormatGoDuration(nanos_); }
  const Function* GetMethod(std::string_view name) const override {
    return FindMethod(methods_, name);
  }
  int64_t nanos() const { return nanos_; }

 private:
  int64_t nanos_;
  Methods methods_;
};

class TimeObject final : public Object {
 public:
  TimeObject(int64_t nanos, std::string zone_name, absl::TimeZone zone)
      : nanos_(nanos), zone_name_(std::move(zone_name)), zone_(zone) {
    AddParts();
    AddArithmetic();
  }
  std::string type_name() const override { return "time.Time"; }
  std::string ToText() const override { return Format(Read(nanos_, zone_), kStringLayout); }
  const Function* GetMethod(std::string_view name) const override {
    return FindMethod(methods_, name);
  }
  int64_t nanos() const { return nanos_; }

 private:
  void AddParts() {
    const Clockface clock = Read(nanos_, zone_);
    auto constant = [this](std::string name, Value value) {
      methods_[std::move(name)] = {
          "", [value = std::move(value)](Args) -> StatusOr<Value> { return value; }};
    };
    constant("Year", Value(clock.year));
    constant("Month", Value(std::string(kMonths[clock.month - 1])));
    constant("Day", Value(clock.day));
    constant("Hour", Value(clock.hour));
    constant("Minute", Value(clock.minute));
    constant("Second", Value(clock.second));
    constant("Nanosecond", Value(clock.nanos));
    constant("Weekday", Value(std::string(kDays[clock.weekday])));
    constant("YearDay", Value(clock.year_day));
    const bool zero = nanos_ == kGoZeroTime;
    constant("IsZero", Value(zero));
    constant("Unix", Value(zero ? kGoZeroSeconds : (nanos_ - clock.nanos) / 1'000'000'000));
    constant("UnixMilli",
             Value(zero ? kGoZeroSeconds * 1000 : (nanos_ - clock.nanos % 1'000'000) / 1'000'000));
    constant("UnixNano", Value(nanos_));
    constant("String", Value(ToText()));
    methods_["Format"] = {
        "s", [clock](Args a) -> StatusOr<Value> { return Value(Format(clock, a[0].as_string())); }};
  }
  void AddArithmetic() {
    const int64_t v = nanos_;
    const std::string zone = zone_name_;
    methods_["UTC"] = {"", [v](Args) -> StatusOr<Value> { return MakeTime(v); }};
    methods_["Local"] = {"", [v](Args) -> StatusOr<Value> { return MakeTime(v, "Local"); }};
    methods_["Add"] = {"a", [v, zone](Args a) -> StatusOr<Value> {
                         NX_ASSIGN_OR_RETURN(const int64_t by, NeedDuration(a[0]));
                         int64_t sum = 0;
                         if (__builtin_add_overflow(v, by, &sum)) {
                           return OutOfRange("time out of range");
                         }
                         return MakeTime(sum, zone);
                       }};
    methods_["Sub"] = {"a", [v](Args a) -> StatusOr<Value> {
                         NX_ASSIGN_OR_RETURN(const int64_t other, NeedTime(a[0]));
                         int64_t difference = 0;
                         if (__builtin_sub_overflow(v, other, &difference)) {
                           return OutOfRange("duration out of range");
                         }
                         return MakeDuration(difference);
                       }};
    auto compare = [this, v](std::string name, auto holds) {
      methods_[std::move(name)] = {"a", [v, holds](Args a) -> StatusOr<Value> {
                                     NX_ASSIGN_OR_RETURN(const int64_t other, NeedTime(a[0]));
                                     return Value(static_cast<bool>(holds(v, other)));
                                   }};
    };
    compare("Before", std::less<>());
    compare("After", std::greater<>());
    compare("Equal", std::equal_to<>());
    methods_["Truncate"] = {"a", [v, zone](Args a) -> StatusOr<Value> {
                              NX_ASSIGN_OR_RETURN(const int64_t unit, NeedDuration(a[0]));
                              return MakeTime(RoundTo(v, unit, true), zone);
                            }};
  }

  int64_t nanos_;
  std::string zone_name_;
  absl::TimeZone zone_;
  Methods methods_;
};

}  // namespace

Value MakeTime(int64_t unix_nanos, std::string_view zone) {
  StatusOr<absl::TimeZone> loaded = LoadZone(zone);
  return Value(std::static_pointer_cast<const Object>(std::make_shared<TimeObject>(
      unix_nanos, std::string(zone), loaded.ok() ? *loaded : absl::UTCTimeZone())));
}

Value MakeDuration(int64_t nanos) {
  return Value(std::static_pointer_cast<const Object>(std::make_shared<DurationObject>(nanos)));
}

bool TimeOf(const Value& value, int64_t* unix_nanos) {
  if (value.kind() != Value::Kind::kObject) return false;
  const auto* time = dynamic_cast<const TimeObject*>(&value.as_object());
  if (time != nullptr) *unix_nanos = time->nanos();
  return time != nullptr;
}

bool DurationOf(const Value& value, int64_t* nanos) {
  if (value.kind() != Value::Kind::kObject) return false;
  const auto* duration = dynamic_cast<const DurationObject*>(&value.as_object());
  if (duration != nullptr) *nanos = duration->nanos();
  return duration != nullptr;
}

StatusOr<Value> InZone(const Value& time, std::string_view zone) {
  NX_ASSIGN_OR_RETURN(const int64_t nanos, NeedTime(time));
  NX_RETURN_IF_ERROR(LoadZone(zone).status());
  return MakeTime(nanos, zone);
}

StatusOr<std::string> FormatGoTime(int64_t unix_nanos, std::string_view layout,
                                   std::string_view zone) {
  NX_ASSIGN_OR_RETURN(const absl::TimeZone loaded, LoadZone(zone));
  return Format(Read(unix_nanos, loaded), layout);
}

std::string FormatGoTimeAt(int64_t unix_nanos, std::string_view layout, int offset_seconds) {
  if (offset_seconds == 0) return Format(Read(unix_nanos, absl::UTCTimeZone()), layout);
  Clockface clock = Read(unix_nanos, absl::FixedTimeZone(offset_seconds));
  clock.abbreviation = Offset(offset_seconds, false, false, false);
  return Format(clock, layout);
}

}  // namespace narthex::tmpl
