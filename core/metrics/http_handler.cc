#include "core/metrics/http_handler.h"

#include "core/exposition/writer.h"
#include "core/log/log.h"
#include "core/metrics/consistency.h"

namespace narthex {
MetricsHandler::MetricsHandler(Gather gather, MetricsHandlerOptions options)
    : gather_(std::move(gather)), options_(options) {
  if (options_.self == nullptr) return;
  errors_ = &options_.self->AddCounterVec(
      "promhttp_metric_handler_errors_total",
      "Total number of internal errors encountered by the promhttp metric handler.", {"cause"});
  errors_->With({"gathering"});
  errors_->With({"encoding"});
  if (!options_.count_requests) return;
  requests_ =
      &options_.self->AddCounterVec("promhttp_metric_handler_requests_total",
                                    "Total number of scrapes by HTTP status code.", {"code"});
  for (std::string_view code : {"200", "500", "503"}) requests_->With({code});
  requests_in_flight_ = &options_.self->AddGauge("promhttp_metric_handler_requests_in_flight",
                                                 "Current number of scrapes being served.");
}

MetricsHandler::MetricsHandler(const Registry& registry, MetricsHandlerOptions options)
    : MetricsHandler([&registry](const http::Request&) { return registry.Gather(); }, options) {}

void MetricsHandler::Serve(const http::Request& request, http::ResponseWriter& response) {
  Serve(request, response, gather_);
}

void MetricsHandler::Serve(const http::Request& request, http::ResponseWriter& response,
                           const Gather& gather) {
  if (requests_in_flight_ != nullptr) requests_in_flight_->Inc();
  const int running = in_flight_.fetch_add(1) + 1;
  int code = 0;
  if (options_.max_requests_in_flight > 0 && running > options_.max_requests_in_flight) {
    code = 503;
    response.Error(code, fmt::format("Limit of concurrent requests reached ({}), try again later.",
                                     options_.max_requests_in_flight));
  } else {
    code = Answer(request, response, gather);
  }
  in_flight_.fetch_sub(1);
  if (requests_in_flight_ != nullptr) requests_in_flight_->Dec();
  if (requests_ != nullptr) requests_->With({std::to_string(code)}).Inc();
}

int MetricsHandler::Answer(const http::Request& request, http::ResponseWriter& response,
                           const Gather& gather) {
  const Registry::Gathered gathered = gather(request);
  if (!gathered.errors.empty()) {
    const std::string text = JoinErrors(gathered.errors);
    NX_LOG(Error, "error gathering metrics: " + text);
    if (errors_ != nullptr) errors_->With({"gathering"}).Inc();
    if (options_.on_error == MetricsHandlerOptions::OnError::kHttpError ||
        gathered.families.empty()) {
      response.Error(500, "An error has occurred while serving metrics:\n\n" + text);
      return 500;
    }
  }
  const OutputFormat format =
      NegotiateFormat(request.headers.Get("Accept"), options_.offer_open_metrics);
  response.Send(200, ContentTypeOf(format), WriteFamilies(gathered.families, format));
  return 200;
}

Registry::Gathered GatherAll(std::initializer_list<const Registry*> registries) {
  std::vector<MetricFamily> families;
  std::vector<std::string> errors;
  for (const Registry* registry : registries) {
    Registry::Gathered gathered = registry->Gather();
    std::move(gathered.families.begin(), gathered.families.end(), std::back_inserter(families));
    std::move(gathered.errors.begin(), gathered.errors.end(), std::back_inserter(errors));
  }
  Registry::Gathered merged = MergeFamilies(std::move(families));
  merged.errors.insert(merged.errors.begin(), errors.begin(), errors.end());
  return merged;
}

}  // namespace narthex
