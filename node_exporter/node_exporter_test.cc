// Collectors against the fixture trees of testdata/, selection and HTTP answers, netlink messages.

#include <linux/rtnetlink.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <latch>
#include <thread>

#include "core/base/file.h"
#include "core/exposition/writer.h"
#include "core/http/recorded_response.h"
#include "core/metrics/consistency.h"
#include "node_exporter/collector_set.h"
#include "node_exporter/collectors/all.h"
#include "node_exporter/collectors/netdev_source.h"
#include "node_exporter/collectors/statfs_pool.h"
#include "node_exporter/filter_flags.h"
#include "node_exporter/handler.h"
#include "node_exporter/netlink.h"
#include "node_exporter/parse.h"
#include "tests/catch.h"

namespace narthex::node {
namespace {

const Paths kFixture{.procfs = "testdata/proc",
                     .sysfs = "testdata/sys",
                     .rootfs = "testdata/root",
                     .udev_data = "testdata/udev"};

// A set of collectors as a command line makes it.
struct Configured {
  explicit Configured(const std::vector<std::string>& arguments, const Paths& paths = kFixture)
      : flags("node_exporter", ""), set(flags) {
    status = flags.TryParse(arguments);
    if (status.ok()) status = set.Create(paths, flags);
  }
  FlagSet flags;
  CollectorSet set;
  Status status;
};

std::string ScrapeText(const CollectorSet& set) {
  ScrapePool pool(1);
  std::vector<const NamedCollector*> all;
  for (const auto& c : set.enabled()) all.push_back(&c);
  auto gathered = MergeFamilies(Scrape(all, pool, Clock::System()));
  CHECK(gathered.errors == std::vector<std::string>{});
  std::erase_if(gathered.families, [](const MetricFamily& f) {
    return f.name == "node_scrape_collector_duration_seconds";
  });
  return WriteFamilies(gathered.families, {});
}

// The output of one collector, switched on alone.
std::string Collect(const std::string& name, std::vector<std::string> arguments = {},
                    const Paths& paths = kFixture) {
  arguments.insert(arguments.begin(), {"--collector.disable-defaults", "--collector." + name});
  Configured configured(arguments, paths);
  REQUIRE(MessageOf(configured.status) == "");
  return ScrapeText(configured.set);
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

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

// A directory of its own that goes away with the test.
struct ScratchDir {
  ScratchDir() {
    std::string name = "/tmp/node_exporter_test.XXXXXX";
    path = mkdtemp(name.data());
  }
  ~ScratchDir() { std::filesystem::remove_all(path); }
  void Write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path + "/" + name).parent_path());
    std::ofstream(path + "/" + name) << text;
  }
  std::string path;
};

TEST_CASE("cpu counters never step back, but a replaced CPU starts over") {
  ScratchDir dir;
  const Paths paths{.procfs = dir.path, .sysfs = dir.path};
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
  ScratchDir dir;
  dir.Write("loadavg", "0.1 x 0.3");
  dir.Write("stat", "intr many\n");
  dir.Write("meminfo", "MemTotal: lots kB\n");
  dir.Write("diskstats", "8 0 sda 1 2 3 4 5 6 7 8 9 x 11\n");
  dir.Write("net/dev", "no header\n");
  dir.Write("net/sockstat", "TCP: inuse\n");
  dir.Write("sys/fs/file-nr", "1 2\n");
  dir.Write("1/mountinfo", "1 2 3\n");
  dir.Write("vmstat", "pgfault many\n");
  const Paths paths{.procfs = dir.path, .sysfs = dir.path, .rootfs = dir.path};
  for (const char* name : {"loadavg", "stat", "meminfo", "diskstats", "netdev", "sockstat",
                           "filefd", "filesystem", "vmstat", "os"}) {
    CAPTURE(name);
    std::vector<std::string> arguments;
    if (std::string_view(name) == "netdev") arguments = {"--no-collector.netdev.netlink"};
    CHECK(Contains(Collect(name, arguments, paths),
                   fmt::format("node_scrape_collector_success{{collector=\"{}\"}} 0\n", name)));
  }
}

