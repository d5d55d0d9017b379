#pragma once
// The command line of alertmanager.

#include <cstdint>
#include <string>
#include <vector>

#include "alertmanager/app/cluster_flags.h"
#include "core/base/status.h"
#include "core/flags/flags.h"

namespace narthex::am {

struct Options {
  std::string config_file = "alertmanager.yml";
  std::string storage_path = "data/";
  int64_t retention_ns = 120LL * 3600 * 1'000'000'000;
  int64_t maintenance_interval_ns = 900LL * 1'000'000'000;  // 0 = never
  int64_t alert_gc_interval_ns = 1800LL * 1'000'000'000;
  int64_t start_delay_ns = 0;
  int64_t max_silences = 0;
  int64_t max_silence_bytes = 0;
  bool log_silences = false;
  int64_t auto_reload_interval_ms = 0;  // 0 = files are not watched
  std::vector<std::string> listen_addresses = {":9093"};
  std::string web_config_file;
  std::string external_url;  // "" until the port is known: http://<hostname>:<port>
  std::string route_prefix;  // "" = the path of the external URL
  int get_concurrency = 8;   // GETs at the same time; further ones are refused
  int64_t timeout_ms = 0;    // of a request; 0 = none
  std::string warning;       // what the operator must know about these settings; "" for nothing
};

// The flags, and what they mean. Settings that are known upstream and not implemented are refused
// by name.
class OptionFlags {
 public:
  explicit OptionFlags(FlagSet& flags);
  StatusOr<Options> Read() const;

 private:
  Status CheckRefused() const;
  Status CheckFeatures() const;

  std::string *config_file_, *storage_path_, *web_config_file_, *external_url_, *route_prefix_,
      *features_;
  int64_t *retention_, *maintenance_, *alert_gc_, *start_delay_, *max_silences_,
      *max_silence_bytes_, *per_alertname_limit_, *get_concurrency_, *timeout_;
  int64_t* auto_reload_interval_;
  bool *log_silences_, *systemd_socket_, *auto_reload_;
  std::vector<std::string>* listen_;
  ClusterFlags cluster_;
};

}  // namespace narthex::am
