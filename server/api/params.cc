#include "server/api/params.h"

#include <algorithm>
#include <cmath>

#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/promql/parser/parser.h"

namespace narthex::api {
namespace {

// How Go prints the two ends of its time; clients send them back.
constexpr std::string_view kMinTimeText = "-292273086-05-16T16:47:06Z";
constexpr std::string_view kMaxTimeText = "292277025-08-18T07:12:54.999999999Z";

}  // namespace

StatusOr<TimestampMs> ParseTime(std::string_view text) {
  auto invalid = [&] {
    return InvalidArgument("cannot parse {} to a valid timestamp", GoQuote(text));
  };
  if (const auto seconds = ParseFloat(text)) {
    if (std::isnan(*seconds)) return invalid();
    if (*seconds * 1000 <= static_cast<double>(kMinTime)) return kMinTime;
    if (*seconds * 1000 >= static_cast<double>(kMaxTime)) return kMaxTime;
    // Apart, as upstream does: the product of many seconds may round half a millisecond up.
    double whole = 0;
    const double fraction = std::modf(*seconds, &whole);
    return static_cast<TimestampMs>(whole) * 1000 + std::llround(fraction * 1000);
  }
  if (text == kMinTimeText) return kMinTime;
  if (text == kMaxTimeText) return kMaxTime;
  const auto time = ParseRfc3339Millis(text);
  if (!time.ok()) return invalid();
  return *time;
}

StatusOr<TimestampMs> TimeParam(const http::Params& params, std::string_view name,
                                TimestampMs fallback) {
  const std::string_view text = params.Get(name);
  if (text.empty()) return fallback;
  auto time = ParseTime(text);
  if (time.ok()) return time;
  return InvalidArgument("invalid parameter {}: invalid time value for '{}': {}", GoQuote(name),
                         name, MessageOf(time.status()));
}

StatusOr<int64_t> ParseDurationNanos(std::string_view text) {
  if (const auto seconds = ParseFloat(text)) {
    const double nanos = *seconds * 1e9;
    if (!(std::fabs(nanos) < 0x1p63)) {
      return InvalidArgument("cannot parse {} to a valid duration. It overflows int64",
                             GoQuote(text));
    }
    return static_cast<int64_t>(nanos);
  }
  auto ms = ParsePromDuration(text);
  if (!ms.ok()) return InvalidArgument("cannot parse {} to a valid duration", GoQuote(text));
  return *ms * 1'000'000;
}

StatusOr<size_t> LimitParam(const http::Params& params) {
  const std::string_view text = params.Get("limit");
  if (text.empty()) return size_t{0};
  const auto limit = ParseInt(text);
  if (!limit) {
    const size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
    const bool number =
        sign < text.size() && text.find_first_not_of("0123456789", sign) == text.npos;
    return InvalidArgument("invalid parameter \"limit\": strconv.Atoi: parsing {}: {}",
                           GoQuote(text), number ? "value out of range" : "invalid syntax");
  }
  if (*limit < 0) return InvalidArgument("invalid parameter \"limit\": limit must be non-negative");
  return static_cast<size_t>(*limit);
}

StatusOr<std::vector<std::vector<Matcher>>> MatcherSets(const std::vector<std::string>& texts) {
  std::vector<std::vector<Matcher>> sets;
  for (const std::string& text : texts) {
    NX_ASSIGN_OR_RETURN(auto matchers, promql::ParseAnySelector(text));
    if (std::all_of(matchers.begin(), matchers.end(),
                    [](const Matcher& matcher) { return matcher.MatchesEmpty(); })) {
      return InvalidArgument("match[] must contain at least one non-empty matcher");
    }
    sets.push_back(std::move(matchers));
  }
  return sets;
}

std::string HostOf(std::string_view address) {
  address = address.substr(0, address.rfind(':'));
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  return std::string(address);
}

bool AnySetMatches(const std::vector<std::vector<Matcher>>& sets, const Labels& labels) {
  if (sets.empty()) return true;
  for (const auto& set : sets) {
    bool all = true;
    for (const Matcher& matcher : set) all = all && matcher.Matches(labels);
    if (all) return true;
  }
  return false;
}

}  // namespace narthex::api
