// Targets that misbehave. Every one ends in a failed scrape with a clear reason (or a scrape that
// is simply large), and the process neither dies nor grows.

#include <list>

#include "core/base/file.h"
#include "core/compress/gzip.h"
#include "server/scrape/manager_rig.h"
#include "server/scrape/raw_server.h"
#include "tests/catch.h"

namespace narthex::scrape {
namespace {

size_t ResidentMiB() {
  const std::string text = ReadFile("/proc/self/statm").value();
  const size_t blank = text.find(' ');
  return std::stoull(text.substr(blank + 1)) * static_cast<size_t>(getpagesize()) >> 20;
}

bool Sanitized() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#else
  return false;
#endif
}

std::string ErrorFrom(RawServer::Handler handler, const std::string& keys = "",
                      const std::string& interval = "2s", Options options = {}) {
  ManagerRig rig(std::move(options));
  RawServer server(std::move(handler));
  rig.Apply(ManagerRig::OneJob(keys, interval));
  rig.SetTargets({server.address()});
  const std::string error = rig.LastError();
  CHECK(rig.storage.Get(fmt::format("up{{instance=\"{}\", job=\"j\"}}", server.address())).size() >=
        1);
  return error;
}

std::string ChunkedHead() {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
}
std::string Chunk(std::string_view data) {
  return fmt::format("{:x}\r\n{}\r\n", data.size(), data);
}

TEST_CASE("answers that are no HTTP, cut off, or reset") {
  struct Case {
    std::string name, bytes;
  };
  const Case cases[] = {
      {"silence", ""},
      {"garbage", std::string("\x00\x01\xff\xfe garbage \r\n\r\n", 16)},
      {"half a head", "HTTP/1.1 200 OK\r\nContent-Ty"},
      {"short body",
       "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\na 1\n"},
      {"bad chunk", ChunkedHead() + "zz\r\na 1\n\r\n"},
      {"bad gzip",
       "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: "
       "4\r\n\r\nabcd"},
      {"unknown coding",
       "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: br\r\nContent-Length: "
       "4\r\n\r\n\x1b\x03\xf8{"},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    const std::string error = ErrorFrom([&](const RawServer::Peer& p) { p.Send(c.bytes); });
    INFO(error);
    CHECK_FALSE(error.empty());
  }
  const std::string headers = ErrorFrom([](const RawServer::Peer& p) {
    p.Send("HTTP/1.1 200 OK\r\n");
    while (p.Send("X-Endless: " + std::string(1000, 'x') + "\r\n")) {
    }
  });
  INFO(headers);
  CHECK_FALSE(headers.empty());
}

TEST_CASE("bodies of garbage are refused with the place") {
  for (const std::string& body :
       {std::string(100'000, '\xff'), std::string(100'000, '{'),
        std::string("a{b=\"") + std::string(100'000, 'x'), std::string("a 1 2 3 4\n")}) {
    const std::string error =
        ErrorFrom([&](const RawServer::Peer& p) { p.Send(HttpAnswer(body)); });
    CHECK_FALSE(error.empty());
    CHECK(error.size() < 1100);
  }
}

TEST_CASE("an endless body stops at the limit, configured or not") {
  const auto endless = [](const RawServer::Peer& p) {
    p.Send(ChunkedHead());
    const std::string chunk = Chunk("a 1\n" + std::string(65'000, '\n'));
    while (p.Send(chunk)) {
    }
  };
  CHECK(ErrorFrom(endless, "  body_size_limit: 1MB\n") == "body size limit exceeded");
  Options options;
  options.default_body_limit = 20 << 20;
  CHECK(ErrorFrom(endless, "", "10s", options) == "body size limit exceeded");
}

TEST_CASE("what an error says, behind the head and before it") {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
  struct Case {
    std::string answer, error;
    std::string keys;
  };
  const Case cases[] = {
      {head + "Content-Length: 100\r\n\r\na 1\n", "unexpected EOF", ""},
      {head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "invalid byte in chunk length", ""},
      {"HTTP/1.1 404 Nothing \"here\"\r\nContent-Length: 0\r\n\r\n",
       "server returned HTTP status 404 Nothing \"here\"", ""},
      {"HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n", "server returned HTTP status 503", ""},
      // An error page over the limit is an error page.
      {HttpAnswer(std::string(100'000, 'x'), "text/html", "502 Bad Gateway"),
       "server returned HTTP status 502 Bad Gateway", "  body_size_limit: 100B\n"},
      // Compressed, a small body can be larger than its limit.
      {HttpAnswer(GzipCompress("a 1\n"), "text/plain", "200 OK", "Content-Encoding: gzip\r\n"), "",
       "  body_size_limit: 5B\n"},
      {HttpAnswer(GzipCompress("a 10\n"), "text/plain", "200 OK", "Content-Encoding: gzip\r\n"),
       "body size limit exceeded", "  body_size_limit: 5B\n"},
      {HttpAnswer(std::string(5000, '\n')), "body size limit exceeded",
       "  body_size_limit: 5000B\n"},
      {HttpAnswer(std::string(5000, '\n')), "", "  body_size_limit: 5001B\n"},
      // What was not asked for is read as it is.
      {HttpAnswer("a 1\n", "text/plain", "200 OK", "Content-Encoding: deflate\r\n"), "", ""},
  };
  for (const Case& c : cases) {
    INFO(c.answer.substr(0, 200));
    CHECK(ErrorFrom([&](const RawServer::Peer& p) { p.Send(c.answer); }, c.keys) == c.error);
  }
}

TEST_CASE("the size of a body is told whatever its type") {
  ManagerRig rig;
  RawServer server([](const RawServer::Peer& p) { p.Send(HttpAnswer("a 1\n", "text/html")); });
  rig.Apply(ManagerRig::OneJob("  extra_scrape_metrics: true\n", "2s"));
  rig.SetTargets({server.address()});
  CHECK(rig.LastError().starts_with("received unsupported Content-Type \"text/html\""));
  const auto size = rig.storage.Get(
      fmt::format("scrape_body_size_bytes{{instance=\"{}\", job=\"j\"}}", server.address()));
  REQUIRE(size.size() == 1);
  CHECK(size[0].second == 4);
  CHECK(rig.Metric("net_conntrack_dialer_conn_attempted_total") >= 1);
  CHECK(rig.Metric("net_conntrack_dialer_conn_established_total") ==
        rig.Metric("net_conntrack_dialer_conn_attempted_total"));
}

TEST_CASE("a body that claims a gigabyte is not waited for") {
  const size_t before = ResidentMiB();
  const std::string error = ErrorFrom(
      [](const RawServer::Peer& p) {
        p.Send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1073741824\r\n\r\n");
        const std::string block(1 << 20, '\n');
        for (int i = 0; i < 1024 && p.Send(block); ++i) {
        }
      },
      "", "5s");
  CHECK(error == "body size limit exceeded");
  if (!Sanitized()) CHECK(ResidentMiB() < before + 300);
}

TEST_CASE("many huge bodies at once share one memory, and small ones still pass") {
  constexpr int kHuge = 24;
  constexpr size_t kLimitMiB = 64;
  // Half of them endless as they are, half of them small until decompressed.
  const RawServer::Handler endless = [](const RawServer::Peer& p) {
    p.Send(ChunkedHead());
    const std::string chunk = Chunk("a 1\n" + std::string(65'000, '\n'));
    while (p.Send(chunk)) {
    }
  };
  const std::string bomb = HttpAnswer(GzipCompress(std::string(200 << 20, '\n')), "text/plain",
                                      "200 OK", "Content-Encoding: gzip\r\n");
  const RawServer::Handler bombing = [&](const RawServer::Peer& p) { p.Send(bomb); };
  std::list<RawServer> huge;
  std::vector<std::string> addresses;
  for (int i = 0; i < kHuge; ++i) {
    addresses.push_back(huge.emplace_back(i % 2 == 0 ? endless : bombing).address());
  }
  RawServer small([](const RawServer::Peer& p) { p.Send(HttpAnswer("a 1\n")); });
  addresses.push_back(small.address());

  const size_t before = ResidentMiB();
  Options options;
  options.body_memory_limit = kLimitMiB << 20;
  ManagerRig rig(options);
  rig.Apply(ManagerRig::OneJob("", "1s"));
  rig.SetTargets(addresses);
  const std::string up = fmt::format("up{{instance=\"{}\", job=\"j\"}}", small.address());
  size_t most = 0;
  REQUIRE(Eventually(
      [&] {
        most = std::max(most, ResidentMiB());
        return rig.Metric("prometheus_target_scrapes_exceeded_body_memory_total") >= 2 * kHuge &&
               rig.storage.Get(up).size() >= 3;
      },
      std::chrono::seconds(60)));
  for (const auto& [t, v] : rig.storage.Get(up)) CHECK(v == 1);
  size_t told = 0;
  for (const ActiveTarget& t : rig.manager->Targets().active) {
    if (t.scrape_url.find(small.address()) != std::string::npos) continue;
    INFO(t.last_error);
    CHECK(t.health == Health::kDown);
    told += t.last_error.find(
                "memory limit reached: the bodies of all scrapes in flight may hold "
                "64MiB together (--scrape.body-memory-limit)") != std::string::npos;
  }
  CHECK(told > 0);
  // Bodies are moved as they grow, so a little more than the limit is touched.
  if (!Sanitized()) CHECK(most < before + 3 * kLimitMiB);
}

TEST_CASE("slow drips end at the timeout") {
  const std::string error = ErrorFrom(
      [](const RawServer::Peer& p) {
        p.Send(ChunkedHead());
        while (p.Send(Chunk("a 1\n")) && !p.WaitClosed(100)) {
        }
      },
      "", "1s");
  CHECK(error == "context deadline exceeded");
}

TEST_CASE("a million lines are scraped, or refused by sample_limit without a trace") {
  std::string body;
  const int lines = Sanitized() ? 100'000 : 1'000'000;
  for (int i = 0; i < lines; ++i) body += fmt::format("m{{i=\"{}\"}} {}\n", i, i);
  const std::string answer = HttpAnswer(body);
  {
    ManagerRig rig;
    RawServer server([&](const RawServer::Peer& p) { p.Send(answer); });
    rig.Apply(ManagerRig::OneJob("  sample_limit: 1000\n", "10s"));
    rig.SetTargets({server.address()});
    CHECK(rig.LastError() == "sample limit exceeded");
    CHECK(rig.storage.series_count() == 5);
    const auto scraped = rig.storage.Get(
        fmt::format("scrape_samples_scraped{{instance=\"{}\", job=\"j\"}}", server.address()));
    REQUIRE(scraped.size() == 1);
    CHECK(scraped[0].second == lines);
  }
}

TEST_CASE("a thousand dead targets") {
  const size_t before = ResidentMiB();
  ManagerRig rig;
  RawServer live([](const RawServer::Peer& p) { p.Send(HttpAnswer("a 1\n")); });
  // Ports nobody listens on, and one listener that never answers.
  RawServer mute([](const RawServer::Peer& p) { p.WaitClosed(60'000); });
  std::vector<std::string> addresses = {live.address()};
  for (int i = 2; i < 1000; ++i)
    addresses.push_back(fmt::format("127.0.{}.{}:1", i / 250, i % 250 + 1));
  for (int i = 0; i < 20; ++i) addresses.push_back(fmt::format("127.0.0.1:{}", mute.port()));
  rig.Apply(ManagerRig::OneJob("", "2s"));
  rig.SetTargets(addresses);
  REQUIRE(Eventually(
      [&] {
        size_t down = 0, up = 0;
        for (const ActiveTarget& t : rig.manager->Targets().active) {
          down += t.health == Health::kDown;
          up += t.health == Health::kUp;
        }
        return up == 1 && down == 999;
      },
      std::chrono::seconds(60)));
  for (const ActiveTarget& t : rig.manager->Targets().active) {
    if (t.health == Health::kDown) CHECK(t.last_error.starts_with("Get \"http://127.0."));
  }
  // The living one is not held up by the dead.
  const std::string up = fmt::format("up{{instance=\"{}\", job=\"j\"}}", live.address());
  const size_t n = rig.storage.Get(up).size();
  CHECK(Eventually([&] { return rig.storage.Get(up).size() >= n + 2; }));
  for (const auto& [t, v] : rig.storage.Get(up)) CHECK(v == 1);
  if (!Sanitized()) CHECK(ResidentMiB() < before + 200);
}

}  // namespace
}  // namespace narthex::scrape
