#include "alertmanager/app/cluster_flags.h"

#include <arpa/inet.h>

#include <charconv>

#include "core/base/file.h"
#include "core/config/node.h"
#include "core/http/listener.h"
#include "core/strings/quote.h"

namespace narthex::am {
namespace {

constexpr std::string_view kDefaultListenAddress = "0.0.0.0:9094";
constexpr size_t kMaxTlsConfigBytes = 1 << 20;

Status CheckPort(std::string_view address, std::string_view port) {
  int number = 0;
  const char* const end = port.data() + port.size();
  const auto [stop, error] = std::from_chars(port.data(), end, number);
  if (error == std::errc() && stop == end) return OkStatus();
  return InvalidArgument("address {}: invalid port: strconv.Atoi: parsing {}: invalid syntax",
                         address, GoQuote(port));
}

bool IsIpAddress(const std::string& text) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, text.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

Status CheckTlsConfig(const std::string& path) {
  NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxTlsConfigBytes));
  NX_ASSIGN_OR_RETURN(const config::NodePtr root, config::ReadDocument(text));
  if (!root->is_mapping()) return InvalidArgument("yaml: {} is no mapping", path);
  NX_ASSIGN_OR_RETURN(const auto entries, config::Entries(*root));
  bool server = false, client = false;
  for (const config::Entry& entry : entries) {
    if (entry.key == "tls_server_config") {
      server = true;
    } else if (entry.key == "tls_client_config") {
      client = true;
    } else {
      return InvalidArgument(
          "yaml: unmarshal errors:\n  line {}: field {} not found in type "
          "cluster.TLSTransportConfig",
          entry.key_node->line, entry.key);
    }
  }
  if (server && client) return OkStatus();
  return InvalidArgument("{} needs tls_server_config and tls_client_config", path);
}

}  // namespace

ClusterFlags::ClusterFlags(FlagSet& flags) : flags_(flags) {
  listen_ = flags.String("cluster.listen-address",
                         "Listen address for cluster. Set to empty string to disable HA mode. "
                         "Checked only: members do not talk to each other, nothing listens.",
                         std::string(kDefaultListenAddress));
  advertise_ = flags.String("cluster.advertise-address",
                            "Explicit address to advertise in cluster. Checked only.", "");
  flags.String("cluster.peer-name", "Explicit name of the peer. Without effect.", "");
  peers_ = flags.Strings("cluster.peer", "Initial peers (may be repeated). Checked only.", {});
  struct Row {
    std::string_view name, help, value;
  };
  static constexpr Row kDurations[] = {
      {"cluster.peer-timeout", "Time to wait between peers to send notifications.", "15s"},
      {"cluster.peers-resolve-timeout", "Time to resolve peers.", "15s"},
      {"cluster.gossip-interval", "Interval between sending gossip messages.", "200ms"},
      {"cluster.pushpull-interval", "Interval for gossip state syncs.", "1m0s"},
      {"cluster.tcp-timeout", "Timeout for establishing a stream connection.", "10s"},
      {"cluster.probe-timeout", "Timeout to wait for an ack.", "500ms"},
      {"cluster.probe-interval", "Interval between random node probes.", "1s"},
      {"cluster.settle-timeout", "Maximum time to wait for cluster connections to settle.", "1m0s"},
      {"cluster.reconnect-interval", "Interval between attempting to reconnect to lost peers.",
       "10s"},
      {"cluster.reconnect-timeout", "Length of time to attempt to reconnect to a lost peer.",
       "6h0m0s"}};
  for (const Row& row : kDurations) {
    flags.Duration(std::string(row.name), fmt::format("{} Without effect.", row.help),
                   std::string(row.value), FlagSet::DurationSyntax::kGo);
  }
  tls_config_ = flags.String("cluster.tls-config",
                             "Path to config for mutual TLS between peers. Checked only.", "");
  flags.Bool("cluster.allow-insecure-public-advertise-address-discovery",
             "Allow alertmanager to discover and listen on a public IP address. Without effect.",
             false);
  flags.String("cluster.label", "The cluster label of gossip messages. Without effect.", "");
}

Status ClusterFlags::Check() const {
  if (!tls_config_->empty()) {
    NX_RETURN_IF_ERROR(
        Annotate(CheckTlsConfig(*tls_config_),
                 "unable to initialize TLS transport configuration for gossip mesh"));
  }
  if (listen_->empty()) return OkStatus();
  constexpr std::string_view kWhat = "unable to initialize gossip mesh";
  std::string host, port;
  if (Status status = http::SplitHostPort(*listen_, &host, &port); !status.ok()) {
    return Annotate(status, fmt::format("{}: invalid listen address", kWhat));
  }
  NX_RETURN_IF_ERROR(Annotate(CheckPort(*listen_, port), kWhat));
  if (!advertise_->empty()) {
    if (Status status = http::SplitHostPort(*advertise_, &host, &port); !status.ok()) {
      return Annotate(status, fmt::format("{}: invalid advertise address", kWhat));
    }
    NX_RETURN_IF_ERROR(Annotate(CheckPort(*advertise_, port), kWhat));
    if (!host.empty() && !IsIpAddress(host)) {
      return InvalidArgument(
          "{}: create memberlist: Failed to get final advertise address: Failed to parse "
          "advertise address {}",
          kWhat, GoQuote(host));
    }
  }
  for (const std::string& peer : *peers_) {
    if (Status status = http::SplitHostPort(peer, &host, &port); !status.ok()) {
      return Annotate(status,
                      fmt::format("{}: resolve peers: split host/port for peer {}", kWhat, peer));
    }
  }
  return OkStatus();
}

std::string ClusterFlags::Warning() const {
  if (listen_->empty() || (peers_->empty() && !flags_.WasSet("cluster.listen-address"))) return "";
  return fmt::format(
      "Clustering is not implemented: this Alertmanager stands alone. It does not share silences "
      "with {}, and each one that hears of an alert notifies about it",
      peers_->empty() ? std::string("others") : fmt::format("{}", fmt::join(*peers_, ", ")));
}

}  // namespace narthex::am
