// node_exporter: flags, collectors, one HTTP server.

#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include "core/flags/flags.h"
#include "core/http/server.h"
#include "core/log/log.h"
#include "node_exporter/handler.h"

namespace narthex::node {
namespace {

constexpr int kMaxWorkers = 8;       // threads that serve requests
constexpr int64_t kMaxHelpers = 64;  // threads that run collectors

struct Flags {
  explicit Flags(FlagSet& flags)
      : collectors(flags),
        listen(flags.Strings("web.listen-address",
                             "Addresses on which to expose metrics and web interface. Repeatable "
                             "for multiple addresses.",
                             {":9100"})),
        web_config(flags.String("web.config.file",
                                "Path to configuration file that can enable TLS or authentication.",
                                "")),
        systemd_socket(flags.Bool("web.systemd-socket",
                                  "Use systemd socket activation listeners instead of port "
                                  "listeners (not implemented).",
                                  false)),
        telemetry_path(flags.String("web.telemetry-path", "Path under which to expose metrics.",
                                    "/metrics")),
        no_exporter_metrics(flags.Bool("web.disable-exporter-metrics",
                                       "Exclude metrics about the exporter itself (promhttp_*, "
                                       "process_*).",
                                       false)),
        max_requests(flags.Int("web.max-requests",
                               "Maximum number of parallel scrape requests. Use 0 to disable.", 40)),
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
  std::vector<std::string>* listen;
  std::string* web_config;
  bool* systemd_socket;
  std::string* telemetry_path;
  bool* no_exporter_metrics;
  int64_t* max_requests;
  int64_t* threads;
  std::string *procfs, *sysfs, *rootfs, *udev;
  LogFlags log;
};

int Fail(std::string_view message) {
  std::fprintf(stderr, "node_exporter: error: %.*s\n", static_cast<int>(message.size()),
               message.data());
  return 1;
}

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
  if (*flags.systemd_socket) return Fail("--web.systemd-socket is not implemented");
  if (!flags.telemetry_path->starts_with('/')) {
    return Fail("--web.telemetry-path must start with a slash");
  }

  const Paths paths{.procfs = *flags.procfs,
                    .sysfs = *flags.sysfs,
                    .rootfs = *flags.rootfs,
                    .udev_data = *flags.udev};
  if (Status status = flags.collectors.Create(paths, flag_set); !status.ok()) {
    return Fail(fmt::format("Couldn't create metrics handler: {}", MessageOf(status)));
  }
  LogStart(flags.collectors);

  // Block the signals before any thread exists, so that only this one takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const int max_requests = static_cast<int>(std::clamp<int64_t>(*flags.max_requests, 0, 1 << 20));
  Handler handler(flags.collectors,
                  {.telemetry_path = *flags.telemetry_path,
                   .exporter_metrics = !*flags.no_exporter_metrics,
                   .max_requests = max_requests,
                   .helper_threads = static_cast<size_t>(
                       std::clamp<int64_t>(*flags.threads, 1, kMaxHelpers))});
  http::ServerOptions options{.listen_addresses = *flags.listen,
                              .web_config_file = *flags.web_config,
                              // One more than the limit, so that the limit is what refuses.
                              .worker_threads = max_requests == 0
                                                    ? kMaxWorkers
                                                    : std::min(max_requests + 1, kMaxWorkers),
                              .max_body_bytes = 1 << 20,
                              .server_name = "node"};
  auto server = http::Server::Create(options, [&](const http::Request& request,
                                                  http::ResponseWriter& response) {
    handler.Serve(request, response);
  });
  if (!server.ok()) return Fail(MessageOf(server.status()));
  if (Status status = (*server)->Start(); !status.ok()) {
    NX_LOG(Error, "Couldn't start the HTTP server", {"err", status});
    return 1;
  }
  int signal = 0;
  sigwait(&signals, &signal);
  NX_LOG(Info, "Received a signal, exiting", {"signal", signal});
  (*server)->Stop();
  return 0;
}

}  // namespace
}  // namespace narthex::node

int main(int argc, char** argv) {
  mallopt(M_ARENA_MAX, 1);  // the work is small: one arena for all threads keeps memory small too
  return narthex::node::Run(argc, argv);
}
