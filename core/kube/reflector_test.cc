// Reflectors against a fake API server: lists, watches, and what goes wrong.

#include "core/kube/reflector_rig.h"

namespace narthex::kube {
namespace {

TEST_CASE("a list in pages, then additions, changes and deletions as they happen") {
  Rig rig;
  for (int i = 0; i < 7; ++i) rig.server->Put(kPods, Pod(fmt::format("p{}", i)));
  rig.options.page_limit = 3;
  rig.Start();
  REQUIRE(rig.handler.Reaches("p0=0 p1=0 p2=0 p3=0 p4=0 p5=0 p6=0"));
  REQUIRE(Eventually([&] { return rig.handler.syncs == 1; }));
  CHECK(rig.handler.listed == 7);
  CHECK(rig.server->CountRequests("limit=3") == 3);
  CHECK(rig.server->CountRequests("continue=") == 2);
  REQUIRE(rig.Watching());
  rig.server->Put(kPods, Pod("p7"));
  rig.server->Put(kPods, Pod("p0", "n1", 1));
  for (int i = 1; i < 6; ++i) rig.server->Delete(kPods, fmt::format("ns/p{}", i));
  REQUIRE(rig.handler.Reaches("p0=1 p6=0 p7=0"));
  CHECK(rig.handler.lists == 1);
  CHECK(rig.server->CountRequests("watch=true") == 1);
  CHECK(rig.server->CountRequests("allowWatchBookmarks=true") == 1);
}

TEST_CASE("selectors and namespaces go to the server") {
  Rig rig;
  rig.server->Put(kPods, Pod("a", "n1"));
  rig.server->Put(kPods, Pod("b", "n2"));
  rig.options.resource.ns = "ns";
  rig.options.resource.label_selector = "node in (n1,n3)";
  rig.options.resource.field_selector = "spec.nodeName!=n3";
  rig.Start();
  REQUIRE(rig.handler.Reaches("a=0"));
  REQUIRE(rig.Watching());
  CHECK(rig.server->CountRequests("/api/v1/namespaces/ns/pods?") >= 1);
  rig.server->Put(kPods, Pod("a", "n2"));  // matches no longer: gone
  rig.server->Put(kPods, Pod("b", "n1", 1));
  REQUIRE(rig.handler.Reaches("b=1"));
}

TEST_CASE("watches that end or break off go on without a list, from the last version") {
  Rig rig;
  rig.server->Put(kPods, Pod("a"));
  rig.Start();
  REQUIRE(rig.handler.Reaches("a=0"));
  for (int round = 1; round <= 5; ++round) {
    REQUIRE(rig.Watching());
    rig.server->Put(kPods, Pod("a", "n1", 2 * round));
    REQUIRE(rig.handler.Reaches(fmt::format("a={}", 2 * round)));
    if (round % 2 == 0) {
      rig.server->EndWatches();
    } else {
      rig.server->CutWatches();
    }
    rig.server->Put(kPods, Pod("a", "n1", 2 * round + 1));  // while nobody watches, perhaps
    REQUIRE(rig.handler.Reaches(fmt::format("a={}", 2 * round + 1)));
  }
  CHECK(rig.handler.lists == 1);
  CHECK(rig.handler.added() == 1);
}

TEST_CASE("after a 410 a new list tells what has changed and what is gone, and no more") {
  Rig rig;
  for (const char* name : {"a", "b", "c"}) rig.server->Put(kPods, Pod(name));
  rig.Start();
  REQUIRE(rig.handler.Reaches("a=0 b=0 c=0"));
  REQUIRE(rig.Watching());
  rig.server->FailNext(1, 503, "watch=true");  // time to do things unseen
  rig.server->SetDelay(milliseconds(50));
  rig.server->CutWatches();
  REQUIRE(Eventually([&] { return rig.server->open_watches() == 0; }));
  rig.server->Delete(kPods, "ns/b");
  rig.server->Put(kPods, Pod("c", "n1", 1));
  rig.server->Put(kPods, Pod("d"));
  rig.server->ForgetHistory();
  rig.server->SetDelay(milliseconds(0));
  REQUIRE(rig.handler.Reaches("a=0 c=1 d=0"));
  CHECK(rig.handler.added() == 4);  // a was not told again
  REQUIRE(Eventually([&] { return rig.handler.syncs == 2; }));
}

TEST_CASE("continue tokens that expire do not keep a list from ending") {
  Rig rig;
  for (int i = 0; i < 5; ++i) rig.server->Put(kPods, Pod(fmt::format("p{}", i)));
  rig.options.page_limit = 2;
  rig.server->ExpireContinueTokens(true);
  rig.Start();
  REQUIRE(rig.handler.Reaches("p0=0 p1=0 p2=0 p3=0 p4=0"));
  REQUIRE(Eventually([&] { return rig.handler.syncs == 1; }));
  CHECK(rig.handler.added() == 5);
}

TEST_CASE("errors are waited out, and Retry-After is heeded") {
  Rig rig;
  rig.server->Put(kPods, Pod("a"));
  rig.server->FailNext(3, 500, "GET /api/v1/pods");
  rig.server->FailNext(1, 429, "GET /api/v1/pods", 1);
  const auto start = std::chrono::steady_clock::now();
  rig.Start();
  REQUIRE(rig.handler.Reaches("a=0"));
  CHECK(std::chrono::steady_clock::now() - start >= seconds(1));
  CHECK(rig.handler.failed_lists == 4);
  CHECK(rig.handler.error() == "scripted fault");
  REQUIRE(rig.Watching());
  rig.server->FailNext(2, 503, "watch=true");
  rig.server->EndWatches();
  REQUIRE(Eventually([&] { return rig.handler.failed_watches == 2; }));
  REQUIRE(rig.Watching());
  rig.server->Put(kPods, Pod("a", "n1", 1));
  REQUIRE(rig.handler.Reaches("a=1"));
  CHECK(rig.handler.lists == 1);
}

TEST_CASE("who is not let in is told so, and gets in once it is") {
  Rig rig({.token = "right"}, [] {
    ApiConfig config;
    config.http.authorization = http::ClientConfig::Authorization{.credentials = "wrong"};
    return config;
  }());
  rig.Start();
  REQUIRE(Eventually([&] { return rig.handler.failed_lists > 0; }));
  CHECK(rig.handler.error() == "Unauthorized");
  CHECK(rig.api->Get("/version").status().code() == StatusCode::kPermissionDenied);
}

TEST_CASE("nonsense in a watch ends in a list, not in a crash or a gap") {
  for (const std::string& text :
       {std::string("garbage\n"), std::string("{\"type\":\"ADDED\",\"object\":{\"metadata\"\n"),
        std::string("{\"type\":\"ERROR\",\"object\":{\"code\":500,\"message\":\"m\"}}\n"),
        std::string(300'000, '[') + "\n", "{\"x\":\"" + std::string(3 << 20, 'x')}) {
    Rig rig;
    rig.options.max_object_bytes = 1 << 20;
    rig.server->Put(kPods, Pod("a"));
    rig.Start();
    REQUIRE(rig.handler.Reaches("a=0"));
    REQUIRE(rig.Watching());
    rig.server->Inject(kPods, text);
    REQUIRE(Eventually([&] { return rig.handler.lists >= 2; }));
    rig.server->Put(kPods, Pod("b"));
    REQUIRE(rig.handler.Reaches("a=0 b=0"));
  }
}

TEST_CASE("odd events change nothing") {
  Rig rig;
  rig.server->Put(kPods, Pod("a"));
  rig.Start();
  REQUIRE(rig.handler.Reaches("a=0"));
  REQUIRE(rig.Watching());
  rig.server->Inject(kPods,
                     "{\"type\":\"NEWS\",\"object\":{}}\n\n{}\n"
                     "{\"type\":\"ADDED\",\"object\":{\"metadata\":{}}}\n"
                     "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"x\"}}}\n");
  rig.server->Put(kPods, Pod("b"));
  REQUIRE(rig.handler.Reaches("a=0 b=0"));
  CHECK(rig.handler.lists == 1);
}

TEST_CASE("answers that are no lists are errors") {
  Rig rig;
  for (const char* text :
       {"hello", "{\"items\":[{\"metadata\":{\"name\":\"x\"}}", "[]", "{}", ""}) {
    INFO(text);
    Recorder handler;
    rig.server->SetText("/api/v1/oddities", text);
    rig.options.resource.plural = "oddities";
    Reflector reflector(rig.api, &rig.worker, rig.options, &handler);
    CHECK(Eventually([&] { return handler.failed_lists >= 2; }));
    CHECK(handler.syncs == 0);
  }
}

TEST_CASE("an object limit cuts the list, a limit on the number of objects refuses it") {
  Rig rig;
  for (int i = 0; i < 9; ++i) rig.server->Put(kPods, Pod(fmt::format("p{}", i)));
  rig.options.object_limit = 4;
  rig.Start();
  REQUIRE(Eventually([&] { return rig.handler.syncs == 1; }));
  CHECK(rig.handler.size() == 4);
  Recorder refused;
  rig.options.object_limit = 0;
  rig.options.max_objects = 5;
  Reflector second(rig.api, &rig.worker, rig.options, &refused);
  REQUIRE(Eventually([&] { return refused.failed_lists > 0; }));
  CHECK(refused.error() == "the list holds more than 5 objects");
}

TEST_CASE("a silent peer is given up, and a slow one is not") {
  Rig rig;
  rig.server->Put(kPods, Pod("a"));
  rig.server->SetDelay(milliseconds(200));
  rig.server->SetBookmarks(false);
  rig.options.min_watch = rig.options.max_watch = seconds(600);
  rig.options.watch_grace = milliseconds(-600'000 + 100);  // gives up after 100 ms of silence
  rig.Start();
  REQUIRE(rig.handler.Reaches("a=0"));
  REQUIRE(Eventually([&] { return rig.handler.failed_watches >= 1; }));
  CHECK(rig.handler.lists == 1);
}

TEST_CASE("reflectors can be ended at any moment") {
  Rig rig;
  rig.server->Put(kPods, Pod("a"));
  for (int i = 0; i < 30; ++i) {
    Recorder handler;
    Reflector reflector(rig.api, &rig.worker, rig.options, &handler);
    if (i % 3 == 0) CHECK(handler.Reaches("a=0"));
    if (i % 3 == 1) std::this_thread::sleep_for(milliseconds(i));
  }
  CHECK(Eventually([&] { return rig.server->open_watches() == 0; }));
}

// Ends its reflector from within the callback.
TEST_CASE("a handler may end its own reflector") {
  struct Quitter final : ObjectHandler {
    void OnObject(std::string_view, const JsonValue&, Change) override {
      ++calls;
      reflector.reset();
    }
    void OnDelete(std::string_view) override {}
    std::unique_ptr<Reflector> reflector;
    std::atomic<int> calls{0};
  };
  Rig rig;
  for (int i = 0; i < 5; ++i) rig.server->Put(kPods, Pod(fmt::format("p{}", i)));
  Quitter quitter;
  rig.worker.Run([&] {  // the first list cannot begin before this has returned
    quitter.reflector = std::make_unique<Reflector>(rig.api, &rig.worker, rig.options, &quitter);
  });
  REQUIRE(Eventually([&] { return quitter.calls == 1; }));
  rig.worker.Run([] {});
  CHECK(quitter.calls == 1);
}

TEST_CASE("many watches share the worker and the connection threads") {
  Rig rig;
  constexpr int kWatches = 40;
  rig.server->Put(kPods, Pod("a"));
  std::vector<std::unique_ptr<Recorder>> handlers;
  std::vector<std::unique_ptr<Reflector>> reflectors;
  for (int i = 0; i < kWatches; ++i) {
    handlers.push_back(std::make_unique<Recorder>());
    reflectors.push_back(
        std::make_unique<Reflector>(rig.api, &rig.worker, rig.options, handlers.back().get()));
  }
  REQUIRE(Eventually([&] { return rig.server->open_watches() == kWatches; }));
  rig.server->Put(kPods, Pod("b"));
  for (auto& handler : handlers) CHECK(handler->Reaches("a=0 b=0"));
}

}  // namespace
}  // namespace narthex::kube
