#pragma once
// One scrape: runs collectors side by side and adds what each took and whether it succeeded.
//
// Threads: ScrapePool owns its helper threads; the thread that asks takes part in the work, so a
// pool of N threads runs N+1 collectors of a scrape at once.
// Thread safety: Run may be called concurrently.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "node_exporter/collector.h"

namespace narthex::node {

class ScrapePool {
 public:
  explicit ScrapePool(size_t threads);
  ~ScrapePool();
  // Runs task(0) … task(count-1), each once, and returns when all have ended.
  void Run(size_t count, const std::function<void(size_t)>& task);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct NamedCollector {
  std::string name;
  std::shared_ptr<Collector> collector;
};

// The families of all collectors, followed by node_scrape_collector_*.
std::vector<MetricFamily> Scrape(const std::vector<const NamedCollector*>& collectors,
                                 ScrapePool& pool, const Clock& clock);

}  // namespace narthex::node
