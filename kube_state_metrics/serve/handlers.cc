#include "kube_state_metrics/serve/handlers.h"

#include <algorithm>

#include "core/base/clock.h"
#include "core/exposition/format.h"
#include "core/flags/flags.h"
#include "core/http/page.h"
#include "core/strings/quote.h"

namespace narthex::ksm {
namespace {

constexpr std::chrono::seconds kLivezTimeout{5};

std::string LandingPage(
    std::string_view title,
    std::initializer_list<std::pair<std::string_view, std::string_view>> links) {
  std::string page = http::PageHead(title);
  page += fmt::format("<div>Version: {}</div>\n<ul>\n", GetBuildInfo("kube_state_metrics").version);
  for (const auto& [path, text] : links) {
    page += fmt::format("<li><a href=\"{}\">{}</a></li>\n", path, text);
  }
  return page + "</ul>\n</body>\n</html>\n";
}

http::Handler Page(std::string page) {
  return [page = std::move(page)](const http::Request&, http::ResponseWriter& response) {
    response.Send(200, "text/html; charset=UTF-8", page);
  };
}

// Names of a comma list in a parameter that may come more than once.
std::vector<std::string> Names(const http::Request& request, std::string_view parameter) {
  std::vector<std::string> names;
  for (const std::string& value : request.query.GetAll(parameter)) {
    for (std::string& name : CommaList(value)) names.push_back(std::move(name));
  }
  return names;
}

Collection::Filter ResourceFilter(const http::Request& request) {
  auto wanted = Names(request, "resources");
  auto unwanted = Names(request, "exclude_resources");
  return [wanted = std::move(wanted), unwanted = std::move(unwanted)](std::string_view resource) {
    const auto has = [&](const std::vector<std::string>& names) {
      return std::find(names.begin(), names.end(), resource) != names.end();
    };
    return (wanted.empty() || has(wanted)) && !has(unwanted);
  };
}

double SecondsSince(int64_t start_nanos) {
  return static_cast<double>(Clock::System().MonotonicNanos() - start_nanos) / 1e9;
}

}  // namespace

ObjectsHandler::ObjectsHandler(Options options) : options_(std::move(options)) {
  router_.HandleAny("/metrics", [this](const auto& request, auto& response) {
    if (options_.auth != nullptr && !options_.auth->Check(request, response)) return;
    Metrics(request, response);
  });
  router_.HandleAny("/healthz", [](const auto&, auto& response) {
    response.Send(200, "text/plain; charset=utf-8", "OK");
  });
  router_.HandleAny("/livez", [this](const auto&, auto& response) { Livez(response); });
  router_.HandleAny(
      "/",
      Page(LandingPage("kube-state-metrics",
                       {{"/metrics", "Metrics"}, {"/healthz", "Healthz"}, {"/livez", "Livez"}})));
}

void ObjectsHandler::Metrics(const http::Request& request, http::ResponseWriter& response) const {
  const int64_t start = Clock::System().MonotonicNanos();
  OutputFormat format = NegotiateFormat(request.headers.Get("Accept"), true);
  const bool open_metrics = format.format == ExpositionFormat::kOpenMetrics100 ||
                            format.format == ExpositionFormat::kOpenMetrics001;
  // Only these two are written; whoever would rather have another gets plain text.
  if (!open_metrics) format = OutputFormat{};
  response.headers().Set("Content-Type", ContentTypeOf(format));
  if (!options_.gzip) response.headers().Set("Content-Encoding", "identity");
  response.SetStatus(200);
  const auto filter = ResourceFilter(request);
  const ChunkWriter write = [&](std::string_view chunk) { return response.Write(chunk); };
  bool wanted = true;
  StringSet shown;
  for (const auto& collection : options_.collections()) {
    wanted = wanted && collection->Write(filter, open_metrics, write, &shown);
  }
  if (wanted && open_metrics) response.Write("# EOF\n");
  std::string method = ToLowerAscii(request.method);
  // Whatever a client calls its method, there are few of them here.
  if (method != "get" && method != "head" && method != "post") method = "unknown";
  options_.metrics->request_durations().With({"metrics", method}).Observe(SecondsSince(start));
}

void ObjectsHandler::Livez(http::ResponseWriter& response) const {
  const auto answer = options_.api->GetText("/livez", kLivezTimeout);
  if (answer.ok()) return response.Send(200, "text/plain; charset=utf-8", "OK");
  response.Send(503, "text/plain; charset=utf-8", "Service Unavailable");
}

TelemetryHandler::TelemetryHandler(SelfMetrics& metrics, const AuthFilter* auth)
    : metrics_(metrics.registry(), {.offer_open_metrics = true}) {
  router_.HandleAny("/metrics", [this, auth](const auto& request, auto& response) {
    if (auth != nullptr && !auth->Check(request, response)) return;
    metrics_.Serve(request, response);
  });
  router_.HandleAny("/readyz", [&metrics](const auto&, auto& response) {
    const bool ready = !metrics.registry().Gather().families.empty();
    response.Send(ready ? 200 : 503, "text/plain; charset=utf-8",
                  ready ? "OK" : "Service Unavailable");
  });
  router_.HandleAny("/", Page(LandingPage("kube-state-metrics self metrics",
                                          {{"/metrics", "Metrics"}, {"/readyz", "Readyz"}})));
}

}  // namespace narthex::ksm
