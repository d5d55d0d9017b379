#include "server/cmd/prometheus/app.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "core/http/route_prefix.h"
#include "core/log/log.h"

namespace narthex::prometheus {
namespace {

using std::chrono::milliseconds;

std::string UserAgent() { return fmt::format("Prometheus/{}", GetBuildInfo("prometheus").version); }

}  // namespace

int CpuCount() { return std::max(1U, std::thread::hardware_concurrency()); }

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
  remote::ReadOptions read;
  read.sample_limit = *flags_.read_sample_limit;
  read.concurrent_limit = *flags_.read_concurrent_limit;
  read.max_frame_bytes = *flags_.read_max_frame_bytes;
  read.memory_limit = static_cast<size_t>(*flags_.query_memory_limit);
  read.external_labels = [this] { return current()->global.external_labels; };
  remote_read_ = std::make_unique<remote::ReadHandler>(std::move(read), db_.get(), &registry_);

  notifier::Options notify;
  notify.queue_capacity = static_cast<size_t>(*flags_.notification_queue_capacity);
  notify.batch_size = static_cast<size_t>(*flags_.notification_batch_size);
  notify.drain_on_shutdown = *flags_.drain_notifications;
  notify.user_agent = UserAgent();
  notify_http_ = std::make_unique<http::ClientRuntime>(1, "notify-http", &registry_);
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
      [this](const std::vector<notifier::Alert>& alerts) { notifier_->Send(alerts); }, &registry_);

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
  if (const Status opened = OpenStorage(); !opened.ok()) {
    NX_LOG(Error, "Opening storage failed", {"err", opened});
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
  remote_read_->Stop();
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
    if (const Status status = db_->ExportLog(ExportCompression()); !status.ok()) {
      NX_LOG(Error, "Exporting the write-ahead log failed", {"err", status});
    }
  }
  if (const Status status = db_->Close(); !status.ok()) {
    NX_LOG(Error, "Error stopping storage", {"err", status});
  }
  NX_LOG(Info, "See you next time!");
}

}  // namespace narthex::prometheus
