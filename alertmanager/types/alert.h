#pragma once
// An alert as the store, the groups and the receivers see it.
//
// Thread safety: alerts are shared as shared_ptr<const Alert> and never change.

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/labels/labels.h"

namespace narthex::am {

// A moment with the zone it was given in, which payloads keep. Unset is Go's zero time.
struct Time {
  static constexpr int64_t kUnset = std::numeric_limits<int64_t>::min();
  int64_t nanos = kUnset;
  int32_t offset_seconds = 0;

  bool is_set() const { return nanos != kUnset; }
  friend bool operator==(const Time&, const Time&) = default;
};

// RFC 3339 with up to nine digits of a second, in the zone of the time; 0001-01-01T00:00:00Z if
// unset.
std::string FormatNanos(const Time& time);
// Exactly three digits of a second, in the zone of the time.
std::string FormatMillis(const Time& time);
// RFC 3339 or a date alone. Times after the year 2199 are taken for 2200-01-01.
StatusOr<Time> ParseTime(std::string_view text);

struct Alert {
  Labels labels;
  Labels annotations;
  Time starts_at;
  Time ends_at;
  std::string generator_url;
  int64_t updated_at = 0;  // nanoseconds
  bool timeout = false;    // ends_at was made up from resolve_timeout

  uint64_t fingerprint() const { return labels.Fingerprint(); }
  bool ResolvedAt(int64_t now) const { return ends_at.is_set() && ends_at.nanos <= now; }
};
using AlertPtr = std::shared_ptr<const Alert>;

std::string FingerprintText(uint64_t fingerprint);  // 16 hex digits

// Upstream's merge of an alert with what the store has: the later update wins, the interval grows.
Alert MergeAlerts(const Alert& a, const Alert& b);
// Do the intervals meet, so that the two are one alert?
bool Overlaps(const Alert& old_alert, const Alert& new_alert);

// By job, instance, then the whole label set: the order inside a notification.
void SortAlerts(std::vector<AlertPtr>* alerts);

// 64-bit xxhash over sorted name 0xff value 0xff: what the notification log stores.
inline uint64_t HashForLog(const Alert& alert) { return alert.labels.Hash(); }

}  // namespace narthex::am
