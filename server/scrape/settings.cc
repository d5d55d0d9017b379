#include "server/scrape/settings.h"

namespace narthex::scrape {

StatusOr<std::shared_ptr<PoolSettings>> MakeSettings(const config::ScrapeConfig& config,
                                                     const PoolSettings* previous,
                                                     http::ClientRuntime& runtime,
                                                     const std::string& user_agent) {
  auto settings = std::make_shared<PoolSettings>();
  settings->config = config;
  NX_ASSIGN_OR_RETURN(settings->target_rules,
                      CompileRelabelRules(config.relabel_configs, config.name_validation));
  NX_ASSIGN_OR_RETURN(settings->metric_rules,
                      CompileRelabelRules(config.metric_relabel_configs, config.name_validation));
  std::vector<ExpositionFormat> protocols;
  for (const std::string& name : config.scrape_protocols) {
    const std::optional<ExpositionFormat> format = ParseScrapeProtocol(name);
    if (!format.has_value()) return InvalidArgument("unknown scrape protocol {}", name);
    protocols.push_back(*format);
  }
  settings->accept = BuildScrapeAccept(protocols, config.name_escaping);
  settings->fallback = ParseScrapeProtocol(config.fallback_scrape_protocol);
  if (previous != nullptr && previous->config.http == config.http) {
    settings->client = previous->client;
  } else {
    http::Client::Options options;
    options.config = config.http;
    options.name = config.job_name;
    options.user_agent = user_agent;
    // As upstream: many targets may be behind one host and port, each by a path of its own.
    options.max_idle_connections_per_host = 1000;
    NX_ASSIGN_OR_RETURN(settings->client, http::Client::Create(runtime, std::move(options)));
  }
  if (previous != nullptr) {
    settings->series_generation =
        previous->series_generation + (SameSeries(previous->config, config) ? 0 : 1);
  }
  return settings;
}

bool SameSeries(const config::ScrapeConfig& a, const config::ScrapeConfig& b) {
  return a.metric_relabel_configs == b.metric_relabel_configs && a.honor_labels == b.honor_labels &&
         a.name_validation == b.name_validation && a.limits.labels == b.limits.labels &&
         a.limits.label_name_length == b.limits.label_name_length &&
         a.limits.label_value_length == b.limits.label_value_length;
}

}  // namespace narthex::scrape
