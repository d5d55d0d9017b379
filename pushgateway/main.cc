// pushgateway: flags, the store, one HTTP server.

#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include "core/flags/flags.h"
#include "core/http/route_prefix.h"
#include "core/http/serve.h"
#include "core/log/log.h"
#include "pushgateway/gateway.h"

namespace narthex::pushgateway {
namespace {

constexpr size_t kMaxBody = 256 << 20;

struct Flags {
  explicit Flags(FlagSet& flags)
      : web(flags, ":9091"),
        external_url(flags.String("web.external-url",
                                  "The URL under which the Pushgateway is externally reachable.",
                                  "")),
        route_prefix(
            flags.String("web.route-prefix",
                         "Prefix for the internal routes of web endpoints. Defaults to the "
                         "path of --web.external-url.",
                         "")),
        lifecycle(flags.Bool("web.enable-lifecycle", "Enable shutdown via HTTP request.", false)),
        admin_api(flags.Bool("web.enable-admin-api",
                             "Enable API endpoints for admin control actions.", false)),
        persistence_file(flags.String("persistence.file",
                                      "Directory to persist metrics in. If empty, metrics are only "
                                      "kept in memory.",
                                      "")),
        persistence_interval(flags.Duration("persistence.interval",
                                            "The interval at which persisted metrics are forced to "
                                            "the disk.",
                                            "5m", FlagSet::DurationSyntax::kGo)),
        no_check(flags.Bool("push.disable-consistency-check",
                            "Do not check consistency of pushed metrics. DANGEROUS.", false)),
        utf8_names(flags.Bool("push.enable-utf8-names",
                              "Allow UTF-8 characters in metric and label names.", false)),
        log(AddLogFlags(flags)) {}

  http::ServeFlags web;
  std::string *external_url, *route_prefix;
  bool *lifecycle, *admin_api;
  std::string* persistence_file;
  int64_t* persistence_interval;
  bool *no_check, *utf8_names;
  LogFlags log;
};

int Fail(std::string_view message) { return http::FailStart("pushgateway", message); }

int Run(int argc, char** argv) {
  FlagSet flag_set("pushgateway", "The Pushgateway");
  Flags flags(flag_set);
  flag_set.SetVersion(VersionText("pushgateway"));
  flag_set.Parse(argc, argv);
  ApplyLogFlags(flags.log);
  if (Status status = flags.web.Check(); !status.ok()) return Fail(MessageOf(status));
  auto prefix = http::RoutePrefix(*flags.route_prefix, *flags.external_url);
  if (!prefix.ok()) {
    return Fail(fmt::format("--web.external-url: {}", MessageOf(prefix.status())));
  }

  const BuildInfo& build = GetBuildInfo("pushgateway");
  NX_LOG(Info, "starting pushgateway",
         {"version", fmt::format("(version={}, branch={}, revision={})", build.version,
                                 build.branch, build.revision)});
  const SignalSet signals({SIGINT, SIGTERM});

  std::unique_ptr<Persistence> persistence;
  if (!flags.persistence_file->empty()) {
    auto opened = Persistence::Open(*flags.persistence_file,
                                    std::chrono::milliseconds(*flags.persistence_interval));
    if (!opened.ok()) return Fail(MessageOf(opened.status()));
    persistence = *std::move(opened);
  }
  Gateway gateway({.telemetry_path = *flags.web.telemetry_path,
                   .route_prefix = *std::move(prefix),
                   .enable_lifecycle = *flags.lifecycle,
                   .enable_admin_api = *flags.admin_api,
                   .check = !*flags.no_check,
                   .utf8_names = *flags.utf8_names,
                   .flags = flag_set.Values(),
                   .persistence = persistence.get(),
                   .quit = [] { kill(getpid(), SIGTERM); }});
  if (Status status = gateway.Load(); !status.ok()) {
    return Fail(fmt::format("could not load persisted metrics: {}", MessageOf(status)));
  }
  return http::ServeUntilSignal("pushgateway", flags.web, signals,
                                {.max_body_bytes = kMaxBody, .server_name = "push"},
                                [&](const http::Request& request, http::ResponseWriter& response) {
                                  gateway.Serve(request, response);
                                });
}

}  // namespace
}  // namespace narthex::pushgateway

int main(int argc, char** argv) {
  mallopt(M_ARENA_MAX, 2);  // few threads, and what one frees another should reuse
  return narthex::pushgateway::Run(argc, argv);
}
