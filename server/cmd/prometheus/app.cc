#include "server/cmd/prometheus/app.h"

#include <unistd.h>

#include <atomic>
#include <ctime>
#include <future>
#include <random>

#include "core/base/file.h"
#include "core/base/memory_budget.h"
#include "core/base/thread.h"
#include "core/http/route_prefix.h"
#include "core/log/log.h"
#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "server/cmd/prometheus/query_log.h"
#include "server/web/web.h"

namespace narthex::prometheus {
namespace {

using std::chrono::milliseconds;

// What upstream takes for a percentage that is none.
constexpr int kDefaultDelayPercent = 10;

int CpuCount() { return std::max(1U, std::thread::hardware_concurrency()); }

int64_t ThreadCount() {
  const StatusOr<std::vector<std::string>> tasks = ListDirectory("/proc/self/task");
  return tasks.ok() ? static_cast<int64_t>(tasks->size()) : 0;
}

std::string UserAgent() { return fmt::format("Prometheus/{}", GetBuildInfo("prometheus").version); }

std::string EnvOr(const char* name, std::string fallback) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::move(fallback) : value;
}

std::string DescribeRetention(const tsdb::RetentionLimits& limits) {
  std::string out;
  const auto add = [&](std::string text) {
    if (!out.empty()) out += " or ";
    out += text;
  };
  if (limits.time_ms > 0) add(FormatPromDuration(limits.time_ms));
  if (limits.bytes > 0) add(FormatSize(static_cast<int64_t>(limits.bytes)));
  if (limits.percentage > 0) add(FormatFloat(limits.percentage) + "%");
  return out;
}

// meta.json is written for people; here it goes on one line.
std::string Compacted(const std::string& json) {
  std::string out;
  for (const char c : json) {
    if (c == '\n' || c == '\t' || c == ' ') continue;
    out += c;
  }
  return out;
}

}  // namespace

promql::ParserOptions ParserOptionsOf(const Flags& flags) {
  promql::ParserOptions options;
  options.experimental_functions = flags.features.contains("promql-experimental-functions");
  options.extended_range_selectors = flags.features.contains("promql-extended-range-selectors");
  options.binop_fill_modifiers = flags.features.contains("promql-binop-fill-modifiers");
  return options;
}

promql::EvalOptions EvalOptionsOf(const Flags& flags) {
  promql::EvalOptions options;
  options.delayed_name_removal = flags.features.contains("promql-delayed-name-removal");
  options.per_step_stats = flags.features.contains("promql-per-step-stats");
  options.type_and_unit_labels = flags.features.contains("type-and-unit-labels");
  return options;
}

App::App(Flags& flags, Requests& requests, std::shared_ptr<const config::Config> config)
    : flags_(flags),
      requests_(requests),
      start_nanos_(Clock::System().NowNanos()),
      config_(std::move(config)) {
  RegisterMetrics();
}

App::~App() = default;

void App::RegisterMetrics() {
  AddBuildInfo(registry_, "prometheus");
  registry_.AddCollector(MakeProcessCollector());
  reload_successful_ =
      &registry_.AddGauge("prometheus_config_last_reload_successful",
                          "Whether the last configuration reload attempt was successful.");
  reload_timestamp_ = &registry_.AddGauge("prometheus_config_last_reload_success_timestamp_seconds",
                                          "Timestamp of the last successful configuration reload.");
}

std::shared_ptr<const config::Config> App::current() const {
  MutexLock lock(mutex_);
  return config_;
}

StatusOr<std::string> App::Snapshot(bool skip_head) const {
  const int64_t nanos = Clock::System().NowNanos();
  std::time_t seconds = nanos / 1'000'000'000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
  std::random_device random;
  const uint64_t unique = uint64_t{random()} << 32 | random();
  const std::string name = fmt::format("{}-{:016x}", stamp, unique >> 1);
  NX_RETURN_IF_ERROR(
      db_->Snapshot(JoinPath(*flags_.storage_path, "snapshots/" + name), !skip_head));
  return name;
}

// ---- The web ----

