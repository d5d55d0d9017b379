#pragma once
// consul_sd_configs: the services of a Consul catalogue, each watched by blocking queries.
//
//   agent/self ─▶ catalog/services ─┬▶ health/service/a ─▶ group "a"
//   (datacenter)  (unless `services` ├▶ health/service/b ─▶ group "b"
//                  says all)         └▶ …
//
// A blocking query carries the index of the last answer and is answered when something changed, or
// after two minutes. The same index again is no news; a smaller one means that the server began
// anew, and the next query does not block. Queries begin no more often than refresh_interval; one
// that fails is asked again after 15 seconds, and what is known stays.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/config/decode.h"
#include "core/http/client.h"
#include "core/json/reader.h"
#include "server/discovery/fetcher.h"
#include "server/discovery/provider.h"

namespace narthex::discovery::consul {

struct Config {
  static constexpr std::string_view kMechanism = "consul";
  std::string server = "localhost:8500";
  std::string path_prefix, token, datacenter, namespace_, partition;
  std::string tag_separator = ",";
  std::string scheme = "http";
  std::string username, password;
  bool allow_stale = true;
  int64_t refresh_interval_ms = 30'000;
  std::vector<std::string> services, tags;
  std::map<std::string, std::string> node_meta;
  std::string filter, health_filter;
  http::ClientConfig http;  // with username and password
  friend bool operator==(const Config&, const Config&) = default;
  static void RegisterMetrics(Registry& registry);
};

void Describe(config::Fields& f, Config& config);
Status AfterDecode(Config& config);
void ResolvePaths(Config& config, std::string_view directory);
StatusOr<std::unique_ptr<Provider>> MakeProvider(const Config& config,
                                                 const ProviderContext& context);

// The targets of a health/service answer: the boundary that takes untrusted bytes.
StatusOr<std::vector<Labels>> ReadService(const JsonValue& answer, const Config& config);
// Are the service and its tags among those to watch?
bool Wanted(const Config& config, const std::string& service, const JsonValue& tags);

// One request after the other for the same thing.
class Watch;

class ConsulProvider final : public Provider {
 public:
  ConsulProvider(const Config& config, const ProviderContext& context,
                 std::unique_ptr<Fetcher> fetcher, int64_t retry_ms);
  ~ConsulProvider() override;

 private:
  friend class Watch;

  void AskDatacenter();
  void Begin();
  void WatchService(const std::string& name);
  void OnCatalog(const JsonValue& services);
  void OnService(const std::string& name, const JsonValue& answer);
  // The first Publish waits for every service that was known at the start.
  void Answered(const std::string& service);
  void Publish(std::shared_ptr<const TargetGroup> group);
  http::ClientRequest Request(const std::string& path, const http::Params& query) const;
  http::Params CommonParams() const;

  const Config config_;
  const ProviderContext context_;
  const std::unique_ptr<Fetcher> fetcher_;
  const int64_t retry_ms_;
  Counter& failures_;
  SummaryVec& durations_;
  std::string datacenter_;
  Loop::Timer retry_;
  std::unique_ptr<Watch> catalog_;
  std::map<std::string, std::unique_ptr<Watch>> services_;
  bool first_done_ = false;
  std::set<std::string> unanswered_;
  TargetGroups held_;
};

}  // namespace narthex::discovery::consul
