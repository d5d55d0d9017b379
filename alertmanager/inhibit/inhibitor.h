#pragma once
// Inhibition: an alert stays quiet while another one, that explains it, fires.
//
// Every source alert of a rule is kept, indexed by the values of the rule's `equal` labels, so that
// one source resolving or being excluded cannot hide another.
//
// Thread safety: all methods.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "alertmanager/config/config.h"
#include "alertmanager/types/alert.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/base/string_map.h"

namespace narthex::am {

class Inhibitor {
 public:
  Inhibitor(std::shared_ptr<const Config> config, const Clock& clock);

  // Every alert as received, whatever route it takes.
  void Observe(const AlertPtr& alert) EXCLUDES(mutex_);
  // The fingerprint of an alert that inhibits these labels; the first rule that matches wins.
  std::optional<uint64_t> InhibitedBy(const Labels& labels) const EXCLUDES(mutex_);
  void CollectGarbage() EXCLUDES(mutex_);
  size_t rule_count() const { return config_->inhibit_rules.size(); }

 private:
  using Sources = std::map<uint64_t, AlertPtr>;
  struct Rule {
    const InhibitRule* rule;
    StringMap<Sources> by_equal;
  };

  const std::shared_ptr<const Config> config_;
  const Clock& clock_;
  mutable Mutex mutex_;
  std::vector<Rule> rules_ GUARDED_BY(mutex_);
};

}  // namespace narthex::am
