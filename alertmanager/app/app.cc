#include "alertmanager/app/app.h"

#include <unistd.h>

#include <algorithm>
#include <random>

#include "alertmanager/notify/webhook.h"
#include "alertmanager/templates/templates.h"
#include "core/base/file.h"
#include "core/config/url.h"
#include "core/http/route_prefix.h"
#include "core/log/log.h"
#include "core/strings/duration.h"
#include "core/strings/quote.h"

namespace narthex::am {
namespace {

constexpr size_t kMaxWatchedBytes = size_t{64} << 20;

constexpr int kMaxGetThreads = 256;
constexpr uint32_t kSchemaVersion = 1;
constexpr std::string_view kStoreDirectory = "state";
constexpr std::string_view kImported = "meta/imported";
constexpr size_t kMaxSnapshotBytes = 1 << 30;

double Random() {
  thread_local std::minstd_rand generator(std::random_device{}());
  return std::generate_canonical<double, 32>(generator);
}

std::string Hostname() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

}  // namespace

App::App(Options options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      alerts_(clock),
      loop_(clock),
      client_runtime_(std::make_unique<http::ClientRuntime>(1, "am-notify")),
      notify_metrics_(registry_),
      config_ok_(
          registry_.AddGauge("alertmanager_config_last_reload_successful",
                             "Whether the last configuration reload attempt was successful.")),
      config_time_(registry_.AddGauge("alertmanager_config_last_reload_success_timestamp_seconds",
                                      "Timestamp of the last successful configuration reload.")),
      config_hash_(
          registry_.AddGauge("alertmanager_config_hash",
                             "Hash of the currently loaded alertmanager configuration. Note "
                             "that this is not a cryptographically strong hash.")),
      gets_refused_(registry_
                        .AddCounterVec("alertmanager_http_concurrency_limit_exceeded_total",
                                       "Total number of times an HTTP request failed because the "
                                       "concurrency limit was reached.",
                                       {"method"})
                        .With({"get"})),
      gets_running_(registry_
                        .AddGaugeVec("alertmanager_http_requests_in_flight",
                                     "Current number of HTTP requests being processed.", {"method"})
                        .With({"get"})) {}

App::~App() { Stop(); }

StatusOr<std::unique_ptr<App>> App::Create(Options options, const Clock& clock) {
  std::unique_ptr<App> app(new App(std::move(options), clock));
  NX_RETURN_IF_ERROR(CreateDirectories(app->options_.storage_path));
  StatusOr<std::shared_ptr<const Config>> config = LoadConfigFile(app->options_.config_file);
  if (!config.ok()) {
    return Annotate(config.status(), "Loading configuration file failed");
  }
  NX_RETURN_IF_ERROR(app->OpenStorage());
  app->api_ = std::make_unique<Api>(
      Api::Dependencies{.clock = &clock,
                        .store = &app->alerts_,
                        .silences = app->silences_.get(),
                        .running = [raw = app.get()] { return raw->running(); },
                        .registry = &app->registry_,
                        .log_silences = app->options_.log_silences});
  app->AddMetrics();
  if (const int64_t ms = app->options_.timeout_ms; ms > 0) {
    app->time_limit_ = std::make_unique<http::TimeLimit>(
        "am-web", std::chrono::milliseconds(ms),
        fmt::format("Exceeded configured timeout of {}.\n", FormatGoDuration(ms * 1'000'000)),
        [raw = app.get()](const http::Request& request, http::ResponseWriter& response) {
          raw->ServeLimited(request, response);
        });
  }
  http::ServerOptions server;
  server.listen_addresses = app->options_.listen_addresses;
  server.web_config_file = app->options_.web_config_file;
  server.server_name = "alertmanager";
  // As many GETs as are allowed run at once; the threads over those are for what is posted.
  server.max_worker_threads =
      std::min(app->options_.get_concurrency, kMaxGetThreads) + server.worker_threads;
  NX_ASSIGN_OR_RETURN(
      app->server_,
      http::Server::Create(std::move(server), [raw = app.get()](const http::Request& request,
                                                                http::ResponseWriter& response) {
        raw->Serve(request, response);
      }));
  // The default of the external URL names the port, so the configuration is applied on Start; here
  // it is only proven good.
  NX_RETURN_IF_ERROR(app->BuildReceivers(**config).status());
  if (!app->options_.external_url.empty()) NX_RETURN_IF_ERROR(app->ResolveUrls());
  return app;
}

Status App::OpenStorage() {
  NX_ASSIGN_OR_RETURN(
      store_, KvStore::Open(JoinPath(options_.storage_path, kStoreDirectory), kSchemaVersion));
  NX_ASSIGN_OR_RETURN(silences_,
                      Silences::Open(store_.get(), clock_, options_.retention_ns,
                                     {options_.max_silences, options_.max_silence_bytes}));
  NX_ASSIGN_OR_RETURN(log_, NotificationLog::Open(store_.get(), clock_));
  return ImportSnapshots();
}

// Upstream's files are read once, when the store is new; they stay where they are.
Status App::ImportSnapshots() {
  NX_ASSIGN_OR_RETURN(const auto done, store_->Get(kImported));
  if (done.has_value()) return OkStatus();
  const std::string silences = JoinPath(options_.storage_path, "silences");
  if (FileExists(silences)) {
    NX_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(silences, kMaxSnapshotBytes));
    NX_RETURN_IF_ERROR(Annotate(silences_->Import(bytes), silences));
  }
  const std::string log = JoinPath(options_.storage_path, "nflog");
  if (FileExists(log)) {
    NX_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(log, kMaxSnapshotBytes));
    NX_RETURN_IF_ERROR(Annotate(log_->Import(bytes), log));
  }
  return store_->Put(kImported, "1", Durability::kSync);
}

