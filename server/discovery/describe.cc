#include "server/discovery/describe.h"

#include "core/base/file.h"
#include "core/labels/names.h"
#include "core/strings/quote.h"

namespace narthex::discovery {
namespace {

using config::Fields;

constexpr std::string_view kAddress = "__address__";
constexpr std::string_view kNotHere = "known to Prometheus, not implemented here";

constexpr std::string_view kForeignMechanisms[] = {
    "aws",       "azure",     "consul",  "digitalocean", "dns",        "docker",    "dockerswarm",
    "ec2",       "ecs",       "elasticache", "eureka",   "gce",        "hetzner",   "http",
    "ionos",     "kubernetes", "kuma",   "lightsail",    "linode",     "marathon",  "msk",
    "nerve",     "nomad",     "oci",     "openstack",    "outscale",   "ovhcloud",  "puppetdb",
    "rds",       "scaleway",  "serverset", "stackit",    "triton",     "uyuni",     "vultr"};

// "dir/*.json": an extension upstream reads, and a * nowhere but in the last element.
bool IsFilePattern(std::string_view file) {
  if (!file.ends_with(".json") && !file.ends_with(".yml") && !file.ends_with(".yaml")) return false;
  const size_t star = file.find('*');
  if (star == std::string_view::npos) return true;
  const std::string_view rest = file.substr(star + 1);
  return rest.find_first_of("*/") == std::string_view::npos;
}

}  // namespace

void Describe(Fields& f, TargetGroup& group) {
  f.Type("struct { Targets []string \"yaml:\\\"targets\\\"\"; Labels model.LabelSet \"yaml:\\\"labels\\\"\" }",
         "targetgroup.Group");
  std::vector<std::string> addresses;
  for (const Labels& target : group.targets) addresses.emplace_back(target.Get(kAddress));
  f.Field("targets", addresses);
  f.Field("labels", group.labels);
  if (!f.decoding()) return;
  for (const Label& l : group.labels) {
    if (!IsValidLabelName(l.name, NameValidation::kUtf8)) {
      f.Fail(InvalidArgument("{} is not a valid label name", GoQuote(l.name)));
    }
  }
  group.targets.clear();
  for (const std::string& address : addresses) group.targets.push_back(Labels{{kAddress, address}});
}

void Describe(Fields& f, FileSdConfig& file) {
  f.Type("file.plain", "file.SDConfig");
  f.Field("files", file.files);
  f.Millis("refresh_interval", file.refresh_interval_ms);
}

Status AfterDecode(FileSdConfig& file) {
  if (file.files.empty()) {
    return InvalidArgument("file service discovery config must contain at least one path name");
  }
  for (const std::string& name : file.files) {
    if (!IsFilePattern(name)) {
      return InvalidArgument("path name {} is not valid for file discovery", GoQuote(name));
    }
  }
  if (file.refresh_interval_ms <= 0) {
    return InvalidArgument("file service discovery: refresh_interval must be greater than 0");
  }
  return OkStatus();
}

void Describe(Fields& f, DiscoveryConfigs& discovery) {
  if (f.decoding()) {
    for (const std::string_view name : kForeignMechanisms) {
      f.Refuse(fmt::format("{}_sd_configs", name), kNotHere);
    }
    for (const std::string_view key : {"static_configs", "file_sd_configs"}) {
      const config::Node* node = f.Take(key);
      if (node == nullptr || !node->is_sequence()) continue;
      for (const config::NodePtr& item : node->items) {
        if (item->is_null()) f.Fail(InvalidArgument("empty or null section in {}", key));
      }
    }
  }
  f.Field("file_sd_configs", discovery.file);
  f.Field("static_configs", discovery.static_groups);
  if (!f.decoding()) return;
  for (size_t i = 0; i < discovery.static_groups.size(); ++i) {
    discovery.static_groups[i].source = std::to_string(i);
  }
}

Status CheckStaticTargets(const DiscoveryConfigs& discovery) {
  for (const TargetGroup& group : discovery.static_groups) {
    for (const Labels& target : group.targets) {
      const std::string_view address = target.Get(kAddress);
      if (address.find('/') != std::string_view::npos) {
        return InvalidArgument("{} is not a valid hostname", GoQuote(address));
      }
    }
  }
  return OkStatus();
}

void ResolvePaths(DiscoveryConfigs& discovery, std::string_view directory) {
  for (FileSdConfig& file : discovery.file) {
    for (std::string& name : file.files) name = JoinPath(directory, name);
  }
}

}  // namespace narthex::discovery
