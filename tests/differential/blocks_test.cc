// Our blocks and promtool beside Prometheus' own: blocks made by either are read by both, and every
// sample must come out the same. The peer is the installed one; NARTHEX_PEER_BIN names a folder
// with another prometheus and promtool.

#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "tests/catch.h"
#include "tests/support/http.h"
#include "tests/support/json.h"
#include "tests/support/process.h"

namespace narthex::testing {
namespace {

namespace fs = std::filesystem;

constexpr auto kPatience = std::chrono::seconds(60);
constexpr int64_t kStart = 1'600'000'000'000;  // ms

std::string Peer(const std::string& name) {
  const char* folder = std::getenv("NARTHEX_PEER_BIN");
  return std::string(folder != nullptr ? folder : "/usr/bin") + "/" + name;
}

std::string RunOk(std::vector<std::string> argv) {
  std::string line;
  for (const std::string& argument : argv) line += argument + " ";
  const RunResult result = RunToEnd(std::move(argv), kPatience);
  INFO(line << "\n" << result.output);
  REQUIRE(result.exit_code == 0);
  return result.output;
}

std::string Tsdb(const std::string& promtool, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {promtool, "tsdb"});
  return RunOk(std::move(arguments));
}

std::string SortedLines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    // Up to 2.4x.
    if (line.starts_with("Series: ")) line.insert(0, "Total ");
    lines.push_back(line);
  }
  std::sort(lines.begin(), lines.end());
  std::string sorted;
  for (const std::string& line : lines) sorted += line + "\n";
  return sorted;
}

// Shows the first line that differs, not two megabytes.
void CheckSameText(const std::string& ours, const std::string& theirs) {
  if (ours == theirs) return;
  std::istringstream a(ours), b(theirs);
  for (std::string x, y;;) {
    const bool more_x = static_cast<bool>(std::getline(a, x));
    const bool more_y = static_cast<bool>(std::getline(b, y));
    if (!more_x) x = "(end)";
    if (!more_y) y = "(end)";
    if (x != y || !more_x) {
      CHECK(x == y);
      return;
    }
  }
}

