// The endpoints that speak protobuf, without envelope and CORS headers.
#include "server/api/impl.h"

namespace narthex::api {

void Api::Impl::AddRemote(http::Router& router, const std::string& path, http::Handler handler) {
  const std::string pattern = options.route_prefix + "/api/v1" + path;
  http_metrics.Prepare(pattern);
  router.Handle("POST", pattern,
                [this, handler = std::move(handler)](const http::Request& request,
                                                     http::ResponseWriter& response) {
                  if (!RefuseUnlessReady(response)) handler(request, response);
                });
  AddPreflight(router, pattern);
}

void Api::Impl::RegisterRemote(http::Router& router) {
  AddRemote(router, "/read", [this](const http::Request& request, http::ResponseWriter& response) {
    if (sources.remote_read) return sources.remote_read(request, response);
    response.Error(404, "404 page not found");
  });
  AddRemote(router, "/write", [this](const http::Request& request, http::ResponseWriter& response) {
    if (sources.remote_write) return sources.remote_write(request, response);
    response.Error(404,
                   "remote write receiver needs to be enabled with "
                   "--web.enable-remote-write-receiver");
  });
}

}  // namespace narthex::api
