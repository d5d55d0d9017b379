#include "core/kube/resource.h"

#include "core/http/types.h"
#include "core/kube/api.h"
#include "core/log/log.h"

namespace narthex::kube {
namespace {

std::string GroupPath(const std::string& group, const std::string& version) {
  if (group.empty()) return "/api/" + http::PathEscape(version);
  return fmt::format("/apis/{}/{}", http::PathEscape(group), http::PathEscape(version));
}

Status AddGroup(Api& api, const std::string& group, const std::string& version,
                std::vector<ServedResource>* out) {
  NX_ASSIGN_OR_RETURN(const JsonValue list, api.Get(GroupPath(group, version)));
  for (const JsonValue& item : list["resources"].items()) {
    ServedResource served{group,
                          version,
                          item["name"].AsString(),
                          item["kind"].AsString(),
                          item["namespaced"].AsBool(),
                          {}};
    if (served.plural.find('/') != std::string::npos) continue;
    for (const JsonValue& verb : item["verbs"].items()) served.verbs.push_back(verb.AsString());
    out->push_back(std::move(served));
  }
  return OkStatus();
}

}  // namespace

std::string Resource::Path() const {
  std::string path = GroupPath(group, version);
  if (!ns.empty()) path += "/namespaces/" + http::PathEscape(ns);
  return path + "/" + http::PathEscape(plural);
}

std::string Resource::SelectorQuery() const {
  std::string query;
  if (!label_selector.empty()) query += "&labelSelector=" + http::QueryEscape(label_selector);
  if (!field_selector.empty()) query += "&fieldSelector=" + http::QueryEscape(field_selector);
  return query;
}

std::string KeyOf(const JsonValue& object) {
  const JsonValue& metadata = object["metadata"];
  const std::string& ns = metadata["namespace"].AsString();
  const std::string& name = metadata["name"].AsString();
  return ns.empty() ? name : fmt::format("{}/{}", ns, name);
}

StatusOr<std::vector<ServedResource>> DiscoverResources(Api& api) {
  std::vector<std::pair<std::string, std::string>> groups;
  NX_ASSIGN_OR_RETURN(const JsonValue core, api.Get("/api"));
  for (const JsonValue& version : core["versions"].items()) {
    groups.emplace_back("", version.AsString());
  }
  NX_ASSIGN_OR_RETURN(const JsonValue named, api.Get("/apis"));
  for (const JsonValue& group : named["groups"].items()) {
    for (const JsonValue& version : group["versions"].items()) {
      groups.emplace_back(group["name"].AsString(), version["version"].AsString());
    }
  }
  std::vector<ServedResource> out;
  Status failure;
  for (const auto& [group, version] : groups) {
    const Status status = AddGroup(api, group, version, &out);
    if (status.ok()) continue;
    failure = status;
    NX_LOG(Warn, "Could not read what an API group serves", {"group", group}, {"version", version},
           {"err", status});
  }
  if (out.empty() && !failure.ok()) return failure;
  return out;
}

}  // namespace narthex::kube
