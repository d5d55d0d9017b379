#include "server/api/api.h"

#include "core/base/check.h"
#include "server/api/impl.h"

namespace narthex::api {

Api::Impl::Impl(Options o, Sources s, Cors c, Registry* r)
    : options(std::move(o)),
      sources(std::move(s)),
      cors(std::move(c)),
      http_metrics(*r, options.route_prefix),
      metrics_handler(*r, {.self = r}),
      ready(r->AddGauge("prometheus_ready",
                        "Whether Prometheus startup was fully completed and the server is ready "
                        "for normal operation.")),
      federation_errors(
          r->AddCounter("prometheus_web_federation_errors_total",
                        "Total number of errors that occurred while sending federation "
                        "responses.")),
      notifications(options.max_notification_subscribers, r) {
  notifications.Add(kStarting, options.clock->NowNanos());
  r->AddCounter("prometheus_web_federation_warnings_total",
                "Total number of warnings that occurred while sending federation responses.");
}

bool Api::Impl::RefuseUnlessReady(http::ResponseWriter& response) const {
  const State now = state.load();
  if (now == State::kReady) return false;
  response.headers().Set("X-Prometheus-Stopping", now == State::kStopping ? "true" : "false");
  response.Send(503, "text/plain; charset=utf-8", "Service Unavailable");
  return true;
}

void Api::Impl::ServeEndpoint(Endpoint endpoint, const http::Request& request,
                              http::ResponseWriter& response) {
  cors.SetHeaders(request, &response.headers());
  auto form = request.Form();
  if (!form.ok()) {
    return WriteOutcome(
        BadData(fmt::format("error parsing form values: {}", MessageOf(form.status()))), response);
  }
  WriteOutcome((this->*endpoint)({request, *form}), response);
}

void Api::Impl::AddEndpoint(http::Router& router, std::string_view methods, const std::string& path,
                            Endpoint endpoint, bool gated) {
  const std::string pattern = options.route_prefix + "/api/v1" + path;
  http::Handler handler = [this, endpoint, gated](const http::Request& request,
                                                  http::ResponseWriter& response) {
    if (gated && RefuseUnlessReady(response)) return;
    ServeEndpoint(endpoint, request, response);
  };
  http_metrics.Prepare(pattern);
  while (!methods.empty()) {
    const size_t end = methods.find(' ');
    router.Handle(methods.substr(0, end), pattern, handler);
    if (end == std::string_view::npos) break;
    methods.remove_prefix(end + 1);
  }
  AddPreflight(router, pattern);
}

void Api::Impl::AnswerPreflight(const http::Request& request,
                                http::ResponseWriter& response) const {
  cors.SetHeaders(request, &response.headers());
  response.SetStatus(204);
  response.Send("");
}

void Api::Impl::AddPreflight(http::Router& router, const std::string& pattern) {
  router.Handle("OPTIONS", pattern, [this](const http::Request& request, http::ResponseWriter& r) {
    AnswerPreflight(request, r);
  });
}

// A browser asks before it knows whether there is such an endpoint.
http::Handler Api::Impl::PreflightOr(http::Handler otherwise) {
  return [this, root = options.route_prefix + "/api/v1/", otherwise = std::move(otherwise)](
             const http::Request& request, http::ResponseWriter& response) {
    const bool preflight = request.method == "OPTIONS" && request.path.starts_with(root);
    preflight ? AnswerPreflight(request, response) : otherwise(request, response);
  };
}

StatusOr<std::unique_ptr<Api>> Api::Create(Options options, Sources sources, Registry* registry) {
  NX_ASSIGN_OR_RETURN(Cors cors, Cors::Create(options.cors_origin));
  return std::unique_ptr<Api>(new Api(
      std::make_unique<Impl>(std::move(options), std::move(sources), std::move(cors), registry)));
}

Api::Api(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Api::~Api() = default;

void Api::Register(http::Router& router) {
  Impl& api = *impl_;
  router.Use([&api](std::string_view pattern, const http::Request& request,
                    http::ResponseWriter& response, const http::Handler& call) {
    api.http_metrics.Around(pattern, request, response, call);
  });
  api.RegisterLifecycle(router);
  api.RegisterRemote(router);
  const std::string federate = api.options.route_prefix + "/federate";
  api.http_metrics.Prepare(federate);
  router.Handle("GET", federate, [&api](const http::Request& request, http::ResponseWriter& r) {
    api.Federate(request, r);
  });
  api.AddPreflight(router, federate);
  router.SetNotFound(api.PreflightOr([](const http::Request&, http::ResponseWriter& response) {
    response.Error(404, "404 page not found");
  }));
  router.SetMethodNotAllowed(api.PreflightOr(http::AllowOptions));
  api.AddEndpoint(router, "GET POST", "/query", &Impl::Query);
  api.AddEndpoint(router, "GET POST", "/query_range", &Impl::QueryRange);
  api.AddEndpoint(router, "GET POST", "/query_exemplars", &Impl::QueryExemplars);
  api.AddEndpoint(router, "GET POST", "/format_query", &Impl::FormatQuery);
  api.AddEndpoint(router, "GET POST", "/parse_query", &Impl::ParseQuery);
  api.AddEndpoint(router, "GET POST", "/series", &Impl::Series);
  api.AddEndpoint(router, "GET POST", "/labels", &Impl::LabelNames);
  api.AddEndpoint(router, "GET", "/label/:name/values", &Impl::LabelValues);
  api.AddEndpoint(router, "GET", "/targets", &Impl::Targets);
  api.AddEndpoint(router, "GET", "/targets/metadata", &Impl::TargetsMetadata);
  api.AddEndpoint(router, "GET", "/targets/relabel_steps", &Impl::TargetsRelabelSteps);
  api.AddEndpoint(router, "GET", "/scrape_pools", &Impl::ScrapePools);
  api.AddEndpoint(router, "GET", "/scrape_pools/config", &Impl::ScrapePoolConfig);
  api.AddEndpoint(router, "GET", "/metadata", &Impl::Metadata);
  api.AddEndpoint(router, "GET", "/rules", &Impl::Rules);
  api.AddEndpoint(router, "GET", "/alerts", &Impl::Alerts);
  api.AddEndpoint(router, "GET", "/alertmanagers", &Impl::Alertmanagers);
  api.AddEndpoint(router, "GET", "/status/config", &Impl::StatusConfig);
  api.AddEndpoint(router, "GET", "/status/flags", &Impl::StatusFlags);
  api.AddEndpoint(router, "GET", "/features", &Impl::ListFeatures);
  api.AddEndpoint(router, "GET", "/status/runtimeinfo", &Impl::StatusRuntimeInfo);
  api.AddEndpoint(router, "GET", "/status/buildinfo", &Impl::StatusBuildInfo);
  api.AddEndpoint(router, "GET", "/status/tsdb", &Impl::StatusTsdb);
  api.AddEndpoint(router, "GET", "/status/walreplay", &Impl::StatusWalReplay, /*gated=*/false);
  api.AddEndpoint(router, "GET", "/notifications", &Impl::ListNotifications, /*gated=*/false);
  const std::string live = api.options.route_prefix + "/api/v1/notifications/live";
  api.http_metrics.Prepare(live);
  router.Handle("GET", live, [&api](const http::Request& request, http::ResponseWriter& r) {
    api.LiveNotifications(request, r);
  });
  api.AddPreflight(router, live);
  api.AddEndpoint(router, "GET", "/status/tsdb/blocks", &Impl::StatusTsdbBlocks);
  api.AddEndpoint(router, "POST PUT", "/admin/tsdb/delete_series", &Impl::DeleteSeries);
  api.AddEndpoint(router, "POST PUT", "/admin/tsdb/clean_tombstones", &Impl::CleanTombstones);
  api.AddEndpoint(router, "POST PUT", "/admin/tsdb/snapshot", &Impl::Snapshot);
}

void Api::SetStorage(const promql::Engine* engine, const storage::Queryable* storage,
                     const storage::ExemplarQueryable* exemplars) {
  impl_->engine = engine;
  impl_->exemplars = exemplars;
  impl_->storage = storage;
}

void Api::SetState(State state) {
  if (state == State::kReady) NX_CHECK(impl_->engine.load() && impl_->storage.load());
  impl_->state = state;
  impl_->ready.Set(state == State::kReady ? 1 : 0);
  if (state != State::kStarting) impl_->notifications.Remove(kStarting);
  if (state != State::kStopping) return;
  impl_->notifications.Add(kShuttingDown, impl_->options.clock->NowNanos());
  impl_->watch.CancelAll();
}

void Api::NoteReload(bool ok) {
  ok ? impl_->notifications.Remove(kReloadFailed)
     : impl_->notifications.Add(kReloadFailed, impl_->options.clock->NowNanos());
}

http::Handler Api::Gated(http::Handler handler) const {
  return [impl = impl_.get(), handler = std::move(handler)](const http::Request& request,
                                                            http::ResponseWriter& response) {
    if (!impl->RefuseUnlessReady(response)) handler(request, response);
  };
}

}  // namespace narthex::api
