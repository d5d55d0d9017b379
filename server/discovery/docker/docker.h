#pragma once
// docker_sd_configs: the containers of one Docker daemon, a target for each TCP port in each
// network, asked for by HTTP on a unix socket or a TCP address.

#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/config/decode.h"
#include "core/http/client.h"
#include "core/json/reader.h"
#include "server/discovery/fetcher.h"
#include "server/discovery/polling.h"

namespace narthex::discovery::docker {

struct Filter {
  std::string name;
  std::vector<std::string> values;
  friend bool operator==(const Filter&, const Filter&) = default;
};
void Describe(config::Fields& f, Filter& filter);

struct Config {
  static constexpr std::string_view kMechanism = "docker";
  http::ClientConfig http;  // of http:// and https:// hosts
  std::string host;         // unix:///…, tcp://…, http://…, https://…
  int64_t port = 80;        // of containers that expose none
  std::vector<Filter> filters;
  std::string host_networking_host = "localhost";
  int64_t refresh_interval_ms = 60'000;
  bool match_first_network = true;
  friend bool operator==(const Config&, const Config&) = default;
};

void Describe(config::Fields& f, Config& config);
Status AfterDecode(Config& config);
void ResolvePaths(Config& config, std::string_view directory);
StatusOr<std::unique_ptr<Provider>> MakeProvider(const Config& config,
                                                 const ProviderContext& context);

// The targets of what the daemon answers: the boundary that takes untrusted bytes.
std::vector<Labels> ReadContainers(const JsonValue& containers, const JsonValue& networks,
                                   const Config& config);

class DockerProvider final : public PollingProvider {
 public:
  DockerProvider(const Config& config, const ProviderContext& context,
                 std::unique_ptr<Fetcher> fetcher);

 private:
  void Look() override;
  void AskNetworks(JsonValue containers);
  http::ClientRequest Request(const std::string& path) const;

  const Config config_;
  const std::unique_ptr<Fetcher> fetcher_;
};

}  // namespace narthex::discovery::docker
