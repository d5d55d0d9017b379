#include "server/scrape/pool.h"

#include <algorithm>

#include "core/log/log.h"

namespace narthex::scrape {

Pool::Pool(const LoopContext& context, std::shared_ptr<const PoolSettings> settings, uint64_t seed)
    : context_(context), settings_(std::move(settings)), seed_(seed) {}

Pool::~Pool() {
  const std::string& job = name();
  context_.metrics->pool_targets.Remove({job});
  context_.metrics->pool_target_limit.Remove({job});
  context_.metrics->pool_sync.Remove({job});
  context_.metrics->sync_length.Remove({job});
  context_.metrics->sync_failed.Remove({job});
}

void Pool::Reload(std::shared_ptr<const PoolSettings> settings, uint64_t seed) {
  settings_ = std::move(settings);
  seed_ = seed;
  context_.metrics->pool_reloads.Inc();
  if (synced_) SyncTargets();
}

void Pool::Sync(const discovery::TargetGroups& groups) {
  if (synced_ && groups == groups_) return;
  groups_ = groups;
  synced_ = true;
  SyncTargets();
}

std::vector<Target> Pool::BuildTargets() {
  const config::ScrapeConfig& config = settings_->config;
  std::vector<Target> targets;
  dropped_.clear();
  dropped_count_ = 0;
  size_t failures = 0;
  std::string first_failure;
  for (const auto& group : groups_) {
    for (const Labels& found : group->targets) {
      Labels discovered = DiscoveredLabels(config, found, group->labels);
      StatusOr<std::optional<Target>> target =
          MakeTarget(config, settings_->target_rules, discovered);
      if (!target.ok()) {
        if (failures++ == 0) {
          first_failure = fmt::format("{} in group {}: {}", found.ToString(), group->source,
                                      MessageOf(target.status()));
        }
      } else if (target->has_value()) {
        targets.push_back(*std::move(*target));
      } else {
        ++dropped_count_;
        const uint64_t keep = config.limits.keep_dropped_targets;
        if (keep == 0 || dropped_.size() < keep) dropped_.push_back(std::move(discovered));
      }
    }
  }
  Counter& failed = context_.metrics->sync_failed.With({name()});
  if (failures > 0) {
    failed.Add(static_cast<double>(failures));
    NX_LOG(Error, "Creating target failed", {"component", "scrape manager"},
           {"scrape_pool", name()}, {"err", first_failure}, {"failures", failures});
  }
  return targets;
}

void Pool::SyncTargets() {
  const int64_t start = context_.clock->MonotonicNanos();
  std::unordered_map<uint64_t, bool> wanted;
  std::vector<Target> targets = BuildTargets();
  // Of targets that come to the same the last one shows how it was discovered.
  for (auto found = targets.rbegin(); found != targets.rend(); ++found) {
    const uint64_t identity = found->identity();
    if (!wanted.emplace(identity, true).second) continue;
    auto target = std::make_shared<const Target>(std::move(*found));
    std::shared_ptr<Loop>& loop = loops_[identity];
    if (loop != nullptr && loop->Update(target, settings_, seed_)) continue;
    loop = std::make_shared<Loop>(context_, std::move(target), settings_, seed_);
    loop->Start();
  }
  for (auto it = loops_.begin(); it != loops_.end();) {
    if (wanted.contains(it->first)) {
      ++it;
      continue;
    }
    it->second->End();
    // An ending loop stays in reach so that the target can come back to it.
    it = it->second->stopped() ? loops_.erase(it) : std::next(it);
  }
  ApplyTargetLimit();
  context_.metrics->pool_sync.With({name()}).Inc();
  context_.metrics->pool_targets.With({name()}).Set(static_cast<double>(wanted.size()));
  context_.metrics->sync_length.With({name()}).Observe(
      static_cast<double>(context_.clock->MonotonicNanos() - start) / 1e9);
}

void Pool::ApplyTargetLimit() {
  const uint64_t limit = settings_->config.limits.targets;
  context_.metrics->pool_target_limit.With({name()}).Set(static_cast<double>(limit));
  const auto active =
      static_cast<size_t>(std::count_if(loops_.begin(), loops_.end(), [](const auto& entry) {
        return !entry.second->ending() && !entry.second->stopped();
      }));
  Status error;
  if (limit > 0 && active > limit) {
    context_.metrics->exceeded_target_limit.Inc();
    error = ResourceExhausted("target_limit exceeded (number of targets: {}, limit: {})", active,
                              limit);
  }
  for (const auto& [identity, loop] : loops_) loop->SetForcedError(error);
}

void Pool::End() {
  for (const auto& [identity, loop] : loops_) loop->End();
}

void Pool::Stop() {
  for (const auto& [identity, loop] : loops_) loop->Stop();
}

void Pool::AddStatus(TargetsSnapshot* out) const {
  const size_t first = out->active.size();
  for (const auto& [identity, loop] : loops_) {
    if (!loop->ending() && !loop->stopped()) out->active.push_back(loop->status(name()));
  }
  std::sort(out->active.begin() + static_cast<ptrdiff_t>(first), out->active.end(),
            [](const ActiveTarget& a, const ActiveTarget& b) {
              return a.scrape_url != b.scrape_url ? a.scrape_url < b.scrape_url
                                                  : a.labels < b.labels;
            });
  for (const Labels& labels : dropped_) out->dropped.push_back({name(), labels});
}

void Pool::AddMetadata(const std::string& metric, std::vector<TargetMetadata>* out) const {
  for (const auto& [identity, loop] : loops_) {
    if (loop->ending() || loop->stopped()) continue;
    const std::vector<MetricMetadata> list = loop->metadata().List(metric);
    if (list.empty()) continue;
    const std::shared_ptr<const Target> target = loop->target();
    for (const MetricMetadata& m : list) out->push_back({target->labels, m});
  }
}

void Pool::MetadataSize(size_t* entries, size_t* bytes) const {
  for (const auto& [identity, loop] : loops_) loop->metadata().Size(entries, bytes);
}

}  // namespace narthex::scrape
