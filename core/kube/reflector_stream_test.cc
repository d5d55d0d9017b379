// Lists as streams of events against a fake API server: what comes, and when there are none.

#include "core/kube/reflector_rig.h"

namespace narthex::kube {
namespace {

constexpr char kStream[] = "sendInitialEvents=true";

struct StreamRig : Rig {
  StreamRig() { options.stream_lists = true; }
  // Makes the reflector list again.
  void BreakWatch() {
    REQUIRE(Watching());
    const int before = handler.failed_watches;
    server->Inject(kPods, "garbage\n");
    REQUIRE(Eventually([&] { return handler.failed_watches > before; }));
  }
};

TEST_CASE("a stream tells what is there, then what happens") {
  StreamRig rig;
  for (const char* name : {"a", "b", "c"}) rig.server->Put(kPods, Pod(name));
  rig.Start();
  REQUIRE(rig.handler.Reaches("a=0 b=0 c=0"));
  REQUIRE(Eventually([&] { return rig.handler.syncs == 1; }));
  CHECK(rig.handler.listed == 3);
  CHECK(rig.server->CountRequests(kStream) == 1);
  CHECK(rig.server->CountRequests("resourceVersionMatch=NotOlderThan") == 1);
  CHECK(rig.server->CountRequests("limit=") == 0);
  rig.server->Put(kPods, Pod("a", "n1", 1));
  rig.server->Delete(kPods, "ns/b");
  REQUIRE(rig.handler.Reaches("a=1 c=0"));
  // The next watch goes on from there.
  rig.server->EndWatches();
  rig.server->Put(kPods, Pod("d"));
  REQUIRE(rig.handler.Reaches("a=1 c=0 d=0"));
  CHECK(rig.server->CountRequests(kStream) == 1);
  CHECK(rig.handler.lists == 1);
  CHECK(rig.handler.added() == 4);
}

TEST_CASE("a stream of nothing is in step as well") {
  StreamRig rig;
  rig.Start();
  REQUIRE(Eventually([&] { return rig.handler.syncs == 1; }));
  rig.server->Put(kPods, Pod("a"));
  REQUIRE(rig.handler.Reaches("a=0"));
}

TEST_CASE("selectors and the cache go with a stream") {
  StreamRig rig;
  rig.server->Put(kPods, Pod("a", "n1"));
  rig.server->Put(kPods, Pod("b", "n2"));
  rig.options.resource.field_selector = "spec.nodeName=n2";
  rig.options.list_from_cache = true;
  rig.Start();
  REQUIRE(rig.handler.Reaches("b=0"));
  CHECK(rig.server->CountRequests("resourceVersion=0&") == 1);
}

TEST_CASE("after a 410 a stream tells what has changed and what is gone, and no more") {
  StreamRig rig;
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
  CHECK(rig.server->CountRequests(kStream) == 2);
}

TEST_CASE("a server that has no streams is listed the plain way from then on") {
  const int status = GENERATE(400, 422);
  StreamRig rig;
  rig.server->Put(kPods, Pod("a"));
  rig.server->FailNext(1, status, kStream);
  rig.Start();
  REQUIRE(rig.handler.Reaches("a=0"));
  REQUIRE(Eventually([&] { return rig.handler.syncs == 1; }));
  CHECK(rig.handler.listed == 1);
  CHECK(rig.handler.failed_lists == 0);
  rig.BreakWatch();
  REQUIRE(Eventually([&] { return rig.handler.syncs == 2; }));
  CHECK(rig.server->CountRequests(kStream) == 1);
  CHECK(rig.server->CountRequests("limit=500") == 2);
}

TEST_CASE("who may list and not watch gets a list, and asks for a stream again") {
  StreamRig rig;
  rig.server->Put(kPods, Pod("a"));
  rig.server->FailNext(1, 403, kStream);
  rig.Start();
  REQUIRE(Eventually([&] { return rig.handler.syncs == 1; }));
  CHECK(rig.handler.failed_lists == 0);
  rig.BreakWatch();
  REQUIRE(Eventually([&] { return rig.handler.syncs == 2; }));
  CHECK(rig.server->CountRequests(kStream) == 2);
  CHECK(rig.server->CountRequests("limit=500") == 1);
}

TEST_CASE("a stream that fails is waited out") {
  StreamRig rig;
  rig.server->Put(kPods, Pod("a"));
  rig.server->FailNext(2, 503, kStream);
  rig.server->FailNext(1, 429, kStream, 1);
  rig.Start();
  REQUIRE(rig.handler.Reaches("a=0"));
  CHECK(rig.handler.failed_lists == 3);
  CHECK(rig.handler.error() == "scripted fault");
  CHECK(rig.server->CountRequests("limit=") == 0);
}

TEST_CASE("a server that takes the parameters for none is found out at the first bookmark") {
  StreamRig rig;
  rig.server->Put(kPods, Pod("a"));
  rig.server->IgnoreInitialEvents();
  rig.Start();
  REQUIRE(rig.handler.Reaches("a=0"));
  CHECK(rig.handler.error() == "the server does not say where the list ends");
  CHECK(rig.server->CountRequests("limit=500") == 1);
}

TEST_CASE("streams that are cut off or nonsense are failed lists") {
  Rig rig;
  const std::string object = "{\"type\":\"ADDED\",\"object\":" + Pod("a") + "}\n";
  for (const std::string& text :
       {std::string(), object, object + "garbage\n",
        object + "{\"type\":\"ERROR\",\"object\":{\"code\":410,\"message\":\"m\"}}\n",
        std::string("{\"type\":\"BOOKMARK\",\"object\":7}\n")}) {
    INFO(text);
    Recorder handler;
    rig.server->SetText("/api/v1/oddities", text);
    rig.options.resource.plural = "oddities";
    rig.options.stream_lists = true;
    Reflector reflector(rig.api, &rig.worker, rig.options, &handler);
    CHECK(Eventually([&] { return handler.failed_lists >= 2; }));
    CHECK(handler.syncs == 0);
  }
}

TEST_CASE("limits of streams") {
  StreamRig rig;
  for (int i = 0; i < 9; ++i) rig.server->Put(kPods, Pod(fmt::format("p{}", i)));
  rig.options.max_objects = 5;
  rig.Start();
  REQUIRE(Eventually([&] { return rig.handler.failed_lists > 0; }));
  CHECK(rig.handler.error() == "the list holds more than 5 objects");
  Recorder limited;
  rig.options.max_objects = 100;
  rig.options.object_limit = 4;
  Reflector second(rig.api, &rig.worker, rig.options, &limited);
  REQUIRE(Eventually([&] { return limited.syncs == 1; }));
  CHECK(limited.size() == 4);
  CHECK(rig.server->CountRequests("limit=4") == 1);
}

}  // namespace
}  // namespace narthex::kube
