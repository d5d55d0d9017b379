#pragma once
// Go's time.Time and time.Duration as template values, with their methods, and time layouts.

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/template/value.h"

namespace narthex::tmpl {

// Stands for Go's zero time, January 1st of the year 1, which nanoseconds do not reach.
inline constexpr int64_t kGoZeroTime = std::numeric_limits<int64_t>::min();

// A moment in a zone: methods Format, Unix, UnixNano, UnixMilli, Add, Sub, UTC, Local, Year, Month,
// Day, Hour, Minute, Second, Weekday, YearDay, IsZero, String, Before, After, Equal, Truncate.
Value MakeTime(int64_t unix_nanos, std::string_view zone = "UTC");
// Methods Hours, Minutes, Seconds, Milliseconds, String, Round, Truncate, Abs.
Value MakeDuration(int64_t nanos);

// False when the value is none.
bool TimeOf(const Value& value, int64_t* unix_nanos);
bool DurationOf(const Value& value, int64_t* nanos);
// The same moment in another zone (an IANA name, "UTC", "Local").
StatusOr<Value> InZone(const Value& time, std::string_view zone);

// time.Time.Format: the reference time is "Mon Jan 2 15:04:05 MST 2006".
StatusOr<std::string> FormatGoTime(int64_t unix_nanos, std::string_view layout,
                                   std::string_view zone = "UTC");
// In the zone of a text that names an offset; such zones are called by it.
std::string FormatGoTimeAt(int64_t unix_nanos, std::string_view layout, int offset_seconds);

}  // namespace narthex::tmpl
