// The handler against a real registry and a recording response.

#include "core/metrics/http_handler.h"

#include <thread>

#include "core/http/recorded_response.h"
#include "tests/catch.h"

namespace narthex {
namespace {

MetricsHandler::Gather Gives(Registry::Gathered gathered) {
  return [gathered](const http::Request&) { return gathered; };
}

Registry::Gathered OneGauge(std::vector<std::string> errors) {
  MetricFamily family{.name = "m", .help = "M.", .type = MetricType::kGauge};
  family.samples.emplace_back().value = 1;
  return {.families = {family}, .errors = std::move(errors)};
}

double Value(const Registry& registry, std::string_view name, std::string_view label = "") {
  for (const auto& family : registry.Gather().families) {
    if (family.name != name) continue;
    for (const auto& sample : family.samples) {
      if (label.empty() || sample.labels.at(0).value == label) return sample.value;
    }
  }
  return -1;
}

TEST_CASE("text is the default, protobuf is served on request") {
  Registry registry;
  registry.AddGauge("m", "M.").Set(2);
  MetricsHandler handler(registry);
  http::Request request;
  http::RecordedResponse text;
  handler.Serve(request, text);
  CHECK(text.status == 200);
  CHECK(text.headers().Get("Content-Type") ==
        "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
  CHECK(text.body == "# HELP m M.\n# TYPE m gauge\nm 2\n");

  request.headers.Set("Accept",
                      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
                      "encoding=delimited");
  http::RecordedResponse protobuf;
  handler.Serve(request, protobuf);
  CHECK(protobuf.headers().Get("Content-Type").starts_with("application/vnd.google.protobuf"));
  CHECK(protobuf.body != text.body);
}

TEST_CASE("OpenMetrics only where it is offered") {
  Registry registry;
  registry.AddGauge("m", "M.").Set(2);
  http::Request request;
  request.headers.Set("Accept", "application/openmetrics-text;version=1.0.0");
  http::RecordedResponse plain, open;
  MetricsHandler(registry).Serve(request, plain);
  CHECK(plain.headers().Get("Content-Type").starts_with("text/plain"));
  MetricsHandler(registry, {.offer_open_metrics = true}).Serve(request, open);
  CHECK(open.headers().Get("Content-Type").starts_with("application/openmetrics-text"));
  CHECK(open.body.ends_with("# EOF\n"));
}

TEST_CASE("gather errors answer 500, or serve what is left") {
  Registry self;
  http::RecordedResponse strict, lenient, nothing, several;
  using OnError = MetricsHandlerOptions::OnError;
  MetricsHandler(Gives(OneGauge({"bad one"})), {.self = &self}).Serve({}, strict);
  CHECK(strict.status == 500);
  CHECK(strict.body == "An error has occurred while serving metrics:\n\nbad one\n");

  MetricsHandler(Gives(OneGauge({"a", "b"})), {}).Serve({}, several);
  CHECK(several.body ==
        "An error has occurred while serving metrics:\n\n2 error(s) occurred:\n* a\n* b\n");

  MetricsHandler keep_going(Gives(OneGauge({"bad"})),
                            {.on_error = OnError::kContinue, .self = &self});
  keep_going.Serve({}, lenient);
  CHECK(lenient.status == 200);
  CHECK(lenient.body.find("m 1\n") != std::string::npos);
  keep_going.Serve({}, nothing, Gives({.families = {}, .errors = {"x"}}));
  CHECK(nothing.status == 500);

  CHECK(Value(self, "promhttp_metric_handler_errors_total", "gathering") == 3);
  CHECK(Value(self, "promhttp_metric_handler_errors_total", "encoding") == 0);
  CHECK(Value(self, "promhttp_metric_handler_requests_total", "500") == 2);
  CHECK(Value(self, "promhttp_metric_handler_requests_total", "200") == 1);
  CHECK(Value(self, "promhttp_metric_handler_requests_total", "503") == 0);
  CHECK(Value(self, "promhttp_metric_handler_requests_in_flight") == 0);
}

TEST_CASE("more scrapes at once than allowed get 503") {
  Registry self;
  http::RecordedResponse outer, inner;
  std::unique_ptr<MetricsHandler> handler;
  // The second request arrives while the first one gathers.
  handler = std::make_unique<MetricsHandler>(
      [&](const http::Request&) {
        CHECK(Value(self, "promhttp_metric_handler_requests_in_flight") >= 1);
        handler->Serve({}, inner);
        return OneGauge({});
      },
      MetricsHandlerOptions{.max_requests_in_flight = 1, .self = &self});
  handler->Serve({}, outer);
  CHECK(outer.status == 200);
  CHECK(inner.status == 503);
  CHECK(inner.body == "Limit of concurrent requests reached (1), try again later.\n");
  CHECK(Value(self, "promhttp_metric_handler_requests_total", "503") == 1);
}

TEST_CASE("several registries are merged like one") {
  Registry a, b;
  a.AddGauge("m", "M.");
  b.AddGauge("m", "M.");
  b.AddGauge("n", "N.");
  const auto gathered = GatherAll({&a, &b});
  CHECK(gathered.families.size() == 2);
  CHECK(gathered.errors.size() == 1);
}

TEST_CASE("build info") {
  Registry registry;
  AddBuildInfo(registry, "thing");
  const auto families = registry.Gather().families;
  REQUIRE(families.size() == 1);
  CHECK(families[0].name == "thing_build_info");
  std::string names;
  for (const auto& label : families[0].samples[0].labels) names += label.name + " ";
  CHECK(names == "branch goarch goos goversion revision tags version ");
  CHECK(families[0].samples[0].labels[2].value == "linux");
}

}  // namespace
}  // namespace narthex
