#include "pushgateway/gateway.h"

#include <malloc.h>

#include "core/exposition/format.h"
#include "core/http/route_prefix.h"
#include "core/log/log.h"
#include "core/metrics/consistency.h"
#include "core/strings/quote.h"
#include "pushgateway/api.h"
#include "pushgateway/exposition.h"
#include "pushgateway/group_store.h"
#include "pushgateway/push_body.h"
#include "pushgateway/status_page.h"

namespace narthex::pushgateway {
namespace {

using http::Request;
using http::ResponseWriter;

constexpr std::string_view kPlain = "text/plain; charset=utf-8";
constexpr size_t kBigScrape = 1 << 20;
constexpr int64_t kLogIntervalMs = 100;  // of lines that a client can trigger

// Answers and says with which status.
using CodedHandler = std::function<int(const Request&, ResponseWriter&)>;

int Empty(ResponseWriter& response, int code) {
  response.SetStatus(code);
  response.Send("");
  return code;
}

int Text(ResponseWriter& response, int code, std::string text) {
  response.Send(code, kPlain, std::move(text));
  return code;
}

int Error(ResponseWriter& response, int code, std::string_view text) {
  response.Error(code, text);
  return code;
}

// What upstream's client library calls the approximate size of a request.
double SizeOf(const Request& request) {
  size_t size = request.target.size() + request.method.size() + std::string_view("HTTP/1.1").size();
  for (const auto& [name, value] : request.headers) size += name.size() + value.size();
  return static_cast<double>(size + request.body.size());
}

// Names and types of the program's own families, those without samples yet included.
StringMap<MetricType> OwnFamilies(const Registry& registry) {
  StringMap<MetricType> own;
  for (const MetricFamily& family : registry.Gather().families) own[family.name] = family.type;
  own["pushgateway_http_requests_total"] = MetricType::kCounter;
  own["pushgateway_http_push_size_bytes"] = MetricType::kSummary;
  own["pushgateway_http_push_duration_seconds"] = MetricType::kSummary;
  return own;
}

SummaryOptions PushObjectives() { return {.objectives = {{0.1, 0.01}, {0.5, 0.05}, {0.9, 0.01}}}; }

}  // namespace

struct Gateway::Impl {
  explicit Impl(GatewayOptions o)
      : options(std::move(o)),
        start_ns(Clock::System().NowNanos()),
        requests(registry.AddCounterVec(
            "pushgateway_http_requests_total",
            "Total HTTP requests processed by the Pushgateway, excluding scrapes.",
            {"handler", "code", "method"})),
        push_size(registry.AddSummaryVec("pushgateway_http_push_size_bytes",
                                         "HTTP request size for pushes to the Pushgateway.",
                                         {"method"}, PushObjectives())),
        push_duration(registry.AddSummaryVec("pushgateway_http_push_duration_seconds",
                                             "HTTP request duration for pushes to the Pushgateway.",
                                             {"method"}, PushObjectives())) {
    AddBuildInfo(registry, "pushgateway");
    registry.AddCollector(MakeProcessCollector());
    store = std::make_unique<GroupStore>(GroupStoreOptions{.check = options.check,
                                                           .own_families = OwnFamilies(registry),
                                                           .persistence = options.persistence});
    AddRoutes();
  }

  std::string Path(std::string_view rest) const {
    return fmt::format("{}{}", options.route_prefix, rest);
  }

  // A handler counted under pushgateway_http_requests_total{handler="name"}.
  http::Handler Counted(std::string name, CodedHandler handler) {
    return [this, name = std::move(name), handler = std::move(handler)](const Request& request,
                                                                        ResponseWriter& response) {
      const int code = handler(request, response);
      requests.With({name, std::to_string(code), ToLowerAscii(request.method)}).Inc();
    };
  }

  void AddRoutes() {
    AddPushRoutes("/metrics/job/", false);
    AddPushRoutes("/metrics/job@base64/", true);
    router.Handle("GET", Path(options.telemetry_path),
                  [this](const Request& q, ResponseWriter& w) { Scrape(q, w); });
    for (const char* name : {"healthy", "ready"}) {
      router.Handle(
          "GET", Path(fmt::format("/-/{}", name)),
          Counted(name, [](const Request&, ResponseWriter& w) { return Text(w, 200, "OK"); }));
    }
    AddQuitRoutes();
    AddApiRoutes();
    const auto page = Counted("status", [this](const Request&, ResponseWriter& w) {
      w.Send(200, "text/html; charset=utf-8", StatusPage(store->groups(), options.flags, start_ns));
      return 200;
    });
    router.Handle("GET", Path("/"), page);
    router.Handle("GET", Path("/status"), page);
    http::RedirectToPrefix(router, options.route_prefix, false);
    router.ForgiveSpelling();
  }

  void AddPushRoutes(const std::string& base, bool base64) {
    for (const char* method : {"POST", "PUT", "DELETE"}) {
      const bool deletes = std::string_view(method) == "DELETE";
      const auto handler =
          Counted(deletes ? "delete" : "push", [this, base64](const Request& q, ResponseWriter& w) {
            return PushOrDelete(q, w, base64);
          });
      router.Handle(method, Path(base + ":job"), handler);
      router.Handle(method, Path(base + ":job/*labels"), handler);
      router.Handle(
          method, Path(base),
          [to = Path(base.substr(0, base.size() - 1))](const Request&, ResponseWriter& w) {
            w.headers().Set("Location", to);
            Empty(w, 307);
          });
    }
  }

