#include "server/scrape/manager.h"

#include <unistd.h>

#include <map>

#include "core/base/mutex.h"
#include "core/base/thread.h"
#include "core/log/log.h"
#include "server/scrape/fetch.h"
#include "server/scrape/pool.h"

namespace narthex::scrape {
namespace {

std::string HostName() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name;
}

// Upstream: FNV-1a over the host's name and the external labels, so that the two of a pair differ.
uint64_t OffsetSeed(const std::string& host, const Labels& external) {
  uint64_t hash = 14695981039346656037ULL;
  for (const char c : host + external.ToString()) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  return hash;
}

}  // namespace

struct Manager::Impl final : Collector {
  Impl(Options o, storage::Appendable* storage, Registry* r)
      : options(std::move(o)),
        registry(r),
        metrics(r),
        scheduler(options.clock),
        http(options.io_threads, "scrape-http", r) {
    if (options.host_name.empty()) options.host_name = HostName();
    context.clock = options.clock;
    context.storage = storage;
    context.metrics = &metrics;
    context.scheduler = &scheduler;
    context.workers = &workers;
    context.texts = &texts;
    context.adjust_timestamps = options.adjust_timestamps;
    context.store_metadata = options.store_metadata;
    context.store_starts = options.store_starts;
    context.type_and_unit_labels = options.type_and_unit_labels;
    context.timestamp_tolerance_ms = options.timestamp_tolerance_ms;
    context.default_body_limit = options.default_body_limit;
    context.bodies = std::make_shared<http::BodyPool>();
    context.body_budget = MakeBodyBudget(options.body_memory_limit);
  }

  void Collect(std::vector<MetricFamily>* out) override;
  Status OpenFailureLogs(const config::Config& config) REQUIRES(mutex);
  Status ApplyJob(const config::ScrapeConfig& job, uint64_t seed, bool seed_changed)
      REQUIRES(mutex);
  void RetryPools() EXCLUDES(mutex);
  void SyncPools() EXCLUDES(mutex);
  void RunSync();

  Options options;
  Registry* const registry;
  Metrics metrics;
  TextPool texts;
  Workers workers;
  Scheduler scheduler;
  LoopContext context;
  http::ClientRuntime http;

  mutable Mutex mutex;
  std::map<std::string, std::unique_ptr<Pool>> pools GUARDED_BY(mutex);
  // Jobs that have no pool yet, because a file of theirs cannot be read for example.
  std::map<std::string, config::ScrapeConfig> without_pool GUARDED_BY(mutex);
  std::map<std::string, std::shared_ptr<FailureLog>> failure_logs GUARDED_BY(mutex);
  std::shared_ptr<const discovery::TargetSets> sets GUARDED_BY(mutex);
  uint64_t seed GUARDED_BY(mutex) = 0;

  Mutex sync_mutex;
  CondVar sync_changed;
  std::shared_ptr<const discovery::TargetSets> pending GUARDED_BY(sync_mutex);
  bool sync_now GUARDED_BY(sync_mutex) = false;
  bool stopping GUARDED_BY(sync_mutex) = false;
  NamedThread sync_thread;
};

void Manager::Impl::Collect(std::vector<MetricFamily>* out) {
  MetricFamily entries, bytes;
  entries.type = bytes.type = MetricType::kGauge;
  entries.name = "prometheus_target_metadata_cache_entries";
  entries.help = "Total number of metric metadata entries in the cache";
  bytes.name = "prometheus_target_metadata_cache_bytes";
  bytes.help =
      "The number of bytes that are currently used for storing metric metadata in the cache";
  const auto add = [](MetricFamily& family, const std::string& job, size_t value) {
    MetricSample& sample = family.samples.emplace_back();
    sample.labels.push_back({"scrape_job", job});
    sample.value = static_cast<double>(value);
  };
  MutexLock lock(mutex);
  for (const auto& [job, pool] : pools) {
    size_t count = 0, size = 0;
    pool->MetadataSize(&count, &size);
    add(entries, job, count);
    add(bytes, job, size);
  }
  lock.Unlock();
  out->push_back(std::move(entries));
  out->push_back(std::move(bytes));
}

