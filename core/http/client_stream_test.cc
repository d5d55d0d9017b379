// Bodies in pieces: chunked answers, back-pressure, cancellation, silence.

#include "core/http/client_stream.h"

#include "core/http/client_test_util.h"
#include "tests/catch.h"
#include "tests/eventually.h"

namespace narthex::http {
namespace {

using Verdict = BodySink::Verdict;

class Collector final : public BodySink {
 public:
  bool OnHead(int status, const Headers&) override {
    status_ = status;
    return accept;
  }
  Verdict OnBody(std::string_view piece) override {
    std::lock_guard lock(mutex_);
    text_.append(piece);
    return verdict;
  }
  std::string text() {
    std::lock_guard lock(mutex_);
    return text_;
  }
  size_t size() { return text().size(); }
  std::atomic<Verdict> verdict = Verdict::kMore;
  bool accept = true;
  std::atomic<int> status_ = 0;

 private:
  std::mutex mutex_;
  std::string text_;
};

struct Running {
  std::shared_ptr<Collector> sink = std::make_shared<Collector>();
  std::shared_ptr<BodyStream> stream;
  std::promise<StatusOr<ClientResponse>> promise;
  std::future<StatusOr<ClientResponse>> end = promise.get_future();

  void Start(Client& client, const std::string& url, milliseconds idle = seconds(60),
             milliseconds timeout = seconds(60)) {
    stream = std::make_shared<BodyStream>(sink, idle);
    client.Do({.url = url, .timeout = timeout, .max_body_bytes = 1000, .stream = stream},
              [this](StatusOr<ClientResponse> r) { promise.set_value(std::move(r)); });
  }
};

std::string Chunk(std::string_view text) {
  return fmt::format("{:x}\r\n{}\r\n", text.size(), text);
}
constexpr char kChunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST_CASE("a streamed body comes to the sink whole, however long, and not into the answer") {
  std::string plain;
  for (int i = 0; i < 60'000; ++i) plain += fmt::format("line {}\n", i);
  auto server = StartServer([&](const Request& request, ResponseWriter& response) {
    if (request.path == "/length") return response.Send(200, "text/plain", plain);
    for (size_t at = 0; at < plain.size(); at += 7777) {
      response.Write(std::string_view(plain).substr(at, 7777));
    }
  });
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  for (const char* path : {"/chunked", "/length", "/chunked"}) {
    Running run;
    run.Start(*client, UrlOf(*server, path));
    const auto end = run.end.get();
    REQUIRE(end.ok());
    CHECK(end->status == 200);
    CHECK(end->body.empty());
    CHECK((run.sink->text() == plain));
  }
  CHECK(server->stats().accepted_connections == 1);  // the connection is used again
}

TEST_CASE("pieces come as they arrive, and silence ends a stream, not its length") {
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  RudeServer drips(kChunked, Chunk("tick\n"), milliseconds(5));
  Running lively;
  lively.Start(*client, drips.url(), seconds(60), milliseconds(300));
  CHECK(Eventually([&] { return lively.sink->size() > 5 * 150; }));  // well beyond the timeout
  lively.stream->Cancel();
  CHECK(lively.end.get().status().code() == StatusCode::kCancelled);

  std::atomic<bool> over = false;
  auto silent = StartServer([&](const Request&, ResponseWriter& response) {
    response.Write("once");
    while (!over && response.Write("")) std::this_thread::sleep_for(milliseconds(5));
  });
  Running run;
  run.Start(*client, UrlOf(*silent), milliseconds(100));
  CHECK(run.end.get().status().code() == StatusCode::kDeadlineExceeded);
  CHECK(run.sink->text() == "once");
  over = true;
}

TEST_CASE("a paused stream stops reading until it is resumed") {
  std::atomic<size_t> written = 0;
  const std::string block(100'000, 'x');
  constexpr size_t kBlocks = 300;
  auto server = StartServer([&](const Request&, ResponseWriter& response) {
    for (size_t i = 0; i < kBlocks && response.Write(block); ++i) written += block.size();
  });
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  Running run;
  run.sink->verdict = Verdict::kPause;
  run.Start(*client, UrlOf(*server), milliseconds(200));
  CHECK(Eventually([&] { return run.sink->size() > 0; }));
  std::this_thread::sleep_for(milliseconds(500));  // longer than the idle timeout
  CHECK(run.sink->size() <= 200'000);
  CHECK(written < kBlocks * block.size());
  const size_t before = run.sink->size();
  run.stream->Resume();  // one piece more, and paused again
  CHECK(Eventually([&] { return run.sink->size() > before; }));
  run.sink->verdict = Verdict::kMore;
  run.stream->Resume();
  REQUIRE(run.end.get().ok());
  CHECK(run.sink->size() == kBlocks * block.size());
}

TEST_CASE("errors and refused heads are collected, under the limit") {
  auto server = StartServer([&](const Request& request, ResponseWriter& response) {
    if (request.path == "/big") return response.Send(500, "text/plain", std::string(5000, 'x'));
    response.Send(request.path == "/ok" ? 200 : 410, "text/plain", "collected");
  });
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  Running gone;
  gone.Start(*client, UrlOf(*server, "/gone"));
  auto end = gone.end.get();
  REQUIRE(end.ok());
  CHECK(end->status == 410);
  CHECK(end->body == "collected");
  CHECK(gone.sink->size() == 0);
  Running refused;
  refused.sink->accept = false;
  refused.Start(*client, UrlOf(*server, "/ok"));
  end = refused.end.get();
  REQUIRE(end.ok());
  CHECK(end->body == "collected");
  Running big;
  big.Start(*client, UrlOf(*server, "/big"));
  end = big.end.get();
  REQUIRE(end.ok());  // the status is told, and nothing is kept
  CHECK(end->status == 500);
  CHECK(end->body.empty());
}

TEST_CASE("a stream can be stopped by its sink, cut off by its peer, cancelled before it starts") {
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  RudeServer drips(kChunked, Chunk("tick\n"), milliseconds(1));
  Running stopped;
  stopped.sink->verdict = Verdict::kStop;
  stopped.Start(*client, drips.url());
  CHECK(stopped.end.get().status().code() == StatusCode::kCancelled);

  RudeServer cut(kChunked + Chunk("first") + "ff\r\nhalf of it");
  Running broken;
  broken.Start(*client, cut.url());
  CHECK(MessageOf(broken.end.get().status()) == "unexpected EOF");
  CHECK(broken.sink->text() == "firsthalf of it");

  Running never;
  never.stream = std::make_shared<BodyStream>(never.sink, seconds(1));
  never.stream->Cancel();
  client->Do({.url = drips.url(), .stream = never.stream},
             [&](StatusOr<ClientResponse> r) { never.promise.set_value(std::move(r)); });
  CHECK(never.end.get().status().code() == StatusCode::kCancelled);
  CHECK(never.sink->status_ == 0);
}

}  // namespace
}  // namespace narthex::http
