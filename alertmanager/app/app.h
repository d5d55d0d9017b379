#pragma once
// Alertmanager as a whole: storage, the running configuration, the web server.
//
//   NX_ASSIGN_OR_RETURN(auto app, App::Create(options, Clock::System()));   // a bad config is
//   fatal NX_RETURN_IF_ERROR(app->Start());
//
// Threads: the dispatch loop, one HTTP client thread, the web server's, those of the time limit.
// Create, Start and Stop belong to the main thread; Reload and running() may be called from any.

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "alertmanager/api/api.h"
#include "alertmanager/app/options.h"
#include "core/http/client.h"
#include "core/http/time_limit.h"
#include "core/kv/store.h"
#include "core/metrics/http_handler.h"

namespace narthex::am {

class App {
 public:
  static StatusOr<std::unique_ptr<App>> Create(Options options, const Clock& clock);
  ~App();

  Status Start();
  void Stop();
  // Loads the file again. On failure the old configuration keeps running.
  Status Reload() EXCLUDES(reload_mutex_, running_mutex_);
  // The same when the file or its templates are not what they were at the last load, good or bad.
  // Says whether it was tried.
  bool ReloadIfChanged() EXCLUDES(reload_mutex_, running_mutex_);
  int64_t auto_reload_interval_ms() const { return options_.auto_reload_interval_ms; }

  std::shared_ptr<const Running> running() const EXCLUDES(running_mutex_);
  std::vector<int> ports() const { return server_->ports(); }
  Registry& registry() { return registry_; }

 private:
  App(Options options, const Clock& clock);
  Status OpenStorage();
  Status ImportSnapshots();
  Status ResolveUrls();
  Status Apply(std::shared_ptr<const Config> config) REQUIRES(reload_mutex_);
  Status ReloadLocked() REQUIRES(reload_mutex_) EXCLUDES(running_mutex_);
  // What the configuration file and these templates hold now.
  std::string Digest(const std::vector<std::string>& templates) const;
  StatusOr<std::shared_ptr<const Receivers>> BuildReceivers(const Config& config);
  void AddMetrics();
  void AddRoutes();
  void ForEachFiring(const std::function<void(const AlertPtr&, bool suppressed)>& visit);
  void Serve(const http::Request& request, http::ResponseWriter& response);
  // The same, within the limit of concurrent GETs but whatever time it takes.
  void ServeLimited(const http::Request& request, http::ResponseWriter& response);
  void ScheduleMaintenance();
  void ScheduleAlertGc();

  Options options_;
  const Clock& clock_;
  Registry registry_;
  std::unique_ptr<KvStore> store_;
  std::unique_ptr<Silences> silences_;
  std::unique_ptr<NotificationLog> log_;
  AlertStore alerts_;
  Loop loop_;
  std::unique_ptr<http::ClientRuntime> client_runtime_;
  NotifyMetrics notify_metrics_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<MetricsHandler> metrics_handler_;
  http::Router router_;
  std::unique_ptr<http::TimeLimit> time_limit_;  // null: none
  std::unique_ptr<http::Server> server_;
  int64_t not_before_ = 0;
  std::atomic<int> gets_in_flight_{0};
  std::atomic<bool> routes_ready_{false};
  bool started_ = false;

  Mutex reload_mutex_;                                            // one reload at a time
  std::string digest_ GUARDED_BY(reload_mutex_);                  // of the files at the last load
  std::vector<std::string> templates_ GUARDED_BY(reload_mutex_);  // patterns of the last good one
  mutable Mutex running_mutex_;
  std::shared_ptr<const Running> running_ GUARDED_BY(running_mutex_);

  Gauge& config_ok_;
  Gauge& config_time_;
  Gauge& config_hash_;
  Counter& gets_refused_;
  Gauge& gets_running_;
};

}  // namespace narthex::am