// Opened anew with every configuration, so that they can be rotated.
Status Manager::Impl::OpenFailureLogs(const config::Config& config) {
  std::map<std::string, std::shared_ptr<FailureLog>> opened;
  for (const config::ScrapeConfig& job : config.scrape_configs) {
    const std::string& file = job.scrape_failure_log_file;
    if (file.empty() || opened.contains(file)) continue;
    NX_ASSIGN_OR_RETURN(opened[file], FailureLog::Open(file));
  }
  failure_logs = std::move(opened);
  return OkStatus();
}

Status Manager::Impl::ApplyJob(const config::ScrapeConfig& job, uint64_t new_seed,
                               bool seed_changed) {
  std::unique_ptr<Pool>& pool = pools[job.job_name];
  const PoolSettings* previous = pool == nullptr ? nullptr : &pool->settings();
  const auto log_entry = failure_logs.find(job.scrape_failure_log_file);
  std::shared_ptr<FailureLog> log = log_entry == failure_logs.end() ? nullptr : log_entry->second;
  if (previous != nullptr && previous->config.fingerprint == job.fingerprint && !seed_changed &&
      previous->failure_log == log) {
    return OkStatus();
  }
  if (previous == nullptr) metrics.pools_total.Inc();
  StatusOr<std::shared_ptr<PoolSettings>> settings =
      MakeSettings(job, previous, http, options.user_agent);
  if (!settings.ok()) {
    (previous == nullptr ? metrics.pools_failed : metrics.pool_reloads_failed).Inc();
    return settings.status();
  }
  (*settings)->failure_log = std::move(log);
  if (pool == nullptr) {
    pool = std::make_unique<Pool>(context, *std::move(settings), new_seed);
  } else {
    pool->Reload(*std::move(settings), new_seed);
  }
  return OkStatus();
}

void Manager::Impl::RetryPools() {
  MutexLock lock(mutex);
  for (auto it = without_pool.begin(); it != without_pool.end();) {
    const Status status = ApplyJob(it->second, seed, false);
    if (status.ok()) {
      it = without_pool.erase(it);
      continue;
    }
    pools.erase(it->first);
    NX_LOG(Error, "Error creating scrape pool", {"component", "scrape manager"},
           {"scrape_pool", it->first}, {"err", status});
    ++it;
  }
}

void Manager::Impl::SyncPools() {
  MutexLock lock(mutex);
  if (sets == nullptr) return;
  for (const auto& [name, pool] : pools) {
    const auto found = sets->find(name);
    if (found != sets->end()) pool->Sync(found->second);
  }
}

void Manager::Impl::RunSync() {
  int64_t next = 0;
  MutexLock lock(sync_mutex);
  while (!stopping) {
    const int64_t now = options.clock->MonotonicNanos() / 1'000'000;
    if (pending == nullptr || (now < next && !sync_now)) {
      const int64_t wait = pending == nullptr ? 60'000 : next - now;
      const bool idle = pending == nullptr;
      sync_changed.WaitFor(lock, std::chrono::milliseconds(wait));
      if (idle && pending == nullptr && !stopping) {
        lock.Unlock();
        RetryPools();
        SyncPools();
        lock.Lock();
      }
      continue;
    }
    std::shared_ptr<const discovery::TargetSets> newest = std::move(pending);
    pending = nullptr;
    sync_now = false;
    next = now + options.reload_interval_ms;
    lock.Unlock();
    {
      MutexLock pools_lock(mutex);
      sets = std::move(newest);
    }
    RetryPools();
    SyncPools();
    lock.Lock();
  }
}

Manager::Manager(Options options, storage::Appendable* storage, Registry* registry)
    : impl_(std::make_shared<Impl>(std::move(options), storage, registry)) {
  registry->AddCollector(impl_);
}

