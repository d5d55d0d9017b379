#include "node_exporter/handler.h"

#include "core/flags/flags.h"
#include "core/metrics/consistency.h"

namespace narthex::node {
namespace {

std::string LandingPage(const std::string& telemetry_path) {
  const BuildInfo& build = GetBuildInfo("node_exporter");
  return fmt::format(R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1.0">
<title>Node Exporter</title>
<style>
body {{ font-family: system-ui, sans-serif; margin: 0; }}
header {{ background: #2b4c7e; color: #fff; padding: 1rem; }}
header h1 {{ font-size: 1.4rem; margin: 0; }}
main {{ padding: 1rem; }}
</style>
</head>
<body>
<header><h1>Node Exporter</h1></header>
<main>
<h2>Prometheus Node Exporter</h2>
<div>Version: (version={}, branch={}, revision={})</div>
<ul><li><a href="{}">Metrics</a></li></ul>
</main>
</body>
</html>
)",
                     build.version, build.branch, build.revision, telemetry_path);
}

void BadRequest(http::ResponseWriter& response, std::string text) {
  response.Send(400, "text/plain; charset=utf-8", std::move(text));
}

}  // namespace

struct Handler::Impl {
  Impl(const CollectorSet& set, HandlerOptions o)
      : collectors(set), options(std::move(o)), pool(options.helper_threads) {
    AddBuildInfo(build_registry, "node_exporter");
    MetricsHandlerOptions handler_options{
        .on_error = MetricsHandlerOptions::OnError::kContinue,
        .max_requests_in_flight = options.max_requests,
        .self = options.exporter_metrics ? &exporter_registry : nullptr};
    if (options.exporter_metrics) exporter_registry.AddCollector(MakeProcessCollector());
    metrics = std::make_unique<MetricsHandler>(
        [](const http::Request&) { return Registry::Gathered{}; }, handler_options);
    router.HandleAny(options.telemetry_path,
                     [this](const auto& request, auto& response) { Metrics(request, response); });
    if (options.telemetry_path != "/") {
      router.HandleAny("/", [page = LandingPage(options.telemetry_path)](
                                const http::Request&, http::ResponseWriter& response) {
        response.Send(200, "text/html; charset=UTF-8", page);
      });
    }
  }

  void Metrics(const http::Request& request, http::ResponseWriter& response) {
    const auto collect = request.query.GetAll("collect[]");
    const auto exclude = request.query.GetAll("exclude[]");
    if (!collect.empty() && !exclude.empty()) {
      return BadRequest(response, "Combined collect and exclude queries are not allowed.");
    }
    auto selected = collectors.Select(collect, exclude);
    if (!selected.ok()) {
      return BadRequest(response, fmt::format("Couldn't create filtered metrics handler: {}",
                                              MessageOf(selected.status())));
    }
    metrics->Serve(request, response, [&](const http::Request&) {
      auto families = Scrape(*selected, pool, Clock::System());
      for (const Registry* registry : {&exporter_registry, &build_registry}) {
        auto own = registry->Gather().families;
        std::move(own.begin(), own.end(), std::back_inserter(families));
      }
      return MergeFamilies(std::move(families));
    });
  }

  const CollectorSet& collectors;
  const HandlerOptions options;
  Registry exporter_registry;  // empty when the exporter's own metrics are off
  Registry build_registry;
  ScrapePool pool;
  std::unique_ptr<MetricsHandler> metrics;
  http::Router router;
};

Handler::Handler(const CollectorSet& collectors, HandlerOptions options)
    : impl_(std::make_unique<Impl>(collectors, std::move(options))) {}
Handler::~Handler() = default;

void Handler::Serve(const http::Request& request, http::ResponseWriter& response) const {
  impl_->router.Serve(request, response);
}

}  // namespace narthex::node
