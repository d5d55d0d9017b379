// Traffic counters of network devices.

#include "core/base/string_map.h"
#include "node_exporter/collectors/netdev_source.h"
#include "node_exporter/collectors/plugins.h"
#include "node_exporter/filter_flags.h"
#include "node_exporter/parse.h"

namespace narthex::node {
namespace {

struct NetdevOptions {
  bool netlink = true, detailed = false, address_info = false, label_ifalias = false;
};

class NetdevCollector final : public Collector {
 public:
  NetdevCollector(const Paths& paths, NameFilter filter, NetdevOptions options)
      : proc_(paths.Proc("net/dev")),
        class_(paths.Sys("class/net")),
        filter_(std::move(filter)),
        options_(options) {}

  Status Update(Sink& sink) override {
    NX_ASSIGN_OR_RETURN(std::vector<NetDevice> devices, Devices());
    StringMap<MetricFamily*> families;
    for (const NetDevice& device : devices) {
      if (filter_.Ignores(device.name)) continue;
      std::vector<MetricLabel> labels = {{"device", device.name}};
      if (options_.label_ifalias) {
        labels.push_back(
            {"ifalias",
             ReadTrimmed(fmt::format("{}/{}/ifalias", class_, device.name)).value_or("")});
      }
      for (const auto& [name, value] : device.counters) {
        MetricFamily*& family = families[name];
        if (family == nullptr) {
          family = &sink.Add(MetricType::kCounter, fmt::format("node_network_{}_total", name),
                             fmt::format("Network device statistic {}.", name));
        }
        AddSample(*family, value, labels);
      }
    }
    return options_.address_info ? Addresses(sink) : OkStatus();
  }

 private:
  StatusOr<std::vector<NetDevice>> Devices() const {
    if (options_.netlink) {
      NX_ASSIGN_OR_RETURN(std::vector<Link> links, DumpLinks());
      return DevicesFromLinks(links, options_.detailed);
    }
    auto text = ReadKernelFile(proc_);
    if (!text.ok()) return Annotate(text.status(), "couldn't get netstats");
    return DevicesFromProc(*text, options_.detailed);
  }

  static Status Addresses(Sink& sink) {
    NX_ASSIGN_OR_RETURN(std::vector<NetAddress> addresses, ListAddresses());
    MetricFamily& family =
        sink.Add(MetricType::kGauge, "node_network_address_info", "node network address by device");
    for (const NetAddress& a : addresses) {
      AddSample(family, 1,
                {{"address", a.address},
                 {"device", a.device},
                 {"netmask", a.netmask},
                 {"scope", a.scope}});
    }
    return OkStatus();
  }

  const std::string proc_, class_;
  const NameFilter filter_;
  const NetdevOptions options_;
};

class NetdevPlugin final : public Plugin {
 public:
  void AddFlags(FlagSet& flags) override {
    device_.Add(flags);
    address_info_ =
        flags.Bool("collector.netdev.address-info", "Collect address-info for every device", false);
    detailed_ = flags.Bool("collector.netdev.enable-detailed-metrics",
                           "Use (incompatible) metric names that provide more detailed stats on "
                           "Linux",
                           false);
    netlink_ = flags.Bool("collector.netdev.netlink",
                          "Use netlink to gather stats instead of /proc/net/dev.", true);
    ifalias_ = flags.Bool("collector.netdev.label-ifalias", "Add ifAlias label", false);
  }
  StatusOr<std::unique_ptr<Collector>> Create(const Paths& paths, const FlagSet& flags) override {
    NX_ASSIGN_OR_RETURN(NameFilter filter, device_.Resolve(flags));
    return std::make_unique<NetdevCollector>(paths, std::move(filter),
                                             NetdevOptions{.netlink = *netlink_,
                                                           .detailed = *detailed_,
                                                           .address_info = *address_info_,
                                                           .label_ifalias = *ifalias_});
  }

 private:
  FilterFlags device_{{.collector = "netdev",
                       .subject = "device",
                       .plural = "net devices",
                       .default_exclude = "",
                       .old_exclude = "device-blacklist",
                       .old_include = "device-whitelist"}};
  bool* address_info_ = nullptr;
  bool* detailed_ = nullptr;
  bool* netlink_ = nullptr;
  bool* ifalias_ = nullptr;
};

}  // namespace

std::unique_ptr<Plugin> MakeNetdevPlugin() { return std::make_unique<NetdevPlugin>(); }

}  // namespace narthex::node
