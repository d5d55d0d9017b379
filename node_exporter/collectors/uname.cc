// uname(2).

#include <sys/utsname.h>

#include <cerrno>

#include "node_exporter/collectors/plugins.h"

namespace narthex::node {
namespace {

class UnameCollector final : public Collector {
 public:
  explicit UnameCollector(const Paths&) {}

  Status Update(Sink& sink) override {
    utsname name{};
    if (uname(&name) != 0) return ErrnoStatus(errno, "uname");
    sink.Gauge("node_uname_info",
               "Labeled system information as provided by the uname system call.", 1,
               {{"domainname", name.domainname},
                {"machine", name.machine},
                {"nodename", name.nodename},
                {"release", name.release},
                {"sysname", name.sysname},
                {"version", name.version}});
    return OkStatus();
  }
};

}  // namespace

std::unique_ptr<Plugin> MakeUnamePlugin() {
  return std::make_unique<SimplePlugin<UnameCollector>>();
}

}  // namespace narthex::node
