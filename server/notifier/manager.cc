#include "server/notifier/manager.h"

#include <map>
#include <set>

#include "core/base/mutex.h"
#include "core/labels/relabel.h"
#include "server/notifier/alertmanager_urls.h"
#include "server/notifier/metrics.h"
#include "server/notifier/queue.h"

namespace narthex::notifier {
namespace {

using QueuePtr = std::shared_ptr<AlertQueue>;

// Everything that decides where and how alerts of a block go; what discovers its targets is not
// part of it.
bool SameBlock(const config::AlertmanagerConfig& a, const config::AlertmanagerConfig& b) {
  return a.scheme == b.scheme && a.path_prefix == b.path_prefix && a.timeout_ms == b.timeout_ms &&
         a.http == b.http && a.relabel_configs == b.relabel_configs &&
         a.alert_relabel_configs == b.alert_relabel_configs;
}

std::vector<Alert> RelabelAlerts(std::span<const RelabelRule> rules, const Labels& external,
                                 const std::vector<Alert>& alerts) {
  std::vector<Alert> kept;
  kept.reserve(alerts.size());
  for (const Alert& alert : alerts) {
    LabelsBuilder labels(alert.labels);
    for (const Label& label : external) {
      if (!labels.Has(label.name)) labels.Set(label.name, label.value);
    }
    if (!Relabel(rules, &labels)) continue;
    kept.push_back(alert);
    kept.back().labels = labels.Build();
  }
  return kept;
}

// One entry of alerting.alertmanagers with the queues of its targets.
struct Block {
  config::AlertmanagerConfig config;
  std::shared_ptr<http::Client> client;
  RelabelRules target_rules;
  RelabelRules alert_rules;
  std::map<std::string, QueuePtr> queues;  // by URL
  std::vector<std::string> dropped;
};

}  // namespace

struct Manager::Impl {
  Impl(Options o, http::ClientRuntime& r, Registry* registry) : options(std::move(o)), runtime(r) {
    if (registry == nullptr) {
      own_registry = std::make_unique<Registry>();
      registry = own_registry.get();
    }
    metrics = std::make_shared<Metrics>(*registry);
    metrics->queue_capacity.Set(static_cast<double>(options.queue_capacity));
  }

  StatusOr<Block> MakeBlock(const config::AlertmanagerConfig& config) const {
    Block block;
    block.config = config;
    NX_ASSIGN_OR_RETURN(block.target_rules, CompileRelabelRules(config.relabel_configs));
    NX_ASSIGN_OR_RETURN(block.alert_rules, CompileRelabelRules(config.alert_relabel_configs));
    http::Client::Options client;
    client.config = config.http;
    client.name = "alertmanager";
    client.user_agent = options.user_agent;
    NX_ASSIGN_OR_RETURN(block.client, http::Client::Create(runtime, std::move(client)));
    return block;
  }

  // The queue of a URL, from the block's own or a fresh one.
  QueuePtr QueueFor(Block& block, const std::string& url) {
    if (auto found = block.queues.find(url); found != block.queues.end()) return found->second;
    AlertQueue::Options queue;
    queue.url = url;
    queue.capacity = options.queue_capacity;
    queue.batch_size = options.batch_size;
    queue.timeout = std::chrono::milliseconds(block.config.timeout_ms);
    return std::make_shared<AlertQueue>(std::move(queue), block.client, metrics);
  }

  void Resolve(Block& block) REQUIRES(mutex) {
    static const discovery::TargetGroups kNone;
    const discovery::TargetGroups* groups = &kNone;
    if (sets) {
      if (auto found = sets->find(block.config.key); found != sets->end()) groups = &found->second;
    }
    Alertmanagers resolved = ResolveAlertmanagers(block.config, block.target_rules, *groups);
    std::map<std::string, QueuePtr> queues;
    for (const std::string& url : resolved.active) queues[url] = QueueFor(block, url);
    for (const auto& [url, queue] : block.queues) {
      if (queues.count(url) == 0) retired.push_back(queue);
    }
    block.queues = std::move(queues);
    block.dropped = std::move(resolved.dropped);
  }

  // Ends what has no place in the configuration any more. Metrics are shared by URL, so those of a
  // URL that another block still uses stay.
  void Retire() REQUIRES(mutex) {
    std::set<std::string> live;
    for (const auto& [key, block] : blocks) {
      for (const auto& [url, queue] : block.queues) live.insert(url);
    }
    for (const QueuePtr& queue : retired) {
      queue->Abandon();
      if (live.count(queue->url()) == 0) metrics->Remove(queue->url());
    }
    retired.clear();
    metrics->alertmanagers_discovered.Set(static_cast<double>(live.size()));
  }

