#pragma once
// A fake API server and a provider of it, for tests.

#include <set>
#include <string>

#include "core/kube/testing/fake_api_server.h"
#include "server/discovery/kubernetes/config.h"
#include "server/discovery/testing/provider_rig.h"

namespace narthex::discovery::kubernetes {

inline constexpr char kNodes[] = "/api/v1/nodes";
inline constexpr char kPods[] = "/api/v1/pods";
inline constexpr char kServices[] = "/api/v1/services";
inline constexpr char kEndpoints[] = "/api/v1/endpoints";
inline constexpr char kSlices[] = "/apis/discovery.k8s.io/v1/endpointslices";
inline constexpr char kIngresses[] = "/apis/networking.k8s.io/v1/ingresses";

struct Cluster {
  explicit Cluster(kube::FakeApiServer::Options options = {}) {
    options.bookmarks = std::chrono::milliseconds(50);
    auto started = kube::FakeApiServer::Start(std::move(options));
    REQUIRE(started.ok());
    server = *std::move(started);
  }
  Config ConfigFor(const std::string& role) const {
    Config config;
    config.api_server = server->url();
    config.role = role;
    return config;
  }
  // The object of the rig's role and those it draws on are there.
  void Start(const Config& config) {
    const Status status = rig.Start(config);
    INFO(status.ToString());
    REQUIRE(status.ok());
    REQUIRE(rig.WaitFor([&] { return rig.published(); }));
  }
  // Meta labels without their prefix, one target a line, sorted.
  std::string Text() {
    std::string text = rig.Text();
    const std::string prefix = "__meta_kubernetes_";
    for (size_t at; (at = text.find(prefix)) != std::string::npos;) text.erase(at, prefix.size());
    return text;
  }
  bool Reaches(const std::string& expected) {
    return rig.WaitFor([&] { return Text() == expected; });
  }

  std::unique_ptr<kube::FakeApiServer> server;
  ProviderRig rig;
};

}  // namespace narthex::discovery::kubernetes
