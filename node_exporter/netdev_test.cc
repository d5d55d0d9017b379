#include <linux/rtnetlink.h>

#include <map>

#include "node_exporter/collectors/netdev_source.h"
#include "node_exporter/netlink.h"
#include "node_exporter/testing.h"

namespace narthex::node {
namespace {

TEST_CASE("netdev: ifalias, detailed names, netlink on this machine") {
  const std::string aliased =
      Collect("netdev", {"--no-collector.netdev.netlink", "--collector.netdev.label-ifalias"});
  CHECK(Contains(aliased, "node_network_receive_bytes_total{device=\"eth0\",ifalias=\"uplink\"}"));
  CHECK(Contains(aliased, "node_network_receive_bytes_total{device=\"lo\",ifalias=\"\"}"));
  const std::string detailed = Collect(
      "netdev", {"--no-collector.netdev.netlink", "--collector.netdev.enable-detailed-metrics"});
  CHECK(Contains(detailed, "node_network_receive_dropped_total{device=\"eth0\"} 2\n"));
  const std::string filtered = Collect(
      "netdev", {"--no-collector.netdev.netlink", "--collector.netdev.device-include=^lo$"});
  CHECK_FALSE(Contains(filtered, "eth0"));
  const std::string live = Collect("netdev", {"--collector.netdev.address-info"});
  CHECK(Contains(live, "node_network_receive_nohandler_total{device=\"lo\"}"));
  CHECK(Contains(live,
                 "node_network_address_info{address=\"127.0.0.1\",device=\"lo\",netmask=\"8\","
                 "scope=\"link-local\"} 1\n"));
}

// One RTM_NEWLINK message with a name and statistics of `stats_size` bytes.
std::string LinkMessage(const std::string& name, size_t stats_size) {
  std::string attributes;
  const auto add = [&](uint16_t type, std::string_view value) {
    const rtattr header{.rta_len = static_cast<uint16_t>(sizeof(rtattr) + value.size()),
                        .rta_type = type};
    attributes.append(reinterpret_cast<const char*>(&header), sizeof header).append(value);
    attributes.resize((attributes.size() + 3) & ~size_t{3});
  };
  add(IFLA_IFNAME, std::string_view(name.c_str(), name.size() + 1));
  rtnl_link_stats64 stats{.rx_packets = 11, .rx_bytes = 22};
  stats.rx_dropped = 5;
  stats.rx_missed_errors = 6;
  add(IFLA_STATS64, {reinterpret_cast<const char*>(&stats), stats_size});
  ifinfomsg info{};
  nlmsghdr header{};
  header.nlmsg_type = RTM_NEWLINK;
  header.nlmsg_len = static_cast<uint32_t>(sizeof header + sizeof info + attributes.size());
  std::string out(reinterpret_cast<const char*>(&header), sizeof header);
  out.append(reinterpret_cast<const char*>(&info), sizeof info);
  return out + attributes;
}

TEST_CASE("netlink messages: whole, short, cut anywhere") {
  std::vector<Link> links;
  bool done = false;
  const std::string two =
      LinkMessage("eth0", sizeof(rtnl_link_stats64)) + LinkMessage("old", 8 * 4);
  REQUIRE(ParseLinks(two, &links, &done).ok());
  REQUIRE(links.size() == 2);
  CHECK(links[0].name == "eth0");
  CHECK(links[1].stats.rx_bytes == 22);
  CHECK(links[1].stats.rx_dropped == 0);
  const auto devices = DevicesFromLinks(links, false);
  std::map<std::string, double> counters(devices[0].counters.begin(), devices[0].counters.end());
  CHECK(counters["receive_drop"] == 11);
  CHECK(counters["receive_bytes"] == 22);
  CHECK(DevicesFromLinks(links, true)[0].counters.size() == 24);

  for (size_t n = 0; n < two.size(); ++n) {
    links.clear();
    ParseLinks(std::string(two.data(), n), &links, &done).IgnoreError();
    CHECK(links.size() <= 2);
  }
  nlmsghdr end{.nlmsg_len = sizeof(nlmsghdr), .nlmsg_type = NLMSG_DONE};
  REQUIRE(ParseLinks({reinterpret_cast<const char*>(&end), sizeof end}, &links, &done).ok());
  CHECK(done);
}

}  // namespace
}  // namespace narthex::node