api::RuntimeInfo App::DescribeRuntime() const {
  api::RuntimeInfo info;
  info.start_time_nanos = start_nanos_;
  char buffer[4096] = "";
  if (getcwd(buffer, sizeof buffer) != nullptr) info.cwd = buffer;
  if (gethostname(buffer, sizeof buffer - 1) == 0) info.hostname = buffer;
  info.threads = ThreadCount();
  info.cpus = CpuCount();
  info.memory_limit_bytes = std::numeric_limits<int64_t>::max();
  info.godebug = EnvOr("GODEBUG", "");
  MutexLock lock(mutex_);
  info.gogc = EnvOr("GOGC", std::to_string(config_->runtime_gogc));
  info.reload_config_success = reload_ok_;
  info.last_config_nanos = last_config_nanos_;
  info.failed_reload_nanos = failed_reload_nanos_;
  info.storage_retention = DescribeRetention(Retention(*config_));
  return info;
}

api::Sources App::ApiSources() {
  api::Sources sources;
  // The parts exist once parts_ready_ is set, and live longer than the web server.
  const auto ready = parts_ready_;
  sources.targets = [this, ready](const std::string& pool) {
    return *ready ? scrape_->Targets(pool) : scrape::TargetsSnapshot();
  };
  sources.scrape_pools = [this, ready] {
    return *ready ? scrape_->PoolNames() : std::vector<std::string>();
  };
  sources.scrape_pool_config = [this](const std::string& pool) -> StatusOr<std::string> {
    for (const config::ScrapeConfig& job : current()->scrape_configs) {
      if (job.job_name == pool) return job.yaml;
    }
    return NotFound("scrape pool {} not found", pool);
  };
  sources.scrape_pool_rules =
      [this](const std::string& pool) -> StatusOr<std::vector<RelabelConfig>> {
    for (const config::ScrapeConfig& job : current()->scrape_configs) {
      if (job.job_name == pool) return job.relabel_configs;
    }
    return NotFound("scrape pool {} not found", pool);
  };
  sources.metadata = [this, ready](const std::string& metric) {
    return *ready ? scrape_->Metadata(metric) : std::vector<scrape::TargetMetadata>();
  };
  sources.rules = [this, ready] {
    return *ready ? rules_->Groups() : std::vector<rules::GroupStatus>();
  };
  sources.alertmanagers = [this, ready] {
    return *ready ? notifier_->alertmanagers() : notifier::Alertmanagers();
  };
  sources.config_yaml = [this] { return current()->yaml; };
  sources.external_labels = [this] { return current()->global.external_labels; };
  sources.flags = [this] { return ShownFlags(); };
  sources.runtime_info = [this] { return DescribeRuntime(); };
  sources.tsdb_stats = [this, ready](size_t limit) {
    api::TsdbStats out;
    if (!*ready) return out;
    tsdb::Stats stats = db_->GetStats(limit);
    out.series = stats.series;
    out.label_pairs = stats.label_pairs;
    out.chunks = stats.chunks;
    out.min_time = stats.min_time;
    out.max_time = stats.max_time;
    out.series_by_metric_name = std::move(stats.series_by_metric_name);
    out.values_by_label_name = std::move(stats.values_by_label_name);
    out.bytes_by_label_name = std::move(stats.bytes_by_label_name);
    out.series_by_label_pair = std::move(stats.series_by_label_pair);
    return out;
  };
  sources.tsdb_blocks = [this, ready] {
    std::vector<std::string> out;
    if (!*ready) return out;
    for (const tsdb::BlockMeta& block : db_->Blocks()) {
      out.push_back(Compacted(tsdb::FormatMeta(block)));
    }
    return out;
  };
  sources.delete_series = [this](TimestampMs mint, TimestampMs maxt,
                                 std::span<const Matcher> matchers) {
    return db_->Delete(mint, maxt, matchers);
  };
  sources.clean_tombstones = [this] { return db_->CleanTombstones(); };
  sources.snapshot = [this](bool skip_head) { return Snapshot(skip_head); };
  sources.wal_replay = [this] {
    return api::WalReplay{replay_.min.load(), replay_.max.load(), replay_.current.load()};
  };
  sources.reload = [this] { return requests_.Reload(); };
  sources.quit = [this] { requests_.Stop(); };
  if (*flags_.enable_remote_write) {
    // Asked only once the server is ready.
    sources.remote_write = [this](const http::Request& request, http::ResponseWriter& response) {
      remote_write_->Serve(request, response);
    };
  }
  return sources;
}

