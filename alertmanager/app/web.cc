// Routes beside the API, the limit of concurrent GETs, and the metrics of the process.

#include "alertmanager/app/app.h"
#include "alertmanager/app/front_page.h"
#include "core/http/counting_writer.h"
#include "core/http/route_prefix.h"
#include "core/log/log.h"

namespace narthex::am {
void App::AddMetrics() {
  AddBuildInfo(registry_, "alertmanager");
  registry_.AddCollector(MakeProcessCollector());
  auto gauge = [this](std::string name, std::string help, std::function<double()> value) {
    registry_.AddFunction(MetricType::kGauge, std::move(name), std::move(help), std::move(value));
  };
  gauge("alertmanager_cluster_enabled", "Indicates whether the clustering is enabled or not.",
        [] { return 0; });
  gauge("alertmanager_receivers", "Number of configured receivers.",
        [this] { return static_cast<double>(running()->config->receivers.size()); });
  gauge("alertmanager_integrations", "Number of configured integrations.", [this] {
    size_t count = 0;
    for (const Receiver& receiver : running()->config->receivers) count += receiver.webhooks.size();
    return static_cast<double>(count);
  });
  gauge("alertmanager_inhibition_rules", "Number of configured inhibition rules.",
        [this] { return static_cast<double>(running()->inhibitor->rule_count()); });
  gauge("alertmanager_dispatcher_aggregation_groups", "Number of active aggregation groups",
        [this] { return static_cast<double>(running()->dispatcher->group_count()); });
  gauge("alertmanager_nflog_entries", "Number of entries of the notification log.",
        [this] { return static_cast<double>(log_->size()); });

  // Families whose values are states counted at gather time.
  class States final : public Collector {
   public:
    explicit States(App* app) : app_(app) {}
    void Collect(std::vector<MetricFamily>* out) override {
      MetricFamily silences{
          "alertmanager_silences", "How many silences by state.", "", MetricType::kGauge, {}};
      for (const SilenceState state :
           {SilenceState::kActive, SilenceState::kExpired, SilenceState::kPending}) {
        Add(&silences, SilenceStateText(state),
            static_cast<double>(app_->silences_->CountByState(state)));
      }
      out->push_back(std::move(silences));
      MetricFamily alerts{
          "alertmanager_alerts", "How many alerts by state.", "", MetricType::kGauge, {}};
      double active = 0, suppressed = 0;
      app_->ForEachFiring([&](const AlertPtr&, bool muted) { (muted ? suppressed : active) += 1; });
      Add(&alerts, "active", active);
      Add(&alerts, "suppressed", suppressed);
      Add(&alerts, "unprocessed", 0);
      out->push_back(std::move(alerts));
    }

   private:
    static void Add(MetricFamily* family, std::string_view state, double value) {
      MetricSample sample;
      sample.labels = {{"state", std::string(state)}};
      sample.value = value;
      family->samples.push_back(std::move(sample));
    }
    App* app_;
  };
  registry_.AddCollector(std::make_shared<States>(this));
  metrics_handler_ =
      std::make_unique<MetricsHandler>(registry_, MetricsHandlerOptions{.self = &registry_});
}

void App::ForEachFiring(const std::function<void(const AlertPtr&, bool suppressed)>& visit) {
  const auto running = this->running();
  const int64_t now = clock_.NowNanos();
  for (const AlertPtr& alert : alerts_.All()) {
    if (alert->ResolvedAt(now)) continue;
    visit(alert, running->inhibitor->InhibitedBy(alert->labels).has_value() ||
                     !silences_->SilencedBy(alert->labels).empty());
  }
}

void App::AddRoutes() {
  const std::string& prefix = options_.route_prefix;
  auto& duration = registry_.AddHistogramVec(
      "alertmanager_http_request_duration_seconds", "Histogram of latencies for HTTP requests.",
      {"handler", "method", "code"}, {.buckets = {.05, .1, .25, .5, .75, 1, 2, 5, 20, 60}});
  auto& size = registry_.AddHistogramVec(
      "alertmanager_http_response_size_bytes", "Histogram of response size for HTTP requests.",
      {"handler", "method"}, {.buckets = {100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}});
  router_.Use([this, &duration, &size](std::string_view pattern, const http::Request& request,
                                       http::ResponseWriter& response, const http::Handler& next) {
    http::CountingWriter recorder(response);
    const int64_t start = clock_.MonotonicNanos();
    next(request, recorder);
    std::string method;
    for (char c : request.method) method += static_cast<char>(std::tolower(c));
    duration.With({pattern, method, fmt::format("{}", recorder.status())})
        .Observe(static_cast<double>(clock_.MonotonicNanos() - start) / 1e9);
    size.With({pattern, method}).Observe(static_cast<double>(recorder.bytes()));
  });
  router_.ForgiveSpelling();
  api_->Register(router_, prefix);
  const http::Handler ok = [](const http::Request&, http::ResponseWriter& response) {
    response.Send(200, "text/plain; charset=utf-8", "OK");
  };
  for (std::string_view path : {"/-/healthy", "/-/ready"}) {
    router_.Handle("GET", prefix + std::string(path), ok);
    router_.Handle("HEAD", prefix + std::string(path), ok);
  }
  router_.Handle(
      "POST", prefix + "/-/reload", [this](const http::Request&, http::ResponseWriter& response) {
        const Status status = Reload();
        if (status.ok()) {
          response.SetStatus(200);
          return response.Send("");
        }
        response.Error(500, fmt::format("failed to reload config: {}", MessageOf(status)));
      });
  router_.Handle("GET", prefix + "/metrics",
                 [this](const http::Request& request, http::ResponseWriter& response) {
                   metrics_handler_->Serve(request, response);
                 });
  router_.Handle("GET", prefix + "/", [this](const http::Request&, http::ResponseWriter& response) {
    std::vector<FrontPageAlert> firing;
    ForEachFiring(
        [&](const AlertPtr& alert, bool suppressed) { firing.push_back({alert, suppressed}); });
    response.headers().Set("Cache-Control", "no-cache");
    response.Send(
        200, "text/html; charset=utf-8",
        FrontPage(options_.route_prefix, clock_.NowNanos(), std::move(firing), silences_->All()));
  });
  http::RedirectToPrefix(router_, prefix, true);
  routes_ready_.store(true, std::memory_order_release);
}

void App::Serve(const http::Request& request, http::ResponseWriter& response) {
  if (!routes_ready_.load(std::memory_order_acquire)) return response.Error(503, "Starting up");
  if (time_limit_ != nullptr) return time_limit_->Serve(request, response);
  ServeLimited(request, response);
}

void App::ServeLimited(const http::Request& request, http::ResponseWriter& response) {
  // The API, which does not redirect, takes a path with a slash at its end for the one without.
  if (request.path.size() > 1 && request.path.ends_with('/') &&
      request.path.starts_with(options_.route_prefix + "/api/v2/")) {
    http::Request same = request;
    same.path.pop_back();
    return ServeLimited(same, response);
  }
  if (request.method != "GET") return router_.Serve(request, response);
  const int limit = options_.get_concurrency;
  if (gets_in_flight_.fetch_add(1) >= limit) {
    gets_in_flight_.fetch_sub(1);
    gets_refused_.Inc();
    return response.Error(
        503,
        fmt::format("Limit of concurrent GET requests reached ({}), try again later.\n", limit));
  }
  gets_running_.Inc();
  router_.Serve(request, response);
  gets_running_.Dec();
  gets_in_flight_.fetch_sub(1);
}

}  // namespace narthex::am
