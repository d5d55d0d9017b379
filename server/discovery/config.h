#pragma once
// What the configuration says about discovery, without knowing any mechanism: the manager compares,
// starts and prints entries of `<mechanism>_sd_configs` through this interface alone.
//
// Thread safety: immutable once loaded.

#include <memory>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/config/node.h"
#include "server/discovery/target_group.h"

namespace narthex::discovery {

class Provider;
struct ProviderContext;

// One entry of a `<mechanism>_sd_configs` list. Made by ConfigOf<T> of mechanism.h.
class MechanismConfig {
 public:
  virtual ~MechanismConfig() = default;
  virtual std::string_view mechanism() const = 0;  // "file"
  // Entries that are equal share one provider, across jobs and reloads. Secrets count.
  virtual bool Equals(const MechanismConfig& other) const = 0;
  virtual config::NodePtr Print() const = 0;
  // The same with relative file names joined to the directory of the file it stands in.
  virtual std::shared_ptr<const MechanismConfig> Resolved(std::string_view directory) const = 0;
  // On the manager's thread. Starts looking; fails when it never can (unreadable certificates).
  virtual StatusOr<std::unique_ptr<Provider>> NewProvider(const ProviderContext& context) const = 0;
};
using MechanismConfigPtr = std::shared_ptr<const MechanismConfig>;

// The discovery part of one job or of one Alertmanager block.
struct DiscoveryConfigs {
  std::vector<TargetGroup> static_groups;      // static_configs, source = index
  std::vector<MechanismConfigPtr> mechanisms;  // by mechanism, in the order of the file

  friend bool operator==(const DiscoveryConfigs& a, const DiscoveryConfigs& b);
};

}  // namespace narthex::discovery