// 300 series over nine hours: counters, gauges, gaps, every kind of odd value and label.
std::string SampleText() {
  std::mt19937_64 random(11);
  const std::vector<std::string> odd{
      "NaN",    "+Inf", "-Inf",      "-0",  "1e-300", "1.7976931348623157e+308",
      "5e-324", "0.1",  "123456789", "1e21"};
  const std::vector<std::string> values{
      "plain", "with space", R"(q\"uote)", R"(back\\slash)", R"(new\nline)", "ünïcode→",
      "{}",    ",=",         "0"};
  std::ostringstream text;
  text << "# TYPE requests counter\n";
  for (int i = 0; i < 200; ++i) {
    double count = static_cast<double>(random() % 1000);
    const int64_t step = 15'000 + static_cast<int64_t>(random() % 3) * 15'000;
    for (int64_t t = static_cast<int64_t>(random() % 100'000); t < 9 * 3'600'000; t += step) {
      if (random() % 40 == 0) t += static_cast<int64_t>(random() % 3'000'000);
      if (random() % 5 == 0) count += static_cast<double>(random() % 50);
      text << "requests_total{instance=\"host-" << i << "\",job=\"job" << i % 7 << "\"} " << count
           << " " << (kStart + t) / 1000 << "." << 100 + (kStart + t) % 900 << "\n";
    }
  }
  text << "# TYPE level gauge\n";
  for (int i = 0; i < 90; ++i) {
    for (int64_t t = 0; t < 9 * 3'600'000; t += 600'000 + static_cast<int64_t>(random() % 100)) {
      text << "level{id=\"" << i << "\",text=\"" << values[static_cast<size_t>(i) % values.size()]
           << "\"} ";
      if (random() % 3 == 0) {
        text << odd[random() % odd.size()];
      } else {
        text << std::ldexp(static_cast<double>(random()), -static_cast<int>(random() % 70));
      }
      text << " " << (kStart + t) / 1000 << "\n";
    }
  }
  text << "# TYPE lonely gauge\nlonely 1 " << kStart / 1000 << "\n# EOF\n";
  return text.str();
}

struct Databases {
  std::string input, ours, theirs;
};

// The same samples as blocks of both makers. The peer's dump wants a wal/.
Databases Make(const std::string& name) {
  const std::string dir = ScratchDir(name);
  Databases db{dir + "/in.om", dir + "/ours", dir + "/theirs"};
  std::ofstream(db.input) << SampleText();
  Tsdb(Binary("promtool"), {"create-blocks-from", "openmetrics", db.input, db.ours});
  Tsdb(Peer("promtool"), {"create-blocks-from", "openmetrics", db.input, db.theirs});
  fs::create_directories(db.ours + "/wal");
  fs::create_directories(db.theirs + "/wal");
  return db;
}

std::vector<std::string> BlocksOf(const std::string& dir) {
  std::vector<std::string> ids;
  for (const auto& entry : fs::directory_iterator(dir)) {
    if (fs::exists(entry.path() / "meta.json")) ids.push_back(entry.path().filename());
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

void CheckReadAlike(const std::string& dir) {
  INFO(dir);
  CheckSameText(Tsdb(Binary("promtool"), {"dump", dir}), Tsdb(Peer("promtool"), {"dump", dir}));
  for (const char* form : {"list", "--human-readable"}) {
    std::vector<std::string> arguments{"list", dir};
    if (form[0] == '-') arguments.push_back(form);
    CHECK(Tsdb(Binary("promtool"), arguments) == Tsdb(Peer("promtool"), arguments));
  }
  for (const std::string& id : BlocksOf(dir)) {
    const std::vector<std::string> arguments{"analyze", "--limit=100000", dir, id};
    CheckSameText(SortedLines(Tsdb(Binary("promtool"), arguments)),
                  SortedLines(Tsdb(Peer("promtool"), arguments)));
  }
}

TEST_CASE("Blocks of either maker are read alike by both promtools") {
  const Databases db = Make("blocks_differential");
  CHECK(BlocksOf(db.ours).size() == BlocksOf(db.theirs).size());
  CheckReadAlike(db.ours);
  CheckReadAlike(db.theirs);
  CheckSameText(Tsdb(Binary("promtool"), {"dump", db.ours}),
                Tsdb(Binary("promtool"), {"dump", db.theirs}));
  const int64_t from = kStart + 5'000'000, to = kStart + 20'000'000;
  const std::vector<std::string> part{"dump", "--match=level{id=~\"1.\"}",
                                      "--min-time=" + std::to_string(from),
                                      "--max-time=" + std::to_string(to), db.ours};
  const std::string dumped = Tsdb(Binary("promtool"), part);
  CHECK(dumped.find("level") != std::string::npos);
  CheckSameText(dumped, Tsdb(Peer("promtool"), part));
}

struct RunningPrometheus {
  RunningPrometheus(const std::string& dir, const std::string& config)
      : port(FreePort()),
        url("http://127.0.0.1:" + std::to_string(port)),
        process({Peer("prometheus"), "--config.file=" + config, "--storage.tsdb.path=" + dir,
                 "--storage.tsdb.retention.time=100y", "--web.enable-admin-api",
                 "--web.listen-address=127.0.0.1:" + std::to_string(port)},
                dir + ".log") {
    const bool ready =
        Eventually(kPatience, [&] { return HttpGet(url + "/-/ready").status == 200; });
    INFO(process.output());
    REQUIRE(ready);
  }
  void Stop() {
    process.Signal(SIGTERM);
    CHECK(process.Wait(kPatience) == 0);
  }
  int port;
  std::string url;
  ChildProcess process;
};

std::string ConfigFile(const std::string& dir, const std::string& text) {
  const std::string path = dir + ".yml";
  std::ofstream(path) << text;
  return path;
}

TEST_CASE("Prometheus serves our blocks and deletes from them") {
  const Databases db = Make("blocks_served");
  RunningPrometheus peer(db.ours, ConfigFile(db.ours, "global: {}\n"));
  INFO(peer.process.output());
  const auto ask = [&](const std::string& path) {
    const HttpResult result = HttpGet(peer.url + path);
    REQUIRE(result.status == 200);
    return Json(result.body);
  };
  // As many samples as the file has, by Prometheus' own count.
  const std::string end = std::to_string((kStart + 10 * 3'600'000) / 1000);
  const Json counted = ask("/api/v1/query?time=" + end +
                           "&query=" + UrlEscape("sum(count_over_time({__name__=~\".+\"}[11h]))"));
  std::istringstream lines(SampleText());
  int samples = 0;
  for (std::string line; std::getline(lines, line);) samples += line[0] != '#' ? 1 : 0;
  CHECK(counted.String("data.result.0.value.1") == std::to_string(samples));
  CHECK(ask("/api/v1/label/text/values").Size("data") == 9);

  // Tombstones that Prometheus writes into our block.
  const HttpResult deleted =
      HttpSend("POST", peer.url + "/api/v1/admin/tsdb/delete_series?match[]=" +
                           UrlEscape("requests_total{job=\"job3\"}") +
                           "&start=" + std::to_string(kStart / 1000 + 4000) +
                           "&end=" + std::to_string(kStart / 1000 + 12'000));
  CHECK(deleted.status == 204);
  CHECK(HttpSend("POST", peer.url + "/api/v1/admin/tsdb/delete_series?match[]=lonely").status ==
        204);
  peer.Stop();
  const std::string dump = Tsdb(Binary("promtool"), {"dump", db.ours});
  CHECK(dump.find("lonely") == std::string::npos);
  CheckReadAlike(db.ours);
}

TEST_CASE("Blocks that Prometheus cut from its head") {
  const std::string dir = ScratchDir("blocks_snapshot") + "/data";
  fs::create_directories(dir);
  // Itself and a target that is not there.
  const std::string config = ConfigFile(dir, R"(
global: {scrape_interval: 200ms, scrape_timeout: 200ms}
scrape_configs:
- {job_name: self, static_configs: [{targets: ['127.0.0.1:1', '127.0.0.1:SELF']}]}
)");
  RunningPrometheus peer(dir, config);
  std::ifstream in(config);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  text.replace(text.find("SELF"), 4, std::to_string(peer.port));
  std::ofstream(config) << text;
  peer.process.Signal(SIGHUP);
  const std::string query = "/api/v1/query?query=" + UrlEscape("count_over_time(up[1h]) > 20");
  CHECK(Eventually(kPatience,
                   [&] { return Json(HttpGet(peer.url + query).body).Size("data.result") == 2; }));
  // The series of the target end: stale markers.
  text.replace(text.find(", '127"), std::string::npos, "]}]}\n");
  std::ofstream(config) << text;
  peer.process.Signal(SIGHUP);
  const std::string alive = "/api/v1/query?query=process_start_time_seconds";
  CHECK(Eventually(kPatience, [&] {
    const Json answer(HttpGet(peer.url + alive).body);
    return answer.valid() && answer.Size("data.result") == 0;
  }));
  const Json snapshot(HttpSend("POST", peer.url + "/api/v1/admin/tsdb/snapshot").body);
  const std::string path = dir + "/snapshots/" + snapshot.String("data.name");
  REQUIRE(snapshot.String("status") == "success");
  peer.Stop();
  REQUIRE(BlocksOf(path).size() == 1);
  fs::create_directories(path + "/wal");
  CheckReadAlike(path);
}

TEST_CASE("A head that Prometheus left in its log is dumped, and nothing is touched") {
  const Databases db = Make("log_dumped");
  const std::string config = ConfigFile(db.theirs, R"(
global: {scrape_interval: 200ms, scrape_timeout: 200ms}
scrape_configs: [{job_name: absent, static_configs: [{targets: ['127.0.0.1:1']}]}]
)");
  {
    RunningPrometheus peer(db.theirs, config);
    const std::string query = "/api/v1/query?query=" + UrlEscape("count_over_time(up[1h]) > 10");
    CHECK(Eventually(
        kPatience, [&] { return Json(HttpGet(peer.url + query).body).Size("data.result") == 1; }));
    // Alive: theirs may have more by the time it looks.
    const std::string ours = Tsdb(Binary("promtool"), {"dump", "--match=up", db.theirs});
    CHECK(std::count(ours.begin(), ours.end(), '\n') > 10);
    CHECK(Tsdb(Peer("promtool"), {"dump", "--match=up", db.theirs}).starts_with(ours));
    peer.process.Signal(SIGKILL);
    peer.process.Wait(kPatience);
  }
  const auto contents = [&] {
    std::map<std::string, fs::file_time_type> files;
    for (const auto& f : fs::recursive_directory_iterator(db.theirs)) {
      files[f.path()] = f.last_write_time();
    }
    files.erase(db.theirs);
    return files;
  };
  const auto before = contents();
  const std::string ours = Tsdb(Binary("promtool"), {"dump", db.theirs});
  CHECK(contents() == before);
  CheckSameText(ours, Tsdb(Peer("promtool"), {"dump", db.theirs}));
}

TEST_CASE("Recording rules are backfilled alike") {
  const Databases db = Make("rules_backfilled");
  RunningPrometheus peer(db.theirs, ConfigFile(db.theirs, "global: {}\n"));
  const std::string rules = db.input + ".rules.yml";
  std::ofstream(rules) << R"(
groups:
- name: first
  interval: 90s
  rules:
  - {record: 'job:requests:sum', expr: 'sum by (job) (requests_total)', labels: {x: y}}
  - {record: 'level:odd', expr: 'level{id=~".[1-5]"} * 2'}
- name: second
  rules:
  - {record: nothing, expr: absent_metric}
  - {record: plain, expr: lonely}
)";
  const auto run = [&](const std::string& promtool, const std::string& out) {
    Tsdb(promtool,
         {"create-blocks-from", "rules", "--url=" + peer.url,
          "--start=" + std::to_string(kStart / 1000 + 100) + ".7", "--end=2020-09-13T20:00:00Z",
          "--output-dir=" + out, "--eval-interval=30s", rules});
    fs::create_directories(out + "/wal");
    return Tsdb(Binary("promtool"), {"dump", out});
  };
  const std::string ours = run(Binary("promtool"), db.input + ".ours");
  CHECK(ours.find("job:requests:sum") != std::string::npos);
  CHECK(ours.find("plain") != std::string::npos);
  CheckSameText(ours, run(Peer("promtool"), db.input + ".theirs"));
  CHECK(BlocksOf(db.input + ".ours").size() == BlocksOf(db.input + ".theirs").size());
}

TEST_CASE("Wrong uses fail alike") {
  const std::string dir = ScratchDir("promtool_errors");
  fs::create_directories(dir + "/wal");
  const std::string no_time = dir + "/no_time.om", no_end = dir + "/no_end.om";
  std::ofstream(no_time) << "a 1\n# EOF\n";
  std::ofstream(no_end) << "a 1 100\n";
  const std::vector<std::vector<std::string>> lines{
      {"tsdb"},
      {"foo"},
      {"tsdb", "foo"},
      {"tsdb", "list", "a", "b"},
      {"tsdb", "list", "-x"},
      {"tsdb", "list", dir + "/none"},
      {"tsdb", "dump", dir + "/none"},
      {"tsdb", "dump", "--match=a{", dir},
      {"tsdb", "analyze", dir},
      {"tsdb", "analyze", dir, "01M82385RB5Z9J82KDCERXQ7KB"},
      {"tsdb", "analyze", "--limit=x", dir},
      {"tsdb", "create-blocks-from"},
      {"tsdb", "create-blocks-from", "rules"},
      {"tsdb", "create-blocks-from", "rules", "--start=1"},
      {"tsdb", "create-blocks-from", "rules", "--start=1", "--url=http://127.0.0.1:1",
       dir + "/none"},
      {"tsdb", "create-blocks-from", "rules", "--start=x", no_time},
      {"tsdb", "create-blocks-from", "rules", "--start=2", "--end=1", no_time},
      {"tsdb", "create-blocks-from", "openmetrics"},
      {"tsdb", "create-blocks-from", "openmetrics", dir + "/none"},
      {"tsdb", "create-blocks-from", "openmetrics", no_time, dir},
      {"tsdb", "create-blocks-from", "openmetrics", no_end, dir},
  };
  for (std::vector<std::string> line : lines) {
    std::string shown;
    for (const std::string& word : line) shown += word + " ";
    INFO(shown);
    line.insert(line.begin(), Binary("promtool"));
    const RunResult ours = RunToEnd(line);
    line[0] = Peer("promtool");
    const RunResult theirs = RunToEnd(line);
    CHECK(ours.exit_code == 1);
    CHECK(theirs.exit_code == 1);
    CHECK_FALSE(ours.output.empty());
  }
}

}  // namespace
}  // namespace narthex::testing
