#include "node_exporter/collectors/netdev_source.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <bit>
#include <cerrno>

#include "core/strings/quote.h"
#include "node_exporter/parse.h"

namespace narthex::node {
namespace {

using Stats = rtnl_link_stats64;

// A metric is a sum of kernel counters.
struct Counter {
  const char* name;
  std::vector<decltype(&Stats::rx_bytes)> parts;
};

const std::vector<Counter>& FoldedCounters() {
  static const std::vector<Counter> kCounters = {
      {"receive_bytes", {&Stats::rx_bytes}},
      {"receive_packets", {&Stats::rx_packets}},
      {"receive_errs", {&Stats::rx_errors}},
      {"receive_drop", {&Stats::rx_dropped, &Stats::rx_missed_errors}},
      {"receive_fifo", {&Stats::rx_fifo_errors}},
      {"receive_frame",
       {&Stats::rx_length_errors, &Stats::rx_over_errors, &Stats::rx_crc_errors,
        &Stats::rx_frame_errors}},
      {"receive_compressed", {&Stats::rx_compressed}},
      {"receive_multicast", {&Stats::multicast}},
      {"receive_nohandler", {&Stats::rx_nohandler}},
      {"transmit_bytes", {&Stats::tx_bytes}},
      {"transmit_packets", {&Stats::tx_packets}},
      {"transmit_errs", {&Stats::tx_errors}},
      {"transmit_drop", {&Stats::tx_dropped}},
      {"transmit_fifo", {&Stats::tx_fifo_errors}},
      {"transmit_colls", {&Stats::collisions}},
      {"transmit_carrier",
       {&Stats::tx_carrier_errors, &Stats::tx_aborted_errors, &Stats::tx_heartbeat_errors,
        &Stats::tx_window_errors}},
      {"transmit_compressed", {&Stats::tx_compressed}},
  };
  return kCounters;
}

const std::vector<Counter>& DetailedCounters() {
  static const std::vector<Counter> kCounters = {
      {"receive_packets", {&Stats::rx_packets}},
      {"transmit_packets", {&Stats::tx_packets}},
      {"receive_bytes", {&Stats::rx_bytes}},
      {"transmit_bytes", {&Stats::tx_bytes}},
      {"receive_errors", {&Stats::rx_errors}},
      {"transmit_errors", {&Stats::tx_errors}},
      {"receive_dropped", {&Stats::rx_dropped}},
      {"transmit_dropped", {&Stats::tx_dropped}},
      {"multicast", {&Stats::multicast}},
      {"collisions", {&Stats::collisions}},
      {"receive_length_errors", {&Stats::rx_length_errors}},
      {"receive_over_errors", {&Stats::rx_over_errors}},
      {"receive_crc_errors", {&Stats::rx_crc_errors}},
      {"receive_frame_errors", {&Stats::rx_frame_errors}},
      {"receive_fifo_errors", {&Stats::rx_fifo_errors}},
      {"receive_missed_errors", {&Stats::rx_missed_errors}},
      {"transmit_aborted_errors", {&Stats::tx_aborted_errors}},
      {"transmit_carrier_errors", {&Stats::tx_carrier_errors}},
      {"transmit_fifo_errors", {&Stats::tx_fifo_errors}},
      {"transmit_heartbeat_errors", {&Stats::tx_heartbeat_errors}},
      {"transmit_window_errors", {&Stats::tx_window_errors}},
      {"receive_compressed", {&Stats::rx_compressed}},
      {"transmit_compressed", {&Stats::tx_compressed}},
      {"receive_nohandler", {&Stats::rx_nohandler}},
  };
  return kCounters;
}

// Column names of /proc/net/dev are the folded ones but for two.
std::string ProcCounterName(std::string_view direction, std::string_view column, bool detailed) {
  if (detailed && column == "errs") column = "errors";
  if (detailed && column == "drop") column = "dropped";
  return fmt::format("{}_{}", direction, column);
}

int PrefixLength(const sockaddr* mask) {
  int bits = 0;
  if (mask == nullptr) return 0;
  if (mask->sa_family == AF_INET) {
    return std::popcount(reinterpret_cast<const sockaddr_in*>(mask)->sin_addr.s_addr);
  }
  for (uint8_t byte : reinterpret_cast<const sockaddr_in6*>(mask)->sin6_addr.s6_addr) {
    bits += std::popcount(byte);
  }
  return bits;
}

std::string_view Scope4(uint32_t address) {
  const uint32_t high = ntohl(address);
  const bool loopback = high >> 24 == 127, link_local = high >> 16 == 0xa9fe;
  if (loopback || link_local || high >> 8 == 0xe00000) return "link-local";
  return high == 0 || high >> 28 == 0xe || high == 0xffffffff ? "" : "global";
}

std::string_view Scope6(const in6_addr& a) {
  if (IN6_IS_ADDR_LOOPBACK(&a) || IN6_IS_ADDR_LINKLOCAL(&a) || IN6_IS_ADDR_MC_LINKLOCAL(&a)) {
    return "link-local";
  }
  if (IN6_IS_ADDR_MC_NODELOCAL(&a)) return "interface-local";
  return IN6_IS_ADDR_UNSPECIFIED(&a) || IN6_IS_ADDR_MULTICAST(&a) ? "" : "global";
}

}  // namespace

std::vector<NetDevice> DevicesFromLinks(const std::vector<Link>& links, bool detailed) {
  std::vector<NetDevice> devices;
  for (const Link& link : links) {
    if (!link.has_stats || link.name.empty()) continue;
    NetDevice& device = devices.emplace_back(NetDevice{.name = link.name});
    for (const Counter& counter : detailed ? DetailedCounters() : FoldedCounters()) {
      uint64_t sum = 0;
      for (auto part : counter.parts) sum += link.stats.*part;
      device.counters.emplace_back(counter.name, static_cast<double>(sum));
    }
  }
  return devices;
}

StatusOr<std::vector<NetDevice>> DevicesFromProc(std::string_view text, bool detailed) {
  std::vector<NetDevice> devices;
  std::vector<std::string> names;
  Status status;
  ForEachLine(text, [&](std::string_view line) {
    if (line.find('|') != std::string_view::npos) {
      // Inter-|   Receive   |  Transmit, then the columns of each.
      const auto parts = SplitString(line, '|');
      if (parts.size() != 3 || parts[1].find("bytes") == std::string_view::npos) return true;
      for (std::string_view c : Words(parts[1]))
        names.push_back(ProcCounterName("receive", c, detailed));
      for (std::string_view c : Words(parts[2]))
        names.push_back(ProcCounterName("transmit", c, detailed));
      return true;
    }
    const size_t colon = line.rfind(':');  // an alias has one in its name
    if (colon == std::string_view::npos) return true;
    const auto words = Words(line.substr(colon + 1));
    NetDevice device{.name = std::string(TrimSpace(line.substr(0, colon)))};
    for (size_t i = 0; i < names.size() && i < words.size(); ++i) {
      const auto value = Number(words[i]);
      if (!value) {
        status = DataLoss("couldn't get netstats: invalid number {}", words[i]);
        return false;
      }
      device.counters.emplace_back(names[i], *value);
    }
    devices.push_back(std::move(device));
    return true;
  });
  if (!status.ok()) return status;
  if (names.empty()) return DataLoss("couldn't get netstats: no header in /proc/net/dev");
  return devices;
}

StatusOr<std::vector<NetAddress>> ListAddresses() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return ErrnoStatus(errno, "getifaddrs");
  std::vector<NetAddress> addresses;
  for (const ifaddrs* a = list; a != nullptr; a = a->ifa_next) {
    if (a->ifa_addr == nullptr) continue;
    const int family = a->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    char text[INET6_ADDRSTRLEN] = "";
    std::string_view scope;
    if (family == AF_INET) {
      const auto& address = reinterpret_cast<const sockaddr_in*>(a->ifa_addr)->sin_addr;
      inet_ntop(family, &address, text, sizeof text);
      scope = Scope4(address.s_addr);
    } else {
      const auto& address = reinterpret_cast<const sockaddr_in6*>(a->ifa_addr)->sin6_addr;
      inet_ntop(family, &address, text, sizeof text);
      scope = Scope6(address);
    }
    addresses.push_back(
        {a->ifa_name, text, std::to_string(PrefixLength(a->ifa_netmask)), std::string(scope)});
  }
  freeifaddrs(list);
  return addresses;
}

}  // namespace narthex::node
