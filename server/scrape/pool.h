#pragma once
// The targets of one job: turns target groups into loops and keeps them in step with the
// configuration.
//
// Thread safety: none; the Manager serialises. The loops inside are safe on their own.

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/discovery/target_group.h"
#include "server/scrape/loop.h"

namespace narthex::scrape {

class Pool {
 public:
  Pool(const LoopContext& context, std::shared_ptr<const PoolSettings> settings, uint64_t seed);
  ~Pool();

  const PoolSettings& settings() const { return *settings_; }
  const std::string& name() const { return settings_->config.job_name; }

  // A new configuration for the same job. Running loops take it over at their next scrape.
  void Reload(std::shared_ptr<const PoolSettings> settings, uint64_t seed);
  // The groups of the job, all of them. Unchanged ones cost nothing.
  void Sync(const discovery::TargetGroups& groups);
  // The job is gone: every target's series are ended in their time.
  void End();
  // The server is going down.
  void Stop();

  void AddStatus(TargetsSnapshot* out) const;
  int dropped_count() const { return dropped_count_; }
  void AddMetadata(const std::string& metric, std::vector<TargetMetadata>* out) const;
  void MetadataSize(size_t* entries, size_t* bytes) const;

 private:
  void SyncTargets();
  std::vector<Target> BuildTargets();
  void ApplyTargetLimit();

  const LoopContext& context_;
  std::shared_ptr<const PoolSettings> settings_;
  uint64_t seed_;
  discovery::TargetGroups groups_;
  bool synced_ = false;
  std::unordered_map<uint64_t, std::shared_ptr<Loop>> loops_;  // by Target::identity
  std::vector<Labels> dropped_;
  int dropped_count_ = 0;
};

}  // namespace narthex::scrape
