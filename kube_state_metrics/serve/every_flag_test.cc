// Every flag of the upstream release at the running program: each acts, or is refused by name.

#include <algorithm>
#include <set>

#include "core/http/test_util.h"
#include "kube_state_metrics/options/flags.h"
#include "kube_state_metrics/options/options.h"
#include "kube_state_metrics/testing/program.h"
#include "tests/catch.h"

namespace narthex::ksm {
namespace {

constexpr char kPods[] = "/api/v1/pods";
constexpr char kNodes[] = "/api/v1/nodes";

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// Two pods on two nodes and in two namespaces, one of them with all that must be asked for.
void Populate(kube::FakeApiServer& api) {
  api.Put(kPods,
          R"({"kind":"Pod","apiVersion":"v1","metadata":{"namespace":"a","name":"one",
      "labels":{"app":"x"},"annotations":{"team":"y"}},
      "spec":{"nodeName":"n1","nodeSelector":{"disk":"ssd"}},"status":{"phase":"Running"}})");
  api.Put(kPods,
          R"({"kind":"Pod","apiVersion":"v1","metadata":{"namespace":"b","name":"two"},
      "spec":{"nodeName":"n2"},"status":{"phase":"Running"}})");
  api.Put(kNodes, R"({"kind":"Node","apiVersion":"v1","metadata":{"name":"n1"}})");
}

TEST_CASE("the flags are those of the release, with its defaults") {
  const std::set<std::string> release{
      "apiserver", "auth-filter", "auto-gomemlimit", "auto-gomemlimit-ratio", "config",
      "continue-without-config", "continue-without-custom-resource-state-config-file",
      "custom-resource-state-config", "custom-resource-state-config-file",
      "custom-resource-state-only", "enable-gzip-encoding", "host", "kubeconfig",
      "metric-allowlist", "metric-annotations-allowlist", "metric-denylist",
      "metric-labels-allowlist", "metric-opt-in-list", "namespaces", "namespaces-denylist", "node",
      "object-limit", "pod", "pod-namespace", "port", "resources", "server-idle-timeout",
      "server-read-header-timeout", "server-read-timeout", "server-write-timeout", "shard",
      "telemetry-host", "telemetry-port", "tls-config", "total-shards", "track-unscheduled-pods",
      "use-apiserver-cache",
      // klog
      "add_dir_header", "alsologtostderr", "log_backtrace_at", "log_dir", "log_file",
      "log_file_max_size", "logtostderr", "one_output", "skip_headers", "skip_log_headers",
      "stderrthreshold", "v", "vmodule"};
  std::set<std::string> ours;
  for (const FlagDefinition& flag : FlagDefinitions()) ours.insert(flag.name);
  CHECK(ours == release);

  const Options defaults;
  CHECK(defaults.host == "::");
  CHECK(defaults.port == 8080);
  CHECK(defaults.telemetry_host == "::");
  CHECK(defaults.telemetry_port == 8081);
  CHECK(defaults.shard == 0);
  CHECK(defaults.total_shards == 1);
  CHECK(defaults.object_limit == 0);
  CHECK(defaults.read_timeout == std::chrono::minutes(1));
  CHECK(defaults.write_timeout == std::chrono::minutes(1));
  CHECK(defaults.idle_timeout == std::chrono::minutes(5));
  CHECK(defaults.read_header_timeout == std::chrono::seconds(5));
  // What the help says of them, and that saying it again changes nothing.
  for (const FlagDefinition& flag : FlagDefinitions()) {
    if (flag.default_value.empty() || flag.default_value.starts_with('"')) continue;
    INFO(flag.name);
    Options options;
    CHECK(flag.set(options, flag.default_value).ok());
  }
}

struct FlagCase {
  std::vector<std::string> flags;
  std::string shows;    // on the page
  std::string hides;    // not on the page that shows it; "" for nothing
  std::string request;  // the API server got; "" for any
  std::vector<const char*> listed{"Pod", "Node"};
};

