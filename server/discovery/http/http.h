#pragma once
// http_sd_configs: target groups as JSON from a URL. The groups of an answer that fails stay.

#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/config/decode.h"
#include "core/http/client.h"
#include "server/discovery/fetcher.h"
#include "server/discovery/polling.h"

namespace narthex::discovery::http_sd {

struct Config {
  static constexpr std::string_view kMechanism = "http";
  http::ClientConfig http;
  int64_t refresh_interval_ms = 60'000;
  std::string url;
  friend bool operator==(const Config&, const Config&) = default;
  static void RegisterMetrics(Registry& registry);
};

void Describe(config::Fields& f, Config& config);
Status AfterDecode(Config& config);
void ResolvePaths(Config& config, std::string_view directory);
StatusOr<std::unique_ptr<Provider>> MakeProvider(const Config& config,
                                                 const ProviderContext& context);

// The groups of an answer, with __meta_url and sources "<url>:<index>": the boundary that takes
// untrusted bytes.
StatusOr<TargetGroups> ReadAnswer(const http::ClientResponse& response, const std::string& url);

class HttpProvider final : public PollingProvider {
 public:
  HttpProvider(const Config& config, const ProviderContext& context,
               std::unique_ptr<Fetcher> fetcher);

 private:
  void Look() override;
  void OnAnswer(StatusOr<http::ClientResponse> response);

  const Config config_;
  Counter& failures_;
  const std::unique_ptr<Fetcher> fetcher_;
  size_t known_ = 0;  // groups of the last answer
};

}  // namespace narthex::discovery::http_sd
