// Whole instances against the fake API server: lists, watches, faults, sharding, the two ports.

#include <algorithm>
#include <csignal>
#include <fstream>

#include "core/base/file.h"
#include "core/http/client.h"
#include "core/kube/testing/fake_api_server.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "kube_state_metrics/options/flags.h"
#include "kube_state_metrics/serve/auto_shard.h"
#include "kube_state_metrics/serve/file_watcher.h"
#include "kube_state_metrics/serve/instance.h"
#include "kube_state_metrics/serve/sharding.h"
#include "tests/catch.h"
#include "tests/eventually.h"
#include "tests/support/http.h"
#include "tests/support/process.h"
#include "tests/temp_dir.h"

namespace narthex::ksm {
namespace {

using testing::HttpGet;
using testing::HttpResult;

constexpr char kPods[] = "/api/v1/pods";

std::string Pod(const std::string& ns, const std::string& name, const std::string& node = "n1",
                const std::string& phase = "Running") {
  return fmt::format(
      R"({{"kind":"Pod","apiVersion":"v1","metadata":{{"namespace":"{}","name":"{}"}},)"
      R"("spec":{{"nodeName":"{}"}},"status":{{"phase":"{}"}}}})",
      ns, name, node, phase);
}

struct Rig {
  Rig() { api = *kube::FakeApiServer::Start({}); }

  Status Start(std::vector<std::string> line) {
    for (const char* flag :
         {"--host=127.0.0.1", "--port=0", "--telemetry-host=127.0.0.1", "--telemetry-port=0"}) {
      line.emplace_back(flag);
    }
    line.push_back("--apiserver=" + api->url());
    Options options;
    NX_RETURN_IF_ERROR(ParseFlags(line, &options).status());
    NX_RETURN_IF_ERROR(options.Check());
    instance.reset();
    NX_ASSIGN_OR_RETURN(instance, Instance::Start(options, &metrics));
    return OkStatus();
  }
  void StartAndSync(const std::vector<std::string>& line) {
    const Status status = Start(line);
    INFO(MessageOf(status));
    REQUIRE(status.ok());
    REQUIRE(Eventually([&] { return instance->synced(); }));
  }

  std::string Url(const std::string& path) const {
    return fmt::format("http://127.0.0.1:{}{}", instance->port(), path);
  }
  std::string Page(const std::string& query = "") const {
    return HttpGet(Url("/metrics" + query)).body;
  }
  std::string Telemetry(const std::string& path = "/metrics") const {
    return HttpGet(fmt::format("http://127.0.0.1:{}{}", instance->telemetry_port(), path)).body;
  }
  bool Shows(const std::string& text) const { return Page().find(text) != std::string::npos; }
  int CountPods() const {
    const std::string page = Page();
    int count = 0;
    for (size_t at = 0; (at = page.find("\nkube_pod_info{", at)) != std::string::npos; ++at)
      ++count;
    return count;
  }

