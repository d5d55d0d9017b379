#pragma once
// Which objects of the API a list or a watch is about, and what the API server says it serves.

#include <memory>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/json/reader.h"

namespace narthex::kube {

class Api;

struct Resource {
  std::string group;    // "" for the core group
  std::string version;  // "v1"
  std::string plural;   // "pods"
  std::string ns;       // "": all namespaces, or a resource without
  std::string label_selector, field_selector;

  // "/api/v1/namespaces/default/pods", "/apis/apps/v1/replicasets"
  std::string Path() const;
  // "&labelSelector=…&fieldSelector=…", escaped; "" without selectors.
  std::string SelectorQuery() const;
  friend bool operator==(const Resource&, const Resource&) = default;
};

// "namespace/name", or "name" of an object without a namespace; "" when it has no name either.
std::string KeyOf(const JsonValue& object);

// One entry of the discovery documents.
struct ServedResource {
  std::string group, version, plural, kind;
  bool namespaced = false;
  std::vector<std::string> verbs;
};

// What /api and /apis name, subresources left out. Blocking; a group that cannot be read (an
// aggregated API that is down) is left out unless it is the only one.
StatusOr<std::vector<ServedResource>> DiscoverResources(Api& api);

}  // namespace narthex::kube
