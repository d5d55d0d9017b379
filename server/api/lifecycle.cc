// /-/healthy, /-/ready, /-/reload, /-/quit, /metrics and /version.
#include "core/flags/flags.h"
#include "server/api/impl.h"

namespace narthex::api {
namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kReaders[] = {"GET", "HEAD"};
constexpr std::string_view kWriters[] = {"POST", "PUT"};

std::string BuildInfoJson() {
  const BuildInfo& info = GetBuildInfo("prometheus");
  std::string out;
  JsonWriter json(&out);
  json.BeginObject().Member("version", info.version).Member("revision", info.revision);
  json.Member("branch", info.branch).Member("buildUser", info.build_user);
  json.Member("buildDate", info.build_date).Member("goVersion", info.compiler).EndObject();
  return out;
}

}  // namespace

void Api::Impl::RegisterLifecycle(http::Router& router) {
  const std::string& prefix = options.route_prefix;
  auto add = [&](std::span<const std::string_view> methods, const std::string& path,
                 const http::Handler& handler) {
    http_metrics.Prepare(prefix + path);
    router.Handle(methods, prefix + path, handler);
  };
  add(kReaders, "/-/healthy", [](const http::Request&, http::ResponseWriter& response) {
    response.Send(200, kText, "Prometheus Server is Healthy.\n");
  });
  add(kReaders, "/-/ready", [this](const http::Request&, http::ResponseWriter& response) {
    if (!RefuseUnlessReady(response)) response.Send(200, kText, "Prometheus Server is Ready.\n");
  });
  add(std::span(kReaders, 1), "/metrics",
      [this](const http::Request& request, http::ResponseWriter& response) {
        metrics_handler.Serve(request, response);
      });
  add(std::span(kReaders, 1), "/version", [](const http::Request&, http::ResponseWriter& response) {
    response.Send(200, kText, BuildInfoJson() + "\n");
  });

  auto lifecycle = [&](const std::string& path, http::Handler act) {
    add(kWriters, path,
        [this, act = std::move(act)](const http::Request& request, http::ResponseWriter& response) {
          if (!options.enable_lifecycle) {
            return response.Send(403, kText, "Lifecycle API is not enabled.");
          }
          act(request, response);
        });
    router.Handle("GET", prefix + path, [](const http::Request&, http::ResponseWriter& response) {
      response.Send(405, kText, "Only POST or PUT requests allowed");
    });
  };
  lifecycle("/-/reload", [this](const http::Request&, http::ResponseWriter& response) {
    const Status status =
        sources.reload ? sources.reload() : narthex::Unavailable("no configuration to reload");
    if (!status.ok()) {
      return response.Error(500, fmt::format("failed to reload config: {}", MessageOf(status)));
    }
    response.Send(200, kText, "");
  });
  lifecycle("/-/quit", [this](const http::Request&, http::ResponseWriter& response) {
    response.Send(200, kText, "Requesting termination... Goodbye!");
    if (sources.quit) sources.quit();
  });
}

}  // namespace narthex::api