TEST_CASE("filesystem: mounts, filters, errors, mounts over mounts") {
  const std::string text = Collect("filesystem");
  const auto line = [&](const std::string& rest) {
    return Contains(text, "node_filesystem_" + rest);
  };
  CHECK(
      line("device_error{device=\"/dev/nvme0n1p2\",device_error=\"\",fstype=\"ext4\",mountpoint=\"/"
           "\"} 0\n"));
  CHECK(line(
      "readonly{device=\"/dev/sda1\",device_error=\"\",fstype=\"xfs\",mountpoint=\"/data\"} 1\n"));
  CHECK(
      line("device_error{device=\"server:/export\",device_error=\"no such file or "
           "directory\",fstype=\"nfs4\",mountpoint=\"/gone away\tx\"} 1\n"));
  CHECK(line("mount_info{device=\"/dev/sda1\",major=\"8\",minor=\"1\",mountpoint=\"/data\"} 1\n"));
  CHECK(line("mount_info{device=\"/dev/sda1\",major=\"8\",minor=\"2\",mountpoint=\"/data\"} 1\n"));
  CHECK(
      line("purgeable_bytes{device=\"/dev/sda1\",device_error=\"\",fstype=\"xfs\",mountpoint=\"/"
           "data\"} 0\n"));
  CHECK_FALSE(Contains(text, "credentials"));
  CHECK_FALSE(Contains(text, "docker"));
  CHECK_FALSE(Contains(text, "proc"));
  CHECK_FALSE(Contains(text, "size_bytes{device=\"server"));

  // An inclusion replaces the default exclusion.
  const std::string included =
      Collect("filesystem", {"--collector.filesystem.mount-points-include=^/run/credentials",
                             "--collector.filesystem.fs-types-include=ramfs"});
  CHECK(Contains(included, "mountpoint=\"/run/credentials/a.service\""));
  CHECK_FALSE(Contains(included, "mountpoint=\"/\""));
}

TEST_CASE("rootfs is stripped from labels only where it is a path prefix") {
  const Paths paths{.rootfs = "/host"};
  CHECK(paths.StripRoot("/host") == "/");
  CHECK(paths.StripRoot("/host/var") == "/var");
  CHECK(paths.StripRoot("/hostile") == "/hostile");
  CHECK(Paths{}.StripRoot("/var") == "/var");
}

TEST_CASE("a mount that hangs is left alone until it comes back") {
  std::latch release(1);
  std::atomic<int> calls{0};
  std::atomic<bool> hang{true};
  StatfsPool pool(2, std::chrono::milliseconds(20),
                  [&](const std::string& path, struct statfs* out) {
                    ++calls;
                    if (path == "/dead" && hang) release.wait();
                    out->f_blocks = 7;
                    return path == "/error" ? ENOENT : 0;
                  });
  auto results = pool.Run({"/dead", "/ok", "/error"});
  REQUIRE(results.size() == 3);
  CHECK(results[0].timed_out);
  CHECK_FALSE(results[1].timed_out);
  CHECK(results[1].stats.f_blocks == 7);
  CHECK(results[2].error == ENOENT);
  const int before = calls;
  for (int i = 0; i < 5; ++i) {
    results = pool.Run({"/dead", "/ok", "/ok2", "/ok3"});
    CHECK(results[0].timed_out);
    CHECK(results[3].stats.f_blocks == 7);
  }
  CHECK(calls == before + 15);  // /dead was not called again
  hang = false;
  release.count_down();
  do {
    results = pool.Run({"/dead"});
  } while (results[0].timed_out);
  CHECK(results[0].stats.f_blocks == 7);
}