TEST_CASE("flags that choose what is watched and shown") {
  const FlagCase cases[] = {
      {{"--resources", "nodes"}, "kube_node_info{", "kube_pod_", "GET /api/v1/nodes?", {"Node"}},
      {{"--namespaces=a"},
       "kube_pod_info{namespace=\"a\"",
       "namespace=\"b\"",
       "GET /api/v1/namespaces/a/pods?"},
      {{"--namespaces-denylist=a"},
       "kube_pod_info{namespace=\"b\"",
       "namespace=\"a\"",
       "fieldSelector=metadata.namespace%21%3Da"},
      // Both: every namespace is asked for, the other flag only selects among its objects.
      {{"--namespaces=a,b", "--namespaces-denylist=a"},
       "kube_pod_info{namespace=\"b\"",
       "namespace=\"a\"",
       "GET /api/v1/namespaces/a/pods?"},
      {{"--node=n2", "--resources=pods"},
       "kube_pod_info{namespace=\"b\"",
       "pod=\"one\"",
       "fieldSelector=spec.nodeName%3Dn2",
       {"Pod"}},
      {{"--track-unscheduled-pods"},
       "kube_node_info{",
       "kube_pod_",
       "fieldSelector=spec.nodeName%3D"},
      {{"--metric-allowlist=kube_pod_info,kube_node_(?!info).*"},
       "kube_node_spec_unschedulable{",
       "kube_node_info",
       ""},
      {{"--metric-denylist=_pod_"}, "kube_node_info{", "kube_pod_", "", {"Node"}},
      {{"--metric-opt-in-list=kube_pod_nodeselectors"}, "nodeselector_disk=\"ssd\"} 1\n", "", ""},
      {{"--metric-labels-allowlist=pods=[app]"}, "label_app=\"x\"} 1\n", "annotation_team", ""},
      {{"--metric-annotations-allowlist=*=[*]"}, "annotation_team=\"y\"} 1\n", "label_app", ""},
      {{"--use-apiserver-cache"},
       "kube_node_info{",
       "",
       "/api/v1/pods?watch=true&allowWatchBookmarks=true&sendInitialEvents=true"
       "&resourceVersionMatch=NotOlderThan&resourceVersion=0&"},
      {{"--object-limit=1"}, "pod=\"one\"", "pod=\"two\"", "/api/v1/pods?limit=1"},
  };
  Program program;
  Populate(*program.api);
  for (const FlagCase& c : cases) {
    INFO(c.flags.front());
    program.Start(c.flags);
    REQUIRE(program.Shows(c.shows));
    // All that is watched has been listed: what is not there will not come.
    CHECK(Eventually([&] {
      const std::string self = program.Telemetry("/metrics").body;
      return std::ranges::all_of(c.listed, [&](const char* type) {
        return Has(self, fmt::format(R"(list_total{{resource="*v1.{}",result="success"}})", type));
      });
    }));
    if (!c.hides.empty()) CHECK(!Has(program.Get("/metrics").body, c.hides));
    if (!c.request.empty()) CHECK(program.api->CountRequests(c.request) > 0);
  }
  CHECK(Has(program.Telemetry("/metrics").body,
            "kube_state_metrics_list_objects_limit{resource=\"*v1.Pod\"} 1\n"));
}

TEST_CASE("where the API server is") {
  Program program;
  Populate(*program.api);
  const TempDir dir;
  const std::string file = dir.Write("kubeconfig", fmt::format(R"(
apiVersion: v1
kind: Config
current-context: c
contexts: [{{name: c, context: {{cluster: k, user: u}}}}]
clusters: [{{name: k, cluster: {{server: "{}"}}}}]
users: [{{name: u, user: {{token: t}}}}]
)",
                                                               program.api->url()));
  program.Start({"--kubeconfig", file}, false);
  CHECK(program.Shows("kube_pod_info{"));
  CHECK(program.api->CountRequests("GET /version") == 1);
  program.Start({"--kubeconfig=" + dir.path() + "/none"}, false);
  CHECK(program.process->Wait(std::chrono::seconds(20)) == 1);
  program.Start({}, false);  // in no cluster
  CHECK(program.process->Wait(std::chrono::seconds(20)) == 1);
  CHECK(Has(program.process->output(), "Error: "));
}

