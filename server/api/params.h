#pragma once
// Request parameters as the API reads them. Errors are InvalidArgument in upstream's words.

#include <limits>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/http/types.h"
#include "core/labels/matcher.h"

namespace narthex::api {

// The earliest and latest time of the API: what an absent start or end means.
inline constexpr TimestampMs kMinTime =
    (std::numeric_limits<int64_t>::min() / 1000 + 62135596801) * 1000;
inline constexpr TimestampMs kMaxTime =
    (std::numeric_limits<int64_t>::max() / 1000 - 62135596801) * 1000 + 999;

// Seconds since the epoch as a float, or RFC 3339.
StatusOr<TimestampMs> ParseTime(std::string_view text);
// The parameter, or `fallback` when it is absent or empty; errors carry its name.
StatusOr<TimestampMs> TimeParam(const http::Params& params, std::string_view name,
                                TimestampMs fallback);
// Seconds as a float, or a Prometheus duration; nanoseconds.
StatusOr<int64_t> ParseDurationNanos(std::string_view text);
// A limit of results: 0 when absent (no limit).
StatusOr<size_t> LimitParam(const http::Params& params);

// match[] selectors. One that would match everything is an error.
StatusOr<std::vector<std::vector<Matcher>>> MatcherSets(const std::vector<std::string>& texts);
// "ip:port" without the port, and without the brackets of IPv6.
std::string HostOf(std::string_view address);
// Does any of the sets match (or is there none)?
bool AnySetMatches(const std::vector<std::vector<Matcher>>& sets, const Labels& labels);

}  // namespace narthex::api