  std::unique_ptr<kube::FakeApiServer> api;
  SelfMetrics metrics;
  std::unique_ptr<Instance> instance;
};

// Is there a series of that pod with that phase at 1?
bool HasPhase(const Rig& rig, const std::string& name, const std::string& phase) {
  const std::string page = rig.Page();
  const auto lines = SplitString(page, '\n');
  return std::ranges::any_of(lines, [&](std::string_view line) {
    return line.starts_with("kube_pod_status_phase{") &&
           line.find(fmt::format("pod=\"{}\",", name)) != std::string_view::npos &&
           line.ends_with(fmt::format("phase=\"{}\"}} 1", phase));
  });
}

TEST_CASE("objects appear, change and go") {
  Rig rig;
  rig.api->Put(kPods, Pod("a", "one"));
  rig.api->Put("/api/v1/nodes", R"({"kind":"Node","apiVersion":"v1","metadata":{"name":"n1"}})");
  rig.StartAndSync({});
  CHECK(HasPhase(rig, "one", "Running"));
  CHECK(rig.Shows("kube_node_spec_unschedulable{node=\"n1\"} 0\n"));
  CHECK(!rig.Shows("kube_job"));  // no header without objects
  rig.api->Put(kPods, Pod("a", "one", "n1", "Failed"));
  rig.api->Put(kPods, Pod("b", "two"));
  CHECK(Eventually(
      [&] { return HasPhase(rig, "one", "Failed") && HasPhase(rig, "two", "Running"); }));
  CHECK(!HasPhase(rig, "one", "Running"));
  rig.api->Delete(kPods, "a/one");
  CHECK(Eventually([&] { return !rig.Shows("pod=\"one\""); }));
  CHECK(rig.CountPods() == 1);
}

TEST_CASE("broken watches, forgotten history and failing lists are survived") {
  Rig rig;
  rig.api->Put(kPods, Pod("a", "one"));
  rig.StartAndSync({"--resources=pods"});
  rig.api->CutWatches();
  rig.api->Put(kPods, Pod("a", "two"));
  CHECK(Eventually([&] { return rig.CountPods() == 2; }));
  // 410: what happened meanwhile comes by a new list, what is gone goes.
  rig.api->FailNext(1, 500, "watch=");
  rig.api->CutWatches();
  rig.api->Delete(kPods, "a/one");
  rig.api->ForgetHistory();
  rig.api->Put(kPods, Pod("a", "three"));
  CHECK(Eventually([&] { return !rig.Shows("pod=\"one\"") && rig.Shows("pod=\"three\""); }));
  const std::string self = rig.Telemetry();
  CHECK(self.find("kube_state_metrics_list_total{resource=\"*v1.Pod\",result=\"success\"}") !=
        std::string::npos);
  CHECK(self.find("kube_state_metrics_watch_total{resource=\"*v1.Pod\",result=\"success\"}") !=
        std::string::npos);
}

TEST_CASE("what is known stays while the API server is not to be had") {
  Rig rig;
  rig.api->Put(kPods, Pod("a", "one"));
  rig.StartAndSync({"--resources=pods"});
  rig.api->FailNext(2, 503, "/pods");
  rig.api->CutWatches();
  CHECK(rig.CountPods() == 1);
  rig.api->Put(kPods, Pod("a", "two"));
  CHECK(Eventually([&] { return rig.CountPods() == 2; }));
}

TEST_CASE("a resource that may not be listed does not hold up others") {
  Rig rig;
  rig.api->Put(kPods, Pod("a", "one"));
  rig.api->Forbid("/api/v1/secrets");
  REQUIRE(rig.Start({"--resources=pods,secrets"}).ok());
  CHECK(Eventually([&] { return rig.CountPods() == 1; }));
  CHECK(Eventually([&] {
    return rig.Telemetry().find(
               "kube_state_metrics_list_total{resource=\"*v1.Secret\",result=\"error\"}") !=
           std::string::npos;
  }));
  CHECK(!rig.instance->synced());
}

TEST_CASE("namespaces, nodes and selectors") {
  Rig rig;
  rig.api->Put(kPods, Pod("a", "one", "n1"));
  rig.api->Put(kPods, Pod("b", "two", "n2"));
  rig.api->Put(kPods, Pod("c", "three", "n1"));
  rig.api->Put("/api/v1/nodes", R"({"kind":"Node","apiVersion":"v1","metadata":{"name":"n1"}})");
  const std::string some = "--resources=pods,nodes";
  rig.StartAndSync({some, "--namespaces=a,b"});
  CHECK(rig.CountPods() == 2);
  CHECK(rig.Shows("kube_node_info"));
  // Headers once, though each namespace has a store of its own.
  const std::string page = rig.Page();
  CHECK(page.find("# HELP kube_pod_info") == page.rfind("# HELP kube_pod_info"));
  rig.StartAndSync({some, "--namespaces-denylist=a"});
  CHECK(rig.CountPods() == 2);
  CHECK(!rig.Shows("namespace=\"a\""));
  rig.StartAndSync({some, "--node=n1"});
  CHECK(rig.CountPods() == 2);
  CHECK(!rig.Shows("pod=\"two\""));
  rig.api->Put(kPods, Pod("d", "homeless", ""));
  rig.StartAndSync({some, "--track-unscheduled-pods"});
  CHECK(rig.CountPods() == 1);
}

TEST_CASE("shards part the objects among them") {
  Rig rig;
  for (int i = 0; i < 40; ++i) rig.api->Put(kPods, Pod("a", fmt::format("p{}", i)));
  int total = 0;
  for (const char* shard : {"0", "1", "2"}) {
    rig.StartAndSync({"--resources=pods", "--total-shards=3", fmt::format("--shard={}", shard)});
    const int here = rig.CountPods();
    CHECK(here < 40);
    total += here;
    CHECK(rig.Telemetry().find(fmt::format(
              "kube_state_metrics_shard_ordinal{{shard_ordinal=\"{0}\"}} {0}", shard)) !=
          std::string::npos);
  }
  CHECK(total == 40);
  CHECK(rig.Telemetry().find("kube_state_metrics_total_shards 3") != std::string::npos);
}

TEST_CASE("the place among the shards is read off the StatefulSet and followed") {
  Rig rig;
  const auto set = [](int replicas) {
    return fmt::format(
        R"({{"kind":"StatefulSet","apiVersion":"apps/v1","metadata":{{"namespace":"m",)"
        R"("name":"ksm"}},"spec":{{"replicas":{}}}}})",
        replicas);
  };
  CHECK(!rig.Start({"--resources=pods", "--pod=ksm-1", "--pod-namespace=m"}).ok());
  rig.api->Put(
      kPods,
      R"({"kind":"Pod","apiVersion":"v1","metadata":{"namespace":"m","name":"ksm-1",)"
      R"("ownerReferences":[{"apiVersion":"apps/v1","kind":"StatefulSet","name":"ksm","controller":true}]}})");
  CHECK(!rig.Start({"--resources=pods", "--pod=ksm-1", "--pod-namespace=m"}).ok());
  rig.api->Put("/apis/apps/v1/statefulsets", set(2));
  for (int i = 0; i < 40; ++i) rig.api->Put(kPods, Pod("a", fmt::format("p{}", i)));
  rig.StartAndSync({"--resources=pods", "--pod=ksm-1", "--pod-namespace=m"});
  const int of_two = rig.CountPods();
  CHECK(of_two > 0);
  CHECK(of_two < 41);
  rig.api->Put("/apis/apps/v1/statefulsets", set(20));
  CHECK(Eventually([&] {
    return rig.Telemetry().find("kube_state_metrics_total_shards 20") != std::string::npos;
  }));
  CHECK(Eventually([&] { return rig.instance->synced() && rig.CountPods() < of_two; }));
}

TEST_CASE("jump hash and FNV agree with their papers") {
  CHECK(Fnv1a64("") == 14695981039346656037U);
  CHECK(Fnv1a64("a") == 12638187200555641996U);
  CHECK(Fnv1a64("foobar") == 0x85944171f73967e8U);
  CHECK(JumpHash(0, 1) == 0);
  CHECK(JumpHash(1, 1) == 0);
  CHECK(JumpHash(0xdead10cc, 1) == 0);
  CHECK(JumpHash(0xdead10cc, 666) == 361);
  CHECK(JumpHash(256, 1024) == 520);
  // Only what moves to the new bucket moves.
  for (uint64_t key = 0; key < 1000; ++key) {
    const int64_t before = JumpHash(key * 7919, 10);
    const int64_t after = JumpHash(key * 7919, 11);
    CHECK((after == before || after == 10));
  }
  CHECK(*OrdinalOf("ksm-12") == 12);
  CHECK(!OrdinalOf("ksm").ok());
  CHECK(!OrdinalOf("ksm-x").ok());
}

TEST_CASE("formats, filters and compression") {
  Rig rig;
  rig.api->Put(kPods, Pod("a", "one"));
  rig.api->Put("/api/v1/nodes", R"({"kind":"Node","apiVersion":"v1","metadata":{"name":"n1"}})");
  rig.StartAndSync({"--resources=pods,nodes"});
  const HttpResult text = HttpGet(rig.Url("/metrics"));
  CHECK(text.status == 200);
  CHECK(text.content_type.starts_with("text/plain; version=0.0.4"));
  CHECK(text.body.find("# EOF") == std::string::npos);
  CHECK(text.body.find(
            "# HELP kube_pod_info [STABLE] Information about pod.\n# TYPE kube_pod_info gauge\n") !=
        std::string::npos);
  CHECK(rig.Page("?resources=nodes").find("kube_pod") == std::string::npos);
  CHECK(rig.Page("?resources=nodes").find("kube_node_info") != std::string::npos);
  CHECK(rig.Page("?exclude_resources=nodes,x").find("kube_node") == std::string::npos);
  CHECK(rig.Page("?resources=nothing").empty());

  http::ClientRuntime runtime;
  const auto fetch = [&](const char* name, const char* value) {
    auto client = *http::Client::Create(runtime, {});
    http::ClientRequest request;
    request.url = rig.Url("/metrics");
    request.headers.Add(name, value);
    return client->DoBlocking(std::move(request));
  };
  const auto open = fetch("Accept", "application/openmetrics-text;version=1.0.0");
  REQUIRE(open.ok());
  CHECK(
      open->headers.Get("Content-Type").starts_with("application/openmetrics-text; version=1.0.0"));
  CHECK(open->body.ends_with("# EOF\n"));
  const auto proto = fetch("Accept",
                           "application/vnd.google.protobuf;proto=io.prometheus.client."
                           "MetricFamily;encoding=delimited");
  REQUIRE(proto.ok());
  CHECK(proto->headers.Get("Content-Type").starts_with("text/plain"));
  const auto plain = fetch("Accept-Encoding", "gzip");
  REQUIRE(plain.ok());
  CHECK(plain->body == text.body);
  CHECK(!plain->headers.Has("Content-Encoding"));
  CHECK(!plain->headers.Has("Vary"));
  rig.StartAndSync({"--resources=pods,nodes", "--enable-gzip-encoding"});
  CHECK(HttpGet(rig.Url("/metrics")).body == text.body);
  CHECK(fetch("Accept-Encoding", "gzip")->headers.Get("Vary") == "Accept-Encoding");
}

TEST_CASE("health, readiness and pages") {
  Rig rig;
  rig.StartAndSync({"--resources=pods"});
  CHECK(HttpGet(rig.Url("/healthz")).body == "OK");
  CHECK(rig.Page().empty());
  CHECK(HttpGet(rig.Url("/")).body.find("/metrics") != std::string::npos);
  CHECK(HttpGet(rig.Url("/nothing")).status == 404);
  CHECK(rig.Telemetry("/readyz") == "OK");
  CHECK(rig.Telemetry("/").find("/readyz") != std::string::npos);
  const std::string self = rig.Telemetry();
  CHECK(self.find("kube_state_metrics_build_info{") != std::string::npos);
  CHECK(self.find("process_resident_memory_bytes") != std::string::npos);
  CHECK(self.find("http_request_duration_seconds_count{handler=\"metrics\",method=\"get\"}") !=
        std::string::npos);
  rig.api->SetText("/livez", "ok");
  CHECK(HttpGet(rig.Url("/livez")).body == "OK");
  rig.api->FailNext(1, 500, "/livez");
  CHECK(HttpGet(rig.Url("/livez")).status == 503);
}

TEST_CASE("with an auth filter only those who may read do") {
  Rig rig;
  rig.api->AddUser("good", "prometheus", true);
  rig.api->AddUser("poor", "somebody", false);
  rig.StartAndSync({"--resources=pods", "--auth-filter"});
  http::ClientRuntime runtime;
  const auto status_with = [&](const char* authorization) {
    auto client = *http::Client::Create(runtime, {});
    http::ClientRequest request;
    request.url = rig.Url("/metrics");
    if (authorization != nullptr) request.headers.Add("Authorization", authorization);
    return client->DoBlocking(std::move(request))->status;
  };
  CHECK(status_with(nullptr) == 401);
  CHECK(status_with("Basic x") == 401);
  CHECK(status_with("Bearer unknown") == 401);
  CHECK(status_with("Bearer poor") == 403);
  CHECK(status_with("Bearer good") == 200);
  CHECK(HttpGet(rig.Url("/healthz")).status == 200);
  rig.api->FailNext(1, 500, "tokenreviews");
  CHECK(status_with("Bearer good") == 500);
}

TEST_CASE("the web configuration guards both ports") {
  const std::string file = testing::ScratchDir("ksm_web_config") + "/web.yml";
  REQUIRE(WriteFileAtomically(file,
                              "basic_auth_users:\n"
                              "  u: $2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i\n")
              .ok());
  Rig rig;
  rig.StartAndSync({"--resources=pods", "--tls-config=" + file});
  http::ClientRuntime runtime;
  for (const int port : {rig.instance->port(), rig.instance->telemetry_port()}) {
    const std::string url = fmt::format("http://127.0.0.1:{}/metrics", port);
    CHECK(HttpGet(url).status == 401);
    http::ClientRequest request;
    request.url = url;
    request.headers.Add("Authorization", "Basic dTphYmM=");  // u:abc
    CHECK((*http::Client::Create(runtime, {}))->DoBlocking(std::move(request))->status == 200);
  }
  CHECK(!rig.Start({"--resources=pods", "--tls-config=/does/not/exist"}).ok());
}

TEST_CASE("without an API server there is no start") {
  SelfMetrics metrics;
  Options options;
  options.apiserver = "http://127.0.0.1:1";
  CHECK(!Instance::Start(options, &metrics).ok());
  options.apiserver = "";
  options.kubeconfig = "/does/not/exist";
  CHECK(!Instance::Start(options, &metrics).ok());
}

TEST_CASE("a page larger than a chunk arrives whole") {
  Rig rig;
  rig.api->objects().Generate(kPods, 2000, [](size_t i) { return kube::MakeCrowdPod(i); });
  rig.StartAndSync({"--resources=pods"});
  CHECK(rig.CountPods() == 2000);
  const std::string page = rig.Page();
  CHECK(page.size() > 1'000'000);
  CHECK(page.ends_with('\n'));
}

TEST_CASE("custom resources come and go with their definitions") {
  Rig rig;
  constexpr char kDefinitions[] = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  constexpr char kConfig[] = R"(
kind: CustomResourceStateMetrics
spec:
  resources:
    - groupVersionKind: {group: myteam.io, version: "*", kind: Foo}
      metricNamePrefix: foo
      labelsFromPath: {name: [metadata, name]}
      metrics:
        - name: uptime
          help: Uptime.
          each: {type: Gauge, gauge: {path: [status, uptime]}}
)";
  rig.api->Put(
      "/apis/myteam.io/v1/foos",
      R"({"kind":"Foo","apiVersion":"myteam.io/v1","metadata":{"name":"a","namespace":"x"},"status":{"uptime":7}})");
  rig.StartAndSync(
      {"--custom-resource-state-only", std::string("--custom-resource-state-config=") + kConfig});
  CHECK(rig.Page().empty());
  rig.api->Put(kDefinitions,
               R"({"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1",
      "metadata":{"name":"foos.myteam.io"},"spec":{"group":"myteam.io","scope":"Namespaced",
      "names":{"kind":"Foo","plural":"foos"},"versions":[{"name":"v1","served":true}]}})");
  CHECK(Eventually([&] {
    return rig.Shows(
        "foo_uptime{customresource_group=\"myteam.io\",customresource_kind=\"Foo\","
        "customresource_version=\"v1\",name=\"a\"} 7\n");
  }));
  CHECK(rig.Telemetry().find("kube_state_metrics_custom_resource_state_add_events_total 1") !=
        std::string::npos);
  rig.api->Delete(kDefinitions, "foos.myteam.io");
  CHECK(Eventually([&] { return rig.Page().empty(); }));
}

