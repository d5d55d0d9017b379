#include "server/discovery/docker/docker.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include "core/base/file.h"
#include "server/discovery/json_answer.h"
#include "server/discovery/testing/config_cases.h"
#include "server/discovery/testing/provider_rig.h"
#include "server/discovery/testing/scripted_server.h"

namespace narthex::discovery::docker {
namespace {

constexpr std::string_view kContainers = R"([
  {"Id": "c1", "Names": ["/web", "/alias"], "Labels": {"com.example/x": "1"},
   "Ports": [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
             {"PrivatePort": 53, "Type": "udp"}],
   "HostConfig": {"NetworkMode": "bridge"},
   "NetworkSettings": {"Networks": {"z": {"IPAddress": "172.20.0.2", "NetworkID": "n2"},
                                    "bridge": {"IPAddress": "172.17.0.2", "NetworkID": "n1"}}}},
  {"Id": "c2", "Names": ["/sidecar"], "Labels": {}, "Ports": [],
   "HostConfig": {"NetworkMode": "container:c1"}, "NetworkSettings": {"Networks": {}}},
  {"Id": "c3", "Names": ["/host"], "Ports": [], "HostConfig": {"NetworkMode": "host"},
   "NetworkSettings": {"Networks": {"host": {"IPAddress": "", "NetworkID": "n3"}}}},
  {"Id": "c4", "Names": ["/lost"], "HostConfig": {"NetworkMode": "container:c4"},
   "NetworkSettings": {"Networks": {}}},
  {"Id": "c5", "Names": []}
])";
constexpr std::string_view kNetworks = R"([
  {"Id": "n1", "Name": "bridge", "Scope": "local", "Internal": false, "Ingress": false,
   "Labels": {"net.l": "v"}},
  {"Id": "n3", "Name": "host", "Scope": "local", "Internal": false, "Ingress": false, "Labels": {}}
])";

std::vector<std::string> Addresses(const std::vector<Labels>& targets) {
  std::vector<std::string> out;
  for (const Labels& target : targets) out.emplace_back(target.Get("__address__"));
  return out;
}

TEST_CASE("containers become targets, a port and network each") {
  const auto containers = ParseJson(kContainers);
  const auto networks = ParseJson(kNetworks);
  REQUIRE((containers.ok() && networks.ok()));
  Config config;
  const auto targets = ReadContainers(*containers, *networks, config);
  CHECK(Addresses(targets) ==
        std::vector<std::string>{"172.17.0.2:80", "172.17.0.2:80", "localhost"});
  CHECK(targets[0].ToString() ==
        "{__address__=\"172.17.0.2:80\", __meta_docker_container_id=\"c1\", "
        "__meta_docker_container_label_com_example_x=\"1\", "
        "__meta_docker_container_name=\"/web\", "
        "__meta_docker_container_network_mode=\"bridge\", __meta_docker_network_id=\"n1\", "
        "__meta_docker_network_ingress=\"false\", __meta_docker_network_internal=\"false\", "
        "__meta_docker_network_ip=\"172.17.0.2\", __meta_docker_network_label_net_l=\"v\", "
        "__meta_docker_network_name=\"bridge\", __meta_docker_network_scope=\"local\", "
        "__meta_docker_port_private=\"80\", __meta_docker_port_public=\"8080\", "
        "__meta_docker_port_public_ip=\"0.0.0.0\"}");
  CHECK(targets[1].Get("__meta_docker_container_name") == "/sidecar");
  config.match_first_network = false;
  config.port = 9;
  CHECK(Addresses(ReadContainers(*containers, *networks, config)) ==
        std::vector<std::string>{"172.17.0.2:80", "172.20.0.2:80", "172.17.0.2:9", "172.20.0.2:9",
                                 "localhost"});
}

TEST_CASE("docker is asked with filters, and keeps its targets when it fails") {
  std::atomic<bool> broken = false;
  ScriptedServer server([&](const http::Request& request, http::ResponseWriter& response) {
    if (broken) return response.Send(500, "application/json", R"({"message":"no"})");
    response.Send(200, "application/json",
                  std::string(request.path == "/networks" ? kNetworks : kContainers));
  });
  Config config;
  config.host = "tcp://" + server.address();
  config.refresh_interval_ms = 1'000;
  config.filters = {{"status", {"running", "paused"}}};
  ProviderRig rig;
  REQUIRE(rig.Start(config).ok());
  REQUIRE(rig.WaitFor([&] { return rig.Addresses() == "172.17.0.2:80,172.17.0.2:80,localhost"; }));
  const auto requests = server.requests();
  CHECK(requests[0].path == "/containers/json");
  CHECK(requests[0].query.Get("filters") == R"({"status":{"running":true,"paused":true}})");
  broken = true;
  REQUIRE(rig.WaitFor([&] { return rig.Metric("prometheus_sd_refresh_failures_total") >= 1; }));
  CHECK(rig.Addresses() == "172.17.0.2:80,172.17.0.2:80,localhost");
}

TEST_CASE("docker is asked on a unix socket") {
  const std::string path = fmt::format("/tmp/nx-docker-{}.sock", getpid());
  const UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  unlink(path.c_str());
  REQUIRE(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(listener.get(), 4) == 0);
  // A connection for each of the two questions.
  std::thread daemon([&] {
    for (const std::string_view body : {kContainers, kNetworks}) {
      const UniqueFd peer(accept(listener.get(), nullptr, nullptr));
      char request[4096];
      if (recv(peer.get(), request, sizeof request, 0) <= 0) return;
      const std::string answer =
          fmt::format("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}",
                      body.size(), body);
      send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  });
  Config config;
  config.host = "unix://" + path;
  ProviderRig rig;
  REQUIRE(rig.Start(config).ok());
  CHECK(rig.WaitFor([&] { return rig.Addresses() == "172.17.0.2:80,172.17.0.2:80,localhost"; }));
  shutdown(listener.get(), SHUT_RDWR);
  daemon.join();
  unlink(path.c_str());
}

TEST_CASE("docker_sd_configs are checked") {
  CheckConfigs<Config>({
      {"host: unix:///var/run/docker.sock\n", ""},
      {"host: tcp://h:2375\nfilters: [{name: a, values: [b]}]\nport: 1\n", ""},
      {"{}", "host missing"},
      {"host: ssh://h\n", "docker host must begin with"},
      {"host: unix:///x\nhosts: 1\n", "field hosts not found in type docker.plain"},
  });
}

}  // namespace
}  // namespace narthex::discovery::docker
