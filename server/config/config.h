#pragma once
// prometheus.yml as plain values: parsed once, validated, then shared as shared_ptr<const Config>.
//
// What the file may hold but this server does not implement is refused by name when the file is
// loaded, so every value here acts.
//
// Thread safety: immutable after Load.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/http/client.h"
#include "core/labels/labels.h"
#include "core/labels/names.h"
#include "core/labels/relabel.h"
#include "server/discovery/config.h"

namespace narthex::config {

// Formats a scrape may negotiate, in the configuration's spelling.
inline constexpr std::string_view kPrometheusProto = "PrometheusProto";
inline constexpr std::string_view kOpenMetricsText100 = "OpenMetricsText1.0.0";
inline constexpr std::string_view kOpenMetricsText001 = "OpenMetricsText0.0.1";
inline constexpr std::string_view kPrometheusText100 = "PrometheusText1.0.0";
inline constexpr std::string_view kPrometheusText004 = "PrometheusText0.0.4";

// Limits on one scrape or one job; 0 = none.
struct ScrapeLimits {
  int64_t body_size = 0;
  uint64_t samples = 0;
  uint64_t targets = 0;
  uint64_t labels = 0;
  uint64_t label_name_length = 0;
  uint64_t label_value_length = 0;
  uint64_t keep_dropped_targets = 0;
  friend bool operator==(const ScrapeLimits&, const ScrapeLimits&) = default;
};

struct GlobalConfig {
  int64_t scrape_interval_ms = 60'000;
  int64_t scrape_timeout_ms = 10'000;
  std::vector<std::string> scrape_protocols;  // empty: the default order
  int64_t evaluation_interval_ms = 60'000;
  int64_t rule_query_offset_ms = 0;
  std::string query_log_file;
  std::string scrape_failure_log_file;
  Labels external_labels;
  ScrapeLimits limits;
  NameValidation name_validation = NameValidation::kUtf8;
  std::string name_escaping;  // as written; "" = by the validation scheme
  bool extra_scrape_metrics = false;
  bool scrape_native_histograms = false;
  bool convert_classic_histograms_to_nhcb = false;
  bool always_scrape_classic_histograms = false;
};

struct ScrapeConfig {
  std::string job_name;
  int64_t scrape_interval_ms = 0;
  int64_t scrape_timeout_ms = 0;
  std::vector<std::string> scrape_protocols;
  std::string fallback_scrape_protocol;
  std::string scrape_failure_log_file;
  bool honor_labels = false;
  bool honor_timestamps = true;
  bool track_timestamps_staleness = false;
  bool enable_compression = true;
  std::optional<bool> extra_scrape_metrics;                // always set after loading
  std::optional<bool> scrape_native_histograms;            // always set after loading
  std::optional<bool> convert_classic_histograms_to_nhcb;  // always set after loading
  std::optional<bool> always_scrape_classic_histograms;    // the same
  std::string metrics_path = "/metrics";
  std::string scheme = "http";
  std::vector<std::pair<std::string, std::vector<std::string>>> params;  // by name
  ScrapeLimits limits;
  uint64_t native_histogram_bucket_limit = 0;     // 0: none
  double native_histogram_min_bucket_factor = 0;  // 0: any
  NameValidation name_validation = NameValidation::kUtf8;
  NameEscaping name_escaping = NameEscaping::kAllowUtf8;
  std::string name_validation_text, name_escaping_text;  // as written
  http::ClientConfig http;
  discovery::DiscoveryConfigs discovery;
  std::vector<RelabelConfig> relabel_configs;
  std::vector<RelabelConfig> metric_relabel_configs;
  std::string source_file;  // where it stands
  int line = 0;
  std::string yaml;  // the resolved job as /api/v1/scrape_pools/config prints it
  // Equal for jobs that behave alike; unlike `yaml` it also differs when a secret does.
  std::string fingerprint;
};

struct AlertmanagerConfig {
  std::string scheme = "http";
  std::string path_prefix;
  int64_t timeout_ms = 10'000;
  std::string api_version = "v2";
  http::ClientConfig http;
  discovery::DiscoveryConfigs discovery;
  std::vector<RelabelConfig> relabel_configs;
  std::vector<RelabelConfig> alert_relabel_configs;
  // "config-0", "config-1", …: the name of its target set in discovery.
  std::string key;
  std::string fingerprint;  // as in ScrapeConfig
};

struct AlertingConfig {
  std::vector<RelabelConfig> alert_relabel_configs;
  std::vector<AlertmanagerConfig> alertmanagers;
};

struct ExemplarsConfig {
  int64_t max_exemplars = 0;
};

struct StorageConfig {
  // Unset: the flags decide.
  std::optional<int64_t> retention_time_ms;
  std::optional<int64_t> retention_bytes;
  double retention_percentage = 0;           // of the file system; 0: none
  std::optional<ExemplarsConfig> exemplars;  // acts with the feature exemplar-storage
  int64_t out_of_order_window_ms = 0;
  double stale_series_threshold = 0;
};

// How a receiver of OTLP would translate. It is checked and printed; there is no such receiver here
// (--web.enable-otlp-receiver is refused), and without one upstream makes nothing of it either.
struct OtlpConfig {
  std::vector<std::string> promote_resource_attributes;
  bool promote_all_resource_attributes = false;
  std::vector<std::string> ignore_resource_attributes;
  std::string translation_strategy = "UnderscoreEscapingWithSuffixes";
  bool keep_identifying_resource_attributes = false;
  bool convert_histograms_to_nhcb = false;
  bool promote_scope_metadata = false;
  bool label_name_underscore_sanitization = true;
  bool label_name_preserve_multiple_underscores = true;
};

struct Config {
  std::string file;
  GlobalConfig global;
  int64_t runtime_gogc = 75;
  AlertingConfig alerting;
  std::vector<std::string> rule_files;           // globs, resolved
  std::vector<std::string> scrape_config_files;  // globs, resolved
  std::vector<ScrapeConfig> scrape_configs;      // those of the scrape_config_files included
  StorageConfig storage;
  OtlpConfig otlp;
  // The whole configuration re-printed with defaults resolved and secrets hidden.
  std::string yaml;
  // Deprecated or dubious contents, for the log.
  std::vector<std::string> warnings;
};

struct LoadOptions {
  // Looks up variables for external_labels; nullptr: the process environment.
  const char* (*getenv)(const char* name) = nullptr;
  // What jobs do that say nothing about extra_scrape_metrics
  // (--enable-feature=extra-scrape-metrics).
  bool extra_scrape_metrics = false;
  // Protobuf comes first where nothing is said about scrape_protocols
  // (--enable-feature=created-timestamp-zero-ingestion).
  bool protobuf_first = false;
  // Refuse what a server in agent mode has no use for.
  bool agent = false;
  // Whether the scrape_config_files are read as well.
  bool read_scrape_config_files = true;
};

// Reads and checks the file. Errors name file, line and field.
StatusOr<std::shared_ptr<const Config>> LoadFile(const std::string& path,
                                                 const LoadOptions& options = {});
// The same for text; relative paths inside are joined to `directory`. `name` stands in errors.
StatusOr<std::shared_ptr<const Config>> Load(std::string_view text, const std::string& directory,
                                             const std::string& name,
                                             const LoadOptions& options = {});
// The files that match, sorted; no match is no error.
StatusOr<std::vector<std::string>> ExpandGlob(const std::string& pattern);

}  // namespace narthex::config
