#pragma once
// The grouping key of a push, as the path of its URL spells it:
//
//   /metrics/job/<job>{/<label>/<value>}       any name may end in @base64: then its value is
//                                              base64url, padding optional, "=" for the empty value
//
// Thread safety: values and pure functions.

#include <map>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace narthex::pushgateway {

// Sorted by name; always holds "job".
using Grouping = std::map<std::string, std::string, std::less<>>;

struct GroupingOptions {
  bool utf8_names = false;  // label names may be U__… escapes of UTF-8 names
};

// `job` and `labels` are decoded parts of the path; `labels` begins with a slash, is empty, or is
// just a slash. InvalidArgument in upstream's words.
StatusOr<Grouping> ParseGrouping(std::string_view job, bool job_is_base64, std::string_view labels,
                                 const GroupingOptions& options);

// A byte string that is equal for equal groupings only.
std::string GroupKey(const Grouping& grouping);
StatusOr<Grouping> ParseGroupKey(std::string_view key);

}  // namespace narthex::pushgateway
