#pragma once
// The HTTP API: /api/v1/*, /federate, /-/*, /metrics and /version. A leaf: it sees data through the
// functions of Sources and concrete types only where they are plain values.
//
//   auto api = Api::Create(options, sources, &registry);
//   api->Register(router);             // before the server starts
//   …                                 // open the storage; gated routes answer 503
//   api->SetStorage(&engine, &db);
//   api->SetState(Api::State::kReady);
//
// Thread safety: all methods; handlers run on the workers of the HTTP server.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/http/server.h"
#include "core/labels/relabel.h"
#include "core/metrics/registry.h"
#include "server/notifier/alert.h"
#include "server/promql/engine/engine.h"
#include "server/rules/status.h"
#include "server/scrape/target_status.h"
#include "server/storage/interface.h"

namespace narthex::api {

struct Options {
  std::string external_url;  // "http://host:9090/prefix", without a slash at the end
  std::string route_prefix;  // "" or "/prefix"
  // "host:port" we listen on: tells ourselves among the targets on localhost (globalUrl).
  std::string listen_address;
  std::string cors_origin = ".*";  // anchored expression
  bool enable_lifecycle = false;
  bool enable_admin_api = false;
  int64_t max_notification_subscribers = 16;
  int64_t lookback_delta_ms = 300'000;  // how old a federated sample may be
  const Clock* clock = &Clock::System();
};

// /api/v1/status/runtimeinfo.
struct RuntimeInfo {
  int64_t start_time_nanos = 0;
  std::string cwd, hostname;
  bool reload_config_success = true;
  int64_t last_config_nanos = 0;
  int64_t corruption_count = 0;
  int64_t threads = 0;
  int64_t cpus = 0;
  int64_t memory_limit_bytes = 0;
  std::string gogc, godebug;
  std::string storage_retention;
};

// /api/v1/status/tsdb.
struct TsdbStats {
  using Entry = std::pair<std::string, uint64_t>;
  uint64_t series = 0, label_pairs = 0, chunks = 0;
  TimestampMs min_time = 0, max_time = 0;
  std::vector<Entry> series_by_metric_name, values_by_label_name, bytes_by_label_name,
      series_by_label_pair;
};

// /api/v1/features: by category and name whether it is there and on.
using Features = std::map<std::string, std::map<std::string, bool>>;

struct WalReplay {
  int64_t min = 0, max = 0, current = 0;
};

// Where the data comes from. Every function may be called from any thread; those left empty make
// their endpoint answer "unavailable".
struct Sources {
  std::function<scrape::TargetsSnapshot(const std::string& pool)> targets;
  std::function<std::vector<std::string>()> scrape_pools;
  // The resolved configuration of a job as YAML; NotFound for an unknown one.
  std::function<StatusOr<std::string>(const std::string& pool)> scrape_pool_config;
  // The rules for the targets of a job; NotFound for an unknown one.
  std::function<StatusOr<std::vector<RelabelConfig>>(const std::string& pool)> scrape_pool_rules;
  std::function<std::vector<scrape::TargetMetadata>(const std::string& metric)> metadata;
  std::function<std::vector<rules::GroupStatus>()> rules;
  std::function<notifier::Alertmanagers()> alertmanagers;
  std::function<std::string()> config_yaml;
  std::function<Labels()> external_labels;  // none when left empty
  std::function<std::vector<std::pair<std::string, std::string>>()> flags;
  std::function<Features()> features;
  std::function<RuntimeInfo()> runtime_info;
  std::function<TsdbStats(size_t limit)> tsdb_stats;
  std::function<std::vector<std::string>()> tsdb_blocks;  // the meta data of each, as JSON
  std::function<WalReplay()> wal_replay;
  // Administration of the storage; only asked when Options::enable_admin_api is set.
  std::function<Status(TimestampMs, TimestampMs, std::span<const Matcher>)> delete_series;
  std::function<Status()> clean_tombstones;
  std::function<StatusOr<std::string>(bool skip_head)> snapshot;  // returns its name
  std::function<Status()> reload;  // blocks until the configuration is in force
  std::function<void()> quit;      // asks for the end and returns
  http::Handler remote_read;       // POST /api/v1/read; left empty: 404
  http::Handler remote_write;      // POST /api/v1/write; left empty: 404, as when it is not enabled
};

class Api {
 public:
  enum class State { kStarting, kReady, kStopping };

  // Fails on a CORS expression that does not compile.
  static StatusOr<std::unique_ptr<Api>> Create(Options options, Sources sources,
                                               Registry* registry);
  ~Api();

  // Adds the routes and the middleware that counts and times every request of the router.
  void Register(http::Router& router);
  // They outlive the API. Before SetState(kReady). Without exemplars none are found.
  void SetStorage(const promql::Engine* engine, const storage::Queryable* storage,
                  const storage::ExemplarQueryable* exemplars = nullptr);
  void SetState(State state);
  // Of the configuration, for the notifications.
  void NoteReload(bool ok);
  // Wraps the handler of another module so that it answers 503 until the server is ready. The API
  // outlives it.
  http::Handler Gated(http::Handler handler) const;

 private:
  struct Impl;
  explicit Api(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::api
