#include "server/cmd/prometheus/flags.h"

#include <unistd.h>

#include <algorithm>

#include "core/base/memory_budget.h"
#include "core/http/route_prefix.h"
#include "core/log/log.h"
#include "core/strings/duration.h"
#include "core/strings/quote.h"

namespace narthex::prometheus {
namespace {

constexpr auto kProm = FlagSet::DurationSyntax::kPrometheus;
const FlagOptions kHidden{.hidden = true};

// Features whose effect is here always, or has nothing to act on.
constexpr std::string_view kHarmlessFeatures[] = {
    "promql-at-modifier", "promql-negative-offset", "expand-external-labels",
    "remote-write-receiver", "promql-duration-expr", "native-histograms", "ooo-native-histograms",
    "auto-gomaxprocs", "auto-gomemlimit", "new-service-discovery-manager", "no-default-scrape-port",
    "utf8-names",
    // What they are about, fast restarts with scrapes from the first second, needs no switch here.
    "memory-snapshot-on-shutdown", "fast-startup"};
constexpr std::string_view kActingFeatures[] = {"promql-experimental-functions",
                                                "promql-extended-range-selectors",
                                                "promql-binop-fill-modifiers",
                                                "promql-per-step-stats",
                                                "promql-delayed-name-removal",
                                                "extra-scrape-metrics",
                                                "auto-reload-config",
                                                "concurrent-rule-eval",
                                                "exemplar-storage",
                                                "delayed-compaction",
                                                "metadata-wal-records",
                                                "created-timestamp-zero-ingestion",
                                                "type-and-unit-labels"};

struct RefusedFeature {
  std::string_view name;
  std::string_view missing;
};
constexpr std::string_view kNoStartTimestamps =
    "samples keep no start timestamps here: the layout of the chunks that would hold them is "
    "documented nowhere";
constexpr std::string_view kNoChunkEncoding =
    "the layout of these chunks is documented nowhere, so they cannot be written or read here";
constexpr std::string_view kNoOtlp = "there is no OTLP receiver here";
constexpr RefusedFeature kRefusedFeatures[] = {
    {"use-start-timestamps", kNoStartTimestamps},
    {"st-storage", kNoStartTimestamps},
    {"st-synthesis", kNoStartTimestamps},
    {"xor2-encoding", kNoChunkEncoding},
    {"histograms-st-encoding", kNoChunkEncoding},
    {"use-uncached-io", "chunks are written through the page cache here"},
    {"otlp-deltatocumulative", kNoOtlp},
    {"otlp-native-delta-ingestion", kNoOtlp},
    {"otlp-write-receiver", kNoOtlp},
    {"old-ui", "the page of Prometheus 2 is not here"},
    {"search-api", "/api/v1/search is not here"}};

constexpr std::string_view kRemoteWriteV1 = "prometheus.WriteRequest";
constexpr std::string_view kRemoteWriteV2 = "io.prometheus.write.v2.Request";

// Version 2 may be listed, which is the default; it is refused request by request.
Status CheckRemoteWriteMessages(const std::vector<std::string>& messages) {
  bool first = false;
  for (const std::string& message : messages) {
    if (message != kRemoteWriteV1 && message != kRemoteWriteV2) {
      return InvalidArgument("unknown remote write protobuf message {}, supported: {}, {}", message,
                             kRemoteWriteV1, kRemoteWriteV2);
    }
    first |= message == kRemoteWriteV1;
  }
  if (first) return OkStatus();
  return Unimplemented(
      "--web.remote-write-receiver.accepted-protobuf-messages without {}: {} is "
      "known to Prometheus, not implemented here",
      kRemoteWriteV1, kRemoteWriteV2);
}

template <size_t N>
bool Contains(const std::string_view (&list)[N], std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

// What the machine has, or its control groups leave of it.
int64_t MemoryOfProcess() {
  const int64_t machine = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  const auto group = static_cast<int64_t>(std::min<uint64_t>(CgroupMemoryLimit(), INT64_MAX));
  return group > 0 ? std::min(machine, group) : machine;
}

}  // namespace

// Whoever holds much of the total must leave a quarter of it to the others, which makes a quarter
// of the memory what one may hold at most.
QueryMemoryLimits DefaultQueryMemory(int64_t memory) {
  constexpr int64_t kMi = 1 << 20;
  constexpr int64_t kLeast = 64 * kMi;
  if (memory <= 0) return {1024 * kMi, 2048 * kMi};
  const int64_t total = std::max(memory / 3 / kMi * kMi, kLeast);
  return {std::min(std::max(memory / 4 / kMi * kMi, kLeast), 1024 * kMi), total};
}

Flags::Flags()
    : set("prometheus", "The Prometheus monitoring server", FlagErrorStyle::kPrometheus) {
  set.SetVersion(VersionText("prometheus"));
  config_file = set.String("config.file", "Prometheus configuration file path.", "prometheus.yml");
  auto_reload = set.Bool("config.auto-reload",
                         "Reload the configuration when the content of its files changes.", false);
  auto_reload_interval_ms =
      set.Duration("config.auto-reload-interval",
                   "How often the configuration files are checked for changes.", "30s", kProm);
  AddWebFlags();
  AddStorageFlags();
  AddAgentFlags();
  AddRuleAndQueryFlags();
  AddScrapeFlags();
  feature_lists = set.Strings(
      "enable-feature", "Comma separated feature names to enable. May be given several times.", {});
  log = AddLogFlags(set);
  defaults_ = set.Values();
}

void Flags::Refuse(std::string name) { refused_.push_back(std::move(name)); }

void Flags::AddWebFlags() {
  listen_addresses = set.Strings(
      "web.listen-address", "Address to listen on for UI, API, and telemetry. Can be repeated.",
      {"0.0.0.0:9090"});
  set.Bool("auto-gomaxprocs", "Accepted for compatibility: threads follow the CPU quota anyway.",
           true);
  set.Bool("auto-gomemlimit", "Accepted for compatibility: there is no garbage collector.", true);
  memlimit_ratio =
      set.Double("auto-gomemlimit.ratio", "Accepted for compatibility; must be in (0, 1].", 0.9);
  set.Duration("auto-gomemlimit.refresh-interval", "Accepted for compatibility.", "0s", kProm);
  web_config_file = set.String(
      "web.config.file", "Path to configuration file that can enable TLS or authentication.", "");
  read_timeout_ms = set.Duration(
      "web.read-timeout",
      "Maximum duration before timing out read of the request, and closing idle connections.", "5m",
      kProm);
  max_connections =
      set.Int("web.max-connections",
              "Maximum number of simultaneous connections across all listeners.", 512);
  max_notification_subscribers =
      set.Int("web.max-notifications-subscribers",
              "Limits the maximum number of subscribers that can concurrently receive live "
              "notifications.",
              16);
  external_url =
      set.String("web.external-url", "The URL under which Prometheus is externally reachable.", "",
                 {.placeholder = "<URL>"});
  route_prefix = set.String("web.route-prefix",
                            "Prefix for the internal routes of web endpoints. Defaults to path of "
                            "--web.external-url.",
                            "", {.placeholder = "<path>"});
  set.String("web.user-assets", "Path to static asset directory, available at /user.", "",
             {.placeholder = "<path>"});
  Refuse("web.user-assets");
  enable_lifecycle =
      set.Bool("web.enable-lifecycle", "Enable shutdown and reload via HTTP request.", false);
  enable_admin_api =
      set.Bool("web.enable-admin-api", "Enable API endpoints for admin control actions.", false);
  enable_remote_write = set.Bool("web.enable-remote-write-receiver",
                                 "Enable API endpoint accepting remote write requests.", false);
  remote_write_messages =
      set.Strings("web.remote-write-receiver.accepted-protobuf-messages",
                  "List of the remote write protobuf messages to accept. Of the two the first is "
                  "implemented.",
                  {std::string(kRemoteWriteV1), std::string(kRemoteWriteV2)});
  set.Bool("web.enable-otlp-receiver", "Enable API endpoint accepting OTLP write requests.", false);
  Refuse("web.enable-otlp-receiver");
  set.String("web.console.templates",
             "Accepted for compatibility: console templates are not served.", "consoles");
  set.String("web.console.libraries",
             "Accepted for compatibility: console templates are not served.", "console_libraries");
  page_title = set.String("web.page-title", "Document title of Prometheus instance.",
                          "Prometheus Time Series Collection and Processing Server");
  cors_origin = set.String("web.cors.origin", "Regex for CORS origin. It is fully anchored.", ".*");
  set.Int("web.search.max-limit", "Maximum limit of the search API.", 10000);
  Refuse("web.search.max-limit");
}

void Flags::AddStorageFlags() {
  storage_path = set.String("storage.tsdb.path", "Base path for metrics storage.", "data/");
  retention_time_ms = set.Duration(
      "storage.tsdb.retention.time",
      "How long to retain samples in storage. If neither this flag nor the configuration sets it, "
      "15d.",
      "0s", kProm);
  retention_bytes = set.Size(
      "storage.tsdb.retention.size",
      "Maximum number of bytes that can be stored for blocks, log and head. A unit is required.",
      "0B");
  head_series_limit = set.Int(
      "storage.tsdb.head-series-limit",
      "Not in upstream. Refuse to create more series in the head than this: a target's new series "
      "are dropped, those it has go on. 0 is no limit.",
      0);
  memory_budget_ratio = set.Double(
      "storage.tsdb.memory-budget-ratio",
      "Not in upstream. Refuse to create series while the process holds more than this part of its "
      "cgroup's memory limit. 0 disables it.",
      0.9);
  no_lockfile =
      set.Bool("storage.tsdb.no-lockfile", "Do not create lockfile in data directory.", false);
  write_queue_size =
      set.Int("storage.tsdb.head-chunks-write-queue-size",
              "Accepted for compatibility: chunks of the head are written without a queue.", 0);
  delay_compact_file =
      set.String("storage.tsdb.delay-compact-file.path",
                 "Path to a JSON file with uploaded TSDB blocks, e.g. Thanos shipper meta file. If "
                 "set, TSDB will only compact 1 level blocks that are marked as uploaded in that "
                 "file.",
                 "");
  export_wal = set.Bool("storage.tsdb.export-wal-on-shutdown",
                        "Write what is in no block as Prometheus' own write-ahead log when the "
                        "server ends, so that Prometheus can go on with the directory.",
                        false);
  set.Duration("storage.remote.flush-deadline",
               "Accepted for compatibility: there is nothing to flush.", "1m", kProm);
  read_sample_limit = set.Int(
      "storage.remote.read-sample-limit",
      "Maximum overall number of samples to return via the remote read interface, in a single "
      "query. 0 means no limit. This limit is ignored for streamed response types.",
      50'000'000);
  read_concurrent_limit =
      set.Int("storage.remote.read-concurrent-limit",
              "Maximum number of concurrent remote read calls. 0 means no limit.", 10);
  read_max_frame_bytes =
      set.Int("storage.remote.read-max-bytes-in-frame",
              "Maximum number of bytes in a single frame for streaming remote read response types "
              "before marshalling. A frame ends behind the chunk that reaches it.",
              1 << 20);
  min_block_ms = set.Duration("storage.tsdb.min-block-duration",
                              "Minimum duration of a data block before being persisted.", "2h",
                              kProm, kHidden);
  max_block_ms = set.Duration(
      "storage.tsdb.max-block-duration",
      "Maximum duration compacted blocks may span. Defaults to 10% of the retention period, at "
      "most 31d.",
      "0s", kProm, kHidden);
  block_segment_bytes = set.Size("storage.tsdb.max-block-chunk-segment-size",
                                 "Maximum size of one chunk file of a block.", "512MB", kHidden);
  wal_segment_bytes =
      set.Size("storage.tsdb.wal-segment-size",
               "Size at which the write-ahead log starts a new segment.", "0B", kHidden);
  wal_compression =
      set.Bool("storage.tsdb.wal-compression", "Compress the write-ahead log.", true, kHidden);
  wal_compression_type =
      set.Enum("storage.tsdb.wal-compression-type",
               "Compression of the log that an export writes for Prometheus. Our own log is "
               "compressed with zstd where that pays.",
               {"snappy", "zstd"}, "snappy", kHidden);
  overlapping_compaction =
      set.Bool("storage.tsdb.allow-overlapping-compaction",
               "Allow compaction of overlapping blocks. If set to false, an external tool such as "
               "Thanos merges them.",
               true, kHidden);
  samples_per_chunk = set.Int("storage.tsdb.samples-per-chunk",
                              "Target number of samples per chunk.", 120, kHidden);
  block_reload_ms =
      set.Duration("storage.tsdb.block-reload-interval",
                   "How often blocks are looked for and compaction is tried; at least 1s.", "1m",
                   kProm, kHidden);
  compaction_delay_percent =
      set.Int("storage.tsdb.delayed-compaction.max-percent",
              "With the feature delayed-compaction: how much of the minimum block duration a "
              "compaction of the head is delayed at most, in percent.",
              10, kHidden);
}

void Flags::AddAgentFlags() {
  set.Bool("agent", "Run Prometheus in 'Agent mode'.", false);
  set.String("storage.agent.path", "Base path for metrics storage.", "data-agent/");
  set.Bool("storage.agent.wal-compression", "Compress the agent WAL.", true);
  set.Duration("storage.agent.retention.min-time", "Minimum age of samples.", "5m", kProm);
  set.Duration("storage.agent.retention.max-time", "Maximum age of samples.", "4h", kProm);
  set.Bool("storage.agent.checkpoint-from-in-memory-series", "Checkpoint from memory.", false);
  set.Int("storage.agent.checkpoint-batch-size", "Series of one checkpoint batch.", 1000);
  set.Bool("storage.agent.no-lockfile", "Do not create lockfile in data directory.", false);
  set.Size("storage.agent.wal-segment-size", "Size of a WAL segment.", "128MB", kHidden);
  set.Enum("storage.agent.wal-compression-type", "Compression of the agent WAL.",
           {"snappy", "zstd"}, "snappy", kHidden);
  set.Duration("storage.agent.wal-truncate-frequency", "How often the WAL is truncated.", "2h",
               kProm, kHidden);
  for (const char* name :
       {"path", "wal-compression", "retention.min-time", "retention.max-time",
        "checkpoint-from-in-memory-series", "checkpoint-batch-size", "no-lockfile",
        "wal-segment-size", "wal-compression-type", "wal-truncate-frequency"}) {
    agent_only_.push_back(fmt::format("storage.agent.{}", name));
  }
}

void Flags::AddRuleAndQueryFlags() {
  outage_tolerance_ms = set.Duration(
      "rules.alert.for-outage-tolerance",
      "Max time to tolerate prometheus outage for restoring \"for\" state of alert.", "1h", kProm);
  for_grace_period_ms = set.Duration(
      "rules.alert.for-grace-period",
      "Minimum duration between alert and restored \"for\" state. This is maintained only for "
      "alerts with configured \"for\" time greater than grace period.",
      "10m", kProm);
  resend_delay_ms = set.Duration("rules.alert.resend-delay",
                                 "Minimum amount of time to wait before resending an alert to "
                                 "Alertmanager.",
                                 "1m", kProm);
  max_concurrent_evals =
      set.Int("rules.max-concurrent-evals", "Rule groups evaluated at a time.", 4);
  notification_queue_capacity =
      set.Int("alertmanager.notification-queue-capacity",
              "The capacity of the queue for pending Alertmanager notifications.", 10000);
  notification_batch_size = set.Int("alertmanager.notification-batch-size",
                                    "The maximum number of notifications per batch.", 256);
  drain_notifications = set.Bool("alertmanager.drain-notification-queue-on-shutdown",
                                 "Send any outstanding Alertmanager notifications when shutting "
                                 "down.",
                                 true);
  lookback_delta_ms = set.Duration("query.lookback-delta",
                                   "The maximum lookback duration for retrieving metrics during "
                                   "expression evaluations and federation.",
                                   "5m", kProm);
  query_timeout_ms = set.Duration(
      "query.timeout", "Maximum time a query may take before being aborted.", "2m", kProm);
  query_concurrency =
      set.Int("query.max-concurrency", "Maximum number of queries executed concurrently.", 20);
  query_max_samples =
      set.Int("query.max-samples", "Maximum number of samples a single query can load into memory.",
              50000000);
  const QueryMemoryLimits limits = DefaultQueryMemory(MemoryOfProcess());
  query_memory_limit = set.Size(
      "query.memory-limit",
      "Memory that a single query may hold; one that would need more fails. 0 means no limit. "
      "Default: a quarter of the memory there is (that of the cgroup, where it is limited), at "
      "most 1GB.",
      FormatSize(limits.query));
  query_total_memory_limit =
      set.Size("query.total-memory-limit",
               "Memory that all queries together may hold, results that are being sent included. "
               "0 means no limit. Default: a third of the memory there is.",
               FormatSize(limits.total));
}

void Flags::AddScrapeFlags() {
  adjust_timestamps = set.Bool("scrape.adjust-timestamps",
                               "Adjust scrape timestamps by up to scrape.timestamp-tolerance to "
                               "align them to the intended schedule.",
                               true, kHidden);
  timestamp_tolerance_ms =
      set.Duration("scrape.timestamp-tolerance",
                   "Timestamp tolerance. See scrape.adjust-timestamps.", "2ms", kProm, kHidden);
  discovery_reload_interval_ms = set.Duration("scrape.discovery-reload-interval",
                                              "Interval used by scrape manager to throttle target "
                                              "groups updates.",
                                              "5s", kProm, kHidden);
  body_memory_limit =
      set.Size("scrape.body-memory-limit",
               "Memory that the bodies of all scrapes in flight may hold together; a "
               "scrape that would need more fails. 0 means no limit.",
               "1GB");
}

Status Flags::CheckRefused() const {
  const auto value_of = [](const auto& values, const std::string& name) {
    const auto found =
        std::find_if(values.begin(), values.end(), [&](const auto& v) { return v.first == name; });
    return found == values.end() ? std::string() : found->second;
  };
  const auto values = set.Values();
  for (const std::string& name : refused_) {
    if (value_of(values, name) != value_of(defaults_, name)) {
      return Unimplemented("flag --{}={}: known to Prometheus, not implemented here", name,
                           value_of(values, name));
    }
  }
  return OkStatus();
}

Status Flags::CheckFeatures() {
  for (const std::string& list : *feature_lists) {
    for (const std::string_view item : SplitString(list, ',')) {
      const std::string name(TrimSpace(item));
      if (name.empty()) continue;
      for (const RefusedFeature& refused : kRefusedFeatures) {
        if (name != refused.name) continue;
        return Unimplemented("--enable-feature={}: known to Prometheus, not implemented here: {}",
                             name, refused.missing);
      }
      if (!Contains(kActingFeatures, name) && !Contains(kHarmlessFeatures, name)) {
        NX_LOG(Warn, "Unknown option for --enable-feature", {"option", name});
      }
      features.insert(name);
    }
  }
  return OkStatus();
}

Status Flags::Check(int* exit_code) {
  *exit_code = 3;
  for (const std::string& name : agent_only_) {
    if (set.WasSet(name)) {
      return InvalidArgument(
          "The following flag(s) can only be used in agent mode (--agent): [\"--{}\"]", name);
    }
  }
  *exit_code = 1;
  if (set.WasSet("agent")) {
    return Unimplemented("flag --agent: known to Prometheus, not implemented here");
  }
  if (*memlimit_ratio <= 0 || *memlimit_ratio > 1) {
    return InvalidArgument(
        "--auto-gomemlimit.ratio must be greater than 0 and less than or equal "
        "to 1");
  }
  NX_RETURN_IF_ERROR(CheckRefused());
  NX_RETURN_IF_ERROR(CheckRemoteWriteMessages(*remote_write_messages));
  NX_RETURN_IF_ERROR(CheckFeatures());
  *exit_code = 2;
  const std::pair<const char*, int64_t> positive[] = {
      {"web.max-connections", *max_connections},
      {"query.max-concurrency", *query_concurrency},
      {"query.max-samples", *query_max_samples},
      {"query.timeout", *query_timeout_ms},
      {"alertmanager.notification-queue-capacity", *notification_queue_capacity},
      {"alertmanager.notification-batch-size", *notification_batch_size},
      {"rules.max-concurrent-evals", *max_concurrent_evals},
      {"scrape.discovery-reload-interval", *discovery_reload_interval_ms}};
  for (const auto& [name, value] : positive) {
    if (value <= 0) return InvalidArgument("--{} must be greater than 0", name);
  }
  if (*lookback_delta_ms == 0) *lookback_delta_ms = 300'000;  // as upstream
  if (*head_series_limit < 0) {
    return InvalidArgument("--storage.tsdb.head-series-limit must not be negative");
  }
  if (!(*memory_budget_ratio >= 0 && *memory_budget_ratio <= 1)) {
    return InvalidArgument("--storage.tsdb.memory-budget-ratio must be in [0, 1]");
  }
  // Below a minute, chunks and blocks would be all head and no body.
  if (*min_block_ms < 60'000) {
    return InvalidArgument("flag 'storage.tsdb.min-block-duration' must be at least 1m");
  }
  if (*block_reload_ms < 1000) {
    NX_LOG(
        Warn,
        "The option --storage.tsdb.block-reload-interval is set to a value less than 1s. Setting "
        "it to 1s to avoid overload.");
    *block_reload_ms = 1000;
  }
  *exit_code = 1;  // upstream looks at these when it opens the storage
  const int64_t segment = *wal_segment_bytes;
  if (segment != 0 && (segment < (10 << 20) || segment > (256 << 20))) {
    return InvalidArgument(
        "flag 'storage.tsdb.wal-segment-size' must be set between 10MB and 256MB");
  }
  if (*block_segment_bytes < (1 << 20)) {
    return InvalidArgument("flag 'storage.tsdb.max-block-chunk-segment-size' must be set over 1MB");
  }
  *auto_reload_interval_ms = std::max<int64_t>(1000, *auto_reload_interval_ms);
  return OkStatus();
}

StatusOr<std::string> ResolveExternalUrl(const std::string& flag, const std::string& listen) {
  std::string text = flag;
  if (text.empty()) {
    char host[256] = "localhost";
    gethostname(host, sizeof host - 1);
    const size_t colon = listen.rfind(':');
    const std::string port = colon == std::string::npos ? "" : listen.substr(colon + 1);
    text = fmt::format("http://{}:{}/", host, port);
  }
  if (text.find_first_of("\"'") == 0 || text.ends_with('"') || text.ends_with('\'')) {
    return InvalidArgument("URL must not begin or end with quotes");
  }
  NX_ASSIGN_OR_RETURN(std::string path, http::ExternalPath(text));
  if (text.find(':') == std::string::npos) return path;
  while (text.ends_with('/')) text.pop_back();
  return text;
}

}  // namespace narthex::prometheus
