#pragma once
// Cron schedules as CronJobs write them: five fields, names, ranges, steps, macros (@daily),
// @every, and a time zone in front (TZ= or CRON_TZ=).
//
// A day must fit both the day of the month and the day of the week where both are restricted.
//
// Thread safety: immutable after Parse.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace narthex::ksm {

class CronSchedule {
 public:
  static StatusOr<CronSchedule> Parse(std::string_view text, std::string_view time_zone = {});
  // The first time behind `after`, in seconds since the epoch; nullopt when there is none within
  // five years.
  std::optional<int64_t> Next(int64_t after) const;

 private:
  uint64_t minutes_ = 0, hours_ = 0, days_ = 0, months_ = 0, weekdays_ = 0;  // bits
  int64_t every_ = 0;  // seconds; 0 unless @every
  std::string zone_;   // name; "" is UTC
};

}  // namespace narthex::ksm
