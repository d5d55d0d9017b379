#pragma once
// Scrapes everything: a pool for each job, a loop for each target, few threads for all of them.
//
//   discovery ──groups──▶ Manager ──▶ Pool (job) ──▶ Loop (target)
//   scheduler ──due──▶ http::Client (I/O threads) ──body──▶ parse, relabel, commit: there or by
//   workers
//
// Threads: "scrape-http" starts scrapes when they are due, "scrape-sync" turns target groups into
// loops, `workers` threads parse and commit what the first has no time for. A loop is in the hands
// of one of them at a time. All public methods may be called from any thread.

#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/metrics/registry.h"
#include "server/config/config.h"
#include "server/discovery/target_group.h"
#include "server/scrape/target_status.h"
#include "server/storage/interface.h"

namespace narthex::scrape {

struct Options {
  int io_threads = 1;
  int workers = 2;
  bool adjust_timestamps = true;
  bool store_metadata = false;        // of every series, in the storage
  bool store_starts = false;          // when counters and the like began, as samples of zero
  bool type_and_unit_labels = false;  // __type__ and __unit__, as the body says
  int64_t timestamp_tolerance_ms = 2;
  int64_t reload_interval_ms = 5'000;  // target groups are looked at this often at most
  // Without a body_size_limit of the job's own; keeps one target from filling the memory.
  size_t default_body_limit = size_t{256} << 20;
  // What the bodies of all scrapes in flight may hold together; 0 = no limit.
  size_t body_memory_limit = size_t{1} << 30;
  std::string user_agent;
  std::string host_name;  // part of the seed that spreads scrapes; "" = this machine's FQDN
  const Clock* clock = &Clock::System();
};

class Manager {
 public:
  Manager(Options options, storage::Appendable* storage, Registry* registry);
  ~Manager();

  // Pools whose configuration did not change stay untouched; others keep the tables that are still
  // valid. A new job that cannot be set up (a certificate is not there yet) is logged, counted and
  // tried again later. The error names the pools that could not be changed and run on as they were,
  // or a failure log that cannot be opened: then nothing was changed.
  Status ApplyConfig(std::shared_ptr<const config::Config> config);
  // The newest target groups; jobs that are not in the configuration are ignored.
  void UpdateTargets(std::shared_ptr<const discovery::TargetSets> sets);

  // With `hold` targets are scraped from now on, but what they say waits in memory until Release:
  // for a storage that is still being opened. At most one scrape of a target waits; all together
  // hold no more than the body memory limit.
  void Start(bool hold = false);
  void Release();
  // Stops at once, without stale markers: the server is going down, not the targets.
  void Stop();

  std::vector<std::string> PoolNames() const;
  // Of one pool, or of all for "".
  TargetsSnapshot Targets(const std::string& pool = "") const;
  // The metadata of active targets; "" for every metric.
  std::vector<TargetMetadata> Metadata(const std::string& metric = "") const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // the registry holds it too
};

}  // namespace narthex::scrape