  void AddQuitRoutes() {
    for (const char* method : {"POST", "PUT"}) {
      router.Handle(method, Path("/-/quit"), [this](const Request&, ResponseWriter& w) {
        if (!options.enable_lifecycle) {
          Text(w, 403, "Lifecycle API is not enabled.");
          return;
        }
        Text(w, 200, "Requesting termination... Goodbye!");
        if (options.quit) options.quit();
      });
    }
    // Upstream registers this one without the prefix.
    router.Handle("GET", "/-/quit", [](const Request&, ResponseWriter& w) {
      Text(w, 405, "Only POST or PUT requests allowed.");
    });
  }

  void AddApiRoutes() {
    router.Handle("GET", Path("/api/v1/metrics"),
                  Counted("api/v1/metrics", [this](const Request&, ResponseWriter& w) {
                    AddApiHeaders(w);
                    w.Send(200, "application/json", MetricsJson(store->groups()));
                    return 200;
                  }));
    router.Handle("GET", Path("/api/v1/status"),
                  Counted("api/v1/status", [this](const Request&, ResponseWriter& w) {
                    AddApiHeaders(w);
                    w.Send(200, "application/json", StatusJson(options.flags, start_ns));
                    return 200;
                  }));
    api_options = Counted("api/v1/options", [](const Request&, ResponseWriter& w) {
      AddApiHeaders(w);
      return Empty(w, 200);
    });
    if (!options.enable_admin_api) return;
    router.Handle("PUT", Path("/api/v1/admin/wipe"),
                  Counted("wipe", [this](const Request&, ResponseWriter& w) {
                    const Status status = store->DeleteAll();
                    return status.ok() ? Empty(w, 202) : Error(w, 500, MessageOf(status));
                  }));
  }

  static void AddApiHeaders(ResponseWriter& response) {
    http::Headers& headers = response.headers();
    headers.Set("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin");
    headers.Set("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS");
    headers.Set("Access-Control-Allow-Origin", "*");
    headers.Set("Access-Control-Expose-Headers", "Date");
    headers.Set("Cache-Control", "no-cache, no-store, must-revalidate");
  }

  int PushOrDelete(const Request& request, ResponseWriter& response, bool base64) {
    if (request.method == "DELETE") return ApplyTo(request, response, base64);
    const int64_t begin = Clock::System().MonotonicNanos();
    const int code = ApplyTo(request, response, base64);
    const std::string method = ToLowerAscii(request.method);
    push_size.With({method}).Observe(SizeOf(request));
    push_duration.With({method}).Observe(
        static_cast<double>(Clock::System().MonotonicNanos() - begin) / 1e9);
    return code;
  }

  // Pushes to, or deletes, the group that the path names.
  int ApplyTo(const Request& request, ResponseWriter& response, bool base64) {
    const std::string labels = fmt::format("/{}", request.PathParam("labels"));
    auto grouping =
        ParseGrouping(request.PathParam("job"), base64, labels, {.utf8_names = options.utf8_names});
    if (!grouping.ok()) return Error(response, 400, MessageOf(grouping.status()));
    if (request.method != "DELETE") return Push(request, response, *grouping);
    const Status status = store->Delete(*grouping);
    return status.ok() ? Empty(response, 202) : Error(response, 500, MessageOf(status));
  }

  int Push(const Request& request, ResponseWriter& response, const Grouping& grouping) {
    auto families = DecodePush(request, {.utf8_names = options.utf8_names});
    if (!families.ok()) {
      NX_LOG(Debug, "failed to parse a push", {"source", request.remote_address},
             {"err", families.status()});
      return Error(response, 400, MessageOf(families.status()));
    }
    const Status status = store->Push(grouping, *std::move(families), request.method == "PUT");
    if (status.ok()) return Empty(response, options.check ? 200 : 202);
    if (int64_t suppressed = 0; log_limiter.Allow(&suppressed)) {
      NX_LOG(Error, "a push was refused", {"method", request.method},
             {"source", request.remote_address}, {"suppressed", suppressed}, {"err", status});
    }
    if (status.code() != StatusCode::kInvalidArgument)
      return Error(response, 500, MessageOf(status));
    // Without the check nobody is told; the failure time of the group is.
    return options.check ? Error(response, 400, MessageOf(status)) : Empty(response, 202);
  }

  void Scrape(const Request& request, ResponseWriter& response) {
    const OutputFormat format = NegotiateFormat(request.headers.Get("Accept"));
    Exposition exposition =
        Expose(registry.Gather().families, store->groups(), format, options.check);
    if (!exposition.errors.empty()) {
      const std::string text = JoinErrors(exposition.errors);
      NX_LOG(Error, "error gathering metrics: " + text);
      return response.Error(500, "An error has occurred while serving metrics:\n\n" + text);
    }
    const bool big = exposition.body.size() > kBigScrape;
    response.Send(200, ContentTypeOf(format), std::move(exposition.body));
    // A big answer needs many times its size for a moment; that is not for the heap to keep.
    if (big) malloc_trim(0);
  }

  const GatewayOptions options;
  const int64_t start_ns;
  Registry registry;
  CounterVec& requests;
  SummaryVec& push_size;
  SummaryVec& push_duration;
  std::unique_ptr<GroupStore> store;
  LogLimiter log_limiter{kLogIntervalMs};
  http::Handler api_options;
  http::Router router;
};

Gateway::Gateway(GatewayOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Gateway::~Gateway() = default;

Status Gateway::Load() { return impl_->store->Load(); }

void Gateway::Serve(const Request& request, ResponseWriter& response) const {
  if (request.method == "OPTIONS" && request.path.starts_with(impl_->Path("/api/v1/"))) {
    return impl_->api_options(request, response);
  }
  impl_->router.Serve(request, response);
}

}  // namespace narthex::pushgateway
