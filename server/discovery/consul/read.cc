// What Consul answers, as labels.

#include <algorithm>

#include "server/discovery/consul/consul.h"
#include "server/discovery/meta_labels.h"

namespace narthex::discovery::consul {
namespace {

constexpr std::string_view kPrefix = "__meta_consul_";

// The worst of all checks; "maintenance" beats them. An unknown status says nothing at all.
std::string_view AggregatedStatus(const JsonValue& checks) {
  bool maintenance = false, critical = false, warning = false;
  for (const JsonValue& check : checks.items()) {
    const std::string& id = check["CheckID"].AsString();
    if (id == "_node_maintenance" || id.starts_with("_service_maintenance:")) {
      maintenance = true;
      continue;
    }
    const std::string& status = check["Status"].AsString();
    if (status == "critical") {
      critical = true;
    } else if (status == "warning") {
      warning = true;
    } else if (status != "passing") {
      return "";
    }
  }
  if (maintenance) return "maintenance";
  if (critical) return "critical";
  return warning ? "warning" : "passing";
}

// Surrounded by separators, so that expressions need not care where a tag stands.
std::string JoinTags(const JsonValue& tags, const std::string& separator) {
  std::string out = separator;
  bool first = true;
  for (const JsonValue& tag : tags.items()) {
    if (!first) out += separator;
    first = false;
    out += tag.AsString();
  }
  return out + separator;
}

class TargetLabels {
 public:
  void Set(std::string_view name, std::string_view value) {
    labels_.Set(fmt::format("{}{}", kPrefix, name), value);
  }
  void SetAll(std::string_view prefix, const JsonValue& members) {
    for (const auto& [key, value] : members.members()) {
      Set(fmt::format("{}{}", prefix, SanitizeLabelName(key)), value.AsString());
    }
  }
  Labels Build(std::string_view address) {
    labels_.Set(kAddressLabel, address);
    return labels_.Build();
  }

 private:
  LabelsBuilder labels_;
};

Labels ReadTarget(const JsonValue& entry, const Config& config) {
  const JsonValue& node = entry["Node"];
  const JsonValue& service = entry["Service"];
  const std::string& own_address = service["Address"].AsString();
  const int64_t port = service["Port"].AsInt();
  TargetLabels labels;
  labels.Set("address", node["Address"].AsString());
  labels.Set("node", node["Node"].AsString());
  labels.Set("namespace", service["Namespace"].AsString());
  labels.Set("partition", service["Partition"].AsString());
  labels.Set("tags", JoinTags(service["Tags"], config.tag_separator));
  labels.Set("service_address", own_address);
  labels.Set("service_port", fmt::format("{}", port));
  labels.Set("service_id", service["ID"].AsString());
  labels.Set("health", AggregatedStatus(entry["Checks"]));
  labels.SetAll("metadata_", node["Meta"]);
  labels.SetAll("service_metadata_", service["Meta"]);
  labels.SetAll("tagged_address_", node["TaggedAddresses"]);
  // A service may be registered through another node than the one it runs on.
  return labels.Build(
      JoinHostPort(own_address.empty() ? node["Address"].AsString() : own_address, port));
}

}  // namespace

bool Wanted(const Config& config, const std::string& service, const JsonValue& tags) {
  const auto& names = config.services;
  if (!names.empty() && std::find(names.begin(), names.end(), service) == names.end()) return false;
  return std::all_of(config.tags.begin(), config.tags.end(), [&](const std::string& wanted) {
    return std::any_of(tags.items().begin(), tags.items().end(),
                       [&](const JsonValue& tag) { return tag.AsString() == wanted; });
  });
}

StatusOr<std::vector<Labels>> ReadService(const JsonValue& answer, const Config& config) {
  if (!answer.is_array() && !answer.is_null()) {
    return InvalidArgument("the answer is not a list of service instances");
  }
  std::vector<Labels> targets;
  targets.reserve(answer.items().size());
  for (const JsonValue& entry : answer.items()) {
    if (!entry["Node"].is_object() || !entry["Service"].is_object()) {
      return InvalidArgument("a service instance without node or service");
    }
    targets.push_back(ReadTarget(entry, config));
  }
  return targets;
}

}  // namespace narthex::discovery::consul
