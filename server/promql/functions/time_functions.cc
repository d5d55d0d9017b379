// The evaluation time, the times of samples, and the calendar (UTC).

#include <limits>
#include <numbers>

#include "server/promql/engine/basic_ops.h"
#include "server/promql/functions/registry.h"

namespace narthex::promql {
namespace {

struct CivilTime {
  int64_t year;
  int month, day;  // from 1
  int weekday;     // Sunday is 0
  int day_of_year;
  int64_t second_of_day;
};

bool IsLeap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int MonthLength(int64_t year, int month) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeap(year) ? 29 : kDays[month - 1];
}

// Go's conversion of a float to int64 on amd64: what does not fit becomes the smallest.
int64_t ToInt64(double v) {
  constexpr double kTwo63 = 9223372036854775808.0;
  return v >= -kTwo63 && v < kTwo63 ? static_cast<int64_t>(v) : std::numeric_limits<int64_t>::min();
}

// Go's time.Unix(int64(v), 0).UTC(), whose calendar begins in the year -292277022399: seconds
// before that wrap around to the far end.
CivilTime ToCivil(double v) {
  constexpr __int128 kFirst = -9223372028715321600;
  __int128 seconds = ToInt64(v);
  if (seconds < kFirst) seconds += __int128{1} << 64;
  __int128 days128 = seconds / 86400;
  if (seconds % 86400 < 0) --days128;
  const auto days = static_cast<int64_t>(days128);
  CivilTime t;
  t.second_of_day = static_cast<int64_t>(seconds - days128 * 86400);
  t.weekday = static_cast<int>(((days % 7) + 7 + 4) % 7);  // 1970-01-01 was a Thursday
  // Days since 0000-03-01, in eras of 400 years; months counted from March.
  const int64_t z = days + 719468;
  const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const int64_t doe = z - era * 146097;
  const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const int64_t mp = (5 * doy + 2) / 153;
  t.day = static_cast<int>(doy - (153 * mp + 2) / 5 + 1);
  t.month = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
  t.year = yoe + era * 400 + (t.month <= 2 ? 1 : 0);
  t.day_of_year = t.day;
  for (int m = 1; m < t.month; ++m) t.day_of_year += MonthLength(t.year, m);
  return t;
}

double Year(const CivilTime& t) { return static_cast<double>(t.year); }
double Month(const CivilTime& t) { return t.month; }
double DayOfMonth(const CivilTime& t) { return t.day; }
double Hour(const CivilTime& t) { return static_cast<double>(t.second_of_day / 3600); }
double Minute(const CivilTime& t) { return static_cast<double>(t.second_of_day / 60 % 60); }
double DayOfWeek(const CivilTime& t) { return t.weekday; }
double DayOfYear(const CivilTime& t) { return t.day_of_year; }
double DaysInMonth(const CivilTime& t) { return MonthLength(t.year, t.month); }

template <double (*F)(const CivilTime&)>
StatusOr<OperatorPtr> Calendar(Builder& builder, const Call& call, const EvalWindow& window) {
  if (call.args.empty()) {
    return MakeScalar(&builder.context(), window, [&](size_t i) {
      return F(ToCivil(static_cast<double>(window.ts(i)) / 1000));
    });
  }
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(*call.args[0], window));
  return MakeMap(std::move(op), NameRule::kDrop, [](double* v, uint64_t* presence, size_t steps) {
    ForEachBit(presence, PresenceWords(steps), [&](size_t i) { v[i] = F(ToCivil(v[i])); });
  });
}

StatusOr<OperatorPtr> Time(Builder& builder, const Call&, const EvalWindow& window) {
  return MakeScalar(&builder.context(), window,
                    [&](size_t i) { return static_cast<double>(window.ts(i)) / 1000; });
}

StatusOr<OperatorPtr> Pi(Builder& builder, const Call&, const EvalWindow& window) {
  return MakeScalar(&builder.context(), window, [](size_t) { return std::numbers::pi; });
}

// Of a selector: when the samples were taken. Of anything else: the evaluation time.
StatusOr<OperatorPtr> Timestamp(Builder& builder, const Call& call, const EvalWindow& window) {
  const Expr& arg = Unwrap(*call.args[0]);
  if (arg.kind == ExprKind::kVectorSelector) {
    NX_ASSIGN_OR_RETURN(OperatorPtr op,
                        MakeVectorSelector(&builder.context(), window, arg.As<VectorSelector>(),
                                           {.function = "timestamp"}, SampleYield::kTime));
    return MakeMap(std::move(op), NameRule::kDrop, [](double*, uint64_t*, size_t) {});
  }
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(*call.args[0], window));
  return MakeCellMap(std::move(op), NameRule::kDrop, [window](Tile* tile, size_t row) {
    if (tile->HasHistograms(row)) tile->MutableHistograms(row) = {};
    for (size_t i = 0; i < tile->steps(); ++i) {
      tile->values(row)[i] = static_cast<double>(window.ts(i)) / 1000;
    }
  });
}

constexpr FunctionEntry kFunctions[] = {
    {"time", Time},
    {"pi", Pi},
    {"timestamp", Timestamp},
    {"year", Calendar<Year>},
    {"month", Calendar<Month>},
    {"day_of_month", Calendar<DayOfMonth>},
    {"day_of_week", Calendar<DayOfWeek>},
    {"day_of_year", Calendar<DayOfYear>},
    {"days_in_month", Calendar<DaysInMonth>},
    {"hour", Calendar<Hour>},
    {"minute", Calendar<Minute>},
};

}  // namespace

std::span<const FunctionEntry> TimeFunctions() { return kFunctions; }

}  // namespace narthex::promql
