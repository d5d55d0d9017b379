// What the app shows and takes over HTTP: the sources of the API, the pages, the listener.

#include <unistd.h>

#include <ctime>
#include <limits>
#include <random>

#include "core/base/file.h"
#include "core/http/route_prefix.h"
#include "core/log/log.h"
#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "server/cmd/prometheus/app.h"
#include "server/cmd/prometheus/features.h"
#include "server/web/web.h"

namespace narthex::prometheus {
namespace {

using std::chrono::milliseconds;

int64_t ThreadCount() {
  const StatusOr<std::vector<std::string>> tasks = ListDirectory("/proc/self/task");
  return tasks.ok() ? static_cast<int64_t>(tasks->size()) : 0;
}

std::string EnvOr(const char* name, std::string fallback) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::move(fallback) : value;
}

std::string DescribeRetention(const tsdb::RetentionLimits& limits) {
  std::string out;
  const auto add = [&](std::string_view text) {
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
  sources.features = [this] { return DescribeFeatures(flags_); };
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
  // Asked only once the server is ready, as is the receiver.
  sources.remote_read = [this](const http::Request& request, http::ResponseWriter& response) {
    remote_read_->Serve(request, response);
  };
  if (*flags_.enable_remote_write) {
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
  options.max_notification_subscribers = *flags_.max_notification_subscribers;
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
  NX_ASSIGN_OR_RETURN(web_, http::Server::Create(server, router_.AsHandler()));
  registry_.AddFunction(MetricType::kCounter, "net_conntrack_listener_conn_accepted_total",
                        "Total number of connections opened to the listener of a given name.",
                        {{"listener_name", "http"}},
                        [this] { return static_cast<double>(web_->stats().accepted_connections); });
  registry_.AddFunction(MetricType::kCounter, "net_conntrack_listener_conn_closed_total",
                        "Total number of connections closed that were made to the listener of a "
                        "given name.",
                        {{"listener_name", "http"}},
                        [this] { return static_cast<double>(web_->stats().closed_connections); });
  NX_RETURN_IF_ERROR(web_->Start());
  for (const std::string& address : *flags_.listen_addresses) {
    NX_LOG(Info, "Listening on", {"component", "web"}, {"address", address});
  }
  return OkStatus();
}

}  // namespace narthex::prometheus
