// node_exporter: flags, collectors, one HTTP server.

#include <malloc.h>
#include <unistd.h>

#include <algorithm>

#include "core/flags/flags.h"
#include "core/http/serve.h"
#include "core/log/log.h"
#include "node_exporter/handler.h"

namespace narthex::node {
namespace {

constexpr int kMaxWorkers = 8;       // threads that serve requests
constexpr int64_t kMaxHelpers = 64;  // threads that run collectors

struct Flags {
  explicit Flags(FlagSet& flags)
      : collectors(flags),
        web(flags, ":9100"),
        no_exporter_metrics(flags.Bool("web.disable-exporter-metrics",
                                       "Exclude metrics about the exporter itself (promhttp_*, "
                                       "process_*).",
                                       false)),
        max_requests(flags.Int("web.max-requests",
                               "Maximum number of parallel scrape requests. Use 0 to disable.",
                               40)),
        threads(flags.Int("runtime.gomaxprocs",
                          "Number of threads that run collectors beside the one that serves the "
                          "scrape.",
                          1, {.env = "GOMAXPROCS"})),
        procfs(flags.String("path.procfs", "procfs mountpoint.", "/proc")),
        sysfs(flags.String("path.sysfs", "sysfs mountpoint.", "/sys")),
        rootfs(flags.String("path.rootfs", "rootfs mountpoint.", "/")),
        udev(flags.String("path.udev.data", "udev data path.", "/run/udev/data")),
        log(AddLogFlags(flags)) {}

  CollectorSet collectors;
  http::ServeFlags web;
  bool* no_exporter_metrics;
  int64_t* max_requests;
  int64_t* threads;
  std::string *procfs, *sysfs, *rootfs, *udev;
  LogFlags log;
};

int Fail(std::string_view message) { return http::FailStart("node_exporter", message); }

void LogStart(const CollectorSet& collectors) {
  const BuildInfo& build = GetBuildInfo("node_exporter");
  NX_LOG(Info, "Starting node_exporter",
         {"version", fmt::format("(version={}, branch={}, revision={})", build.version,
                                 build.branch, build.revision)});
  if (geteuid() == 0) {
    NX_LOG(Warn,
           "Node Exporter is running as root user. This exporter is designed to run as "
           "unprivileged user, root is not required.");
  }
  NX_LOG(Info, "Enabled collectors");
  for (const NamedCollector& collector : collectors.enabled()) NX_LOG(Info, collector.name);
}

int Run(int argc, char** argv) {
  FlagSet flag_set("node_exporter", "");
  Flags flags(flag_set);
  flag_set.SetVersion(VersionText("node_exporter"));
  flag_set.Parse(argc, argv);
  ApplyLogFlags(flags.log);
  if (Status status = flags.web.Check(); !status.ok()) return Fail(MessageOf(status));

  const Paths paths{.procfs = *flags.procfs,
                    .sysfs = *flags.sysfs,
                    .rootfs = *flags.rootfs,
                    .udev_data = *flags.udev};
  if (Status status = flags.collectors.Create(paths, flag_set); !status.ok()) {
    return Fail(fmt::format("Couldn't create metrics handler: {}", MessageOf(status)));
  }
  LogStart(flags.collectors);

  const SignalSet signals({SIGINT, SIGTERM});

  const int max_requests = static_cast<int>(std::clamp<int64_t>(*flags.max_requests, 0, 1 << 20));
  Handler handler(
      flags.collectors,
      {.telemetry_path = *flags.web.telemetry_path,
       .exporter_metrics = !*flags.no_exporter_metrics,
       .max_requests = max_requests,
       .helper_threads = static_cast<size_t>(std::clamp<int64_t>(*flags.threads, 1, kMaxHelpers))});
  return http::ServeUntilSignal(
      "node_exporter", flags.web, signals,
      // One worker more than the limit, so that the limit is what refuses.
      {.worker_threads = max_requests == 0 ? kMaxWorkers : std::min(max_requests + 1, kMaxWorkers),
       .max_body_bytes = 1 << 20,
       .server_name = "node"},
      [&](const http::Request& request, http::ResponseWriter& response) {
        handler.Serve(request, response);
      });
}

}  // namespace
}  // namespace narthex::node

int main(int argc, char** argv) {
  mallopt(M_ARENA_MAX, 1);  // the work is small: one arena for all threads keeps memory small too
  return narthex::node::Run(argc, argv);
}
