#pragma once
// nomad_sd_configs: the services registered with Nomad itself. One look lists the services, then
// asks for the instances of each, a few at a time.

#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/config/decode.h"
#include "core/http/client.h"
#include "core/json/reader.h"
#include "server/discovery/fetcher.h"
#include "server/discovery/polling.h"

namespace narthex::discovery::nomad {

struct Config {
  static constexpr std::string_view kMechanism = "nomad";
  bool allow_stale = true;
  http::ClientConfig http;
  std::string namespace_ = "default";
  int64_t refresh_interval_ms = 60'000;
  std::string region = "global";
  std::string server = "http://localhost:4646";
  std::string tag_separator = ",";
  friend bool operator==(const Config&, const Config&) = default;
  static void RegisterMetrics(Registry& registry);
};

void Describe(config::Fields& f, Config& config);
Status AfterDecode(Config& config);
void ResolvePaths(Config& config, std::string_view directory);
StatusOr<std::unique_ptr<Provider>> MakeProvider(const Config& config,
                                                 const ProviderContext& context);

// What Nomad answers: the boundary that takes untrusted bytes.
std::vector<std::string> ReadServiceNames(const JsonValue& answer);
std::vector<Labels> ReadInstances(const JsonValue& answer, const Config& config);

class NomadProvider final : public PollingProvider {
 public:
  NomadProvider(const Config& config, const ProviderContext& context,
                std::unique_ptr<Fetcher> fetcher);

 private:
  void Look() override;
  void AskNext();
  void OnInstances(const StatusOr<http::ClientResponse>& response);
  http::ClientRequest Request(const std::string& path) const;
  void Fail(const Status& status);

  const Config config_;
  const std::unique_ptr<Fetcher> fetcher_;
  Counter& failures_;
  // Of the look under way.
  std::vector<std::string> names_;
  size_t next_ = 0;
  size_t in_flight_ = 0;
  Status failure_;
  std::vector<Labels> targets_;
};

}  // namespace narthex::discovery::nomad
