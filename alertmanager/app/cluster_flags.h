#pragma once
// The flags --cluster.*, read and checked as upstream does. Members do not talk to each other here:
// what is asked for is refused where it is wrong, and warned of where it is not.

#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/flags/flags.h"

namespace narthex::am {

class ClusterFlags {
 public:
  explicit ClusterFlags(FlagSet& flags);

  // What is wrong with them, in upstream's words. Without a listen address (given as "") only the
  // TLS file is looked at.
  Status Check() const;
  // What the operator must know who asks for a cluster; "" when the command line does not.
  std::string Warning() const;

 private:
  const FlagSet& flags_;
  std::string *listen_, *advertise_, *tls_config_;
  std::vector<std::string>* peers_;
};

}  // namespace narthex::am
