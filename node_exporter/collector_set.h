#pragma once
// Which collectors run: the flags --collector.X, --no-collector.X and --collector.disable-defaults
// over the table of all collectors, and the filters of a request.
//
// Thread safety: immutable after Create.

#include <memory>
#include <string>
#include <vector>

#include "node_exporter/scrape.h"

namespace narthex::node {

struct CollectorEntry;

// Declares every collector's switch and the flags of those implemented; makes the collectors once
// the flags are parsed.
class CollectorSet {
 public:
  explicit CollectorSet(FlagSet& flags);
  ~CollectorSet();

  // Makes the enabled collectors. InvalidArgument when one that is not implemented was asked for by
  // name, or when a constructor fails ("couldn't create collector: …").
  Status Create(const Paths& paths, const FlagSet& flags);

  const std::vector<NamedCollector>& enabled() const { return enabled_; }  // sorted by name

  // The collectors a request asks for: `collect` and `exclude` are the values of collect[] and
  // exclude[]. Both empty, or everything excluded: all. Errors in upstream's words.
  StatusOr<std::vector<const NamedCollector*>> Select(
      const std::vector<std::string>& collect, const std::vector<std::string>& exclude) const;

 private:
  struct Switch {
    const CollectorEntry* entry;
    bool* on;
    std::unique_ptr<Plugin> plugin;
  };
  bool* disable_defaults_;
  std::vector<Switch> switches_;
  std::vector<NamedCollector> enabled_;
};

}  // namespace narthex::node
