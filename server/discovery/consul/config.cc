// consul_sd_configs as configuration.

#include "core/config/http_client.h"
#include "server/discovery/consul/consul.h"

namespace narthex::discovery::consul {

void Describe(config::Fields& f, Config& config) {
  f.Type("consul.plain", "consul.SDConfig");
  f.Field("server", config.server);
  f.Field("path_prefix", config.path_prefix);
  f.Secret("token", config.token);
  f.Field("datacenter", config.datacenter);
  f.Field("namespace", config.namespace_);
  f.Field("partition", config.partition);
  f.Field("tag_separator", config.tag_separator);
  f.Field("scheme", config.scheme);
  f.Field("username", config.username);
  f.Secret("password", config.password);
  f.Field("allow_stale", config.allow_stale, config::Print::kAlways);
  f.Millis("refresh_interval", config.refresh_interval_ms);
  f.Field("services", config.services);
  f.Field("tags", config.tags);
  f.Field("node_meta", config.node_meta);
  f.Field("filter", config.filter);
  f.Field("health_filter", config.health_filter);
  f.Inline(config.http);
}

Status AfterDecode(Config& config) {
  if (config.server.find_first_not_of(" \t\r\n") == std::string::npos) {
    return InvalidArgument("consul SD configuration requires a server address");
  }
  const size_t scheme = config.server.find("://");
  if (scheme != std::string::npos) {
    const std::string name = config.server.substr(0, scheme);
    if (name != "http" && name != "https" && name != "unix") {
      return InvalidArgument("Unknown protocol scheme: {}", name);
    }
  }
  if (config.scheme != "http" && config.scheme != "https") {
    return InvalidArgument("consul SD scheme must be http or https, not {}", config.scheme);
  }
  if (config.refresh_interval_ms <= 0) {
    return InvalidArgument("consul service discovery: refresh_interval must be greater than 0");
  }
  if (!config.username.empty() || !config.password.empty()) {
    if (config.http.basic_auth.has_value()) {
      return InvalidArgument(
          "at most one of consul SD configuration username and password and basic auth can be "
          "configured");
    }
    config.http.basic_auth =
        http::ClientConfig::BasicAuth{.username = config.username, .password = config.password};
  }
  if (!config.token.empty() &&
      (config.http.authorization.has_value() || config.http.oauth2.has_value())) {
    return InvalidArgument(
        "at most one of consul SD token, authorization, or oauth2 can be configured");
  }
  return http::ValidateClientConfig(config.http);
}

void ResolvePaths(Config& config, std::string_view directory) {
  config::ResolvePaths(config.http, directory);
}

}  // namespace narthex::discovery::consul
