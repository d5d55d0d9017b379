#pragma once
// The description of prometheus.yml: every key, its default, its check, its place in the print-out.
// Internal to this folder.

#include "core/config/decode.h"
#include "core/config/http_client.h"
#include "core/config/types.h"
#include "server/config/config.h"
#include "server/discovery/describe.h"

namespace narthex {
void Describe(config::Fields& f, RelabelConfig& relabel);
}  // namespace narthex

namespace narthex::config {

void Describe(Fields& f, GlobalConfig& global);
Status AfterDecode(GlobalConfig& global);
void Describe(Fields& f, ScrapeConfig& job);
void Describe(Fields& f, AlertmanagerConfig& alertmanager);
Status AfterDecode(AlertmanagerConfig& alertmanager);
void Describe(Fields& f, AlertingConfig& alerting);
void Describe(Fields& f, StorageConfig& storage);
void Describe(Fields& f, OtlpConfig& otlp);
Status AfterDecode(OtlpConfig& otlp);
void Describe(Fields& f, Config& config);

// A file of scrape_config_files.
struct ScrapeConfigFile {
  std::vector<ScrapeConfig> scrape_configs;
  void Describe(Fields& f);
};

// Fills in what the job takes from the global section, and checks it.
Status ResolveJob(const GlobalConfig& global, ScrapeConfig* job);
// What the names of metrics may be depends on both.
Status CheckStrategy(const GlobalConfig& global, const OtlpConfig& otlp);
Status CheckProtocols(const std::vector<std::string>& protocols);

}  // namespace narthex::config
