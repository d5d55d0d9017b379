#pragma once
// The server as a whole: makes every part, wires them, starts and stops them in order.
//
//   web listens ──▶ discovery and scrapes begin, what they bring waits ──▶ storage replays (gated
//   routes answer 503) ──▶ what waited is stored ──▶ engine, rules, notifier ──▶ configuration
//   applied ──▶ ready ──▶ … ──▶ stop in reverse
//
// Thread safety: Run and everything it calls belong to the main thread; what the API asks for comes
// through Requests or reads published snapshots.

#include <atomic>
#include <memory>
#include <string>

#include "core/base/mutex.h"
#include "core/http/server.h"
#include "core/metrics/registry.h"
#include "server/api/api.h"
#include "server/cmd/prometheus/active_queries.h"
#include "server/cmd/prometheus/flags.h"
#include "server/cmd/prometheus/late_storage.h"
#include "server/cmd/prometheus/reload.h"
#include "server/config/config.h"
#include "server/discovery/manager.h"
#include "server/notifier/manager.h"
#include "server/promql/engine/engine.h"
#include "server/promql/engine/gate.h"
#include "server/remote/read_handler.h"
#include "server/remote/write_handler.h"
#include "server/rules/manager.h"
#include "server/scrape/manager.h"
#include "server/storage/tsdb/db.h"

namespace narthex::prometheus {

class App {
 public:
  // `requests` outlives the app.
  App(Flags& flags, Requests& requests, std::shared_ptr<const config::Config> config);
  ~App();

  // Returns the exit code of the process.
  int Run();

 private:
  Status PrepareWeb();
  api::Sources ApiSources();
  api::RuntimeInfo DescribeRuntime() const EXCLUDES(mutex_);
  tsdb::Options StorageOptions();
  // Ends the process when it is told to stop meanwhile.
  Status OpenStorage();
  tsdb::LogCompression ExportCompression() const;
  // Scrapes before the storage is open; what they bring waits.
  void StartScraping();
  void StopScraping();
  void StartParts();
  void ServeRequests();
  void Shutdown();

  Status Reload() EXCLUDES(mutex_);
  Status Apply(std::shared_ptr<const config::Config> config) EXCLUDES(mutex_);
  Status ApplyQueryLog(const config::Config& config);
  Status ApplyRules(const config::Config& config);
  void ApplyDiscovery(const config::Config& config);
  tsdb::RetentionLimits Retention(const config::Config& config) const;
  std::vector<std::pair<std::string, std::string>> ShownFlags() const EXCLUDES(mutex_);
  StatusOr<std::string> Snapshot(bool skip_head) const;
  uint64_t MaxExemplars(const config::Config& config) const;
  void RegisterMetrics();
  std::shared_ptr<const config::Config> current() const EXCLUDES(mutex_);

  Flags& flags_;
  Requests& requests_;
  const int64_t start_nanos_;
  std::string external_url_;
  std::string route_prefix_;

  Registry registry_;
  Gauge* reload_successful_ = nullptr;
  Gauge* reload_timestamp_ = nullptr;

  mutable Mutex mutex_;
  std::shared_ptr<const config::Config> config_ GUARDED_BY(mutex_);
  bool reload_ok_ GUARDED_BY(mutex_) = true;
  int64_t last_config_nanos_ GUARDED_BY(mutex_) = 0;
  std::string config_digest_;  // of all files, for --config.auto-reload

  tsdb::ReplayProgress replay_;
  bool reload_asked_ = false;  // while the storage was being opened
  LateStorage late_storage_;
  // In the order of dependence: each is destroyed before those above it.
  std::unique_ptr<tsdb::Db> db_;
  std::unique_ptr<ActiveQueries> active_queries_;
  std::unique_ptr<promql::Engine> engine_;
  std::unique_ptr<http::ClientRuntime> notify_http_;
  std::unique_ptr<remote::WriteHandler> remote_write_;
  std::unique_ptr<remote::ReadHandler> remote_read_;
  std::unique_ptr<notifier::Manager> notifier_;
  std::unique_ptr<rules::Manager> rules_;
  std::unique_ptr<scrape::Manager> scrape_;
  std::unique_ptr<discovery::Manager> notify_discovery_;
  std::unique_ptr<discovery::Manager> scrape_discovery_;
  http::Router router_;
  std::unique_ptr<api::Api> api_;
  std::unique_ptr<http::Server> web_;
  std::atomic<bool> serving_{false};
  std::shared_ptr<std::atomic<bool>> parts_ready_ = std::make_shared<std::atomic<bool>>(false);
};

// The rule files of a configuration, globs expanded.
StatusOr<std::vector<std::string>> RuleFiles(const config::Config& config);
// What finds the targets of each job.
std::map<std::string, discovery::DiscoveryConfigs> ScrapeDiscovery(const config::Config& config);
// A digest of everything a reload would read.
std::string DigestFiles(const config::Config& config);
int CpuCount();
promql::ParserOptions ParserOptionsOf(const Flags& flags);
promql::EvalOptions EvalOptionsOf(const Flags& flags);
StatusOr<std::shared_ptr<const config::Config>> LoadConfig(const Flags& flags);

}  // namespace narthex::prometheus
