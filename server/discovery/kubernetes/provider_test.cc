// What a provider draws on, shares and survives.

#include "server/discovery/kubernetes/provider.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "core/base/file.h"
#include "core/http/test_util.h"
#include "server/discovery/kubernetes/kubernetes_rig.h"

namespace narthex::discovery::kubernetes {
namespace {

std::string Pod(const std::string& ns, const std::string& name, const std::string& node = "n1",
                const std::string& owner = "") {
  return fmt::format(
      R"({{"kind":"Pod","metadata":{{"name":"{1}","namespace":"{0}","uid":"u"{3}}},)"
      R"("spec":{{"nodeName":"{2}","containers":[{{"name":"c"}}]}},"status":{{"podIP":"10.0.0.1"}}}})",
      ns, name, node, owner.empty() ? "" : ",\"ownerReferences\":[" + owner + "]");
}

bool Has(Cluster& cluster, const std::string& part) {
  return cluster.rig.WaitFor([&] { return cluster.Text().find(part) != std::string::npos; });
}
bool Lacks(Cluster& cluster, const std::string& part) {
  return cluster.rig.WaitFor([&] { return cluster.Text().find(part) == std::string::npos; });
}

TEST_CASE("metadata of nodes and namespaces is attached, and follows them") {
  Cluster cluster;
  cluster.server->Put(kPods, Pod("ns", "p"));
  cluster.server->Put(kNodes, R"({"kind":"Node","metadata":{"name":"n1","labels":{"zone":"a"}},
      "spec":{"providerID":"not attached"},"status":{"conditions":[{"type":"Ready","status":"True"}]}})");
  cluster.server->Put(
      "/api/v1/namespaces",
      R"({"kind":"Namespace","metadata":{"name":"ns","annotations":{"team":"t"}}})");
  Config config = cluster.ConfigFor("pod");
  config.attach_metadata = {.node = true, .ns = true};
  cluster.Start(config);
  CHECK(Has(cluster, R"(node_label_zone="a", node_labelpresent_zone="true", node_name="n1", )"));
  CHECK(
      Has(cluster, R"(namespace_annotation_team="t", namespace_annotationpresent_team="true", )"));
  CHECK(cluster.Text().find("provider_id") == std::string::npos);
  CHECK(cluster.Text().find("condition") == std::string::npos);
  cluster.server->Put(kNodes, R"({"kind":"Node","metadata":{"name":"n1","labels":{"zone":"b"}}})");
  CHECK(Has(cluster, R"(node_label_zone="b")"));
  cluster.server->Delete("/api/v1/namespaces", "ns");
  CHECK(Lacks(cluster, "namespace_annotation"));
}

TEST_CASE("owners of a pod's controller are attached") {
  Cluster cluster;
  const auto owner = [](const char* kind, const char* name) {
    return fmt::format(R"({{"kind":"{}","name":"{}","controller":true}})", kind, name);
  };
  cluster.server->Put(kPods, Pod("ns", "web", "n1", owner("ReplicaSet", "web-1")));
  cluster.server->Put(kPods, Pod("ns", "batch", "n1", owner("Job", "batch-2")));
  cluster.server->Put(
      "/apis/apps/v1/replicasets",
      fmt::format(R"({{"kind":"ReplicaSet","metadata":{{"name":"web-1","namespace":"ns",)"
                  R"("ownerReferences":[{}]}}}})",
                  owner("Deployment", "web")));
  cluster.server->Put(
      "/apis/batch/v1/jobs",
      fmt::format(R"({{"kind":"Job","metadata":{{"name":"batch-2","namespace":"ns",)"
                  R"("ownerReferences":[{}]}}}})",
                  owner("CronJob", "batch")));
  Config config = cluster.ConfigFor("pod");
  config.attach_metadata = {.deployment = true, .job = true, .cronjob = true};
  cluster.Start(config);
  CHECK(Has(cluster, R"(pod_deployment_name="web")"));
  CHECK(Has(cluster, R"(pod_job_name="batch-2")"));
  CHECK(Has(cluster, R"(pod_cronjob_name="batch")"));
}

TEST_CASE("endpoints take node metadata from the address's node") {
  Cluster cluster;
  cluster.server->Put(kNodes, R"({"kind":"Node","metadata":{"name":"n1","labels":{"zone":"a"}}})");
  cluster.server->Put(kNodes, R"({"kind":"Node","metadata":{"name":"n2","labels":{"zone":"b"}}})");
  cluster.server->Put(kEndpoints, R"({"kind":"Endpoints","metadata":{"name":"e","namespace":"ns"},
      "subsets":[{"ports":[{"port":1}],"addresses":[{"ip":"1.1.1.1","nodeName":"n1"},
                                   {"ip":"2.2.2.2","targetRef":{"kind":"Node","name":"n2"}}]}]})");
  Config config = cluster.ConfigFor("endpoints");
  config.attach_metadata.node = true;
  cluster.Start(config);
  CHECK(Has(cluster, R"(node_label_zone="a")"));
  CHECK(Has(cluster, R"(node_label_zone="b")"));
}

