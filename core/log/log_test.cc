#include "core/log/log.h"

#include <thread>
#include <vector>

#include "core/base/mutex.h"
#include "tests/catch.h"

namespace narthex {
namespace {

Mutex g_mutex;
std::vector<std::string> g_lines GUARDED_BY(g_mutex);

void Capture(std::string_view line) {
  MutexLock lock(g_mutex);
  g_lines.emplace_back(line);
}

std::vector<std::string> TakeLines() {
  MutexLock lock(g_mutex);
  return std::exchange(g_lines, {});
}

// Captures lines and puts the process-wide logger back.
struct CapturedLog {
  CapturedLog() { SetLogSink(&Capture); }
  ~CapturedLog() {
    SetLogSink(nullptr);
    SetLogLevel(LogLevel::kInfo);
    SetLogFormat(LogFormat::kLogfmt);
    TakeLines();
  }
};

// The line behind the time stamp, whose shape is checked; likewise the source's line number.
std::string Stable(const std::string& line) {
  REQUIRE(line.size() > 30);
  REQUIRE(line.back() == '\n');
  CHECK(line.substr(0, 7) == "time=20");
  CHECK(line.substr(24, 1) == ".");
  CHECK(line.substr(28, 2) == "Z ");
  std::string rest = line.substr(30, line.size() - 31);
  const size_t source = rest.find("log_test.cc:");
  REQUIRE(source != std::string::npos);
  rest.erase(source + 12, rest.find(' ', source) - source - 12);
  return rest;
}

TEST_CASE("lines are logfmt as slog writes it") {
  CapturedLog log;
  NX_LOG(Info, "Head ready", {"series", 12}, {"ratio", 0.5}, {"ok", true});
  NX_LOG(Error, "plain", {"err", NotFound("no \"file\"")}, {"empty", ""}, {"a=b", "x=y"},
         {"path", "C:\\x"}, {"uml", "h\xC3\xBC"}, {"raw", "a\nb\xff"});
  const auto lines = TakeLines();
  REQUIRE(lines.size() == 2);
  CHECK(Stable(lines[0]) ==
        R"(level=INFO source=log_test.cc: msg="Head ready" series=12 ratio=0.5 ok=true)");
  CHECK(Stable(lines[1]) ==
        R"(level=ERROR source=log_test.cc: msg=plain err="no \"file\"" empty="" "a=b"="x=y")"
        R"( path=C:\x uml=hü raw="a\nb\xff")");
}

TEST_CASE("lines are JSON when asked") {
  CapturedLog log;
  SetLogFormat(LogFormat::kJson);
  NX_LOG(Warn, "Scrape <failed>", {"target", "http://a&b"}, {"count", 3}, {"done", false},
         {"bytes", "\xff"});
  const auto lines = TakeLines();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].substr(0, 11) == R"({"time":"20)");
  const size_t level = lines[0].find(R"("level")");
  REQUIRE(level != std::string::npos);
  CHECK(lines[0].substr(level, 37) == R"("level":"WARN","source":"log_test.cc:)");
  CHECK(lines[0].substr(lines[0].find(R"("msg")")) ==
        R"("msg":"Scrape <failed>","target":"http://a&b","count":3,"done":false,"bytes":"\ufffd"})"
        "\n");
}

TEST_CASE("levels filter and arguments are not evaluated below them") {
  CapturedLog log;
  int evaluated = 0;
  auto count = [&] { return ++evaluated; };
  NX_LOG(Debug, "hidden", {"n", count()});
  SetLogLevel(LogLevel::kError);
  NX_LOG(Warn, "hidden", {"n", count()});
  NX_LOG(Error, "shown", {"n", count()});
  CHECK(evaluated == 1);
  CHECK(TakeLines().size() == 1);
}

TEST_CASE("level and format names") {
  CHECK(ParseLogLevel("DEBUG").value() == LogLevel::kDebug);
  CHECK(ParseLogLevel("warn").value() == LogLevel::kWarn);
  CHECK(MessageOf(ParseLogLevel("zzz").status()) == "unrecognized log level zzz");
  CHECK(ParseLogFormat("json").value() == LogFormat::kJson);
  CHECK(MessageOf(ParseLogFormat("xml").status()) == "unrecognized log format xml");
}

TEST_CASE("the limiter lets one call through and counts the rest") {
  LogLimiter limiter(3'600'000);
  int64_t suppressed = -1;
  CHECK(limiter.Allow(&suppressed));
  CHECK(suppressed == 0);
  for (int i = 0; i < 5; ++i) CHECK_FALSE(limiter.Allow(&suppressed));
  LogLimiter open(0);
  CHECK(open.Allow(&suppressed));
  CHECK(open.Allow(&suppressed));
}

TEST_CASE("threads do not tear each other's lines") {
  CapturedLog log;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 100; ++i) NX_LOG(Info, "tick", {"thread", t}, {"i", i});
    });
  }
  for (auto& thread : threads) thread.join();
  const auto lines = TakeLines();
  CHECK(lines.size() == 400);
  for (const auto& line : lines) {
    if (line.find(" msg=tick thread=") == std::string::npos) FAIL(line);
  }
}

}  // namespace
}  // namespace narthex
