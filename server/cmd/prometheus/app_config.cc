// The configuration of the running server: loaded, applied to every part, reloaded.
#include "core/base/file.h"
#include "core/log/log.h"
#include "core/strings/duration.h"
#include "core/strings/quote.h"
#include "server/cmd/prometheus/app.h"
#include "server/cmd/prometheus/query_log.h"

namespace narthex::prometheus {
namespace {

constexpr uint64_t kDefaultMaxExemplars = 100'000;
constexpr int64_t kDefaultRetentionMs = int64_t{15} * 24 * 3600 * 1000;

}  // namespace

StatusOr<std::shared_ptr<const config::Config>> LoadConfig(const Flags& flags) {
  config::LoadOptions options;
  options.extra_scrape_metrics = flags.features.contains("extra-scrape-metrics");
  options.protobuf_first = flags.features.contains("created-timestamp-zero-ingestion");
  return config::LoadFile(*flags.config_file, options);
}

StatusOr<std::vector<std::string>> RuleFiles(const config::Config& config) {
  std::vector<std::string> files;
  for (const std::string& pattern : config.rule_files) {
    NX_ASSIGN_OR_RETURN(const std::vector<std::string> matches, config::ExpandGlob(pattern));
    files.insert(files.end(), matches.begin(), matches.end());
  }
  return files;
}

std::string DigestFiles(const config::Config& config) {
  std::string all = config.file;
  const auto add = [&](const std::string& path) {
    const StatusOr<std::string> text = ReadFile(path);
    const std::string content = text.ok() ? *text : std::string(MessageOf(text.status()));
    all += fmt::format("\n{} {} {}", path, content.size(), std::hash<std::string>{}(content));
  };
  add(config.file);
  for (const auto* patterns : {&config.rule_files, &config.scrape_config_files}) {
    for (const std::string& pattern : *patterns) {
      const StatusOr<std::vector<std::string>> files = config::ExpandGlob(pattern);
      if (!files.ok()) continue;
      for (const std::string& file : *files) add(file);
    }
  }
  return all;
}

std::map<std::string, discovery::DiscoveryConfigs> ScrapeDiscovery(const config::Config& config) {
  std::map<std::string, discovery::DiscoveryConfigs> jobs;
  for (const config::ScrapeConfig& job : config.scrape_configs) jobs[job.job_name] = job.discovery;
  return jobs;
}

uint64_t App::MaxExemplars(const config::Config& config) const {
  if (!flags_.features.contains("exemplar-storage")) return 0;
  const auto& exemplars = config.storage.exemplars;
  if (!exemplars.has_value()) return kDefaultMaxExemplars;
  return static_cast<uint64_t>(std::max<int64_t>(exemplars->max_exemplars, 0));
}

// The configuration wins over the flags, limit by limit. Time is limited by default when nothing
// else is.
tsdb::RetentionLimits App::Retention(const config::Config& config) const {
  tsdb::RetentionLimits limits;
  std::optional<int64_t> time = config.storage.retention_time_ms;
  if (!time.has_value() && *flags_.retention_time_ms > 0) time = *flags_.retention_time_ms;
  const int64_t bytes = config.storage.retention_bytes.value_or(*flags_.retention_bytes);
  limits.bytes = bytes > 0 ? static_cast<uint64_t>(bytes) : 0;
  limits.percentage = config.storage.retention_percentage;
  const bool by_size = limits.bytes > 0 || limits.percentage > 0;
  limits.time_ms = time.value_or(by_size ? 0 : kDefaultRetentionMs);
  return limits;
}

// A limit that is not given is shown as the one that acts. Thanos reads them there, and takes no
// empty ones.
std::vector<std::pair<std::string, std::string>> App::ShownFlags() const {
  auto values = flags_.set.Values();
  const int64_t retention_ms = Retention(*current()).time_ms;
  for (auto& [name, value] : values) {
    if (name == "storage.tsdb.retention.time" && *flags_.retention_time_ms == 0) {
      value = FormatPromDuration(retention_ms);
    } else if (name == "storage.tsdb.max-block-duration" && *flags_.max_block_ms == 0) {
      value = FormatPromDuration(tsdb::LargestRangeMs(retention_ms));
    }
  }
  return values;
}

Status App::Reload() {
  NX_LOG(Info, "Loading configuration file", {"filename", *flags_.config_file});
  StatusOr<std::shared_ptr<const config::Config>> config = LoadConfig(flags_);
  Status status = config.ok()
                      ? Apply(*config)
                      : Annotate(config.status(), fmt::format("couldn't load configuration "
                                                              "(--config.file={})",
                                                              GoQuote(*flags_.config_file)));
  api_->NoteReload(status.ok());
  if (status.ok()) {
    NX_LOG(Info, "Completed loading of configuration file", {"filename", *flags_.config_file});
    return status;
  }
  NX_LOG(Error, "Error reloading config", {"err", status});
  reload_successful_->Set(0);
  // A broken file is looked at again when it changes, not at every turn.
  config_digest_ = DigestFiles(*current());
  MutexLock lock(mutex_);
  reload_ok_ = false;
  return status;
}

Status App::ApplyQueryLog(const config::Config& config) {
  const std::string& path = config.global.query_log_file;
  if (path.empty()) {
    engine_->SetQueryLog(nullptr);
    return OkStatus();
  }
  NX_ASSIGN_OR_RETURN(std::shared_ptr<QueryLog> log, QueryLog::Open(path));
  engine_->SetQueryLog([log](const promql::QueryLogEntry& entry) { log->Write(entry); });
  return OkStatus();
}

Status App::ApplyRules(const config::Config& config) {
  rules::Config rules;
  NX_ASSIGN_OR_RETURN(rules.files, RuleFiles(config));
  rules.interval_ms = config.global.evaluation_interval_ms;
  rules.query_offset_ms = config.global.rule_query_offset_ms;
  rules.external_labels = config.global.external_labels;
  return rules_->Update(rules);
}

void App::ApplyDiscovery(const config::Config& config) {
  scrape_discovery_->ApplyConfig(ScrapeDiscovery(config));
  std::map<std::string, discovery::DiscoveryConfigs> blocks;
  for (const auto& block : config.alerting.alertmanagers) blocks[block.key] = block.discovery;
  notify_discovery_->ApplyConfig(blocks);
}

// One failing part does not undo the others, but the reload counts as failed.
Status App::Apply(std::shared_ptr<const config::Config> config) {
  for (const std::string& warning : config->warnings) NX_LOG(Warn, warning);
  {
    MutexLock lock(mutex_);
    config_ = config;
  }
  Status failure;
  const auto note = [&](std::string_view part, const Status& status) {
    if (status.ok()) return;
    NX_LOG(Error, "Failed to apply configuration", {"part", part}, {"err", status});
    if (failure.ok()) failure = Annotate(status, part);
  };
  db_->SetRetention(Retention(*config));
  db_->SetMaxExemplars(MaxExemplars(*config));
  db_->SetOutOfOrderWindow(config->storage.out_of_order_window_ms);
  db_->SetStaleSeriesThreshold(config->storage.stale_series_threshold);
  note("query log", ApplyQueryLog(*config));
  note("scrape", scrape_->ApplyConfig(config));
  note("notifier", notifier_->ApplyConfig(config));
  ApplyDiscovery(*config);
  note("rules", ApplyRules(*config));
  config_digest_ = DigestFiles(*config);
  const int64_t now = Clock::System().NowNanos();
  reload_successful_->Set(failure.ok() ? 1 : 0);
  if (failure.ok()) reload_timestamp_->Set(static_cast<double>(now) / 1e9);
  MutexLock lock(mutex_);
  reload_ok_ = failure.ok();
  if (failure.ok()) last_config_nanos_ = now;
  return failure;
}

}  // namespace narthex::prometheus