Status App::ResolveUrls() {
  std::string& url = options_.external_url;
  if (url.empty()) {
    url = fmt::format("http://{}:{}/", Hostname(), ports().empty() ? 0 : ports().front());
  }
  const bool is_url = url.find(':') != std::string::npos;
  NX_ASSIGN_OR_RETURN(const http::Url parsed, is_url ? http::Url::Parse(url) : http::Url());
  if (parsed.scheme != "http" && parsed.scheme != "https") {
    return InvalidArgument("{}: invalid {} scheme, only 'http' and 'https' are supported",
                           GoQuote(url), GoQuote(parsed.scheme));
  }
  while (url.ends_with('/')) url.pop_back();
  NX_ASSIGN_OR_RETURN(options_.route_prefix, http::RoutePrefix(options_.route_prefix, url));
  return OkStatus();
}

StatusOr<std::shared_ptr<const Receivers>> App::BuildReceivers(const Config& config) {
  auto receivers = std::make_shared<Receivers>();
  NX_ASSIGN_OR_RETURN(auto templates,
                      Templates::Load(config.templates, options_.external_url, clock_));
  for (const Receiver& receiver : config.receivers) {
    std::vector<Integration>& list = receivers->integrations[receiver.name];
    for (size_t i = 0; i < receiver.webhooks.size(); ++i) {
      NX_ASSIGN_OR_RETURN(auto notifier, MakeWebhook(receiver.webhooks[i], *client_runtime_,
                                                     options_.external_url, templates));
      list.push_back({"webhook", static_cast<uint32_t>(i), receiver.webhooks[i].send_resolved,
                      std::move(notifier)});
    }
  }
  return std::shared_ptr<const Receivers>(std::move(receivers));
}

Status App::Apply(std::shared_ptr<const Config> config) {
  NX_ASSIGN_OR_RETURN(auto receivers, BuildReceivers(*config));
  auto next = std::make_shared<Running>();
  next->config = config;
  next->tree = std::make_shared<const RouteTree>(config);
  next->inhibitor = std::make_shared<Inhibitor>(config, clock_);
  auto context = std::make_shared<FlushContext>();
  context->loop = &loop_;
  context->clock = &clock_;
  context->log = log_.get();
  context->silences = silences_.get();
  context->inhibitor = next->inhibitor;
  context->receivers = std::move(receivers);
  context->metrics = &notify_metrics_;
  context->retention_ns = options_.retention_ns;
  context->random = Random;
  next->dispatcher = std::make_shared<Dispatcher>(next->tree, std::move(context), not_before_);
  // The inhibitor knows every alert before the first group can flush.
  for (const AlertPtr& alert : alerts_.All()) next->inhibitor->Observe(alert);
  std::shared_ptr<const Running> previous = running();
  if (previous != nullptr) previous->dispatcher->Stop();
  {
    MutexLock lock(running_mutex_);
    running_ = next;
  }
  alerts_.Attach([next](const AlertPtr& alert) {
    next->inhibitor->Observe(alert);
    next->dispatcher->Ingest(alert);
  });
  config_hash_.Set(config->hash);
  return OkStatus();
}

