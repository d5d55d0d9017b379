#include "kube_state_metrics/options/options.h"

#include "kube_state_metrics/options/flags.h"
#include "tests/catch.h"

namespace narthex::ksm {
namespace {

TEST_CASE("flags in their forms") {
  Options options;
  const auto parsed = ParseFlags(
      {"--port=9000", "--telemetry-port", "9001", "--enable-gzip-encoding",
       "--use-apiserver-cache=true", "-v=4", "--resources=pods,nodes", "--resources=jobs",
       "--namespaces=a, b", "--metric-labels-allowlist=pods=[app]", "--server-read-timeout=10s",
       "--auto-gomemlimit-ratio=0.8", "version", "--", "--x"},
      &options);
  REQUIRE(parsed.ok());
  CHECK(parsed->arguments == std::vector<std::string>{"version", "--x"});
  CHECK(options.port == 9000);
  CHECK(options.telemetry_port == 9001);
  CHECK(options.gzip);
  CHECK(options.use_apiserver_cache);
  CHECK(options.verbosity == 4);
  CHECK(options.resources == std::vector<std::string>{"pods", "nodes", "jobs"});
  CHECK(options.namespaces == std::vector<std::string>{"a", "b"});
  CHECK(options.labels.KeysOf("pods") == KeyPatterns{"app"});
  CHECK(options.read_timeout == std::chrono::seconds(10));
  CHECK(ParseFlags({"-h"}, &options)->help);
  CHECK(ParseFlags({"--help"}, &options)->help);
  REQUIRE(ParseFlags({"-v2"}, &options).ok());
  CHECK(options.verbosity == 2);
  REQUIRE(ParseFlags({"--enable-gzip-encoding=false"}, &options).ok());
  CHECK(!options.gzip);
}

TEST_CASE("flags that are wrong are named") {
  struct {
    std::vector<std::string> line;
    const char* message;
  } const cases[] = {
      {{"--nope"}, "unknown flag: --nope"},
      {{"-x"}, "unknown shorthand flag: 'x' in -x"},
      {{"--port"}, "flag needs an argument: --port"},
      {{"--port=x"}, "\"x\" for \"--port\""},
      {{"--port=70000"}, "not between"},
      {{"--total-shards=0"}, "not between"},
      {{"--enable-gzip-encoding=maybe"}, "ParseBool"},
      {{"--metric-labels-allowlist=pods"}, "invalid format"},
      {{"--log_file=/x"}, "--log_file"},
      {{"--logtostderr=false"}, "--logtostderr"},
      {{"--vmodule=a=1"}, "--vmodule"},
      {{"--one_output=maybe"}, "--one_output"},
      {{"--auto-gomemlimit-ratio=much"}, "--auto-gomemlimit-ratio"},
      {{"--stderrthreshold=LOUD"}, "--stderrthreshold"},
  };
  for (const auto& c : cases) {
    INFO(c.line[0]);
    Options options;
    const auto parsed = ParseFlags(c.line, &options);
    REQUIRE(!parsed.ok());
    CHECK(std::string(MessageOf(parsed.status())).find(c.message) != std::string::npos);
  }
}

TEST_CASE("every flag is in the help") {
  const std::string usage = FlagUsage();
  CHECK(FlagDefinitions().size() >= 50);
  for (const FlagDefinition& flag : FlagDefinitions()) {
    CHECK(usage.find("--" + flag.name) != std::string::npos);
    CHECK(!flag.help.empty());
  }
}

TEST_CASE("the configuration file goes over the flags") {
  Options options;
  REQUIRE(
      ParseFlags({"--resources=jobs", "--port=1", "--shard=0", "--namespaces=z"}, &options).ok());
  REQUIRE(ApplyConfigText(R"(
port: 9000
resources: {pods: {}, nodes: {}}
namespaces: [a, b]
metric_denylist:
  kube_pod_labels: {}
labels_allow_list:
  pods: [app, team]
  nodes: ["*"]
annotations_allow_list: {pods: ["x"]}
total_shards: 3
shard: 2
enable_gzip_encoding: true
server_idle_timeout: 1m
)",
                          &options)
              .ok());
  CHECK(options.port == 9000);
  CHECK(*options.EnabledResources() == std::vector<std::string>{"nodes", "pods"});
  CHECK(options.namespaces == std::vector<std::string>{"a", "b"});
  CHECK(options.metric_denylist == std::vector<std::string>{"kube_pod_labels"});
  CHECK(options.labels.KeysOf("pods") == KeyPatterns{"app", "team"});
  CHECK(options.labels.KeysOf("nodes") == KeyPatterns{"*"});
  CHECK(options.annotations.KeysOf("pods") == KeyPatterns{"x"});
  CHECK(options.shard == 2);
  CHECK(options.total_shards == 3);
  CHECK(options.gzip);
  CHECK(options.idle_timeout == std::chrono::minutes(1));
  CHECK(options.Check().ok());
  CHECK(ApplyConfigText("", &options).ok());
}

TEST_CASE("configuration files that are wrong are refused") {
  for (const char* bad : {"nope: 1", "port: x", "- a", "port: [", "port: 1\nport: 2",
                          "resources: [[a]]", "labels_allow_list: pods"}) {
    INFO(bad);
    Options options;
    CHECK(!ApplyConfigText(bad, &options).ok());
  }
}

TEST_CASE("options that do not go together") {
  const auto check = [](const std::vector<std::string>& line) {
    Options options;
    REQUIRE(ParseFlags(line, &options).ok());
    return options.Check();
  };
  CHECK(check({}).ok());
  CHECK(!check({"--resources=foos"}).ok());
  CHECK(!check({"--shard=2", "--total-shards=2"}).ok());
  CHECK(!check({"--pod=x"}).ok());
  CHECK(!check({"--node=n", "--track-unscheduled-pods"}).ok());
  CHECK(!check({"--metric-labels-allowlist=foos=[a]"}).ok());
  CHECK(!check({"--metric-annotations-allowlist=endpoints=[a]"}).ok());  // off by default
  CHECK(check({"--metric-annotations-allowlist=endpoints=[a]", "--resources=endpoints"}).ok());
}

}  // namespace
}  // namespace narthex::ksm
