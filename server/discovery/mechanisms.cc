// The table of mechanisms. Sorted by name: it is also the order of keys when printing.

#include "server/discovery/dns/dns.h"
#include "server/discovery/file/file.h"
#include "server/discovery/http/http.h"
#include "server/discovery/mechanism.h"

namespace narthex::discovery {

std::span<const Mechanism> Mechanisms() {
  static constexpr Mechanism kMechanisms[] = {
      MechanismOf<dns::Config>(),
      MechanismOf<file::Config>(),
      MechanismOf<http_sd::Config>(),
  };
  return kMechanisms;
}

}  // namespace narthex::discovery
