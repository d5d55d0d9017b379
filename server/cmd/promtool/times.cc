#include "server/cmd/promtool/times.h"

#include <cmath>

#include "core/strings/duration.h"
#include "core/strings/numbers.h"

namespace narthex::promtool {

StatusOr<int64_t> ParseTime(const std::string& text) {
  if (const auto seconds = ParseFloat(text); seconds && std::fabs(*seconds) < 9e9) {
    return std::llround(*seconds * 1e9);
  }
  if (const auto time = ParseRfc3339(text); time.ok()) return *time;
  return InvalidArgument("cannot parse \"{}\" to a valid timestamp", text);
}

}  // namespace narthex::promtool
