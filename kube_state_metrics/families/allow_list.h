#pragma once
// --metric-labels-allowlist and --metric-annotations-allowlist: which keys of an object's labels or
// annotations become labels of kube_*_labels and kube_*_annotations.
//
//   pods=[app,team/*],nodes=[*]       "*" as the first key: all; "*" as the resource: every one
//
// Thread safety: immutable after Parse.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace narthex::ksm {

using KeyPatterns = std::vector<std::string>;

class AllowList {
 public:
  // Adds to what is there; a flag may be given more than once.
  Status Parse(std::string_view text);
  void Set(std::string resource, KeyPatterns keys) { keys_[std::move(resource)] = std::move(keys); }
  // InvalidArgument when a resource is not among these, or a key has more than one '*'.
  Status Check(const std::vector<std::string_view>& resources) const;

  // The keys of a resource; empty when it has none. "*=[…]" counts for all and before others.
  const KeyPatterns& KeysOf(std::string_view resource) const;

 private:
  std::map<std::string, KeyPatterns, std::less<>> keys_;
};

// What stands between the commas, without blanks around it; nothing that is empty.
std::vector<std::string> CommaList(std::string_view text);

// The members of a map of the API that the patterns let through.
std::map<std::string, std::string, std::less<>> Allowed(
    const KeyPatterns& patterns, const std::vector<std::pair<std::string, std::string>>& map);
bool KeyAllowed(const KeyPatterns& patterns, std::string_view key);

}  // namespace narthex::ksm
