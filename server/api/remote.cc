// The endpoints that speak protobuf, without envelope and CORS headers.
#include "server/api/impl.h"

namespace narthex::api {

void Api::Impl::RegisterRemote(http::Router& router) {
  const std::string pattern = options.route_prefix + "/api/v1/write";
  http_metrics.Prepare(pattern);
  router.Handle("POST", pattern,
                [this](const http::Request& request, http::ResponseWriter& response) {
                  if (RefuseUnlessReady(response)) return;
                  if (sources.remote_write) return sources.remote_write(request, response);
                  response.Error(404,
                                 "remote write receiver needs to be enabled with "
                                 "--web.enable-remote-write-receiver");
                });
  router.Handle("OPTIONS", pattern, [this](const http::Request& request, http::ResponseWriter& r) {
    cors.SetHeaders(request, &r.headers());
    r.SetStatus(204);
    r.Send("");
  });
}

}  // namespace narthex::api
