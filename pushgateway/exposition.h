#pragma once
// The scrape answer: the program's own families and those of all groups, merged by name.
//
// Thread safety: pure functions.

#include <string>
#include <vector>

#include "core/exposition/format.h"
#include "pushgateway/group_store.h"

namespace narthex::pushgateway {

struct Exposition {
  std::string body;
  std::vector<std::string>
      errors;  // contradictions among stored groups; then the body is of no use
};

// Of differing HELP texts the program's own, else that of the first group, wins. `trusted`: the
// groups passed the consistency check one by one, and families of one group are written as stored.
Exposition Expose(const std::vector<MetricFamily>& own, const GroupStore::Snapshot& groups,
                  const OutputFormat& format, bool trusted);

}  // namespace narthex::pushgateway
