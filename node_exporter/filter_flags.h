#pragma once
// The pair of flags --collector.X.Y-include and --collector.X.Y-exclude with its deprecated, hidden
// alias of the exclusion or of both, and upstream's rules for combining them.

#include <string>

#include "core/flags/flags.h"
#include "node_exporter/name_filter.h"

namespace narthex::node {

class FilterFlags {
 public:
  struct Names {
    std::string collector;  // "diskstats"
    std::string subject;    // "device": …device-include, …device-exclude
    std::string plural;     // for help texts: "diskstats devices"
    std::string default_exclude;
    std::string old_exclude,
        old_include;  // deprecated names behind "collector.<collector>."; or ""
  };
  explicit FilterFlags(Names names) : names_(std::move(names)) {}

  void Add(FlagSet& flags);
  // Fatal: both sides set, a new flag together with its deprecated name, a bad expression. An
  // inclusion clears the default exclusion. Deprecated names are warned about.
  StatusOr<NameFilter> Resolve(const FlagSet& flags) const;

 private:
  std::string FlagName(std::string_view side) const;
  StatusOr<std::string> Effective(const FlagSet& flags, std::string_view side,
                                  const std::string& old_name, const std::string* value,
                                  const std::string* old_value) const;

  const Names names_;
  std::string* include_ = nullptr;
  std::string* exclude_ = nullptr;
  std::string* old_include_ = nullptr;
  std::string* old_exclude_ = nullptr;
};

}  // namespace narthex::node