std::string App::Digest(const std::vector<std::string>& templates) const {
  std::string digest;
  const auto add = [&](const std::string& path) {
    const StatusOr<std::string> text = ReadFile(path, kMaxWatchedBytes);
    const std::string content = text.ok() ? *text : std::string(MessageOf(text.status()));
    digest += fmt::format("{} {} {}\n", path, content.size(), std::hash<std::string>{}(content));
  };
  add(options_.config_file);
  for (const std::string& pattern : templates) {
    for (const std::string& path : TemplateFiles(pattern)) add(path);
  }
  return digest;
}

Status App::Reload() {
  MutexLock lock(reload_mutex_);
  return ReloadLocked();
}

bool App::ReloadIfChanged() {
  MutexLock lock(reload_mutex_);
  if (Digest(templates_) == digest_) return false;
  NX_LOG(Info, "Configuration file change detected, reloading the configuration.");
  (void)ReloadLocked();  // it logs and counts its own failures
  return true;
}

Status App::ReloadLocked() {
  // Taken before the files are read: a change in between is one more reload, never a lost one.
  digest_ = Digest(templates_);
  StatusOr<std::shared_ptr<const Config>> config = LoadConfigFile(options_.config_file);
  if (config.ok() && (*config)->templates != templates_) {
    templates_ = (*config)->templates;
    digest_ = Digest(templates_);
  }
  Status status = config.ok() ? Apply(*config) : config.status();
  config_ok_.Set(status.ok() ? 1 : 0);
  if (!status.ok()) {
    NX_LOG(Error, "Loading configuration file failed", {"file", options_.config_file},
           {"err", status});
    return status;
  }
  config_time_.Set(clock_.NowSeconds());
  NX_LOG(Info, "Completed loading of configuration file", {"file", options_.config_file});
  return OkStatus();
}

std::shared_ptr<const Running> App::running() const {
  MutexLock lock(running_mutex_);
  return running_;
}

Status App::Start() {
  not_before_ = options_.start_delay_ns > 0 ? clock_.MonotonicNanos() + options_.start_delay_ns : 0;
  if (options_.external_url.empty()) {
    // Bind first to learn the port; nothing is routed until the routes are there.
    NX_RETURN_IF_ERROR(server_->Start());
    NX_RETURN_IF_ERROR(ResolveUrls());
    NX_RETURN_IF_ERROR(Reload());
    loop_.Start();
    AddRoutes();
  } else {
    NX_RETURN_IF_ERROR(Reload());
    loop_.Start();
    AddRoutes();
    NX_RETURN_IF_ERROR(server_->Start());
  }
  loop_.Post([this] {
    ScheduleMaintenance();
    ScheduleAlertGc();
  });
  started_ = true;
  for (int port : ports()) NX_LOG(Info, "Listening", {"port", port});
  return OkStatus();
}

void App::Stop() {
  if (!started_) return;
  started_ = false;
  server_->Stop();
  time_limit_.reset();
  alerts_.Attach(nullptr);
  if (auto now = running(); now != nullptr) now->dispatcher->Stop();
  // Requests in flight end now; their results still reach the loop.
  client_runtime_.reset();
  loop_.Stop();
}

void App::ScheduleMaintenance() {
  if (options_.maintenance_interval_ns == 0) return;
  loop_.After(options_.maintenance_interval_ns, [this] {
    for (const Status& status : {silences_->CollectGarbage(), log_->CollectGarbage()}) {
      if (!status.ok()) NX_LOG(Error, "Maintenance failed", {"err", status});
    }
    ScheduleMaintenance();
  });
}

void App::ScheduleAlertGc() {
  loop_.After(options_.alert_gc_interval_ns, [this] {
    alerts_.CollectGarbage();
    if (auto now = running(); now != nullptr) now->inhibitor->CollectGarbage();
    ScheduleAlertGc();
  });
}

}  // namespace narthex::am
