// kube-state-metrics beside a fake API server with many pods: memory, time until all are listed and
// rendered, scrapes, and what churn costs.
//
//   ksm_bench --pods=10000 --churn=10s --rate=500 [--binary=PATH]
//
// The program runs as a process of its own; the API server lives in this one.

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "core/flags/flags.h"
#include "core/kube/testing/fake_api_server.h"
#include "kube_state_metrics/families/record.h"
#include "kube_state_metrics/resources/resource.h"
#include "tests/support/http.h"
#include "tests/support/process.h"

namespace narthex {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// A pod as a Deployment makes them: one container with limits, named after the app, an init
// container, the usual tolerations and conditions, and the managedFields that nobody reads.
std::string RichPod(size_t i, int restarts) {
  return fmt::format(
      R"({{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"app-{1}-6d4cf56db6-{0}","namespace":"team-{2}",)"
      R"("creationTimestamp":"2026-01-02T03:04:05Z","labels":{{"app":"app-{1}","pod-template-hash":"6d4cf56db6"}},)"
      R"("ownerReferences":[{{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"app-{1}-6d4cf56db6","controller":true}}],)"
      R"("managedFields":[{{"manager":"kubelet","fieldsV1":{{"f":"{4}"}}}}]}},)"
      R"("spec":{{"nodeName":"node-{3}","restartPolicy":"Always","serviceAccountName":"app-{1}","schedulerName":"default-scheduler",)"
      R"("tolerations":[{{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}},)"
      R"({{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}}],)"
      R"("initContainers":[{{"name":"setup","image":"registry.example/setup:1.0"}}],)"
      R"("containers":[{{"name":"app-{1}","image":"registry.example/app-{1}:1.{1}.0","resources":{{)"
      R"("limits":{{"cpu":"500m","memory":"512Mi"}},"requests":{{"cpu":"100m","memory":"128Mi"}}}}}}]}},)"
      R"("status":{{"phase":"Running","podIP":"10.{5}.{6}.{7}","podIPs":[{{"ip":"10.{5}.{6}.{7}"}}],"hostIP":"192.168.0.{3}",)"
      R"("qosClass":"Burstable","startTime":"2026-01-02T03:04:06Z","conditions":[)"
      R"({{"type":"Initialized","status":"True","lastTransitionTime":"2026-01-02T03:04:10Z"}},)"
      R"({{"type":"Ready","status":"True","lastTransitionTime":"2026-01-02T03:04:12Z"}},)"
      R"({{"type":"ContainersReady","status":"True","lastTransitionTime":"2026-01-02T03:04:12Z"}},)"
      R"({{"type":"PodScheduled","status":"True","lastTransitionTime":"2026-01-02T03:04:07Z"}}],)"
      R"("initContainerStatuses":[{{"name":"setup","ready":true,"restartCount":0,"image":"registry.example/setup:1.0",)"
      R"("imageID":"registry.example/setup@sha256:{0:064x}","containerID":"containerd://{0:064x}",)"
      R"("state":{{"terminated":{{"reason":"Completed","startedAt":"2026-01-02T03:04:08Z","finishedAt":"2026-01-02T03:04:09Z"}}}}}}],)"
      R"("containerStatuses":[{{"name":"app-{1}","ready":true,"restartCount":{8},"image":"registry.example/app-{1}:1.{1}.0",)"
      R"("imageID":"registry.example/app@sha256:{1:064x}","containerID":"containerd://{0:064x}",)"
      R"("state":{{"running":{{"startedAt":"2026-01-02T03:04:11Z"}}}}}}]}}}})",
      i, i % 500, i % 50, i % 200, std::string(1000, 'x'), i >> 16 & 255, i >> 8 & 255, i & 255,
      restarts);
}

size_t CountOf(const std::string& page, const std::string& text) {
  size_t count = 0;
  for (size_t at = 0; (at = page.find(text, at)) != std::string::npos; at += text.size()) ++count;
  return count;
}

// CPU seconds of a process so far.
double CpuOf(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  std::string text((std::istreambuf_iterator<char>(in)), {});
  text.erase(0, text.rfind(')') + 2);
  int64_t user = 0;
  int64_t system = 0;
  size_t field = 3;
  for (size_t begin = 0; begin < text.size(); ++field) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    if (field == 14) user = std::stoll(text.substr(begin, end - begin));
    if (field == 15) system = std::stoll(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// What the records of the pods take, on their own.
void PrintRecords(size_t pods) {
  const auto families =
      ksm::MakeFamilySet(*ksm::FindResource("pods"), {}, {}, *ksm::FamilyFilter::Make({}, {}, {}));
  size_t bytes = 0;
  const auto start = Clock::now();
  for (size_t i = 0; i < pods; ++i) {
    bytes +=
        ksm::Render(*families, fmt::format("team-{}/pod-{}", i % 50, i), *ParseJson(RichPod(i, 1)))
            ->memory();
  }
  const auto n = static_cast<double>(pods);
  fmt::print("record: {:.0f} bytes a pod; parsed and rendered in {:.0f} µs\n",
             static_cast<double>(bytes) / n, SecondsSince(start) / n * 1e6);
}

// Megabytes of resident memory: all of it, and without what is mapped from files (the program).
std::string MemoryOf(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/status", pid));
  double all = 0;
  double anonymous = 0;
  std::string line;
  while (std::getline(in, line)) {
    if (line.starts_with("VmRSS:")) all = std::stod(line.substr(6)) * 1024 / 1e6;
    if (line.starts_with("RssAnon:")) anonymous = std::stod(line.substr(8)) * 1024 / 1e6;
  }
  return fmt::format("resident {:.1f} MB, of it anonymous {:.1f} MB", all, anonymous);
}

struct Bench {
  std::unique_ptr<kube::FakeApiServer> api = *kube::FakeApiServer::Start({});
  std::string base, telemetry;
  size_t pods = 0;

  std::string Page() const { return testing::HttpGet(base + "/metrics").body; }
  // Tells of the end of a list, behind which everything is rendered.
  bool Listed() const {
    return testing::HttpGet(telemetry + "/metrics")
               .body.find(R"(list_total{resource="*v1.Pod",result="success"})") !=
           std::string::npos;
  }

  void Scrapes(pid_t pid) const {
    std::vector<double> times;
    size_t bytes = 0;
    const double cpu = CpuOf(pid);
    for (int i = 0; i < 20; ++i) {
      const auto start = Clock::now();
      bytes = Page().size();
      times.push_back(SecondsSince(start));
    }
    std::sort(times.begin(), times.end());
    fmt::print("scrape: {:.1f} MB, median {:.0f} ms, worst {:.0f} ms, CPU {:.0f} ms\n",
               static_cast<double>(bytes) / 1e6, times[10] * 1e3, times.back() * 1e3,
               (CpuOf(pid) - cpu) / 20 * 1e3);
  }

  void Churn(pid_t pid, double seconds, double rate) {
    const auto start = Clock::now();
    const double cpu = CpuOf(pid);
    size_t changes = 0;
    while (SecondsSince(start) < seconds) {
      while (static_cast<double>(changes) < SecondsSince(start) * rate) {
        api->Put("/api/v1/pods", RichPod(changes * 7919 % pods, static_cast<int>(changes) + 2));
        ++changes;
      }
      ::usleep(2000);
    }
    const double took = SecondsSince(start);
    const double cpu_of_changes = CpuOf(pid) - cpu;  // without the pages that are fetched below
    // The last change is seen.
    const std::string last = fmt::format("}} {}\n", changes + 1);
    const auto behind = Clock::now();
    while (Page().find(last) == std::string::npos && SecondsSince(behind) < 30) ::usleep(10000);
    fmt::print("churn: {} changes in {:.1f} s, CPU {:.0f} µs a change, last seen after {:.0f} ms\n",
               changes, took, cpu_of_changes / static_cast<double>(changes) * 1e6,
               SecondsSince(behind) * 1e3);
  }
};

int Run(int argc, char** argv) {
  FlagSet flags("ksm_bench", "kube-state-metrics with many pods.");
  auto* pods = flags.Int("pods", "Pods in the cluster.", 10000);
  auto* rate = flags.Double("rate", "Changes a second.", 500);
  auto* churn =
      flags.Duration("churn", "How long pods change.", "10s", FlagSet::DurationSyntax::kGo);
  auto* binary = flags.String("binary", "The program.", testing::Binary("kube-state-metrics"));
  flags.Parse(argc, argv);

  PrintRecords(1000);
  Bench bench;
  bench.pods = static_cast<size_t>(*pods);
  for (size_t i = 0; i < bench.pods; ++i) bench.api->Put("/api/v1/pods", RichPod(i, 1));
  const int port = testing::FreePort();
  bench.base = fmt::format("http://127.0.0.1:{}", port);
  const int telemetry_port = testing::FreePort();
  bench.telemetry = fmt::format("http://127.0.0.1:{}", telemetry_port);
  const auto start = Clock::now();
  testing::ChildProcess child(
      {*binary, "--host=127.0.0.1", fmt::format("--port={}", port), "--telemetry-host=127.0.0.1",
       fmt::format("--telemetry-port={}", telemetry_port), "--resources=pods",
       "--apiserver=" + bench.api->url()},
      testing::ScratchDir("ksm_bench") + "/log");
  while (!bench.Listed()) {
    if (SecondsSince(start) > 120 || !child.running()) {
      fmt::print("the pods are not listed\n{}", child.output());
      return 1;
    }
    ::usleep(5000);
  }
  fmt::print("{} pods: listed and rendered after {:.2f} s, CPU {:.2f} s, {}\n", *pods,
             SecondsSince(start), CpuOf(child.pid()), MemoryOf(child.pid()));
  if (CountOf(bench.Page(), "\nkube_pod_info{") != bench.pods) {
    fmt::print("the page is not whole\n");
    return 1;
  }
  fmt::print("first page after {:.2f} s\n", SecondsSince(start));
  bench.Scrapes(child.pid());
  bench.Churn(child.pid(), static_cast<double>(*churn) / 1e3, *rate);
  fmt::print("in the end: {}\n", MemoryOf(child.pid()));
  return 0;
}

}  // namespace
}  // namespace narthex

int main(int argc, char** argv) { return narthex::Run(argc, argv); }