TEST_CASE("TLS and tokens guard the metrics of both ports") {
  const TempDir dir;
  http::MakeCertificates(dir);
  dir.Write("web.yml", "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n");
  Program program;
  Populate(*program.api);
  program.api->AddUser("good", "prometheus", true);
  program.api->AddUser("poor", "somebody", false);
  program.Start({"--tls-config=" + dir.path() + "/web.yml", "--auth-filter"});
  const auto get = [&](int port, const std::string& path, const std::string& token = "") {
    return http::Curl(fmt::format(
        "-o /dev/null -w '%{{http_code}}' --cacert {}/ca.pem {} "
        "https://localhost:{}{}",
        dir.path(), token.empty() ? "" : "-H 'Authorization: Bearer " + token + "'", port, path));
  };
  REQUIRE(Eventually([&] { return get(program.port, "/healthz") == "200"; }));
  for (const int port : {program.port, program.telemetry_port}) {
    CHECK(get(port, "/metrics") == "401");
    CHECK(get(port, "/metrics", "unknown") == "401");
    CHECK(get(port, "/metrics", "poor") == "403");
    CHECK(get(port, "/metrics", "good") == "200");
    CHECK(get(port, "/") == "200");
    CHECK(testing::HttpGet(Program::Url(port, "/metrics")).status != 200);  // without TLS
  }
  CHECK(get(program.telemetry_port, "/readyz") == "200");
}

TEST_CASE("what the two ports have") {
  Program program;
  Populate(*program.api);
  program.api->SetText("/livez", "ok");
  program.Start({});
  REQUIRE(program.Shows("kube_pod_info{"));
  CHECK(program.Get("/healthz").body == "OK");
  CHECK(program.Get("/livez").body == "OK");
  CHECK(program.Get("/").status == 200);
  CHECK(program.Get("/readyz").status == 404);
  CHECK(program.Telemetry("/readyz").body == "OK");
  CHECK(program.Telemetry("/").status == 200);
  CHECK(program.Telemetry("/livez").status == 404);
  CHECK(program.Telemetry("/healthz").status == 404);
  program.api->FailNext(1, 500, "/livez");
  const auto dead = program.Get("/livez");
  CHECK(dead.status == 503);
  CHECK(dead.body == "Service Unavailable");
  const auto accept = [&](const std::string& value) {
    return http::Curl(fmt::format("-o /dev/null -w '%{{content_type}}' -H 'Accept: {}' {}", value,
                                  Program::Url(program.port, "/metrics")));
  };
  CHECK(accept("*/*").starts_with("text/plain; version=0.0.4"));
  CHECK(accept("application/openmetrics-text;version=0.0.1,text/plain;q=0.5")
            .starts_with("application/openmetrics-text; version=0.0.1"));
  CHECK(accept("application/openmetrics-text;version=1.0.0;q=0.3,text/plain;q=0.5")
            .starts_with("text/plain"));
  // Protobuf is never written, whoever would rather have it.
  CHECK(accept("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding="
               "delimited;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5")
            .starts_with("text/plain"));
}

TEST_CASE("pages are compressed when that is asked for and allowed") {
  Program program;
  Populate(*program.api);
  const auto encoding = [&] {
    return http::Curl("-o /dev/null -D - -H 'Accept-Encoding: gzip' " +
                      Program::Url(program.port, "/metrics"));
  };
  program.Start({});
  REQUIRE(program.Shows("kube_pod_info{"));
  CHECK(!Has(encoding(), "gzip"));
  program.Start({"--enable-gzip-encoding"});
  // Short answers are sent as they are.
  for (int i = 0; i < 100; ++i) {
    program.api->Put(kNodes, fmt::format(R"({{"kind":"Node","apiVersion":"v1",)"
                                         R"("metadata":{{"name":"node-{}"}}}})",
                                         i));
  }
  REQUIRE(program.Shows("node-99"));
  CHECK(Has(encoding(), "Content-Encoding: gzip"));
}