TEST_CASE("namespaces and selectors limit what is watched") {
  Cluster cluster;
  for (const char* ns : {"a", "b", "c"}) cluster.server->Put(kPods, Pod(ns, "p"));
  cluster.server->Put(kPods, Pod("a", "other", "n2"));
  Config config = cluster.ConfigFor("pod");
  config.namespaces.names = {"a", "b", "a"};
  config.selectors = {{"pod", "", "spec.nodeName=n1"}};
  cluster.Start(config);
  const std::string text = cluster.Text();
  CHECK(text.find("pod/a/p:") != std::string::npos);
  CHECK(text.find("pod/b/p:") != std::string::npos);
  CHECK(text.find("pod/c/p:") == std::string::npos);
  CHECK(text.find("pod/a/other:") == std::string::npos);
  CHECK(cluster.server->CountRequests("/api/v1/namespaces/a/pods?limit") == 1);
}

TEST_CASE("a namespace that may not be read does not keep the others from being found") {
  Cluster cluster;
  cluster.server->Put(kPods, Pod("ok", "p"));
  cluster.server->FailNext(1000, 403, "/namespaces/secret/");
  Config config = cluster.ConfigFor("pod");
  config.namespaces.names = {"ok", "secret"};
  cluster.Start(config);
  CHECK(Has(cluster, "pod/ok/p:"));
  CHECK(cluster.rig.Metric("prometheus_sd_kubernetes_failures_total") >= 3);
}

TEST_CASE("all jobs share one watch, whenever they come, and the last one ends it") {
  Cluster cluster;
  cluster.server->Put(kPods, Pod("ns", "p"));
  const Config config = cluster.ConfigFor("pod");
  Config endpoints = cluster.ConfigFor("endpoints");
  cluster.Start(config);
  Counter updates;
  std::vector<std::shared_ptr<GroupStore>> stores;
  std::vector<std::unique_ptr<Provider>> providers;
  for (int i = 0; i < 3; ++i) {
    stores.push_back(std::make_shared<GroupStore>([] {}, updates));
    cluster.rig.On([&] {
      ProviderContext context = cluster.rig.context();
      context.publisher = stores.back();
      providers.push_back(*MakeProvider(i == 2 ? endpoints : config, context));
    });
  }
  for (const auto& store : stores) {
    REQUIRE(cluster.rig.WaitFor([&] { return store->published(); }));
  }
  // pods, and for the endpoints these and the services.
  REQUIRE(cluster.rig.WaitFor([&] { return cluster.server->open_watches() == 3; }));
  CHECK(cluster.server->CountRequests("GET /api/v1/pods?limit") == 1);
  TargetGroups groups;
  stores[1]->Read(&groups);
  REQUIRE(groups.size() == 1);
  cluster.rig.On([&] { providers.clear(); });
  CHECK(cluster.rig.WaitFor([&] { return cluster.server->open_watches() == 1; }));
  cluster.rig.Stop();
  CHECK(cluster.rig.WaitFor([&] { return cluster.server->open_watches() == 0; }));
}

