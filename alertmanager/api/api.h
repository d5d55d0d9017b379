#pragma once
// The HTTP API, version 2.
//
// Two shapes of errors, as upstream has them: what the rules of an endpoint refuse is a bare JSON
// string; what the request itself gets wrong (syntax, required fields, media type) is an object
// with code and message.
//
// Thread safety: handlers run on any thread.

#include <functional>
#include <memory>
#include <string>

#include "alertmanager/dispatch/dispatcher.h"
#include "alertmanager/store/alert_store.h"
#include "core/http/server.h"
#include "core/metrics/registry.h"

namespace narthex::am {

// What a loaded configuration runs with; replaced as a whole on reload.
struct Running {
  std::shared_ptr<const Config> config;
  std::shared_ptr<const RouteTree> tree;
  std::shared_ptr<Inhibitor> inhibitor;
  std::shared_ptr<Dispatcher> dispatcher;
};

class Api {
 public:
  struct Dependencies {
    const Clock* clock = nullptr;
    AlertStore* store = nullptr;
    Silences* silences = nullptr;
    std::function<std::shared_ptr<const Running>()> running;
    Registry* registry = nullptr;
    bool log_silences = false;
  };
  explicit Api(Dependencies dependencies);

  // Under `prefix` ("" or "/am"); also answers for unknown paths and methods of the API.
  void Register(http::Router& router, const std::string& prefix);

 private:
  using Request = http::Request;
  using Response = http::ResponseWriter;

  void GetStatus(const Request& request, Response& response) const;
  void GetReceivers(const Request& request, Response& response) const;
  void GetAlerts(const Request& request, Response& response) const;
  void PostAlerts(const Request& request, Response& response);
  void GetGroups(const Request& request, Response& response) const;
  void GetSilences(const Request& request, Response& response) const;
  void PostSilences(const Request& request, Response& response);
  void GetSilence(const Request& request, Response& response) const;
  void DeleteSilence(const Request& request, Response& response);

  const Dependencies deps_;
  const int64_t started_at_;
  CounterVec& received_;
  Counter& invalid_;
};

}  // namespace narthex::am