TEST_CASE("shards, by number and by the place in a StatefulSet") {
  Program program;
  constexpr int kCount = 60;
  for (int i = 0; i < kCount; ++i) {
    program.api->Put(kPods, fmt::format(R"({{"kind":"Pod","apiVersion":"v1","metadata":)"
                                        R"({{"namespace":"a","name":"p{}"}}}})",
                                        i));
  }
  const auto shown = [&] {
    REQUIRE(Eventually([&] {
      return Has(program.Telemetry("/metrics").body,
                 R"(list_total{resource="*v1.Pod",result="success"})");
    }));
    std::set<std::string> pods;
    const std::string page = program.Get("/metrics?resources=pods").body;
    for (size_t at = 0; (at = page.find("\nkube_pod_info{", at)) != std::string::npos; ++at) {
      pods.insert(page.substr(at + 1, page.find(",uid=", at) - at));
    }
    return pods;
  };
  program.Start({"--resources=pods", "--total-shards=2", "--shard=1"});
  const auto by_number = shown();
  CHECK(!by_number.empty());
  CHECK(by_number.size() < kCount);
  program.Start({"--resources=pods", "--total-shards=2", "--shard=0"});
  auto all = shown();
  CHECK(all.size() + by_number.size() == kCount);
  all.insert(by_number.begin(), by_number.end());
  CHECK(all.size() == kCount);

  program.api->Put("/apis/apps/v1/statefulsets",
                   R"({"kind":"StatefulSet","apiVersion":"apps/v1",
      "metadata":{"namespace":"m","name":"ksm"},"spec":{"replicas":2}})");
  program.api->Put(kPods, R"({"kind":"Pod","apiVersion":"v1","metadata":{"namespace":"m",
      "name":"ksm-1","ownerReferences":[{"apiVersion":"apps/v1","kind":"StatefulSet","name":"ksm",
      "controller":true}]}})");
  // It goes before the flags.
  program.Start({"--resources=pods", "--pod=ksm-1", "--pod-namespace=m", "--total-shards=7"});
  auto by_place = shown();
  std::erase_if(by_place, [](const std::string& pod) { return Has(pod, "namespace=\"m\""); });
  CHECK(by_place == by_number);
  const std::string self = program.Telemetry("/metrics").body;
  CHECK(Has(self, "kube_state_metrics_shard_ordinal{shard_ordinal=\"1\"} 1\n"));
  CHECK(Has(self, "kube_state_metrics_total_shards 2\n"));
  // Without the right to read the pod, or a set, there is no start.
  program.Start({"--pod=ksm-9", "--pod-namespace=m"});
  CHECK(program.process->Wait(std::chrono::seconds(20)) == 1);
}

TEST_CASE("what the program tells of itself") {
  const TempDir dir;
  Program program;
  Populate(*program.api);
  program.Start({"--config=" + dir.Write("config.yaml", "object_limit: 100\n"),
                 "--custom-resource-state-config=kind: CustomResourceStateMetrics"});
  REQUIRE(program.Shows("kube_pod_info{"));
  const std::string self = program.Telemetry("/metrics").body;
  for (const char* name :
       {"kube_state_metrics_list_total", "kube_state_metrics_watch_total",
        "kube_state_metrics_list_objects", "kube_state_metrics_list_objects_limit",
        "kube_state_metrics_shard_ordinal", "kube_state_metrics_total_shards",
        "kube_state_metrics_build_info", "kube_state_metrics_config_hash",
        "kube_state_metrics_last_config_reload_successful",
        "kube_state_metrics_last_config_reload_success_timestamp_seconds",
        "kube_state_metrics_custom_resource_state_add_events_total",
        "kube_state_metrics_custom_resource_state_update_events_total",
        "kube_state_metrics_custom_resource_state_delete_events_total",
        "kube_state_metrics_custom_resource_state_cache", "http_request_duration_seconds",
        "process_cpu_seconds_total", "process_resident_memory_bytes",
        "process_start_time_seconds"}) {
    INFO(name);
    CHECK(Has(self, fmt::format("# TYPE {} ", name)));
  }
}

TEST_CASE("time-outs of the servers") {
  const std::string whole = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  const struct {
    std::vector<std::string> flags;
    std::string sent;
  } cases[] = {
      {{"--server-idle-timeout=300ms"}, whole},
      {{"--server-read-timeout=300ms", "--server-read-header-timeout=1h"}, "GET / HT"},
      {{"--server-read-header-timeout=300ms", "--server-read-timeout=1h"}, "GET / HT"},
  };
  Program program;
  for (const auto& c : cases) {
    INFO(c.flags.front());
    program.Start(c.flags);
    REQUIRE(Eventually([&] { return program.Get("/healthz").status == 200; }));
    http::RawSocket socket(program.port);
    REQUIRE(socket.Send(c.sent));
    std::string got;
    while (socket.ReadSome(&got)) {
    }
    // Ended by the other side, and not by the patience of this one.
    pollfd entry{socket.fd(), POLLIN, 0};
    CHECK(::poll(&entry, 1, 0) == 1);
  }
}

