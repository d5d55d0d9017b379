#include "server/discovery/manager.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "core/base/check.h"
#include "core/base/clock.h"
#include "server/discovery/file.h"
#include "server/discovery/metrics.h"

namespace narthex::discovery {
namespace {

int64_t MonotonicMs() { return Clock::System().MonotonicNanos() / 1'000'000; }

}  // namespace

Manager::Manager(Options options, Consumer consumer)
    : options_(std::move(options)),
      consumer_(std::move(consumer)),
      metrics_(std::make_shared<Metrics>(options_.name)),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  NX_CHECK(wake_.valid());
  if (options_.registry != nullptr) options_.registry->AddCollector(metrics_);
}

Manager::~Manager() {
  Stop();
  if (options_.registry != nullptr) options_.registry->RemoveCollector(metrics_.get());
}

void Manager::Start() {
  thread_ = NamedThread("sd-" + options_.name, [this] { Run(); });
}

void Manager::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  Wake();
  thread_.Join();
}

void Manager::ApplyConfig(const std::map<std::string, DiscoveryConfigs>& configs) {
  {
    MutexLock lock(mutex_);
    pending_ = configs;
    has_pending_ = true;
  }
  Wake();
}

void Manager::Wake() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(wake_.get(), &one, sizeof one);  // full counter wakes too
}

std::vector<FileProvider*> Manager::Providers() const {
  std::set<FileProvider*> unique;
  for (const auto& [name, job] : jobs_) {
    for (const auto& provider : job.providers) unique.insert(provider.get());
  }
  return {unique.begin(), unique.end()};
}

bool Manager::AdoptConfig() {
  std::map<std::string, DiscoveryConfigs> configs;
  {
    MutexLock lock(mutex_);
    if (!has_pending_) return false;
    configs.swap(pending_);
    has_pending_ = false;
  }
  // Equal configurations share one provider, across jobs and across reloads.
  std::vector<std::shared_ptr<FileProvider>> running;
  for (const auto& [name, job] : jobs_) {
    running.insert(running.end(), job.providers.begin(), job.providers.end());
  }
  std::map<std::string, Job> jobs;
  for (const auto& [name, config] : configs) {
    Job& job = jobs[name];
    for (const TargetGroup& group : config.static_groups) {
      job.static_groups.push_back(std::make_shared<const TargetGroup>(group));
    }
    for (const FileSdConfig& file : config.file) {
      const auto same = std::find_if(running.begin(), running.end(),
                                     [&](const auto& p) { return p->config() == file; });
      if (same != running.end()) {
        job.providers.push_back(*same);
        continue;
      }
      auto provider = std::make_shared<FileProvider>(file, metrics_.get());
      provider->Refresh(MonotonicMs());
      metrics_->CountReceivedUpdate();
      running.push_back(provider);
      job.providers.push_back(std::move(provider));
    }
    if (!job.static_groups.empty()) metrics_->CountReceivedUpdate();
  }
  jobs_ = std::move(jobs);
  return true;
}

// Waits for a descriptor or the next refresh and looks at what is due. True when groups changed.
bool Manager::PollProviders() {
  const std::vector<FileProvider*> providers = Providers();
  std::vector<pollfd> fds = {{.fd = wake_.get(), .events = POLLIN, .revents = 0}};
  for (const FileProvider* provider : providers) {
    fds.push_back({.fd = provider->fd(), .events = POLLIN, .revents = 0});
  }
  poll(fds.data(), fds.size(), PollTimeout(MonotonicMs()));
  if (fds[0].revents != 0) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = read(wake_.get(), &count, sizeof count);
  }
  bool changed = false;
  const int64_t now = MonotonicMs();
  for (size_t i = 0; i < providers.size(); ++i) {
    const bool asked = fds[i + 1].revents != 0 && providers[i]->DrainEvents();
    if (!asked && providers[i]->next_refresh_ms() > now) continue;
    if (!providers[i]->Refresh(now)) continue;
    metrics_->CountReceivedUpdate();
    changed = true;
  }
  return changed;
}

int Manager::PollTimeout(int64_t now_ms) const {
  int64_t next = now_ms + 60'000;
  if (changed_) next = std::min(next, next_publish_ms_);
  for (const FileProvider* provider : Providers()) next = std::min(next, provider->next_refresh_ms());
  return static_cast<int>(std::max<int64_t>(0, next - now_ms));
}

void Manager::Publish() {
  auto sets = std::make_shared<TargetSets>();
  std::map<std::string, size_t> counts;
  for (const auto& [name, job] : jobs_) {
    TargetGroups& groups = (*sets)[name];
    groups = job.static_groups;
    for (const auto& provider : job.providers) {
      groups.insert(groups.end(), provider->groups().begin(), provider->groups().end());
    }
    size_t& count = counts[name];
    for (const auto& group : groups) count += group->targets.size();
  }
  metrics_->SetDiscoveredTargets(std::move(counts));
  consumer_(std::move(sets));
  metrics_->CountSentUpdate(Clock::System().NowMs());
  changed_ = false;
  delayed_ = false;
}

void Manager::Run() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
    }
    const bool reconfigured = AdoptConfig();
    changed_ |= reconfigured;
    const int64_t now = MonotonicMs();
    if (changed_ && (reconfigured || now >= next_publish_ms_)) {
      Publish();
      next_publish_ms_ = now + options_.update_interval_ms;
    } else if (changed_ && !delayed_) {
      metrics_->CountDelayedUpdate();
      delayed_ = true;
    }
    changed_ |= PollProviders();
  }
}

}  // namespace narthex::discovery
