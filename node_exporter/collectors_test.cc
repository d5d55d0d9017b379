// Collectors against the fixture trees of testdata/, and what broken files do.
#include <cstdlib>

#include "core/base/file.h"
#include "node_exporter/testing.h"
#include "tests/temp_dir.h"

namespace narthex::node {
namespace {

// Compares with testdata/expected/<name>.txt; NX_UPDATE=1 writes it instead.
void CheckExpected(const std::string& name, const std::string& text) {
  const std::string path = "testdata/expected/" + name + ".txt";
  if (getenv("NX_UPDATE") != nullptr) REQUIRE(WriteFileAtomically(path, text).ok());
  auto expected = ReadFile(path);
  REQUIRE(expected.ok());
  CHECK(text == *expected);
}

TEST_CASE("collectors show the fixtures as expected") {
  const std::pair<std::string, std::vector<std::string>> cases[] = {
      {"cpu",
       {"--collector.cpu.info", "--collector.cpu.info.flags-include=^(aes|avx.?|constant_tsc)$",
        "--collector.cpu.info.bugs-include=^(cpu_meltdown|spectre_.*|mds)$"}},
      {"meminfo", {}},
      {"loadavg", {}},
      {"diskstats", {}},
      {"netdev", {"--no-collector.netdev.netlink"}},
      {"stat", {"--collector.stat.softirq"}},
      {"vmstat", {}},
      {"os", {}},
      {"filefd", {}},
      {"sockstat", {}},
  };
  for (const auto& [name, arguments] : cases) {
    CAPTURE(name);
    CheckExpected(name, Collect(name, arguments));
  }
}

TEST_CASE("cpu: the frequency follows the switch of cpufreq") {
  // Not asked for, and defaults off: no frequency. With defaults on it is there.
  CHECK_FALSE(Contains(Collect("cpu", {"--collector.cpu.info"}), "node_cpu_frequency_hertz"));
  Configured defaults({"--collector.cpu.info"});
  REQUIRE(defaults.status.ok());
  auto only_cpu = defaults.set.Select({"cpu"}, {});
  REQUIRE(only_cpu.ok());
  ScrapePool pool(0);
  const auto text =
      WriteFamilies(MergeFamilies(Scrape(*only_cpu, pool, Clock::System())).families, {});
  CHECK(
      Contains(text, "node_cpu_frequency_hertz{core=\"1\",cpu=\"1\",package=\"0\"} 8.00037e+08\n"));
  CHECK_FALSE(Contains(Collect("cpu", {"--no-collector.cpu.guest"}), "node_cpu_guest"));
}

TEST_CASE("cpu counters never step back, but a replaced CPU starts over") {
  TempDir dir;
  const Paths paths{.procfs = dir.path(), .sysfs = dir.path()};
  Configured configured({"--collector.disable-defaults", "--collector.cpu"}, paths);
  REQUIRE(configured.status.ok());
  const auto idle = [&](const std::string& stat) {
    dir.Write("stat", stat);
    return ScrapeText(configured.set);
  };
  const std::string cpu0 = "node_cpu_seconds_total{cpu=\"0\",mode=";
  CHECK(Contains(idle("cpu 0\ncpu0 100 0 0 1000 50\ncpu1 1 0 0 1\n"), cpu0 + "\"idle\"} 10\n"));
  // One second less idle, less iowait: kept. User goes on.
  std::string text = idle("cpu 0\ncpu0 200 0 0 900 40\ncpu1 1 0 0 1\n");
  CHECK(Contains(text, cpu0 + "\"idle\"} 10\n"));
  CHECK(Contains(text, cpu0 + "\"iowait\"} 0.5\n"));
  CHECK(Contains(text, cpu0 + "\"user\"} 2\n"));
  // Three seconds less: another CPU.
  text = idle("cpu 0\ncpu0 5 0 0 700 1\ncpu1 1 0 0 1\n");
  CHECK(Contains(text, cpu0 + "\"idle\"} 7\n"));
  CHECK(Contains(text, cpu0 + "\"user\"} 0.05\n"));
  // A CPU that went offline is forgotten.
  CHECK_FALSE(Contains(idle("cpu 0\ncpu0 5 0 0 800 1\n"), "cpu=\"1\""));
}

TEST_CASE("broken and missing files fail the collector, not the scrape") {
  TempDir dir;
  dir.Write("loadavg", "0.1 x 0.3");
  dir.Write("stat", "intr many\n");
  dir.Write("meminfo", "MemTotal: lots kB\n");
  dir.Write("diskstats", "8 0 sda 1 2 3 4 5 6 7 8 9 x 11\n");
  dir.Write("net/dev", "no header\n");
  dir.Write("net/sockstat", "TCP: inuse\n");
  dir.Write("sys/fs/file-nr", "1 2\n");
  dir.Write("1/mountinfo", "1 2 3\n");
  dir.Write("vmstat", "pgfault many\n");
  const Paths paths{.procfs = dir.path(), .sysfs = dir.path(), .rootfs = dir.path()};
  for (const char* name : {"loadavg", "stat", "meminfo", "diskstats", "netdev", "sockstat",
                           "filefd", "filesystem", "vmstat", "os"}) {
    CAPTURE(name);
    std::vector<std::string> arguments;
    if (std::string_view(name) == "netdev") arguments = {"--no-collector.netdev.netlink"};
    CHECK(Contains(Collect(name, arguments, paths),
                   fmt::format("node_scrape_collector_success{{collector=\"{}\"}} 0\n", name)));
  }
}

TEST_CASE("time and uname") {
  const std::string time = Collect("time");
  CHECK(Contains(time,
                 "node_time_clocksource_available_info{clocksource=\"hpet\",device=\"0\"} 1\n"));
  CHECK(Contains(time, "node_time_clocksource_current_info{clocksource=\"tsc\",device=\"0\"} 1\n"));
  CHECK(Contains(time, "node_time_zone_offset_seconds{time_zone="));
  CHECK(Contains(time, "\nnode_time_seconds "));
  CHECK(Contains(Collect("uname"), "sysname=\"Linux\""));
}

}  // namespace
}  // namespace narthex::node
