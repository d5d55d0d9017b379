#pragma once
// Times as command lines give them.

#include <cstdint>
#include <string>

#include "core/base/status.h"

namespace narthex::promtool {

// RFC 3339 or seconds since the epoch; nanoseconds.
StatusOr<int64_t> ParseTime(const std::string& text);

}  // namespace narthex::promtool
