// The evaluation time, the times of samples, and the calendar (UTC).

#include <chrono>
#include <cmath>
#include <numbers>

#include "server/promql/engine/basic_ops.h"
#include "server/promql/functions/registry.h"

namespace narthex::promql {
namespace {

using std::chrono::day;
using std::chrono::days;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

struct CivilTime {
  year_month_day date;
  sys_days day_point;
  int64_t second_of_day;
};

// Go's time.Unix(int64(v), 0).UTC(). Values no calendar reaches (NaN included) behave as the
// smallest int64 does on amd64; the years std::chrono can hold are the limit here.
CivilTime ToCivil(double v) {
  constexpr double kLimit = 1e12;  // beyond year 30000
  const int64_t seconds =
      std::isnan(v) ? 0 : static_cast<int64_t>(std::clamp(v, -kLimit, kLimit));
  const int64_t day_number = seconds >= 0 ? seconds / 86400 : -((-seconds + 86399) / 86400);
  const sys_days point{days{day_number}};
  return {year_month_day(point), point, seconds - day_number * 86400};
}

double Year(const CivilTime& t) { return static_cast<int>(t.date.year()); }
double Month(const CivilTime& t) { return static_cast<unsigned>(t.date.month()); }
double DayOfMonth(const CivilTime& t) { return static_cast<unsigned>(t.date.day()); }
double Hour(const CivilTime& t) { return static_cast<double>(t.second_of_day / 3600); }
double Minute(const CivilTime& t) { return static_cast<double>(t.second_of_day / 60 % 60); }
double DayOfWeek(const CivilTime& t) {
  return std::chrono::weekday(t.day_point).c_encoding();
}
double DayOfYear(const CivilTime& t) {
  const sys_days new_year = t.date.year() / month{1} / day{1};
  return static_cast<double>((t.day_point - new_year).count() + 1);
}
double DaysInMonth(const CivilTime& t) {
  const auto last = (t.date.year() / t.date.month() / std::chrono::last).day();
  return static_cast<unsigned>(last);
}

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
                                           {.function = "timestamp"}, true));
    return MakeMap(std::move(op), NameRule::kDrop, [](double*, uint64_t*, size_t) {});
  }
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(*call.args[0], window));
  return MakeMap(std::move(op), NameRule::kDrop, [window](double* v, uint64_t*, size_t steps) {
    for (size_t i = 0; i < steps; ++i) v[i] = static_cast<double>(window.ts(i)) / 1000;
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
