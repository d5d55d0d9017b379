#pragma once
// Recurring intervals of time: hours, weekdays, days of the month, months, years, in a zone.
//
// Within a field any range counts, across fields all must hold; a list of intervals is their union.
//
// Thread safety: immutable once decoded.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/config/decode.h"

namespace narthex::am {

// Minutes of the day; the end does not belong to it. 24:00 is the end of the day.
struct TimeRange {
  int start_minute = 0, end_minute = 0;
  std::string start_text, end_text;
  void Describe(config::Fields& f);
  Status AfterDecode();
};

// "a" or "a:b", both ends included.
struct NumberRange {
  int begin = 0, end = 0;
};
struct WeekdayRange : NumberRange {  // Sunday is 0
  static StatusOr<WeekdayRange> ParseText(std::string_view text);
  std::string ToText() const;
  bool IsZero() const { return false; }
};
struct DayOfMonthRange : NumberRange {  // negative from the end of the month
  static StatusOr<DayOfMonthRange> ParseText(std::string_view text);
  std::string ToText() const;
  bool IsZero() const { return false; }
};
struct MonthRange : NumberRange {
  static StatusOr<MonthRange> ParseText(std::string_view text);
  std::string ToText() const;
  bool IsZero() const { return false; }
};
struct YearRange : NumberRange {
  static StatusOr<YearRange> ParseText(std::string_view text);
  std::string ToText() const;
  bool IsZero() const { return false; }
};

class TimeInterval {
 public:
  void Describe(config::Fields& f);
  Status AfterDecode();
  bool Contains(int64_t unix_nanos) const;

 private:
  struct Zone;
  std::vector<TimeRange> times_;
  std::vector<WeekdayRange> weekdays_;
  std::vector<DayOfMonthRange> days_;
  std::vector<MonthRange> months_;
  std::vector<YearRange> years_;
  std::string location_;
  std::shared_ptr<const Zone> zone_;
};

}  // namespace narthex::am
