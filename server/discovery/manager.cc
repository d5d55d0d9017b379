#include "server/discovery/manager.h"

#include <algorithm>
#include <future>
#include <thread>

#include "core/base/clock.h"
#include "core/http/client.h"
#include "core/log/log.h"
#include "server/discovery/group_store.h"
#include "server/discovery/mechanism.h"
#include "server/discovery/provider.h"

namespace narthex::discovery {
namespace {

// How long the groups of a replaced provider wait for its successor's first answer.
constexpr int64_t kInheritanceMs = 30'000;
// The first answer of a provider waits this long for that of others.
constexpr int64_t kFirstAnswerMs = 100;

class LazyHttpThreads final : public HttpThreads {
 public:
  LazyHttpThreads(std::string name, Registry* registry)
      : name_(std::move(name)), registry_(registry) {}
  http::ClientRuntime& Get() override {
    if (runtime_ == nullptr) runtime_ = std::make_unique<http::ClientRuntime>(1, name_, registry_);
    return *runtime_;
  }

 private:
  const std::string name_;
  Registry* const registry_;
  std::unique_ptr<http::ClientRuntime> runtime_;
};

bool Contains(const DiscoveryConfigs& configs, const MechanismConfig& wanted) {
  return std::any_of(configs.mechanisms.begin(), configs.mechanisms.end(),
                     [&](const MechanismConfigPtr& c) { return c->Equals(wanted); });
}

}  // namespace

struct Manager::Running {
  MechanismConfigPtr config;
  std::shared_ptr<GroupStore> store;
  std::unique_ptr<Provider> provider;
  Loop::Timer inheritance;
  bool seen = false;  // the consumer has heard of its first answer

