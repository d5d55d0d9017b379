#pragma once
// Target groups made from several objects: pods with their node, addresses with service and pods.
//
// On the worker's thread only.

#include <functional>
#include <string>

#include "server/discovery/kubernetes/config.h"
#include "server/discovery/kubernetes/digest.h"

namespace narthex::discovery::kubernetes {

// Where the others are found; null when there is no such object, or nobody watches its kind.
using Lookup = std::function<const Entry*(Kind kind, const std::string& key)>;

// The group that an object of the role makes. A group without targets where there is nothing to
// scrape; never null.
GroupPtr Join(Kind role, const std::string& key, const Entry& entry, const AttachMetadata& attach,
              const Lookup& lookup);

// What stands for an object that is gone.
GroupPtr EmptyGroup(Kind role, const std::string& key);

}  // namespace narthex::discovery::kubernetes
