// Single requests, discovery, shared things, timers.

#include "core/kube/api.h"

#include <atomic>

#include "core/kube/resource.h"
#include "core/kube/shared_pool.h"
#include "core/kube/testing/fake_api_server.h"
#include "core/kube/testing/selectors.h"
#include "core/kube/worker.h"
#include "tests/catch.h"
#include "tests/eventually.h"

namespace narthex::kube {
namespace {

struct Rig {
  explicit Rig(FakeApiServer::Options options = {}, ApiConfig config = {}) {
    auto started = FakeApiServer::Start(std::move(options));
    REQUIRE(started.ok());
    server = *std::move(started);
    config.server = server->url();
    auto made =
        Api::Create(runtime, {.config = std::move(config),
                              .user_agent = "test",
                              .observer = [this](std::string_view path, int status, double) {
                                seen = fmt::format("{} {}", path, status);
                              }});
    REQUIRE(made.ok());
    api = *std::move(made);
  }
  std::unique_ptr<FakeApiServer> server;
  http::ClientRuntime runtime;
  std::string seen;
  std::shared_ptr<Api> api;
};

TEST_CASE("objects, reviews, texts, and errors in the server's words") {
  Rig rig;
  rig.server->Put(
      "/apis/apps/v1/statefulsets",
      R"({"kind":"StatefulSet","metadata":{"name":"ksm","namespace":"m"},"spec":{"replicas":3}})");
  const auto object = rig.api->Get("/apis/apps/v1/namespaces/m/statefulsets/ksm");
  REQUIRE(object.ok());
  CHECK((*object)["spec"]["replicas"].AsInt() == 3);
  CHECK(rig.seen == "/apis/apps/v1/namespaces/m/statefulsets/ksm 200");
  const auto missing = rig.api->Get("/apis/apps/v1/namespaces/m/statefulsets/other");
  CHECK(missing.status().code() == StatusCode::kNotFound);
  CHECK(MessageOf(missing.status()) == "other not found");
  rig.server->Forbid("/api/v1/secrets");
  CHECK(rig.api->Get("/api/v1/secrets").status().code() == StatusCode::kPermissionDenied);
  rig.server->FailNext(1, 429);
  CHECK(rig.api->Get("/version").status().code() == StatusCode::kResourceExhausted);
  CHECK(rig.api->GetText("/livez").value() == "ok");
  CHECK((*rig.api->Get("/version"))["gitVersion"].AsString() == "v1.34.0");

  rig.server->AddUser("t", "jane", true);
  const auto review = rig.api->Post(
      "/apis/authentication.k8s.io/v1/tokenreviews",
      R"({"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","spec":{"token":"t"}})");
  REQUIRE(review.ok());
  CHECK((*review)["status"]["user"]["username"].AsString() == "jane");
  const auto access = rig.api->Post("/apis/authorization.k8s.io/v1/subjectaccessreviews",
                                    R"({"spec":{"user":"jane"}})");
  CHECK((*access)["status"]["allowed"].AsBool());
}

TEST_CASE("what an API server serves") {
  Rig rig;
  rig.server->objects().Declare("/api/v1/pods", "Pod", true);
  rig.server->objects().Declare("/apis/apps/v1/deployments", "Deployment", true);
  rig.server->objects().Declare("/apis/example.com/v1beta1/widgets", "Widget", false);
  const auto served = DiscoverResources(*rig.api);
  REQUIRE(served.ok());
  std::string text;
  for (const ServedResource& r : *served) {
    text += fmt::format("{}/{} {} {} {} {};", r.group, r.version, r.plural, r.kind, r.namespaced,
                        r.verbs.size());
  }
  CHECK(text ==
        "/v1 pods Pod true 3;apps/v1 deployments Deployment true 3;"
        "example.com/v1beta1 widgets Widget false 3;");
  rig.server->FailNext(1, 503, "/apis/apps/v1");  // an aggregated API that is down
  CHECK(DiscoverResources(*rig.api)->size() == 2);
  rig.server->FailNext(1, 401, "GET /api");
  CHECK_FALSE(DiscoverResources(*rig.api).ok());
}

TEST_CASE("paths, keys and selectors") {
  CHECK(Resource{"", "v1", "pods", "", "", ""}.Path() == "/api/v1/pods");
  CHECK(Resource{"apps", "v1", "deployments", "a b", "", ""}.Path() ==
        "/apis/apps/v1/namespaces/a%20b/deployments");
  CHECK(Resource{"", "v1", "pods", "", "a=b,c", "x!=y"}.SelectorQuery() ==
        "&labelSelector=a%3Db%2Cc&fieldSelector=x%21%3Dy");
  CHECK(KeyOf(*ParseJson(R"({"metadata":{"name":"n","namespace":"s"}})")) == "s/n");
  CHECK(KeyOf(*ParseJson(R"({"metadata":{"name":"n"}})")) == "n");
  CHECK(KeyOf(*ParseJson("[]")) == "");
  const auto object = *ParseJson(R"({"metadata":{"labels":{"a":"1"}},"spec":{"x":"y"}})");
  for (const char* selector : {"", "a", "a=1", "a==1", "a!=2", "b!=1", "!b", "a in (0,1)",
                               "a notin (2)", "b notin (1)", "a,!b , a=1"}) {
    INFO(selector);
    CHECK(MatchesLabels(object, selector));
  }
  for (const char* selector : {"b", "a=2", "a!=1", "!a", "a in (2)", "b in (1)", "a notin (1)"}) {
    INFO(selector);
    CHECK_FALSE(MatchesLabels(object, selector));
  }
  CHECK(MatchesFields(object, "spec.x=y,spec.z!=1"));
  CHECK_FALSE(MatchesFields(object, "spec.x=z"));
}

TEST_CASE("what is shared lives as long as its last user, and is made once") {
  SharedPool<int> pool;
  int made = 0;
  const auto make = [&]() -> StatusOr<std::shared_ptr<int>> {
    return std::make_shared<int>(++made);
  };
  auto a = *pool.Get("k", make);
  auto b = *pool.Get("k", make);
  CHECK(a == b);
  CHECK(made == 1);
  CHECK(*(*pool.Get("other", make)) == 2);
  CHECK(pool.size() == 1);
  a.reset();
  b.reset();
  CHECK(pool.size() == 0);
  CHECK(**pool.Get("k", make) == 3);
  CHECK_FALSE(
      pool.Get("bad", []() -> StatusOr<std::shared_ptr<int>> { return Internal("no"); }).ok());
}

TEST_CASE("a worker runs tasks and timers in order, on one thread") {
  Worker worker;
  std::string order;
  std::atomic<bool> done = false;
  worker.Run([&] {
    CHECK(worker.IsThisThread());
    worker.Run([&] { order += "a"; });  // at once
    worker.After(std::chrono::milliseconds(30), [&] { order += "d"; });
    worker.After(std::chrono::milliseconds(10), [&] { order += "c"; });
    const auto never = worker.After(std::chrono::milliseconds(1), [&] { order += "x"; });
    worker.Cancel(never);
    worker.Post([&] { order += "b"; });
    worker.After(std::chrono::milliseconds(60), [&] { done = true; });
  });
  CHECK_FALSE(worker.IsThisThread());
  REQUIRE(Eventually([&] { return done.load(); }));
  CHECK(order == "abcd");
}

}  // namespace
}  // namespace narthex::kube