  explicit Running(Loop* loop) : inheritance(loop) {}
};

Manager::Manager(Options options, Consumer consumer)
    : options_(std::move(options)),
      consumer_(std::move(consumer)),
      own_registry_(options_.registry == nullptr ? std::make_unique<Registry>() : nullptr),
      registry_(options_.registry == nullptr ? own_registry_.get() : options_.registry),
      metrics_(*registry_, options_.name),
      http_(std::make_unique<LazyHttpThreads>("sd-" + options_.name + "-http", registry_)),
      publish_timer_(&loop_) {
  for (const Mechanism& mechanism : Mechanisms()) mechanism.register_metrics(*registry_);
}

Manager::~Manager() { Stop(); }

void Manager::Start() {
  thread_ = NamedThread("sd-" + options_.name, [this] {
    loop_.Run();
    publish_timer_.Cancel();
    jobs_.clear();  // providers end on the thread they lived on
  });
}

void Manager::Stop() {
  loop_.Stop();
  thread_.Join();
}

void Manager::ApplyConfig(std::map<std::string, DiscoveryConfigs> configs) {
  loop_.Post([this, configs = std::move(configs)] { Adopt(configs); });
}

// Null when the mechanism cannot start.
std::shared_ptr<Manager::Running> Manager::StartProvider(
    const std::string& job, const MechanismConfigPtr& config, const Job* before,
    const std::map<std::string, DiscoveryConfigs>& configs) {
  auto running = std::make_shared<Running>(&loop_);
  running->config = config;
  running->store = std::make_shared<GroupStore>([this] { loop_.Post([this] { OnUpdate(); }); },
                                                metrics_.received);
  ProviderContext context;
  context.loop = &loop_;
  context.http = http_.get();
  context.registry = registry_;
  context.config = job;
  context.user_agent = options_.user_agent;
  context.publisher = running->store;
  StatusOr<std::unique_ptr<Provider>> provider = config->NewProvider(context);
  if (!provider.ok()) {
    NX_LOG(Error, "Cannot create service discovery", {"component", "discovery manager"},
           {"err", provider.status()}, {"type", config->mechanism()}, {"config", job});
    return nullptr;
  }
  running->provider = *std::move(provider);
  if (before == nullptr || running->store->published()) return running;
  TargetGroups inherited;
  for (const auto& old : before->providers) {
    if (old->config->mechanism() == config->mechanism() &&
        !Contains(configs.at(job), *old->config)) {
      old->store->Read(&inherited);
    }
  }
  if (inherited.empty()) return running;
  running->store->Inherit(std::move(inherited));
  running->inheritance.Set(kInheritanceMs, [store = running->store] { store->Expire(); });
  return running;
}

void Manager::Adopt(const std::map<std::string, DiscoveryConfigs>& configs) {
  // Equal configurations share one provider, across jobs and across reloads.
  std::vector<std::shared_ptr<Running>> running;
  for (const auto& [name, job] : jobs_) {
    running.insert(running.end(), job.providers.begin(), job.providers.end());
  }
  Jobs jobs;
  failed_ = 0;
  for (const auto& [name, config] : configs) {
    Job& job = jobs[name];
    for (const TargetGroup& group : config.static_groups) {
      job.static_groups.push_back(std::make_shared<const TargetGroup>(group));
    }
    if (!job.static_groups.empty()) metrics_.received.Inc();
    const auto before = jobs_.find(name);
    for (const MechanismConfigPtr& mechanism : config.mechanisms) {
      auto same = std::find_if(running.begin(), running.end(),
                               [&](const auto& r) { return r->config->Equals(*mechanism); });
      if (same == running.end()) {
        auto started = StartProvider(name, mechanism,
                                     before == jobs_.end() ? nullptr : &before->second, configs);
        if (started == nullptr) {
          ++failed_;
          continue;
        }
        same = running.insert(running.end(), std::move(started));
      }
      const auto& known = job.providers;
      if (std::find(known.begin(), known.end(), *same) == known.end()) {
        job.providers.push_back(*same);
      }
    }
  }
  for (const auto& [name, job] : jobs_) {
    if (!jobs.contains(name)) metrics_.RemoveConfig(name);
  }
  jobs_ = std::move(jobs);
  metrics_.failed_configs.Set(static_cast<double>(failed_));
  PublishSets();
}

void Manager::OnUpdate() {
  bool unread = false;
  bool first = false;
  for (const auto& [name, job] : jobs_) {
    for (const auto& running : job.providers) {
      if (!running->store->unread()) continue;  // what was published meanwhile
      unread = true;
      first |= !running->seen && running->store->published();
    }
  }
  if (!unread) return;
  const int64_t now = Loop::NowMs();
  int64_t due = std::max(now, last_publish_ms_ + options_.update_interval_ms);
  if (first) due = std::min(due, now + kFirstAnswerMs);
  if (publish_timer_.armed() && publish_due_ms_ <= due) return;
  publish_due_ms_ = due;
  publish_timer_.Set(due - now, [this] { PublishSets(); });
}

void Manager::PublishSets() {
  publish_timer_.Cancel();
  last_publish_ms_ = Loop::NowMs();
  auto sets = std::make_shared<TargetSets>();
  for (const auto& [name, job] : jobs_) {
    TargetGroups& groups = (*sets)[name];
    groups = job.static_groups;
    for (const auto& running : job.providers) {
      running->seen |= running->store->published();
      running->store->Read(&groups);
    }
    size_t targets = 0;
    for (const auto& group : groups) targets += group->targets.size();
    metrics_.SetDiscoveredTargets(name, targets);
  }
  consumer_(std::move(sets));
  metrics_.sent.Inc();
  metrics_.last_update.Set(static_cast<double>(Clock::System().NowMs()) / 1000);
}

TargetGroups DiscoverFor(const DiscoveryConfigs& configs, std::chrono::milliseconds time,
                         const std::string& user_agent) {
  std::shared_ptr<const TargetSets> found;  // the manager's thread has ended when it is read
  std::promise<void> begun;
  {
    Manager manager({.name = "check", .update_interval_ms = 10, .user_agent = user_agent},
                    [&](std::shared_ptr<const TargetSets> sets) {
                      if (found == nullptr) begun.set_value();
                      found = std::move(sets);
                    });
    manager.Start();
    manager.ApplyConfig({{"check", configs}});
    begun.get_future().wait();
    std::this_thread::sleep_for(time);
  }
  return found->at("check");
}

}  // namespace narthex::discovery
