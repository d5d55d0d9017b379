#pragma once
// Which devices, mount points or file system types a collector shows. Expressions are unanchored;
// an empty one is not set.
//
// Thread safety: immutable.

#include <memory>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/labels/regex.h"

namespace narthex::node {

class NameFilter {
 public:
  static StatusOr<NameFilter> Create(std::string_view include, std::string_view exclude);
  // True when the exclusion matches, or an inclusion is set and does not.
  bool Ignores(std::string_view name) const {
    return (exclude_ != nullptr && exclude_->Matches(name)) ||
           (include_ != nullptr && !include_->Matches(name));
  }

 private:
  std::shared_ptr<const Regex> include_, exclude_;
};

}  // namespace narthex::node