Manager::~Manager() {
  Stop();
  impl_->registry->RemoveCollector(impl_.get());
}

Status Manager::ApplyConfig(std::shared_ptr<const config::Config> config) {
  std::string errors;
  std::vector<std::unique_ptr<Pool>> removed;
  {
    MutexLock lock(impl_->mutex);
    const uint64_t seed = OffsetSeed(impl_->options.host_name, config->global.external_labels);
    const bool seed_changed = seed != impl_->seed;
    NX_RETURN_IF_ERROR(impl_->OpenFailureLogs(*config));
    impl_->seed = seed;
    impl_->without_pool.clear();
    std::map<std::string, const config::ScrapeConfig*> jobs;
    for (const config::ScrapeConfig& job : config->scrape_configs) jobs[job.job_name] = &job;
    for (auto it = impl_->pools.begin(); it != impl_->pools.end();) {
      if (jobs.contains(it->first)) {
        ++it;
        continue;
      }
      it->second->End();
      removed.push_back(std::move(it->second));
      it = impl_->pools.erase(it);
    }
    for (const auto& [name, job] : jobs) {
      const Status status = impl_->ApplyJob(*job, seed, seed_changed);
      if (status.ok()) continue;
      NX_LOG(Error, "Error creating scrape pool", {"component", "scrape manager"},
             {"scrape_pool", name}, {"err", status});
      if (impl_->pools[name] == nullptr) {
        impl_->pools.erase(name);
        impl_->without_pool.emplace(name, *job);
        continue;
      }
      errors +=
          fmt::format("{}scrape pool {}: {}", errors.empty() ? "" : "; ", name, MessageOf(status));
    }
  }
  impl_->SyncPools();
  {
    MutexLock lock(impl_->sync_mutex);
    impl_->sync_now = true;  // the groups of new jobs are not made to wait
  }
  if (!errors.empty()) return Unavailable("{}", errors);
  return OkStatus();
}

void Manager::UpdateTargets(std::shared_ptr<const discovery::TargetSets> sets) {
  {
    MutexLock lock(impl_->sync_mutex);
    impl_->pending = std::move(sets);
  }
  impl_->sync_changed.NotifyAll();
}

void Manager::Start(bool hold) {
  impl_->workers.Start(impl_->options.workers, hold);
  impl_->scheduler.Start(impl_->http);
  impl_->sync_thread = NamedThread("scrape-sync", [impl = impl_.get()] { impl->RunSync(); });
}

void Manager::Release() { impl_->workers.Release(); }

void Manager::Stop() {
  {
    MutexLock lock(impl_->sync_mutex);
    impl_->stopping = true;
  }
  impl_->sync_changed.NotifyAll();
  impl_->sync_thread.Join();
  {
    MutexLock lock(impl_->mutex);
    for (const auto& [name, pool] : impl_->pools) pool->Stop();
  }
  impl_->scheduler.Stop();
  impl_->workers.Stop();
}

std::vector<std::string> Manager::PoolNames() const {
  MutexLock lock(impl_->mutex);
  std::vector<std::string> names;
  for (const auto& [name, pool] : impl_->pools) names.push_back(name);
  return names;
}

TargetsSnapshot Manager::Targets(const std::string& pool) const {
  MutexLock lock(impl_->mutex);
  TargetsSnapshot out;
  for (const auto& [name, p] : impl_->pools) {
    // As upstream the numbers of what was dropped are those of all pools.
    out.dropped_counts[name] = p->dropped_count();
    if (pool.empty() || pool == name) p->AddStatus(&out);
  }
  return out;
}

std::vector<TargetMetadata> Manager::Metadata(const std::string& metric) const {
  MutexLock lock(impl_->mutex);
  std::vector<TargetMetadata> out;
  for (const auto& [name, pool] : impl_->pools) pool->AddMetadata(metric, &out);
  return out;
}

}  // namespace narthex::scrape
