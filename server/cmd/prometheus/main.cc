// prometheus: the monitoring server.

#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <thread>

#include "core/log/log.h"
#include "server/cmd/prometheus/app.h"

namespace narthex::prometheus {
namespace {

// Everything that can be wrong with the configuration is said before anything starts.
StatusOr<std::shared_ptr<const config::Config>> CheckConfiguration(const Flags& flags) {
  StatusOr<std::shared_ptr<const config::Config>> config = LoadConfig(flags);
  if (!config.ok()) return config;
  NX_ASSIGN_OR_RETURN(const std::vector<std::string> files, RuleFiles(**config));
  NX_RETURN_IF_ERROR(rules::CheckFiles(files, ParserOptionsOf(flags)));
  return config;
}

// What a query leaves is there for the next one.
void TuneAllocator() {
  // As many arenas as threads that run at once: whichever thread gets the next query.
  mallopt(M_ARENA_MAX, static_cast<int>(std::max(2U, std::thread::hardware_concurrency())));
  // Less than this is not given back to the system in between, to be asked for page by page.
  constexpr int kKept = 4 << 20;
  mallopt(M_TRIM_THRESHOLD, kKept);
  mallopt(M_MMAP_THRESHOLD, kKept);
}

int Main(int argc, char** argv) {
  Requests requests;
  Flags flags;
  flags.set.Parse(argc, argv);
  TuneAllocator();
  ApplyLogFlags(flags.log);
  int exit_code = 0;
  if (const Status status = flags.Check(&exit_code); !status.ok()) {
    std::fprintf(stderr, "Error parsing command line arguments: %.*s\n",
                 static_cast<int>(MessageOf(status).size()), MessageOf(status).data());
    return exit_code;
  }
  if (!flags.web_config_file->empty()) {
    if (const Status s = http::CheckWebConfigFile(*flags.web_config_file); !s.ok()) {
      NX_LOG(Error, "Unable to validate web configuration file", {"err", s});
      return 1;
    }
  }
  StatusOr<std::shared_ptr<const config::Config>> config = CheckConfiguration(flags);
  if (!config.ok()) {
    NX_LOG(Error, fmt::format("Error loading config (--config.file={})", *flags.config_file),
           {"file", *flags.config_file}, {"err", config.status()});
    return 2;
  }
  NX_LOG(Info, "Starting Prometheus Server", {"version", GetBuildInfo("prometheus").version},
         {"revision", GetBuildInfo("prometheus").revision});
  App app(flags, requests, *std::move(config));
  return app.Run();
}

}  // namespace
}  // namespace narthex::prometheus

int main(int argc, char** argv) { return narthex::prometheus::Main(argc, argv); }
