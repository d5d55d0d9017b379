#pragma once
// Runs the discovery mechanisms of every job and tells one consumer, coalesced, what they found.
//
// A provider that the next configuration holds unchanged keeps running and keeps its groups; the
// metrics of removed ones go with them. A mechanism that fails keeps what it found last.
//
// Threads: one thread of its own reads files, watches directories and calls the consumer. The
// public methods may be called from any thread.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/file.h"
#include "core/base/mutex.h"
#include "core/base/thread.h"
#include "core/metrics/registry.h"
#include "server/discovery/config.h"
#include "server/discovery/target_group.h"

namespace narthex::discovery {

class FileProvider;
class Metrics;

class Manager {
 public:
  // Called from the manager's thread with every set of every job.
  using Consumer = std::function<void(std::shared_ptr<const TargetSets>)>;

  struct Options {
    std::string name;                    // "scrape", "notify": the label of the metrics
    int64_t update_interval_ms = 5'000;  // at most one update to the consumer in this time
    Registry* registry = nullptr;
  };

  Manager(Options options, Consumer consumer);
  ~Manager();

  void Start();
  void Stop();
  // Replaces what is discovered. Takes effect at once; the consumer hears of it soon.
  void ApplyConfig(const std::map<std::string, DiscoveryConfigs>& configs);

 private:
  struct Job {
    TargetGroups static_groups;
    std::vector<std::shared_ptr<FileProvider>> providers;
  };

  void Run();
  void Wake() const;
  bool AdoptConfig();
  bool PollProviders();
  void Publish();
  int PollTimeout(int64_t now_ms) const;
  std::vector<FileProvider*> Providers() const;

  const Options options_;
  const Consumer consumer_;
  const std::shared_ptr<Metrics> metrics_;

  Mutex mutex_;
  std::map<std::string, DiscoveryConfigs> pending_ GUARDED_BY(mutex_);
  bool has_pending_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;

  // The thread's own.
  std::map<std::string, Job> jobs_;
  bool changed_ = false;
  bool delayed_ = false;
  int64_t next_publish_ms_ = 0;
  UniqueFd wake_;
  NamedThread thread_;
};

}  // namespace narthex::discovery
