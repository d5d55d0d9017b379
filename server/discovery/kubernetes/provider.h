#pragma once
// One running kubernetes_sd_config: publishes the groups of its role's objects, and again when one
// of them or an object that it draws on changes.
//
// Threads: made and destroyed on the manager's thread; works on the hub's worker.

#include <absl/container/btree_set.h>
#include <absl/container/node_hash_map.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/discovery/kubernetes/hub.h"
#include "server/discovery/kubernetes/join.h"

namespace narthex::discovery::kubernetes {

class KubernetesProvider final : public Provider, private Store::Listener {
 public:
  KubernetesProvider(Config config, Kind role, std::shared_ptr<Hub> hub,
                     std::shared_ptr<Publisher> publisher);
  ~KubernetesProvider() override;

 private:
  // Who is drawn on, by a hash of kind and key, and by which of ours.
  using Uses = absl::btree_set<std::pair<uint64_t, const std::string*>>;

  void OpenStores();
  void OpenNamespace(const std::string& ns);
  void Open(Kind kind, const std::string& ns);
  void OnChange(const Store& store, const std::string& key) override;
  void OnSettled() override;
  void MarkUsers(uint64_t used);
  void Schedule();
  void Flush();
  GroupPtr Build(const std::string& key);
  const Entry* FindPrimary(const std::string& key) const;
  const Entry* Find(Kind kind, const std::string& key) const;
  void Forget(const std::string& key);

  const Config config_;
  const Kind role_;
  const std::shared_ptr<Hub> hub_;
  const std::shared_ptr<Publisher> publisher_;
  std::vector<std::shared_ptr<Store>> stores_;  // after the hub: they go first

  // On the worker.
  bool started_ = false;  // everything there is has been published once
  std::set<std::string> dirty_;
  kube::Worker::TimerId flush_ = 0;
  absl::node_hash_map<std::string, std::vector<uint64_t>> uses_of_;  // by key of ours
  Uses used_by_;
};

}  // namespace narthex::discovery::kubernetes