TEST_CASE("the program: commands, a configuration that changes, an end by signal") {
  const std::string program = testing::Binary("kube-state-metrics");
  const auto version = testing::RunToEnd({program, "version"});
  CHECK(version.exit_code == 0);
  CHECK(version.output.starts_with("kube-state-metrics, version "));
  CHECK(testing::RunToEnd({program, "--help"}).output.find("--metric-labels-allowlist") !=
        std::string::npos);
  for (const char* shell : {"bash", "zsh", "fish", "powershell"}) {
    const auto completion = testing::RunToEnd({program, "completion", shell});
    CHECK(completion.exit_code == 0);
    CHECK_THAT(completion.output, Catch::Contains("metric-allowlist"));
  }
  CHECK(testing::RunToEnd({program, "completion", "csh"}).exit_code == 1);
  for (const char* bad : {"--nope", "--resources=foos", "--config=/does/not/exist", "frobnicate",
                          "--metric-allowlist=(", "--custom-resource-state-config=kind: X"}) {
    const auto result = testing::RunToEnd({program, bad, "--apiserver=http://127.0.0.1:1"});
    INFO(bad << result.output);
    CHECK(result.exit_code == 1);
    CHECK(result.output.find("Error: ") != std::string::npos);
  }

  const std::string folder = testing::ScratchDir("ksm_program");
  const std::string config = folder + "/config.yaml";
  const auto write = [&](const std::string& text) {
    REQUIRE(WriteFileAtomically(config, text).ok());
  };
  const auto api = *kube::FakeApiServer::Start({});
  api->Put(kPods, Pod("a", "one"));
  api->Put("/api/v1/nodes", R"({"kind":"Node","apiVersion":"v1","metadata":{"name":"n1"}})");
  const int port = testing::FreePort();
  const int self = testing::FreePort();
  const auto shows = [](int at, const std::string& text) {
    return HttpGet(fmt::format("http://127.0.0.1:{}/metrics", at)).body.find(text) !=
           std::string::npos;
  };
  write("port: [");  // waits
  testing::ChildProcess child(
      {program, "--config=" + config, "--apiserver=" + api->url(), "--host=127.0.0.1",
       fmt::format("--port={}", port), "--telemetry-host=127.0.0.1",
       fmt::format("--telemetry-port={}", self)},
      folder + "/log");
  CHECK(Eventually(
      [&] { return child.output().find("waiting for it to change") != std::string::npos; }));
  write("resources: {pods: {}}\n");
  CHECK(Eventually([&] { return shows(port, "kube_pod_info{"); }));
  CHECK(!shows(port, "kube_node_info{"));
  // One that is refused leaves the old one at work, and is told.
  const std::string reloaded = fmt::format(
      "kube_state_metrics_last_config_reload_successful{{filename=\"{}\",type=\"config\"}} ",
      config);
  CHECK(shows(self, reloaded + "1"));
  write("resources: {foos: {}}\n");
  CHECK(Eventually([&] { return shows(self, reloaded + "0"); }));
  CHECK(shows(port, "kube_pod_info{"));
  write("resources: [nodes]\n");
  CHECK(Eventually([&] { return shows(port, "kube_node_info{"); }));
  CHECK(!shows(port, "kube_pod_info{"));
  CHECK(shows(self, reloaded + "1"));
  child.Signal(SIGTERM);
  CHECK(child.Wait(std::chrono::seconds(20)) == 0);
}

TEST_CASE("a file watcher tells of files that change, come and go") {
  const TempDir folder;
  const std::string path = folder.path() + "/config";
  std::atomic<int> changes{0};
  {
    const FileWatcher watcher({path}, [&] { ++changes; });
    std::ofstream(path) << "a";
    CHECK(Eventually([&] { return changes == 1; }));
    ::unlink(path.c_str());
    CHECK(Eventually([&] { return changes == 2; }));
  }
}

}  // namespace
}  // namespace narthex::ksm
