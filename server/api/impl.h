#pragma once
// The inside of Api: shared state and the endpoints, which live in one file a family.

#include <atomic>
#include <memory>
#include <string>

#include "core/metrics/http_handler.h"
#include "server/api/answer.h"
#include "server/api/api.h"
#include "server/api/cancel_watch.h"
#include "server/api/cors.h"
#include "server/api/instrument.h"
#include "server/api/notifications.h"

namespace narthex::api {

struct Call {
  const http::Request& request;
  const http::Params& form;  // body and URL parameters; some endpoints read the URL's alone
};

struct Api::Impl {
  using Endpoint = Outcome (Impl::*)(const Call&);

  Impl(Options o, Sources s, Cors c, Registry* r);

  // api.cc
  void AddEndpoint(http::Router& router, std::string_view methods, const std::string& path,
                   Endpoint endpoint, bool gated = true);
  void AddPreflight(http::Router& router, const std::string& pattern);
  void AnswerPreflight(const http::Request& request, http::ResponseWriter& response) const;
  http::Handler PreflightOr(http::Handler otherwise);
  void ServeEndpoint(Endpoint endpoint, const http::Request& request,
                     http::ResponseWriter& response);
  bool RefuseUnlessReady(http::ResponseWriter& response) const;

  // query.cc
  Outcome Query(const Call& call);
  Outcome QueryRange(const Call& call);
  Outcome QueryExemplars(const Call& call);
  Outcome FormatQuery(const Call& call);
  Outcome ParseQuery(const Call& call);
  // series.cc
  Outcome Series(const Call& call);
  Outcome LabelNames(const Call& call);
  Outcome LabelValues(const Call& call);
  // targets.cc
  Outcome Targets(const Call& call);
  Outcome TargetsRelabelSteps(const Call& call);
  Outcome ScrapePools(const Call& call);
  Outcome ScrapePoolConfig(const Call& call);
  Outcome Metadata(const Call& call);
  Outcome TargetsMetadata(const Call& call);
  // rules.cc
  Outcome Rules(const Call& call);
  Outcome Alerts(const Call& call);
  Outcome Alertmanagers(const Call& call);
  // status.cc
  Outcome StatusConfig(const Call& call);
  Outcome StatusFlags(const Call& call);
  Outcome ListFeatures(const Call& call);
  Outcome StatusRuntimeInfo(const Call& call);
  Outcome StatusBuildInfo(const Call& call);
  Outcome StatusTsdb(const Call& call);
  Outcome StatusWalReplay(const Call& call);
  Outcome ListNotifications(const Call& call);
  void LiveNotifications(const http::Request& request, http::ResponseWriter& response);
  // admin.cc
  Outcome StatusTsdbBlocks(const Call& call);
  Outcome DeleteSeries(const Call& call);
  Outcome CleanTombstones(const Call& call);
  Outcome Snapshot(const Call& call);
  // remote.cc
  void RegisterRemote(http::Router& router);
  void AddRemote(http::Router& router, const std::string& path, http::Handler handler);
  // federate.cc
  void Federate(const http::Request& request, http::ResponseWriter& response);
  // lifecycle.cc
  void RegisterLifecycle(http::Router& router);

  const Options options;
  const Sources sources;
  const Cors cors;
  HttpMetrics http_metrics;
  MetricsHandler metrics_handler;
  Gauge& ready;
  Counter& federation_errors;
  CancelWatch watch;
  Notifications notifications;
  std::atomic<State> state{State::kStarting};
  std::atomic<const promql::Engine*> engine{nullptr};
  std::atomic<const storage::Queryable*> storage{nullptr};
  std::atomic<const storage::ExemplarQueryable*> exemplars{nullptr};
};

}  // namespace narthex::api
