#include "server/discovery/dns/dns.h"

#include "core/log/log.h"
#include "server/discovery/meta_labels.h"

namespace narthex::discovery::dns {
namespace {

constexpr std::string_view kName = "__meta_dns_name";
constexpr std::string_view kSrvTarget = "__meta_dns_srv_record_target";
constexpr std::string_view kSrvPort = "__meta_dns_srv_record_port";
constexpr std::string_view kMxTarget = "__meta_dns_mx_record_target";
constexpr std::string_view kNsTarget = "__meta_dns_ns_record_target";

Counter& Lookups(Registry& registry) {
  return registry.AddCounter("prometheus_sd_dns_lookups_total", "The number of DNS-SD lookups.");
}
Counter& Failures(Registry& registry) {
  return registry.AddCounter("prometheus_sd_dns_lookup_failures_total",
                             "The number of DNS-SD lookup failures.");
}

}  // namespace

void Config::RegisterMetrics(Registry& registry) {
  Lookups(registry);
  Failures(registry);
}

void Describe(config::Fields& f, Config& config) {
  f.Type("dns.plain", "dns.SDConfig");
  f.Field("names", config.names, config::Print::kAlways);
  f.Millis("refresh_interval", config.refresh_interval_ms);
  f.Field("type", config.type, config::Print::kAlways);
  f.Field("port", config.port, config::Print::kAlways);
}

Status AfterDecode(Config& config) {
  if (config.names.empty()) {
    return InvalidArgument("DNS-SD config must contain at least one SRV record name");
  }
  const std::optional<RecordType> type = ParseRecordType(config.type);
  if (!type.has_value()) return InvalidArgument("invalid DNS-SD records type {}", config.type);
  if (*type != RecordType::kSrv && config.port == 0) {
    return InvalidArgument("a port is required in DNS-SD configs for all record types except SRV");
  }
  if (config.refresh_interval_ms <= 0) {
    return InvalidArgument("DNS service discovery: refresh_interval must be greater than 0");
  }
  return OkStatus();
}

StatusOr<std::unique_ptr<Provider>> MakeProvider(const Config& config,
                                                 const ProviderContext& context) {
  return StartPolling(std::make_unique<DnsProvider>(config, context, ResolverOptions{}));
}

DnsProvider::DnsProvider(const Config& config, const ProviderContext& context,
                         ResolverOptions options)
    : PollingProvider(context, std::string(Config::kMechanism), config.refresh_interval_ms),
      config_(config),
      type_(ParseRecordType(config.type).value_or(RecordType::kSrv)),
      options_(std::move(options)),
      lookups_(Lookups(*context.registry)),
      failures_(Failures(*context.registry)) {}

void DnsProvider::Look() {
  // A resolver for each look reads resolv.conf anew.
  resolver_.reset();
  found_.clear();
  StatusOr<std::unique_ptr<Resolver>> resolver = Resolver::Create(context().loop, options_);
  if (!resolver.ok()) {
    for (size_t i = 0; i < config_.names.size(); ++i) {
      lookups_.Inc();
      failures_.Inc();
    }
    return Finish(resolver.status());
  }
  resolver_ = *std::move(resolver);
  missing_ = config_.names.size();
  for (const std::string& name : config_.names) {
    resolver_->Lookup(name, type_, [this, name](StatusOr<std::vector<Record>> records) {
      OnRecords(name, std::move(records));
    });
  }
}

void DnsProvider::OnRecords(const std::string& name, StatusOr<std::vector<Record>> records) {
  lookups_.Inc();
  if (records.ok()) {
    found_.push_back(GroupOf(name, *records));
  } else {
    failures_.Inc();
    NX_LOG(Error, "Error refreshing DNS targets", {"component", "discovery manager"},
           {"discovery", "dns"}, {"config", context().config}, {"err", records.status()});
  }
  if (--missing_ == 0) Finish(std::move(found_));
}

std::shared_ptr<const TargetGroup> DnsProvider::GroupOf(const std::string& name,
                                                        const std::vector<Record>& records) const {
  auto group = std::make_shared<TargetGroup>();
  group->source = name;
  for (const Record& record : records) {
    LabelsBuilder labels;
    labels.Set(kName, name);
    int64_t port = config_.port;
    // Labels hold the name with its final dot, addresses look more usual without.
    switch (record.type) {
      case RecordType::kSrv:
        port = record.port;
        labels.Set(kSrvTarget, record.host + ".");
        labels.Set(kSrvPort, fmt::format("{}", record.port));
        break;
      case RecordType::kMx: labels.Set(kMxTarget, record.host + "."); break;
      case RecordType::kNs: labels.Set(kNsTarget, record.host + "."); break;
      case RecordType::kA:
      case RecordType::kAaaa: break;
    }
    labels.Set(kAddressLabel, JoinHostPort(record.host, port));
    group->targets.push_back(labels.Build());
  }
  return group;
}

}  // namespace narthex::discovery::dns
