// The table of mechanisms. Sorted by name: it is also the order of keys when printing.

#include "server/discovery/consul/consul.h"
#include "server/discovery/dns/dns.h"
#include "server/discovery/docker/docker.h"
#include "server/discovery/file/file.h"
#include "server/discovery/http/http.h"
#include "server/discovery/kubernetes/config.h"
#include "server/discovery/mechanism.h"
#include "server/discovery/nomad/nomad.h"

namespace narthex::discovery {

std::span<const Mechanism> Mechanisms() {
  static constexpr Mechanism kMechanisms[] = {
      MechanismOf<consul::Config>(),  MechanismOf<dns::Config>(),
      MechanismOf<docker::Config>(),  MechanismOf<file::Config>(),
      MechanismOf<http_sd::Config>(), MechanismOf<kubernetes::Config>(),
      MechanismOf<nomad::Config>(),
  };
  return kMechanisms;
}

}  // namespace narthex::discovery
