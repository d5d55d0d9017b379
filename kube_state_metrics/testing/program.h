#pragma once
// kube-state-metrics as a process of its own, beside a fake API server.
//
// Thread safety: none.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/kube/testing/fake_api_server.h"
#include "tests/eventually.h"
#include "tests/support/http.h"
#include "tests/support/process.h"

namespace narthex::ksm {

struct Program {
  // Ends the one before. The flags that say where to listen are added; that of the API server is
  // unless told otherwise.
  void Start(const std::vector<std::string>& flags, bool name_api_server = true) {
    std::vector<std::string> line{testing::Binary("kube-state-metrics"), "--host=127.0.0.1",
                                  fmt::format("--port={}", port), "--telemetry-host=127.0.0.1",
                                  fmt::format("--telemetry-port={}", telemetry_port)};
    if (name_api_server) line.push_back("--apiserver=" + api->url());
    line.insert(line.end(), flags.begin(), flags.end());
    process.reset();
    process.emplace(std::move(line), testing::ScratchDir("ksm_program_log") + "/log");
  }

  static std::string Url(int at, const std::string& path) {
    return fmt::format("http://127.0.0.1:{}{}", at, path);
  }
  testing::HttpResult Get(const std::string& path) const {
    return testing::HttpGet(Url(port, path));
  }
  testing::HttpResult Telemetry(const std::string& path) const {
    return testing::HttpGet(Url(telemetry_port, path));
  }
  // Does the page come to have the text?
  bool Shows(const std::string& text) const {
    return Eventually([&] { return Get("/metrics").body.find(text) != std::string::npos; });
  }

  std::unique_ptr<kube::FakeApiServer> api = *kube::FakeApiServer::Start({});
  const int port = testing::FreePort();
  const int telemetry_port = testing::FreePort();
  std::optional<testing::ChildProcess> process;
};

}  // namespace narthex::ksm