  std::vector<QueuePtr> AllQueues() {
    MutexLock lock(mutex);
    std::vector<QueuePtr> all;
    for (const auto& [key, block] : blocks) {
      for (const auto& [url, queue] : block.queues) all.push_back(queue);
    }
    return all;
  }

  const Options options;
  http::ClientRuntime& runtime;
  std::unique_ptr<Registry> own_registry;
  std::shared_ptr<Metrics> metrics;

  Mutex mutex;
  bool stopped GUARDED_BY(mutex) = false;
  Labels external_labels GUARDED_BY(mutex);
  RelabelRules rules GUARDED_BY(mutex);
  std::shared_ptr<const discovery::TargetSets> sets GUARDED_BY(mutex);
  std::map<std::string, Block> blocks GUARDED_BY(mutex);  // by key
  std::vector<QueuePtr> retired GUARDED_BY(mutex);
};

Manager::Manager(Options options, http::ClientRuntime& runtime, Registry* registry)
    : impl_(std::make_unique<Impl>(std::move(options), runtime, registry)) {}

Manager::~Manager() { Stop(); }

Status Manager::ApplyConfig(std::shared_ptr<const config::Config> config) {
  NX_ASSIGN_OR_RETURN(RelabelRules rules,
                      CompileRelabelRules(config->alerting.alert_relabel_configs));
  std::string failures;
  MutexLock lock(impl_->mutex);
  impl_->external_labels = config->global.external_labels;
  impl_->rules = std::move(rules);
  std::map<std::string, Block> blocks;
  for (const auto& wanted : config->alerting.alertmanagers) {
    auto old = impl_->blocks.find(wanted.key);
    if (old != impl_->blocks.end() && SameBlock(old->second.config, wanted)) {
      blocks[wanted.key] = std::move(old->second);
      blocks[wanted.key].config = wanted;
      impl_->blocks.erase(old);
      continue;
    }
    auto block = impl_->MakeBlock(wanted);
    if (!block.ok()) {
      fmt::format_to(std::back_inserter(failures), "{}alertmanager {}: {}",
                     failures.empty() ? "" : "; ", wanted.key, MessageOf(block.status()));
      continue;
    }
    blocks[wanted.key] = *std::move(block);
  }
  for (auto& [key, block] : impl_->blocks) {
    for (auto& [url, queue] : block.queues) impl_->retired.push_back(std::move(queue));
  }
  impl_->blocks = std::move(blocks);
  for (auto& [key, block] : impl_->blocks) impl_->Resolve(block);
  impl_->Retire();
  return failures.empty() ? OkStatus() : InvalidArgument("{}", failures);
}

void Manager::UpdateTargets(std::shared_ptr<const discovery::TargetSets> sets) {
  MutexLock lock(impl_->mutex);
  if (impl_->stopped) return;
  impl_->sets = std::move(sets);
  for (auto& [key, block] : impl_->blocks) impl_->Resolve(block);
  impl_->Retire();
}

void Manager::Send(const std::vector<Alert>& alerts) {
  std::vector<std::pair<QueuePtr, std::vector<Alert>>> deliveries;
  {
    MutexLock lock(impl_->mutex);
    if (impl_->stopped) return;
    const auto kept = RelabelAlerts(impl_->rules, impl_->external_labels, alerts);
    if (kept.empty()) return;
    for (const auto& [key, block] : impl_->blocks) {
      if (block.queues.empty()) continue;
      auto theirs = block.alert_rules.empty() ? kept : RelabelAlerts(block.alert_rules, {}, kept);
      if (theirs.empty()) continue;
      for (const auto& [url, queue] : block.queues) deliveries.emplace_back(queue, theirs);
    }
  }
  for (auto& [queue, theirs] : deliveries) queue->Add(theirs);
}

void Manager::Stop() {
  {
    MutexLock lock(impl_->mutex);
    if (impl_->stopped) return;
    impl_->stopped = true;
  }
  const auto queues = impl_->AllQueues();
  if (impl_->options.drain_on_shutdown) {
    for (const auto& queue : queues) queue->Drain();
  }
  for (const auto& queue : queues) queue->Abandon();
}

Alertmanagers Manager::alertmanagers() const {
  Alertmanagers all;
  MutexLock lock(impl_->mutex);
  for (const auto& [key, block] : impl_->blocks) {
    for (const auto& [url, queue] : block.queues) all.active.push_back(url);
    all.dropped.insert(all.dropped.end(), block.dropped.begin(), block.dropped.end());
  }
  return all;
}

}  // namespace narthex::notifier