Status App::PrepareWeb() {
  api::Options options;
  options.external_url = external_url_;
  options.route_prefix = route_prefix_;
  options.listen_address = flags_.listen_addresses->front();
  options.cors_origin = *flags_.cors_origin;
  options.enable_lifecycle = *flags_.enable_lifecycle;
  options.enable_admin_api = *flags_.enable_admin_api;
  options.lookback_delta_ms = *flags_.lookback_delta_ms;
  NX_ASSIGN_OR_RETURN(api_, api::Api::Create(options, ApiSources(), &registry_));
  router_.ForgiveSpelling();
  api_->Register(router_);
  web::WebOptions pages;
  pages.route_prefix = route_prefix_;
  pages.external_prefix = http::ExternalPath(external_url_).value();
  pages.page_title = *flags_.page_title;
  pages.lookback_delta = FormatPromDuration(*flags_.lookback_delta_ms);
  pages.ready = [this] { return serving_.load(); };
  web::RegisterWebRoutes(router_, std::move(pages));
  http::ServerOptions server;
  server.listen_addresses = *flags_.listen_addresses;
  server.web_config_file = *flags_.web_config_file;
  server.io_threads = 1;
  server.worker_threads = std::max(4, 2 * CpuCount());
  // Queries wait for their turn in the engine, where it is counted and timed, not in front of it.
  server.max_worker_threads = static_cast<int>(*flags_.max_connections);
  server.max_connections = static_cast<size_t>(*flags_.max_connections);
  server.read_timeout = milliseconds(*flags_.read_timeout_ms);
  server.idle_timeout = milliseconds(*flags_.read_timeout_ms);
  server.write_timeout = milliseconds(*flags_.query_timeout_ms + 120'000);
  server.server_name = "web";
  NX_ASSIGN_OR_RETURN(web_, http::Server::Create(server, [this](const http::Request& request,
                                                                http::ResponseWriter& response) {
                        http::Request own = request;
                        router_.Serve(own, response);
                      }));
  NX_RETURN_IF_ERROR(web_->Start());
  for (const std::string& address : *flags_.listen_addresses) {
    NX_LOG(Info, "Listening on", {"component", "web"}, {"address", address});
  }
  return OkStatus();
}

// ---- Start ----

StatusOr<bool> App::OpenStorage() {
  tsdb::Options options;
  options.dir = *flags_.storage_path;
  options.use_lock_file = !*flags_.no_lockfile;
  const tsdb::RetentionLimits retention = Retention(*current());
  options.retention_ms = retention.time_ms;
  options.retention_bytes = retention.bytes;
  options.retention_percentage = retention.percentage;
  options.chunk_range_ms = *flags_.min_block_ms;
  options.max_block_ms = *flags_.max_block_ms;
  options.overlapping_compaction = *flags_.overlapping_compaction;
  options.delay_compact_file = *flags_.delay_compact_file;
  options.block_segment_bytes = static_cast<uint64_t>(*flags_.block_segment_bytes);
  options.maintenance_interval = milliseconds(*flags_.block_reload_ms);
  options.max_exemplars = MaxExemplars(*current());
  options.out_of_order_window_ms = current()->storage.out_of_order_window_ms;
  options.stale_series_threshold = current()->storage.stale_series_threshold;
  if (flags_.features.contains("delayed-compaction")) {
    const int64_t percent = *flags_.compaction_delay_percent;
    options.compaction_delay_percent =
        percent > 0 && percent <= 100 ? static_cast<int>(percent) : kDefaultDelayPercent;
  }
  options.wal_compression = *flags_.wal_compression;
  options.checkpoint_on_close = true;
  if (*flags_.wal_segment_bytes > 0) {
    options.wal_segment_bytes = static_cast<uint64_t>(*flags_.wal_segment_bytes);
  }
  // What a query has shown must survive kill -9: rows go to write(2) as they come, and gather only
  // while the log thread is busy writing.
  options.wal_flush_window = milliseconds(0);
  options.max_series = static_cast<uint64_t>(*flags_.head_series_limit);
  const auto budget = std::make_shared<MemoryBudget>(static_cast<uint64_t>(
      *flags_.memory_budget_ratio * static_cast<double>(CgroupMemoryLimit())));
  if (budget->bytes() > 0) {
    NX_LOG(Info, "New series are refused above this memory", {"bytes", budget->bytes()});
    options.refuse_growth = [budget] { return budget->Exhausted(); };
  }
  options.registry = &registry_;
  options.progress = &replay_;
  NX_LOG(Info, "Starting TSDB ...", {"path", options.dir});
  // In a thread of its own, so that a signal is heard during a long replay.
  std::promise<StatusOr<std::unique_ptr<tsdb::Db>>> promise;
  auto opened = promise.get_future();
  NamedThread opener("tsdb-open", [&] {
    promise.set_value(tsdb::Db::Open(options));
    requests_.Wake();
  });
  while (opened.wait_for(milliseconds(0)) != std::future_status::ready) {
    const Requests::Event event = requests_.Wait(-1);
    reload_asked_ |= event == Requests::Event::kReload;
    if (event == Requests::Event::kStop) {
      NX_LOG(Info, "Stopping before the storage is open");
      // Nothing was written yet: the log is only being read.
      std::_Exit(0);
    }
  }
  StatusOr<std::unique_ptr<tsdb::Db>> db = opened.get();
  if (!db.ok()) return db.status();
  db_ = *std::move(db);
  NX_LOG(Info, "TSDB started", {"series", db_->series_count()});
  NX_ASSIGN_OR_RETURN(
      active_queries_,
      ActiveQueries::Open(*flags_.storage_path,
                          promql::QueryGate::Places(static_cast<int>(*flags_.query_concurrency))));
  return true;
}

void App::StartScraping() {
  scrape::Options scrape_options;
  scrape_options.workers = CpuCount();
  scrape_options.adjust_timestamps = *flags_.adjust_timestamps;
  scrape_options.store_metadata = flags_.features.contains("metadata-wal-records");
  scrape_options.store_starts = flags_.features.contains("created-timestamp-zero-ingestion");
  scrape_options.type_and_unit_labels = flags_.features.contains("type-and-unit-labels");
  scrape_options.timestamp_tolerance_ms = *flags_.timestamp_tolerance_ms;
  scrape_options.reload_interval_ms = *flags_.discovery_reload_interval_ms;
  scrape_options.body_memory_limit =
      static_cast<size_t>(std::max<int64_t>(0, *flags_.body_memory_limit));
  scrape_options.user_agent = UserAgent();
  scrape_ = std::make_unique<scrape::Manager>(scrape_options, &late_storage_, &registry_);

  scrape_discovery_ = std::make_unique<discovery::Manager>(
      discovery::Manager::Options{
          .name = "scrape", .registry = &registry_, .user_agent = UserAgent()},
      [this](auto sets) { scrape_->UpdateTargets(std::move(sets)); });
  scrape_->Start(/*hold=*/true);
  scrape_discovery_->Start();
  const std::shared_ptr<const config::Config> config = current();
  // What is wrong with it is told when everything is applied.
  if (!scrape_->ApplyConfig(config).ok()) return;
  scrape_discovery_->ApplyConfig(ScrapeDiscovery(*config));
}

void App::StopScraping() {
  NX_LOG(Info, "Stopping scrape discovery manager...");
  scrape_discovery_->Stop();
  NX_LOG(Info, "Stopping scrape manager...");
  scrape_->Stop();
}

void App::StartParts() {
  late_storage_.Set(db_.get());
  scrape_->Release();
  promql::EngineOptions engine;
  engine.max_samples = *flags_.query_max_samples;
  engine.timeout_ms = *flags_.query_timeout_ms;
  engine.max_concurrent = static_cast<int>(*flags_.query_concurrency);
  engine.memory_limit = *flags_.query_memory_limit;
  engine.total_memory_limit = *flags_.query_total_memory_limit;
  engine.eval = EvalOptionsOf(flags_);
  engine.lookback_delta_ms = *flags_.lookback_delta_ms;
  engine.parser = ParserOptionsOf(flags_);
  engine.default_subquery_step = [this](int64_t) {
    return current()->global.evaluation_interval_ms;
  };
  engine.registry = &registry_;
  engine.observer = active_queries_.get();
  engine_ = std::make_unique<promql::Engine>(std::move(engine));

  remote_write_ = std::make_unique<remote::WriteHandler>(db_.get(), &registry_);

  notifier::Options notify;
  notify.queue_capacity = static_cast<size_t>(*flags_.notification_queue_capacity);
  notify.batch_size = static_cast<size_t>(*flags_.notification_batch_size);
  notify.drain_on_shutdown = *flags_.drain_notifications;
  notify.user_agent = UserAgent();
  notify_http_ = std::make_unique<http::ClientRuntime>(1, "notify-http");
  notifier_ = std::make_unique<notifier::Manager>(notify, *notify_http_, &registry_);

  rules::Options rule_options;
  rule_options.workers = std::max(2, CpuCount());
  if (flags_.features.contains("concurrent-rule-eval")) {
    constexpr int64_t kMostEvals = 256;
    rule_options.concurrent_evals =
        static_cast<int>(std::clamp<int64_t>(*flags_.max_concurrent_evals, 0, kMostEvals));
  }
  rule_options.external_url = external_url_;
  rule_options.outage_tolerance_ms = *flags_.outage_tolerance_ms;
  rule_options.for_grace_period_ms = *flags_.for_grace_period_ms;
  rule_options.resend_delay_ms = *flags_.resend_delay_ms;
  rule_options.parser = ParserOptionsOf(flags_);
  rules_ = std::make_unique<rules::Manager>(
      rule_options, rules::EngineQuery(*engine_, *db_), db_.get(), db_.get(),
      [this](std::vector<notifier::Alert> alerts) { notifier_->Send(alerts); }, &registry_);

  notify_discovery_ = std::make_unique<discovery::Manager>(
      discovery::Manager::Options{
          .name = "notify", .registry = &registry_, .user_agent = UserAgent()},
      [this](auto sets) { notifier_->UpdateTargets(std::move(sets)); });
  *parts_ready_ = true;
  api_->SetStorage(engine_.get(), db_.get(), db_.get());
}

int App::Run() {
  StatusOr<std::string> url =
      ResolveExternalUrl(*flags_.external_url, flags_.listen_addresses->front());
  if (!url.ok()) {
    NX_LOG(Error, "parse external URL", {"err", url.status()});
    return 2;
  }
  external_url_ = *std::move(url);
  route_prefix_ = http::RoutePrefix(*flags_.route_prefix, external_url_).value();
  if (const Status status = PrepareWeb(); !status.ok()) {
    NX_LOG(Error, "Unable to start web listener", {"err", status});
    return status.code() == StatusCode::kInvalidArgument ? 2 : 1;
  }
  StartScraping();
  if (const StatusOr<bool> opened = OpenStorage(); !opened.ok()) {
    NX_LOG(Error, "Opening storage failed", {"err", opened.status()});
    StopScraping();
    web_->Stop(milliseconds(0));
    return 1;
  }
  StartParts();
  rules_->Start();
  notify_discovery_->Start();
  const Status applied = Apply(current());
  int exit_code = 0;
  if (applied.ok()) {
    api_->SetState(api::Api::State::kReady);
    serving_ = true;
    NX_LOG(Info, "Server is ready to receive web requests.");
    if (reload_asked_) requests_.FinishReload(Reload());
    ServeRequests();
  } else {
    NX_LOG(Error, "error loading config", {"file", *flags_.config_file}, {"err", applied});
    exit_code = 1;
  }
  Shutdown();
  return exit_code;
}

void App::ServeRequests() {
  const bool auto_reload = *flags_.auto_reload || flags_.features.contains("auto-reload-config");
  const int timeout = auto_reload ? static_cast<int>(*flags_.auto_reload_interval_ms) : -1;
  for (;;) {
    switch (requests_.Wait(timeout)) {
      case Requests::Event::kStop: return;
      case Requests::Event::kReload: requests_.FinishReload(Reload()); break;
      case Requests::Event::kNone:
        if (auto_reload && DigestFiles(*current()) != config_digest_) {
          NX_LOG(Info, "Configuration file change detected, reloading the configuration.");
          static_cast<void>(Reload());
        }
        break;
    }
  }
}

// ---- Stop ----

void App::Shutdown() {
  api_->SetState(api::Api::State::kStopping);
  serving_ = false;
  requests_.Close();
  NX_LOG(Info, "Stopping scrape discovery manager...");
  scrape_discovery_->Stop();
  notify_discovery_->Stop();
  NX_LOG(Info, "Stopping rule manager...");
  rules_->Stop();
  NX_LOG(Info, "Stopping scrape manager...");
  scrape_->Stop();
  web_->Stop();
  *parts_ready_ = false;
  NX_LOG(Info, "Stopping notification manager...");
  notifier_->Stop();
  // Whoever writes goes before the storage.
  scrape_discovery_.reset();
  notify_discovery_.reset();
  scrape_.reset();
  rules_.reset();
  if (*flags_.export_wal) {
    if (const Status status = db_->ExportLog(); !status.ok()) {
      NX_LOG(Error, "Exporting the write-ahead log failed", {"err", status});
    }
  }
  if (const Status status = db_->Close(); !status.ok()) {
    NX_LOG(Error, "Error stopping storage", {"err", status});
  }
  NX_LOG(Info, "See you next time!");
}

}  // namespace narthex::prometheus
