#pragma once
// What stands on amtool's command lines: matchers, pairs, times.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "alertmanager/matchers/matcher.h"
#include "alertmanager/types/alert.h"
#include "core/base/status.h"

namespace narthex::am {

// A first argument that is no matcher is the name of an alert.
void ExpandAlertName(std::vector<std::string>* arguments);

StatusOr<Matchers> ParseMatcherArguments(const std::vector<std::string>& arguments);

// name=value; "WHAT must be specified as key=value pairs".
using PairMap = std::map<std::string, std::string>;
StatusOr<PairMap> ParsePairs(const std::vector<std::string>& arguments, std::string_view what);

// RFC 3339, or nothing for an unset time. Errors in Go's words.
StatusOr<Time> ParseTimeArgument(std::string_view text);

// "silence duration must be greater than 0"; nanoseconds.
StatusOr<int64_t> ParseSilenceDuration(std::string_view text);

// The name of the user who runs this, "" when the system knows none.
std::string UserName();

}  // namespace narthex::am
