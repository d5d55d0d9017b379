#include "server/discovery/nomad/nomad.h"

#include "server/discovery/testing/provider_rig.h"
#include "server/discovery/testing/scripted_server.h"

namespace narthex::discovery::nomad {
namespace {

TEST_CASE("nomad: every instance of every service is a target") {
  std::atomic<bool> broken = false;
  ScriptedServer server([&](const http::Request& request, http::ResponseWriter& response) {
    if (request.path == "/v1/services") {
      return response.Send(200, "application/json",
                           R"([{"Namespace":"default","Services":[{"ServiceName":"web","Tags":[]},
                               {"ServiceName":"a/b"}]}])");
    }
    if (broken) return response.Send(500, "text/plain", "no");
    if (request.path == "/v1/service/web") {
      return response.Send(200, "application/json", R"([{"ID":"i1","ServiceName":"web",
          "Namespace":"default","NodeID":"node","Datacenter":"dc1","JobID":"job","AllocID":"alloc",
          "Tags":["x","y"],"Address":"10.0.0.1","Port":8080}])");
    }
    response.Send(200, "application/json", R"([{"Address":"::1","Port":1}])");
  });
  Config config;
  config.server = server.url();
  config.refresh_interval_ms = 50;
  ProviderRig rig;
  REQUIRE(rig.Start(config).ok());
  REQUIRE(rig.WaitFor([&] { return rig.published(); }));
  const std::string text = rig.Text();
  CHECK(text.find("Nomad: {__address__=\"10.0.0.1:8080\", __meta_nomad_address=\"10.0.0.1\", "
                  "__meta_nomad_dc=\"dc1\", __meta_nomad_namespace=\"default\", "
                  "__meta_nomad_node_id=\"node\", __meta_nomad_service=\"web\", "
                  "__meta_nomad_service_address=\"10.0.0.1\", "
                  "__meta_nomad_service_alloc_id=\"alloc\", __meta_nomad_service_id=\"i1\", "
                  "__meta_nomad_service_job_id=\"job\", __meta_nomad_service_port=\"8080\", "
                  "__meta_nomad_tags=\",x,y,\"}\n") != std::string::npos);
  CHECK(text.find("__address__=\"[::1]:1\"") != std::string::npos);
  const auto requests = server.requests();
  CHECK(requests[0].target == "/v1/services?namespace=default&region=global&stale=");
  CHECK(requests[2].target.starts_with("/v1/service/a%2Fb?"));
  broken = true;
  REQUIRE(rig.WaitFor([&] { return rig.Metric("prometheus_sd_nomad_failures_total") >= 2; }));
  CHECK(rig.Text() == text);
}

TEST_CASE("nomad_sd_configs are checked") {
  Config config;
  CHECK(config::Decode("{}", &config).ok());
  CHECK(config.region == "global");
  CHECK(MessageOf(config::Decode("server: ''", &config)) ==
        "nomad SD configuration requires a server address");
  CHECK_FALSE(config::Decode("serve: x", &config).ok());
}

}  // namespace
}  // namespace narthex::discovery::nomad
