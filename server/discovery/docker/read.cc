// What the Docker daemon answers, as labels.

#include <map>

#include "server/discovery/docker/docker.h"
#include "server/discovery/meta_labels.h"

namespace narthex::discovery::docker {
namespace {

constexpr std::string_view kPrefix = "__meta_docker_";
constexpr std::string_view kContainerMode = "container:";
// Containers that share the network of one that shares it itself: longer chains are no setups.
constexpr int kMaxSharing = 32;

using LabelList = std::vector<std::pair<std::string, std::string>>;

void Add(LabelList* labels, std::string_view name, std::string value) {
  labels->emplace_back(fmt::format("{}{}", kPrefix, name), std::move(value));
}

void AddAll(LabelList* labels, std::string_view prefix, const JsonValue& members) {
  for (const auto& [key, value] : members.members()) {
    Add(labels, fmt::format("{}{}", prefix, SanitizeLabelName(key)), value.AsString());
  }
}

std::map<std::string, LabelList> NetworkLabels(const JsonValue& networks) {
  std::map<std::string, LabelList> by_id;
  for (const JsonValue& network : networks.items()) {
    LabelList& labels = by_id[network["Id"].AsString()];
    labels.clear();
    Add(&labels, "network_id", network["Id"].AsString());
    Add(&labels, "network_name", network["Name"].AsString());
    Add(&labels, "network_scope", network["Scope"].AsString());
    Add(&labels, "network_internal", network["Internal"].AsBool() ? "true" : "false");
    Add(&labels, "network_ingress", network["Ingress"].AsBool() ? "true" : "false");
    AddAll(&labels, "network_label_", network["Labels"]);
  }
  return by_id;
}

const std::string& NetworkMode(const JsonValue& container) {
  return container["HostConfig"]["NetworkMode"].AsString();
}

class Reader {
 public:
  Reader(const JsonValue& containers, const JsonValue& networks, const Config& config)
      : config_(config), network_labels_(NetworkLabels(networks)) {
    for (const JsonValue& container : containers.items()) {
      by_id_[container["Id"].AsString()] = &container;
    }
    for (const JsonValue& container : containers.items()) ReadContainer(container);
  }
  std::vector<Labels> Take() { return std::move(targets_); }

 private:
  // The networks a container is in, be it those of another one.
  std::map<std::string, const JsonValue*> NetworksOf(const JsonValue& container) const {
    const JsonValue* of = &container;
    for (int i = 0; i < kMaxSharing; ++i) {
      const JsonValue& networks = (*of)["NetworkSettings"]["Networks"];
      if (!networks.members().empty()) return Chosen(networks);
      const std::string& mode = NetworkMode(*of);
      if (!mode.starts_with(kContainerMode)) break;
      const auto other = by_id_.find(mode.substr(kContainerMode.size()));
      if (other == by_id_.end()) break;
      of = other->second;
    }
    return {};
  }

  std::map<std::string, const JsonValue*> Chosen(const JsonValue& networks) const {
    std::map<std::string, const JsonValue*> out;
    for (const auto& [name, network] : networks.members()) {
      if (!network.is_null()) out[name] = &network;
    }
    if (config_.match_first_network && out.size() > 1) out.erase(std::next(out.begin()), out.end());
    return out;
  }

  void ReadContainer(const JsonValue& container) {
    if (container["Names"].items().empty()) return;
    LabelList common;
    Add(&common, "container_id", container["Id"].AsString());
    Add(&common, "container_name", container["Names"].items()[0].AsString());
    Add(&common, "container_network_mode", NetworkMode(container));
    AddAll(&common, "container_label_", container["Labels"]);
    for (const auto& [name, network] : NetworksOf(container)) {
      ReadPorts(container, *network, common);
    }
  }

  void ReadPorts(const JsonValue& container, const JsonValue& network, const LabelList& common) {
    const std::string& ip = network["IPAddress"].AsString();
    bool added = false;
    for (const JsonValue& port : container["Ports"].items()) {
      if (port["Type"].AsString() != "tcp") continue;
      const int64_t private_port = port["PrivatePort"].AsInt();
      LabelList own;
      Add(&own, "port_private", fmt::format("{}", private_port));
      if (port["PublicPort"].AsInt() > 0) {
        Add(&own, "port_public", fmt::format("{}", port["PublicPort"].AsInt()));
        Add(&own, "port_public_ip", port["IP"].AsString());
      }
      AddTarget(network, common, own, JoinHostPort(ip, private_port));
      added = true;
    }
    if (added) return;
    // Containers in the host's network have no ports.
    const bool on_host = NetworkMode(container) == "host";
    AddTarget(network, common, {},
              on_host ? config_.host_networking_host : JoinHostPort(ip, config_.port));
  }

  void AddTarget(const JsonValue& network, const LabelList& common, const LabelList& own,
                 const std::string& address) {
    LabelsBuilder labels;
    labels.Set(fmt::format("{}network_ip", kPrefix), network["IPAddress"].AsString());
    for (const LabelList* list : {&own, &common}) {
      for (const auto& [name, value] : *list) labels.Set(name, value);
    }
    const auto of_network = network_labels_.find(network["NetworkID"].AsString());
    if (of_network != network_labels_.end()) {
      for (const auto& [name, value] : of_network->second) labels.Set(name, value);
    }
    labels.Set(kAddressLabel, address);
    targets_.push_back(labels.Build());
  }

  const Config& config_;
  const std::map<std::string, LabelList> network_labels_;
  std::map<std::string, const JsonValue*> by_id_;
  std::vector<Labels> targets_;
};

}  // namespace

std::vector<Labels> ReadContainers(const JsonValue& containers, const JsonValue& networks,
                                   const Config& config) {
  return Reader(containers, networks, config).Take();
}

}  // namespace narthex::discovery::docker
