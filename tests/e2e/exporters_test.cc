// node_exporter and pushgateway as processes: flags, exit codes, signals, what survives a crash.

#include <signal.h>

#include <fstream>

#include "tests/catch.h"
#include "tests/support/http.h"
#include "tests/support/process.h"

namespace narthex::testing {
namespace {

constexpr auto kPatience = std::chrono::seconds(20);

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A child that answers on its port.
struct Listening {
  Listening(const std::string& binary, const std::string& dir, int port,
            std::vector<std::string> arguments)
      : url("http://127.0.0.1:" + std::to_string(port)),
        process(Argv(binary, port, std::move(arguments)), dir + "/" + binary + ".log", dir) {
    const bool answers = Eventually(kPatience, [&] { return HttpGet(url + "/").status != 0; });
    INFO(process.output());
    REQUIRE(answers);
  }
  static std::vector<std::string> Argv(const std::string& binary, int port,
                                       std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {Binary(binary), "--web.listen-address=127.0.0.1:" + std::to_string(port)});
    return arguments;
  }
  std::string url;
  ChildProcess process;
};

TEST_CASE("pushgateway keeps groups over kill -9 and ends cleanly") {
  const std::string dir = ScratchDir("pushgateway_e2e");
  const std::string store = "--persistence.file=" + dir + "/store";
  {
    Listening gateway("pushgateway", dir, FreePort(), {store});
    CHECK(HttpSend("PUT", gateway.url + "/metrics/job/a", "m 1\n").status == 200);
    CHECK(HttpSend("POST", gateway.url + "/metrics/job/a", "n 2\n").status == 200);
    CHECK(HttpSend("PUT", gateway.url + "/metrics/job/b", "gone 1\n").status == 200);
    CHECK(HttpSend("DELETE", gateway.url + "/metrics/job/b").status == 202);
    gateway.process.Signal(SIGKILL);
    CHECK(gateway.process.Wait(kPatience) == 128 + SIGKILL);
  }
  Listening gateway("pushgateway", dir, FreePort(), {store, "--web.enable-lifecycle"});
  const std::string scrape = HttpGet(gateway.url + "/metrics").body;
  CHECK(Contains(scrape, "\nm{instance=\"\",job=\"a\"} 1\n"));
  CHECK(Contains(scrape, "\nn{instance=\"\",job=\"a\"} 2\n"));
  CHECK_FALSE(Contains(scrape, "gone"));
  CHECK(HttpSend("PUT", gateway.url + "/-/quit").status == 200);
  CHECK(gateway.process.Wait(kPatience) == 0);
}

TEST_CASE("pushgateway refuses what it cannot serve, by name") {
  const std::string dir = ScratchDir("pushgateway_refusals");
  std::ofstream(dir + "/gob") << "not a directory";
  const std::string pushgateway = Binary("pushgateway");
  auto result = RunToEnd({pushgateway, "--persistence.file=" + dir + "/gob"});
  CHECK(result.exit_code == 1);
  CHECK(Contains(result.output, dir + "/gob"));
  result = RunToEnd({pushgateway, "--no-such-flag"});
  CHECK(result.exit_code == 1);
  CHECK(Contains(result.output,
                 "pushgateway: error: unknown long flag '--no-such-flag', try --help"));
  const int port = FreePort();
  Listening first("pushgateway", dir, port, {});
  result = RunToEnd({pushgateway, "--web.listen-address=127.0.0.1:" + std::to_string(port)});
  CHECK(result.exit_code == 1);
  first.process.Signal(SIGTERM);
  CHECK(first.process.Wait(kPatience) == 0);
}

TEST_CASE("node_exporter serves this machine and ends cleanly") {
  const std::string dir = ScratchDir("node_exporter_e2e");
  Listening exporter("node_exporter", dir, FreePort(), {"--no-collector.arp", "--log.format=json"});
  const auto scrape = HttpGet(exporter.url + "/metrics");
  CHECK(scrape.status == 200);
  for (const char* part :
       {"\nnode_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} ", "\nnode_memory_MemTotal_bytes ",
        "\nnode_network_receive_bytes_total{device=\"lo\"} ", "\nnode_boot_time_seconds ",
        "\nprocess_resident_memory_bytes ",
        "node_scrape_collector_success{collector=\"stat\"} 1\n"}) {
    CAPTURE(part);
    CHECK(Contains(scrape.body, part));
  }
  CHECK_FALSE(Contains(scrape.body, "node_scrape_collector_success{collector=\"filesystem\"} 0"));
  CHECK(HttpGet(exporter.url + "/metrics?collect[]=nope").status == 400);
  exporter.process.Signal(SIGTERM);
  CHECK(exporter.process.Wait(kPatience) == 0);
  CHECK(Contains(exporter.process.output(), "\"msg\":\"Starting node_exporter\""));
}

TEST_CASE("node_exporter refuses what it cannot do, by name") {
  const std::string node_exporter = Binary("node_exporter");
  auto result = RunToEnd({node_exporter, "--collector.systemd"});
  CHECK(result.exit_code == 1);
  CHECK(Contains(result.output, "the systemd collector is not implemented"));
  result = RunToEnd({node_exporter, "--collector.netdev.device-include=a",
                     "--collector.netdev.device-exclude=b"});
  CHECK(result.exit_code == 1);
  CHECK(Contains(result.output, "Couldn't create metrics handler: couldn't create collector: "));
  result = RunToEnd({node_exporter, "--version"});
  CHECK(result.exit_code == 0);
  CHECK(result.output.starts_with("node_exporter, version "));
}

}  // namespace
}  // namespace narthex::testing