TEST_CASE("a client that takes nothing is given up") {
  Program program;
  // More than what lies on the way.
  program.api->objects().Generate(kPods, 8000, [](size_t i) { return kube::MakeCrowdPod(i); });
  program.Start({"--resources=pods", "--server-write-timeout=300ms"});
  REQUIRE(Eventually([&] {
    return Has(program.Telemetry("/metrics").body,
               R"(list_total{resource="*v1.Pod",result="success"})");
  }));
  http::RawSocket stuck(program.port, 4096);
  REQUIRE(stuck.Send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
  CHECK(Eventually([&] {
    return Has(program.Telemetry("/metrics").body,
               "http_request_duration_seconds_count{handler=\"metrics\",method=\"get\"} 1\n");
  }));
}

TEST_CASE("files that may be missing") {
  const TempDir dir;
  const std::string config = dir.path() + "/config.yaml";
  const std::string custom = dir.path() + "/custom.yaml";
  Program program;
  Populate(*program.api);
  program.Start({"--config=" + config});
  CHECK(program.process->Wait(std::chrono::seconds(20)) == 1);
  program.Start({"--custom-resource-state-config-file=" + custom});
  CHECK(program.process->Wait(std::chrono::seconds(20)) == 1);

  program.api->Put("/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                   R"({"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1",
      "metadata":{"name":"foos.myteam.io"},"spec":{"group":"myteam.io","scope":"Namespaced",
      "names":{"kind":"Foo","plural":"foos"},"versions":[{"name":"v1","served":true}]}})");
  program.api->Put("/apis/myteam.io/v1/foos",
                   R"({"kind":"Foo","apiVersion":"myteam.io/v1",
      "metadata":{"name":"a","namespace":"x"},"status":{"uptime":7}})");
  program.Start({"--config=" + config, "--continue-without-config",
                 "--custom-resource-state-config-file=" + custom,
                 "--continue-without-custom-resource-state-config-file"});
  CHECK(program.Shows("kube_pod_info{"));
  // They are taken when they come.
  dir.Write("custom.yaml", R"(
kind: CustomResourceStateMetrics
spec:
  resources:
    - groupVersionKind: {group: myteam.io, version: v1, kind: Foo}
      metrics:
        - {name: uptime, help: h, each: {type: Gauge, gauge: {path: [status, uptime]}}}
)");
  CHECK(program.Shows("kube_customresource_uptime{"));
  CHECK(program.Shows("kube_pod_info{"));
  dir.Write("config.yaml", "custom_resources_only: true\n");
  CHECK(Eventually([&] {
    const std::string page = program.Get("/metrics").body;
    return Has(page, "kube_customresource_uptime{") && !Has(page, "kube_pod_info{");
  }));
}

TEST_CASE("lines that are refused end the program, by name") {
  const struct {
    const char *flag, *message;
  } cases[] = {
      {"--nope", "unknown flag: --nope"},
      {"--log_dir=/tmp", "--log_dir"},
      {"--vmodule=a=2", "--vmodule"},
      {"--skip_headers=true", "--skip_headers"},
      {"--metric-allowlist=(", "parsing regexp"},
      {"--metric-opt-in-list=(", "parsing regexp"},
      {"--metric-labels-allowlist=foos=[a]", "foos"},
      {"--metric-labels-allowlist=pods=[a*b*]", "wildcard"},
      {"--resources=foos", "foos"},
      {"--custom-resource-state-config={", "yaml"},
  };
  for (const auto& c : cases) {
    const auto result = testing::RunToEnd(
        {testing::Binary("kube-state-metrics"), "--apiserver=http://127.0.0.1:1", c.flag});
    INFO(c.flag << ": " << result.output);
    CHECK(result.exit_code == 1);
    CHECK(Has(result.output, c.message));
  }
  const auto both =
      testing::RunToEnd({testing::Binary("kube-state-metrics"), "--apiserver=http://127.0.0.1:1",
                         "--metric-allowlist=a", "--metric-denylist=b"});
  CHECK(both.exit_code == 1);
  CHECK(Has(both.output, "mutually exclusive"));
}

}  // namespace
}  // namespace narthex::ksm