TEST_CASE("textfile") {
  ScratchDir dir;
  std::filesystem::copy("testdata/textfile", dir.path, std::filesystem::copy_options::recursive);
  std::filesystem::last_write_time(dir.path + "/good/a.prom",
                                   std::filesystem::file_time_type(std::chrono::seconds(0)));
  const auto collect = [&](const std::string& directory) {
    return Collect("textfile", {"--collector.textfile.directory=" + dir.path + directory});
  };
  const std::string good = collect("/good");
  for (const char* expected :
       {"events_total{bar=\"\",foo=\"1\"} 10\n", "events_total{bar=\"2\",foo=\"\"} 20\n",
        "# TYPE events_total counter\n", "# TYPE no_help untyped\n", "shared{f=\"b\"} 2\n",
        "dur_seconds_bucket{le=\"+Inf\"} 7\n", "rpc_seconds{quantile=\"0.5\"} 0.1\n",
        "node_textfile_scrape_error 0\n",
        "node_scrape_collector_success{collector=\"textfile\"} 1\n"}) {
    CAPTURE(expected);
    CHECK(Contains(good, expected));
  }
  CHECK(Contains(good, fmt::format("# HELP no_help Metric read from {}/good/a.prom\n", dir.path)));
  CHECK(Contains(good, fmt::format("# HELP shared Metric read from {0}/good/a.prom, "
                                   "{0}/good/b.prom\n",
                                   dir.path)));
  CHECK(Contains(good,
                 fmt::format("node_textfile_mtime_seconds{{file=\"{}/good/b.prom\"}}", dir.path)));
  CHECK_FALSE(Contains(good, "notes.txt"));

  const std::string bad = collect("/bad");
  CHECK(Contains(bad, "\nok 1\n"));
  CHECK_FALSE(Contains(bad, "stamped"));
  CHECK_FALSE(Contains(bad, "broken"));
  CHECK(Contains(bad, "twice{n=\"1\"} 1\n"));
  CHECK_FALSE(Contains(bad, "n=\"2\""));
  CHECK(Contains(bad, "node_textfile_scrape_error 1\n"));
  CHECK(Contains(bad, "node_scrape_collector_success{collector=\"textfile\"} 1\n"));
  CHECK_FALSE(Contains(bad, "3_broken.prom"));  // no mtime for what was not read

  CHECK(Contains(collect("/none"), "node_textfile_scrape_error 1\n"));
  const std::string globbed = collect("/g*d");
  CHECK(Contains(globbed, "node_textfile_scrape_error 0\n"));
  CHECK(Contains(globbed, "no_help 1\n"));
  CHECK(Contains(Collect("textfile"), "node_textfile_scrape_error 0\n"));
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

TEST_CASE("netdev: ifalias, detailed names, netlink on this machine") {
  const std::string aliased =
      Collect("netdev", {"--no-collector.netdev.netlink", "--collector.netdev.label-ifalias"});
  CHECK(Contains(aliased, "node_network_receive_bytes_total{device=\"eth0\",ifalias=\"uplink\"}"));
  CHECK(Contains(aliased, "node_network_receive_bytes_total{device=\"lo\",ifalias=\"\"}"));
  const std::string detailed = Collect(
      "netdev", {"--no-collector.netdev.netlink", "--collector.netdev.enable-detailed-metrics"});
  CHECK(Contains(detailed, "node_network_receive_dropped_total{device=\"eth0\"} 2\n"));
  const std::string filtered = Collect(
      "netdev", {"--no-collector.netdev.netlink", "--collector.netdev.device-include=^lo$"});
  CHECK_FALSE(Contains(filtered, "eth0"));
  const std::string live = Collect("netdev", {"--collector.netdev.address-info"});
  CHECK(Contains(live, "node_network_receive_nohandler_total{device=\"lo\"}"));
  CHECK(Contains(live,
                 "node_network_address_info{address=\"127.0.0.1\",device=\"lo\",netmask=\"8\","
                 "scope=\"link-local\"} 1\n"));
}

// One RTM_NEWLINK message with a name and statistics of `stats_size` bytes.
std::string LinkMessage(const std::string& name, size_t stats_size) {
  std::string attributes;
  const auto add = [&](uint16_t type, std::string_view value) {
    const rtattr header{.rta_len = static_cast<uint16_t>(sizeof(rtattr) + value.size()),
                        .rta_type = type};
    attributes.append(reinterpret_cast<const char*>(&header), sizeof header).append(value);
    attributes.resize((attributes.size() + 3) & ~size_t{3});
  };
  add(IFLA_IFNAME, std::string_view(name.c_str(), name.size() + 1));
  rtnl_link_stats64 stats{.rx_packets = 11, .rx_bytes = 22};
  stats.rx_dropped = 5;
  stats.rx_missed_errors = 6;
  add(IFLA_STATS64, {reinterpret_cast<const char*>(&stats), stats_size});
  ifinfomsg info{};
  nlmsghdr header{};
  header.nlmsg_type = RTM_NEWLINK;
  header.nlmsg_len = static_cast<uint32_t>(sizeof header + sizeof info + attributes.size());
  std::string out(reinterpret_cast<const char*>(&header), sizeof header);
  out.append(reinterpret_cast<const char*>(&info), sizeof info);
  return out + attributes;
}

TEST_CASE("netlink messages: whole, short, cut anywhere") {
  std::vector<Link> links;
  bool done = false;
  const std::string two =
      LinkMessage("eth0", sizeof(rtnl_link_stats64)) + LinkMessage("old", 8 * 4);
  REQUIRE(ParseLinks(two, &links, &done).ok());
  REQUIRE(links.size() == 2);
  CHECK(links[0].name == "eth0");
  CHECK(links[1].stats.rx_bytes == 22);
  CHECK(links[1].stats.rx_dropped == 0);
  const auto devices = DevicesFromLinks(links, false);
  std::map<std::string, double> counters(devices[0].counters.begin(), devices[0].counters.end());
  CHECK(counters["receive_drop"] == 11);
  CHECK(counters["receive_bytes"] == 22);
  CHECK(DevicesFromLinks(links, true)[0].counters.size() == 24);

  for (size_t n = 0; n < two.size(); ++n) {
    links.clear();
    ParseLinks(std::string(two.data(), n), &links, &done).IgnoreError();
    CHECK(links.size() <= 2);
  }
  nlmsghdr end{.nlmsg_len = sizeof(nlmsghdr), .nlmsg_type = NLMSG_DONE};
  REQUIRE(ParseLinks({reinterpret_cast<const char*>(&end), sizeof end}, &links, &done).ok());
  CHECK(done);
}

TEST_CASE("filters: both sides, deprecated names, bad expressions") {
  struct Case {
    std::vector<std::string> arguments;
    std::string error;  // "" when it must work
  };
  const std::string d = "--collector.diskstats.", n = "--collector.netdev.";
  const Case cases[] = {
      {{d + "device-include=sda"}, ""},
      {{d + "device-include=sda", d + "device-exclude=x"},
       "couldn't create collector: device-exclude & device-include are mutually exclusive"},
      {{d + "device-include=sda", d + "device-exclude="}, ""},
      {{d + "ignored-devices=^sda$"}, ""},
      {{d + "ignored-devices=^sda$", d + "device-exclude=x"},
       "couldn't create collector: --collector.diskstats.ignored-devices and "
       "--collector.diskstats.device-exclude are mutually exclusive"},
      {{n + "device-blacklist=lo"}, ""},
      {{n + "device-whitelist=lo", n + "device-blacklist=x"},
       "couldn't create collector: device-exclude & device-include are mutually exclusive"},
      {{"--collector.filesystem.ignored-mount-points=x"}, ""},
      {{"--collector.filesystem.ignored-fs-types=x"}, ""},
      {{d + "device-include=("},
       "couldn't create collector: error parsing regexp: missing closing ): `(`"},
      {{"--collector.arp"}, "the arp collector is not implemented: remove --collector.arp"},
      {{"--no-collector.arp"}, ""},
      {{"--collector.systemd"},
       "the systemd collector is not implemented: remove --collector.systemd"},
  };
  for (const Case& c : cases) {
    Configured configured(c.arguments);
    CAPTURE(c.arguments);
    CHECK(MessageOf(configured.status) == c.error);
  }
  CHECK_FALSE(Contains(Collect("diskstats", {d + "ignored-devices=^sda$"}), "\"sda\""));
  CHECK(Contains(Collect("diskstats", {d + "device-include=^(sda1|ram0)$"}), "device=\"ram0\""));
}

TEST_CASE("the table of collectors is complete and sorted") {
  const auto all = AllCollectors();
  CHECK(all.size() == 79);
  CHECK(std::is_sorted(all.begin(), all.end(),
                       [](const auto& a, const auto& b) { return a.name < b.name; }));
  CHECK(std::count_if(all.begin(), all.end(), [](const auto& e) { return e.default_enabled; }) ==
        49);
}

TEST_CASE("metric names are sanitized as one regular expression would") {
  const std::pair<const char*, const char*> cases[] = {
      {"Active(anon)", "Active_anon_"},
      {"a__b", "a__b"},
      {"a_(_b", "a_b"},
      {"a--b", "a_b"},
      {"(_(b", "__b"},
      {"", ""},
      {"ünï", "_n_"},
      {"x_", "x_"},
  };
  for (const auto& [in, out] : cases) CHECK(SanitizeMetricName(in) == out);
}

TEST_CASE("CPU lists") {
  CHECK(*ParseCpuList("0-2,7\n") == std::vector<int>{0, 1, 2, 7});
  CHECK(ParseCpuList("")->empty());
  CHECK_FALSE(ParseCpuList("1-").ok());
  CHECK_FALSE(ParseCpuList("0-999999999").ok());
}

http::RecordedResponse Get(const Handler& handler, const std::string& path,
                           const std::string& query = "", const std::string& method = "GET") {
  http::Request request;
  request.method = method;
  request.path = path;
  request.query = *http::ParseForm(query);
  http::RecordedResponse response;
  handler.Serve(request, response);
  return response;
}

TEST_CASE("requests: filters, pages, methods") {
  Configured configured({"--no-collector.uname", "--no-collector.netdev"});
  REQUIRE(configured.status.ok());
  Handler handler(configured.set, {});
  const std::string filter_error =
      "Couldn't create filtered metrics handler: couldn't create collector: ";
  struct Case {
    std::string path, query;
    int status;
    std::string body;  // a part of it
  };
  const Case cases[] = {
      {"/metrics", "", 200, "node_load1 0.21\n"},
      {"/metrics", "", 200, "process_open_fds "},
      {"/metrics", "", 200, "promhttp_metric_handler_requests_in_flight 1\n"},
      {"/metrics", "", 200, "node_exporter_build_info{branch="},
      {"/metrics", "collect[]=x", 400, filter_error + "missing collector: x"},
      {"/metrics", "collect[]=", 400, filter_error + "missing collector: "},
      {"/metrics", "collect[]=uname", 400, filter_error + "disabled collector: uname"},
      {"/metrics", "collect[]=arp", 400, filter_error + "disabled collector: arp"},
      {"/metrics", "collect[]=cpu&exclude[]=stat", 400,
       "Combined collect and exclude queries are not allowed."},
      {"/", "", 200, "<a href=\"/metrics\">Metrics</a>"},
      {"/nope", "", 404, "404 page not found"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.path, c.query);
    const auto response = Get(handler, c.path, c.query);
    CHECK(response.status == c.status);
    CHECK(Contains(response.body, c.body));
  }
  CHECK(Get(handler, "/metrics", "", "POST").status == 200);

  const auto only = Get(handler, "/metrics", "collect[]=loadavg&collect[]=stat").body;
  CHECK(Contains(only, "node_scrape_collector_success{collector=\"loadavg\"} 1\n"));
  CHECK(Contains(only, "node_scrape_collector_success{collector=\"stat\"} 1\n"));
  CHECK_FALSE(Contains(only, "collector=\"cpu\""));
  const auto without = Get(handler, "/metrics", "exclude[]=loadavg&exclude[]=unknown").body;
  CHECK_FALSE(Contains(without, "node_load1"));
  CHECK(Contains(without, "node_cpu_seconds_total"));
  // Excluding everything means no filter at all.
  std::string everything;
  for (const auto& c : configured.set.enabled()) everything += "exclude[]=" + c.name + "&";
  everything.pop_back();
  CHECK(Contains(Get(handler, "/metrics", everything).body, "node_load1"));
}

TEST_CASE("the exporter's own metrics can be left out, the path can be moved") {
  Configured configured({"--collector.disable-defaults", "--collector.loadavg"});
  Handler handler(configured.set, {.telemetry_path = "/", .exporter_metrics = false});
  const auto response = Get(handler, "/");
  CHECK(Contains(response.body, "node_load1"));
  CHECK(Contains(response.body, "node_exporter_build_info"));
  CHECK_FALSE(Contains(response.body, "process_"));
  CHECK_FALSE(Contains(response.body, "promhttp_"));
  CHECK(Get(handler, "/metrics").status == 404);
}

TEST_CASE("scrapes from many threads at once") {
  Configured configured({});
  Handler handler(configured.set, {.helper_threads = 3});
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) good += Get(handler, "/metrics").status == 200;
    });
  }
  for (auto& t : threads) t.join();
  CHECK(good == 20);
}

}  // namespace
}  // namespace narthex::node
