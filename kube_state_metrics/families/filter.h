#pragma once
// --metric-allowlist, --metric-denylist and --metric-opt-in-list: which families are on.
//
// The lists of allowed and denied names are ECMAScript expressions, found anywhere in the name
// (look- ahead works); those of opt-in families are RE2's.
//
// Thread safety: immutable after Make.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "kube_state_metrics/families/family.h"

namespace narthex::ksm {

class FamilyFilter {
 public:
  // InvalidArgument: both lists are given, or an expression is none.
  static StatusOr<FamilyFilter> Make(const std::vector<std::string>& allow,
                                     const std::vector<std::string>& deny,
                                     const std::vector<std::string>& opt_in);
  bool IsOn(const Family& family) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace narthex::ksm
