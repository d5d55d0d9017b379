#pragma once
// dns_sd_configs: targets from SRV, A, AAAA, MX and NS records, name by name. A name that cannot be
// looked up keeps what it had; one that does not exist has no targets.

#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/config/decode.h"
#include "server/discovery/dns/resolver.h"
#include "server/discovery/polling.h"

namespace narthex::discovery::dns {

struct Config {
  static constexpr std::string_view kMechanism = "dns";
  std::vector<std::string> names;
  int64_t refresh_interval_ms = 30'000;
  std::string type = "SRV";
  int64_t port = 0;  // of the targets; SRV records have their own
  friend bool operator==(const Config&, const Config&) = default;
  static void RegisterMetrics(Registry& registry);
};

void Describe(config::Fields& f, Config& config);
Status AfterDecode(Config& config);
StatusOr<std::unique_ptr<Provider>> MakeProvider(const Config& config,
                                                 const ProviderContext& context);

class DnsProvider final : public PollingProvider {
 public:
  DnsProvider(const Config& config, const ProviderContext& context, ResolverOptions options);

 private:
  void Look() override;
  void OnRecords(const std::string& name, StatusOr<std::vector<Record>> records);
  std::shared_ptr<const TargetGroup> GroupOf(const std::string& name,
                                             const std::vector<Record>& records) const;

  const Config config_;
  const RecordType type_;
  const ResolverOptions options_;
  Counter& lookups_;
  Counter& failures_;
  std::unique_ptr<Resolver> resolver_;  // of the look under way
  size_t missing_ = 0;
  TargetGroups found_;
};

}  // namespace narthex::discovery::dns
