#pragma once
// The HTTP face of the pushgateway: routes, the program's own metrics, the lifecycle.
//
// Thread safety: Serve may be called from any thread.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/http/server.h"
#include "core/metrics/registry.h"
#include "pushgateway/persistence.h"

namespace narthex::pushgateway {

struct GatewayOptions {
  std::string telemetry_path = "/metrics";
  std::string route_prefix;  // "" or "/prefix", no slash at the end
  bool enable_lifecycle = false;
  bool enable_admin_api = false;
  bool check = true;  // consistency of pushes
  bool utf8_names = false;
  std::vector<std::pair<std::string, std::string>> flags;  // to be shown
  Persistence* persistence = nullptr;                      // not owned
  std::function<void()> quit;                              // asked to end by /-/quit
};

class Gateway {
 public:
  explicit Gateway(GatewayOptions options);
  ~Gateway();
  Status Load();  // what the persistence holds
  void Serve(const http::Request& request, http::ResponseWriter& response) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::pushgateway
