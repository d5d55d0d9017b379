#include "server/discovery/describe.h"

#include <algorithm>

#include "core/strings/quote.h"
#include "server/discovery/groups_text.h"
#include "server/discovery/mechanism.h"

namespace narthex::discovery {
namespace {

using config::Fields;

constexpr std::string_view kNotHere = "known to Prometheus, not implemented here";

// All of upstream's. Those in the table are not refused.
constexpr std::string_view kKnownMechanisms[] = {
    "aws",   "azure",      "consul",      "digitalocean", "dns",      "docker",   "dockerswarm",
    "ec2",   "ecs",        "elasticache", "eureka",       "gce",      "hetzner",  "http",
    "ionos", "kubernetes", "kuma",        "lightsail",    "linode",   "marathon", "msk",
    "nerve", "nomad",      "oci",         "openstack",    "outscale", "ovhcloud", "puppetdb",
    "rds",   "scaleway",   "serverset",   "stackit",      "triton",   "uyuni",    "vultr"};

std::string KeyOf(std::string_view mechanism) { return fmt::format("{}_sd_configs", mechanism); }

bool IsHere(std::string_view name) {
  const auto table = Mechanisms();
  return std::any_of(table.begin(), table.end(),
                     [&](const Mechanism& m) { return m.name == name; });
}

// The list under a key, or null. Null items have an error of their own.
const config::Node* TakeList(Fields& f, std::string_view key, const std::string& go_type) {
  const config::Node* node = f.Take(key);
  if (node == nullptr) return nullptr;
  if (!node->is_sequence()) {
    f.context()->AddMismatch(*node, go_type);
    return nullptr;
  }
  for (const config::NodePtr& item : node->items) {
    if (!item->is_null()) continue;
    f.Fail(InvalidArgument("empty or null section in {}", key));
    return nullptr;
  }
  return node;
}

void DecodeMechanisms(Fields& f, DiscoveryConfigs& discovery) {
  for (const std::string_view name : kKnownMechanisms) {
    if (!IsHere(name)) f.Refuse(KeyOf(name), kNotHere);
  }
  for (const Mechanism& mechanism : Mechanisms()) {
    const config::Node* list = TakeList(f, KeyOf(mechanism.name), mechanism.go_type());
    if (list == nullptr) continue;
    for (const config::NodePtr& item : list->items) {
      if (f.context()->aborted()) return;
      mechanism.decode(*f.context(), *item, &discovery.mechanisms);
    }
  }
}

void PrintMechanisms(Fields& f, const DiscoveryConfigs& discovery) {
  for (const Mechanism& mechanism : Mechanisms()) {
    std::vector<config::NodePtr> items;
    for (const MechanismConfigPtr& config : discovery.mechanisms) {
      if (config->mechanism() == mechanism.name) items.push_back(config->Print());
    }
    if (!items.empty()) f.Put(KeyOf(mechanism.name), config::MakeSequence(std::move(items)));
  }
}

}  // namespace

bool operator==(const DiscoveryConfigs& a, const DiscoveryConfigs& b) {
  return a.static_groups == b.static_groups &&
         std::equal(a.mechanisms.begin(), a.mechanisms.end(), b.mechanisms.begin(),
                    b.mechanisms.end(),
                    [](const MechanismConfigPtr& x, const MechanismConfigPtr& y) {
                      return x == y || x->Equals(*y);
                    });
}

std::vector<std::pair<std::string_view, bool>> KnownMechanisms() {
  std::vector<std::pair<std::string_view, bool>> out = {{"static", true}, {"file", true}};
  for (const std::string_view name : kKnownMechanisms) out.emplace_back(name, IsHere(name));
  return out;
}

void Describe(Fields& f, DiscoveryConfigs& discovery) {
  if (f.decoding()) {
    DecodeMechanisms(f, discovery);
    const config::Node* list =
        TakeList(f, "static_configs", config::Codec<std::vector<TargetGroup>>::GoType());
    if (list != nullptr && !f.context()->aborted()) {
      config::Codec<std::vector<TargetGroup>>::Decode(*f.context(), *list,
                                                      &discovery.static_groups);
    }
    for (size_t i = 0; i < discovery.static_groups.size(); ++i) {
      discovery.static_groups[i].source = std::to_string(i);
    }
    return;
  }
  PrintMechanisms(f, discovery);
  f.Field("static_configs", discovery.static_groups);
}

Status CheckStaticTargets(const DiscoveryConfigs& discovery) {
  for (const TargetGroup& group : discovery.static_groups) {
    for (const Labels& target : group.targets) {
      const std::string_view address = target.Get("__address__");
      if (address.find('/') != std::string_view::npos) {
        return InvalidArgument("{} is not a valid hostname", GoQuote(address));
      }
    }
  }
  return OkStatus();
}

void ResolvePaths(DiscoveryConfigs& discovery, std::string_view directory) {
  for (MechanismConfigPtr& config : discovery.mechanisms) config = config->Resolved(directory);
}

}  // namespace narthex::discovery
