// Live notifications, from outside.
#include "core/http/test_util.h"
#include "server/api/api_rig.h"

namespace narthex::api {
namespace {

const std::string kDate = R"(","date":"2023-11-14T22:13:20Z","active":)";

std::string Event(const std::string& text, const std::string& active = "true") {
  return R"(data: {"text":")" + text + kDate + active + "}\n\n";
}

class Listener {
 public:
  explicit Listener(int port) : socket_(port) {
    socket_.Send(
        "GET /api/v1/notifications/live HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n"
        "Origin: http://y\r\n\r\n");
    head_ = Until("\r\n\r\n");
  }
  const std::string& head() const { return head_; }
  // The next chunk.
  std::string Next() {
    const std::string size = Until("\r\n");
    const std::string data = Until("\r\n", std::stoul(size, nullptr, 16));
    return data;
  }
  bool Ended() {
    std::string rest;
    while (socket_.ReadSome(&rest)) {
    }
    return true;
  }

 private:
  // What comes before the mark, which comes after so many bytes at least.
  std::string Until(const std::string& mark, size_t from = 0) {
    size_t at;
    while ((at = buffer_.find(mark, from)) == std::string::npos) {
      REQUIRE(socket_.ReadSome(&buffer_));
    }
    std::string out = buffer_.substr(0, at);
    buffer_.erase(0, at + mark.size());
    return out;
  }
  http::RawSocket socket_;
  std::string buffer_;
  std::string head_;
};

TEST_CASE("subscribers hear what is active and every change") {
  Fixture f({}, /*ready=*/false);
  const int port = f.server->ports()[0];
  Listener first(port);
  for (const char* line :
       {"HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Cache-Control: no-cache",
        "Connection: keep-alive", "Transfer-Encoding: chunked", "Vary: Origin",
        "Access-Control-Allow-Origin: "}) {
    INFO(line << " in " << first.head());
    CHECK(first.head().find(line) != std::string::npos);
  }
  CHECK(first.head().find("Content-Encoding") == std::string::npos);
  const std::string starting = "Prometheus is starting and replaying the write-ahead log (WAL).";
  CHECK(first.Next() == Event(starting));
  f.api->SetState(Api::State::kReady);
  CHECK(first.Next() == Event(starting, "false"));
  f.api->NoteReload(true);  // nothing to tell
  f.api->NoteReload(false);
  CHECK(first.Next() == Event("Configuration reload has failed."));
  Listener second(port);
  CHECK(second.Next() == Event("Configuration reload has failed."));
  f.api->NoteReload(false);
  CHECK(second.Next() == Event("Configuration reload has failed."));
  f.api->NoteReload(true);
  f.api->SetState(Api::State::kStopping);
  CHECK(second.Next() == Event("Configuration reload has failed.", "false"));
  const std::string stopping =
      "Prometheus is shutting down and gracefully stopping all operations.";
  CHECK(second.Next() == Event(stopping));
  CHECK(first.Next() == Event("Configuration reload has failed."));
  f.server->Stop();
  CHECK((first.Ended() && second.Ended()));
}

TEST_CASE("places for subscribers are few, and free again when one goes") {
  Fixture f({.max_notification_subscribers = 2});
  const int port = f.server->ports()[0];
  const std::string failed = "Configuration reload has failed.";
  f.api->NoteReload(false);
  auto first = std::make_unique<Listener>(port);
  Listener second(port);
  // Who has heard what is active will hear every change.
  CHECK(first->Next() == Event(failed));
  CHECK(second.Next() == Event(failed));
  const auto full = f.Get("/api/v1/notifications/live");
  CHECK(full.status == 204);
  CHECK(full.headers.Get("Content-Type") == "text/event-stream");
  CHECK(f.Get("/metrics").body.find("prometheus_api_notification_active_subscribers 2\n") !=
        std::string::npos);
  first.reset();
  CHECK(Eventually([&] {
    return f.Get("/metrics").body.find("prometheus_api_notification_active_subscribers 1\n") !=
           std::string::npos;
  }));
  Listener third(port);
  CHECK(third.head().starts_with("HTTP/1.1 200"));
  CHECK(third.Next() == Event(failed));
  f.api->NoteReload(true);
  CHECK(third.Next() == Event(failed, "false"));
  // Counted when all have it.
  CHECK(Eventually([&] {
    return f.Get("/metrics").body.find("prometheus_api_notification_updates_sent_total 2\n") !=
           std::string::npos;
  }));
  CHECK(f.Send("POST", "/api/v1/notifications/live").status == 405);
  CHECK(f.Send("OPTIONS", "/api/v1/notifications/live").status == 204);
  Fixture none({.max_notification_subscribers = 0});
  CHECK(none.Get("/api/v1/notifications/live").status == 204);
}

}  // namespace
}  // namespace narthex::api