TEST_CASE("disconnects and 410 leave no gap and lose nothing") {
  Cluster cluster;
  for (const char* name : {"a", "b"}) cluster.server->Put(kPods, Pod("ns", name));
  cluster.Start(cluster.ConfigFor("pod"));
  REQUIRE(Has(cluster, "pod/ns/a:"));
  REQUIRE(cluster.rig.WaitFor([&] { return cluster.server->open_watches() == 1; }));
  cluster.server->CutWatches();
  cluster.server->Put(kPods, Pod("ns", "c"));
  REQUIRE(Has(cluster, "pod/ns/c:"));
  REQUIRE(cluster.rig.WaitFor([&] { return cluster.server->open_watches() == 1; }));
  cluster.server->CutWatches();
  cluster.server->Delete(kPods, "ns/a");
  cluster.server->Put(kPods, Pod("ns", "d"));
  cluster.server->ForgetHistory();
  REQUIRE(Has(cluster, "pod/ns/d:"));
  CHECK(Lacks(cluster, "pod/ns/a:"));
  CHECK(cluster.Text().find("pod/ns/b:") != std::string::npos);
  CHECK(cluster.rig.Metric("prometheus_sd_kubernetes_events_total") == 5);
  CHECK(cluster.rig.Metric("prometheus_sd_kubernetes_http_request_total") > 0);
}

TEST_CASE(
    "a kubeconfig leads to a server with TLS and a token; outside of a pod there is no other") {
  TempDir dir;
  http::MakeCertificates(dir);
  kube::FakeApiServer::Options options;
  options.token = "secret";
  options.certificate_pem = ReadFile(dir.path() + "/server.pem").value();
  options.key_pem = ReadFile(dir.path() + "/server.key").value();
  Cluster cluster(std::move(options));
  cluster.server->Put(kPods, Pod("ns", "p"));
  const std::string file = dir.path() + "/kubeconfig";
  REQUIRE(WriteFileAtomically(dir.path() + "/token", "secret\n").ok());
  REQUIRE(
      WriteFileAtomically(
          file,
          fmt::format(
              "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n"
              "clusters: [{{name: k, cluster: {{server: '{}', certificate-authority: '{}'}}}}]\n"
              "users: [{{name: u, user: {{tokenFile: token}}}}]\n",
              cluster.server->url(), dir.path() + "/ca.pem"))
          .ok());
  Config config;
  config.role = "pod";
  config.kubeconfig_file = file;
  cluster.Start(config);
  CHECK(Has(cluster, "pod/ns/p:"));

  ::unsetenv("KUBERNETES_SERVICE_HOST");
  config.kubeconfig_file.clear();
  ProviderRig rig;
  CHECK_THAT(rig.Start(config).ToString(),
             Catch::Contains("unable to load in-cluster configuration"));
  config.kubeconfig_file = "/nowhere";
  CHECK_FALSE(rig.Start(config).ok());
}

int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

TEST_CASE("50,000 pods are found in bounded memory") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr size_t kPodCount = 5'000;  // the fake server makes and parses each of them anew
#else
  constexpr size_t kPodCount = 50'000;
#endif
  Cluster cluster;
  cluster.server->objects().Declare(kPods, "Pod", true);
  cluster.server->objects().Generate(kPods, kPodCount,
                                     [](size_t i) { return kube::MakeCrowdPod(i); });
  const int64_t before = ResidentBytes();
  REQUIRE(cluster.rig.Start(cluster.ConfigFor("pod")).ok());
  REQUIRE(Eventually([&] { return cluster.rig.published(); }, std::chrono::seconds(300)));
  const int64_t grown = ResidentBytes() - before;
  WARN(grown / 1024 / 1024 << " MiB, " << grown / static_cast<int64_t>(kPodCount)
                           << " bytes a pod");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // The text of the list is 100 MB; decoded it would be several times that.
  CHECK(grown < 160 << 20);
#endif
  cluster.server->Put(kPods, Pod("late", "p"));
  REQUIRE(cluster.rig.WaitFor([&] {
    return cluster.rig.Metric("prometheus_sd_kubernetes_events_total") == kPodCount + 1;
  }));
  CHECK(cluster.rig.Metric("prometheus_sd_kubernetes_failures_total") == 0);
}

}  // namespace
}  // namespace narthex::discovery::kubernetes
