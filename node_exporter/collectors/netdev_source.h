#pragma once
// The counters of network devices, from netlink or from /proc/net/dev, under the names of metrics.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "node_exporter/netlink.h"

namespace narthex::node {

struct NetDevice {
  std::string name;
  std::vector<std::pair<std::string, double>> counters;  // "receive_bytes" and so on
};

// `detailed`: the kernel's own counters by name, where the default folds them as /proc/net/dev
// does.
std::vector<NetDevice> DevicesFromLinks(const std::vector<Link>& links, bool detailed);
StatusOr<std::vector<NetDevice>> DevicesFromProc(std::string_view text, bool detailed);

struct NetAddress {
  std::string device, address, netmask, scope;
};
StatusOr<std::vector<NetAddress>> ListAddresses();

}  // namespace narthex::node
