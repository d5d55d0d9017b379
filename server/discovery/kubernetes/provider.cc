#include "server/discovery/kubernetes/provider.h"

#include <algorithm>

namespace narthex::discovery::kubernetes {
namespace {

// What comes together is built and published together: a rollout changes many objects at once.
constexpr std::chrono::milliseconds kTogether{100};

uint64_t HashOf(Kind kind, std::string_view key) {
  return std::hash<std::string_view>{}(key) * 31 + static_cast<uint64_t>(kind);
}

Kind KindOf(std::string_view role) {
  for (const Kind kind : {Kind::kNode, Kind::kService, Kind::kPod, Kind::kEndpoints,
                          Kind::kEndpointSlice, Kind::kIngress}) {
    if (NameOf(kind) == role) return kind;
  }
  return Kind::kPod;  // not reached: roles are checked
}

}  // namespace

StatusOr<std::unique_ptr<Provider>> MakeProvider(const Config& config,
                                                 const ProviderContext& context) {
  NX_ASSIGN_OR_RETURN(auto hub, Hub::For(config, context));
  if (config.namespaces.own_namespace && hub->own_namespace().empty()) {
    return FailedPrecondition("could not determine the pod's namespace");
  }
  return std::make_unique<KubernetesProvider>(config, KindOf(config.role), std::move(hub),
                                              context.publisher);
}

KubernetesProvider::KubernetesProvider(Config config, Kind role, std::shared_ptr<Hub> hub,
                                       std::shared_ptr<Publisher> publisher)
    : config_(std::move(config)),
      role_(role),
      hub_(std::move(hub)),
      publisher_(std::move(publisher)) {
  OpenStores();
  hub_->worker().Run([this] {
    for (const auto& store : stores_) store->Subscribe(this);
    OnSettled();  // another job may have brought them to where they are
  });
}

KubernetesProvider::~KubernetesProvider() {
  hub_->worker().Run([this] {
    if (flush_ != 0) hub_->worker().Cancel(flush_);
    for (const auto& store : stores_) store->Unsubscribe(this);
  });
}

void KubernetesProvider::OpenStores() {
  const AttachMetadata& attach = config_.attach_metadata;
  const bool has_node =
      role_ == Kind::kPod || role_ == Kind::kEndpoints || role_ == Kind::kEndpointSlice;
  std::vector<std::string> namespaces = config_.namespaces.names;
  if (config_.namespaces.own_namespace) namespaces.push_back(hub_->own_namespace());
  std::sort(namespaces.begin(), namespaces.end());
  namespaces.erase(std::unique(namespaces.begin(), namespaces.end()), namespaces.end());
  if (role_ == Kind::kNode || namespaces.empty()) namespaces = {""};
  for (const std::string& ns : namespaces) OpenNamespace(ns);
  if (has_node && attach.node) Open(Kind::kNode, "");
  if (role_ != Kind::kNode && attach.ns) Open(Kind::kNamespace, "");
}

void KubernetesProvider::OpenNamespace(const std::string& ns) {
  const AttachMetadata& attach = config_.attach_metadata;
  Open(role_, ns);
  if (role_ == Kind::kEndpoints || role_ == Kind::kEndpointSlice) {
    Open(Kind::kPod, ns);
    Open(Kind::kService, ns);
  }
  if (attach.deployment) Open(Kind::kReplicaSet, ns);
  if (attach.cronjob) Open(Kind::kJob, ns);
}

void KubernetesProvider::Open(Kind kind, const std::string& ns) {
  stores_.push_back(hub_->Watch(kind, ns, config_.SelectorFor(NameOf(kind))));
}

void KubernetesProvider::OnSettled() {
  if (started_) {
    // Somebody we did without has come: everything may look different.
    for (const auto& store : stores_) {
      if (store->kind() != role_ || !store->synced()) continue;
      for (const auto& [key, entry] : store->entries()) dirty_.insert(key);
    }
    return Schedule();
  }
  const bool ready = std::all_of(stores_.begin(), stores_.end(),
                                 [](const auto& store) { return store->settled(); });
  const bool any = std::any_of(stores_.begin(), stores_.end(), [this](const auto& store) {
    return store->kind() == role_ && store->synced();
  });
  if (!ready || !any) return;
  started_ = true;
  for (const auto& store : stores_) {
    if (store->kind() != role_) continue;
    for (const auto& [key, entry] : store->entries()) dirty_.insert(key);
  }
  Flush();
}

void KubernetesProvider::OnChange(const Store& store, const std::string& key) {
  if (!started_) return;
  if (store.kind() == role_) {
    dirty_.insert(key);
  } else if (store.kind() != Kind::kPod || store.Find(key) != nullptr) {
    // Of a pod that is gone the addresses go next: in between its targets keep what they are.
    MarkUsers(HashOf(store.kind(), key));
  }
  if (!dirty_.empty()) Schedule();
}

void KubernetesProvider::MarkUsers(uint64_t used) {
  for (auto it = used_by_.lower_bound({used, nullptr}); it != used_by_.end() && it->first == used;
       ++it) {
    dirty_.insert(*it->second);
  }
}

void KubernetesProvider::Schedule() {
  if (flush_ != 0) return;
  flush_ = hub_->worker().After(kTogether, [this] { Flush(); });
}

void KubernetesProvider::Flush() {
  flush_ = 0;
  TargetGroups groups;
  groups.reserve(dirty_.size());
  for (const std::string& key : dirty_) groups.push_back(Build(key));
  dirty_.clear();
  publisher_->Publish(std::move(groups));
}

const Entry* KubernetesProvider::FindPrimary(const std::string& key) const {
  return Find(role_, key);
}

const Entry* KubernetesProvider::Find(Kind kind, const std::string& key) const {
  for (const auto& store : stores_) {
    if (store->kind() != kind) continue;
    if (const Entry* entry = store->Find(key)) return entry;
  }
  return nullptr;
}

void KubernetesProvider::Forget(const std::string& key) {
  const auto known = uses_of_.find(key);
  if (known == uses_of_.end()) return;
  for (const uint64_t used : known->second) used_by_.erase({used, &known->first});
  uses_of_.erase(known);
}

GroupPtr KubernetesProvider::Build(const std::string& key) {
  Forget(key);
  const Entry* entry = FindPrimary(key);
  if (entry == nullptr) return EmptyGroup(role_, key);
  std::vector<uint64_t> uses;
  GroupPtr group =
      Join(role_, key, *entry, config_.attach_metadata, [&](Kind kind, const std::string& other) {
        uses.push_back(HashOf(kind, other));
        return Find(kind, other);
      });
  if (uses.empty()) return group;
  std::sort(uses.begin(), uses.end());
  uses.erase(std::unique(uses.begin(), uses.end()), uses.end());
  const auto placed = uses_of_.try_emplace(key).first;
  for (const uint64_t used : uses) used_by_.insert({used, &placed->first});
  placed->second = std::move(uses);
  placed->second.shrink_to_fit();
  return group;
}

}  // namespace narthex::discovery::kubernetes
