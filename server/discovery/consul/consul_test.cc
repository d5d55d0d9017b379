#include "server/discovery/consul/consul.h"

#include <algorithm>

#include "server/discovery/json_answer.h"
#include "server/discovery/testing/config_cases.h"
#include "server/discovery/testing/provider_rig.h"
#include "server/discovery/testing/scripted_server.h"

namespace narthex::discovery::consul {
namespace {

// A catalogue with blocking queries. `paths` of what it serves: "services" and names of services.
class FakeConsul {
 public:
  FakeConsul()
      : server_([this](const auto& request, auto& response) { Serve(request, response); }) {}
  ~FakeConsul() { stop_ = true; }

  void Set(const std::string& what, const std::string& json) {
    MutexLock lock(mutex_);
    answers_[what] = {++index_, json};
  }
  // The server begins anew: indexes start from one again.
  void Restart(const std::string& what, const std::string& json) {
    MutexLock lock(mutex_);
    index_ = 1;
    answers_[what] = {1, json};
  }
  void Break(bool broken) { broken_ = broken; }
  // Blocking queries whose client has gone away.
  int abandoned() const { return abandoned_; }
  std::string address() const { return server_.address(); }
  std::vector<std::string> Targets(const std::string& path) {
    std::vector<std::string> out;
    for (const http::Request& request : server_.requests()) {
      if (request.path == path) out.push_back(request.target);
    }
    return out;
  }
  std::string Header(const std::string& name) {
    return std::string(server_.requests().at(0).headers.Get(name));
  }

 private:
  struct Versioned {
    uint64_t index = 0;
    std::string json;
  };

  std::optional<Versioned> Newer(const std::string& what, uint64_t index) {
    MutexLock lock(mutex_);
    const auto found = answers_.find(what);
    const Versioned now = found == answers_.end() ? Versioned{1, "[]"} : found->second;
    // As Consul: also a smaller index is news.
    if (index != 0 && now.index == index) return std::nullopt;
    return now;
  }

  void Serve(const http::Request& request, http::ResponseWriter& response) {
    if (broken_) return response.Send(500, "text/plain", "No cluster leader");
    if (request.path == "/v1/agent/self") {
      return response.Send(200, "application/json", R"({"Config":{"Datacenter":"dc7"}})");
    }
    const std::string what = request.path == "/v1/catalog/services"
                                 ? "services"
                                 : request.path.substr(std::string("/v1/health/service/").size());
    const std::string index(request.query.Get("index"));
    std::optional<Versioned> news;
    Eventually([&] {
      news = Newer(what, index.empty() ? 0 : std::stoull(index));
      return news.has_value() || stop_ || request.cancelled();
    });
    abandoned_ += request.cancelled();
    if (!news.has_value()) return response.Send(200, "application/json", "[]");
    response.headers().Add("X-Consul-Index", std::to_string(news->index));
    response.Send(200, "application/json", news->json);
  }

  std::atomic<bool> stop_ = false;
  std::atomic<bool> broken_ = false;
  std::atomic<int> abandoned_ = 0;
  Mutex mutex_;
  uint64_t index_ GUARDED_BY(mutex_) = 10;
  std::map<std::string, Versioned> answers_ GUARDED_BY(mutex_);
  ScriptedServer server_;
};

std::string Instance(const std::string& address, int port) {
  return fmt::format(
      R"({{"Node":{{"Node":"n1","Address":"{}","Datacenter":"dc7"}},
           "Service":{{"ID":"id","Service":"s","Tags":[],"Address":"","Port":{}}},"Checks":[]}})",
      address, port);
}
std::string Instances(const std::string& address, int port) {
  return "[" + Instance(address, port) + "]";
}

struct ConsulRig {
  FakeConsul consul;
  ProviderRig rig;
  std::unique_ptr<ConsulProvider> provider;

  void Start(Config config) {
    config.server = consul.address();
    config.refresh_interval_ms = 5;
    rig.On([&] {
      auto fetcher = Fetcher::Create("consul_sd", config.http, rig.context());
      REQUIRE(fetcher.ok());
      provider = std::make_unique<ConsulProvider>(config, rig.context(), *std::move(fetcher), 20);
    });
  }
  ~ConsulRig() {
    rig.On([&] { provider.reset(); });
  }
};

JsonValue Parse(const std::string& text) {
  auto value = ParseJson(text);
  REQUIRE(value.ok());
  return *std::move(value);
}

TEST_CASE("an instance becomes a target with every label") {
  const JsonValue answer = Parse(R"([{
    "Node": {"Node": "node-a", "Address": "10.0.0.1", "Datacenter": "dc1",
             "TaggedAddresses": {"lan": "10.0.0.1", "wan-v4": "1.2.3.4"},
             "Meta": {"rack/№": "r1"}},
    "Service": {"ID": "web-1", "Service": "web", "Tags": ["a", "b"], "Address": "10.9.9.9",
                "Port": 8080, "Meta": {"Version": "3"}, "Namespace": "ns", "Partition": "p"},
    "Checks": [{"CheckID": "c", "Status": "passing"}, {"CheckID": "d", "Status": "warning"}]
  }, {
    "Node": {"Node": "six", "Address": "2001:db8::2"},
    "Service": {"ID": "", "Tags": null, "Address": "", "Port": 1},
    "Checks": null
  }])");
  const auto targets = ReadService(answer, {});
  REQUIRE(targets.ok());
  REQUIRE(targets->size() == 2);
  CHECK((*targets)[0].ToString() ==
        "{__address__=\"10.9.9.9:8080\", __meta_consul_address=\"10.0.0.1\", "
        "__meta_consul_health=\"warning\", __meta_consul_metadata_rack__=\"r1\", "
        "__meta_consul_namespace=\"ns\", __meta_consul_node=\"node-a\", "
        "__meta_consul_partition=\"p\", __meta_consul_service_address=\"10.9.9.9\", "
        "__meta_consul_service_id=\"web-1\", __meta_consul_service_metadata_Version=\"3\", "
        "__meta_consul_service_port=\"8080\", __meta_consul_tagged_address_lan=\"10.0.0.1\", "
        "__meta_consul_tagged_address_wan_v4=\"1.2.3.4\", __meta_consul_tags=\",a,b,\"}");
  CHECK((*targets)[1].Get("__address__") == "[2001:db8::2]:1");
  CHECK((*targets)[1].Get("__meta_consul_tags") == ",,");
  CHECK((*targets)[1].Get("__meta_consul_health") == "passing");
  CHECK_FALSE(ReadService(Parse("{}"), {}).ok());
  CHECK_FALSE(ReadService(Parse("[1]"), {}).ok());
}

TEST_CASE("the health of an instance is that of its worst check") {
  struct Case {
    std::string checks, want;
  };
  const Case cases[] = {
      {"[]", "passing"},
      {R"([{"Status":"passing"},{"Status":"critical"},{"Status":"warning"}])", "critical"},
      {R"([{"Status":"critical"},{"CheckID":"_node_maintenance","Status":"critical"}])",
       "maintenance"},
      {R"([{"CheckID":"_service_maintenance:x","Status":"critical"}])", "maintenance"},
      {R"([{"Status":"odd"},{"Status":"critical"}])", ""},
  };
  for (const Case& c : cases) {
    INFO(c.checks);
    const auto targets =
        ReadService(Parse(R"([{"Node":{},"Service":{},"Checks":)" + c.checks + "}]"), {});
    REQUIRE(targets.ok());
    CHECK((*targets)[0].Get("__meta_consul_health") == c.want);
  }
}

TEST_CASE("services of the catalogue are watched as they come and go") {
  ConsulRig c;
  c.consul.Set("services", R"({"web":["prod"],"db":[]})");
  c.consul.Set("web", Instances("10.0.0.1", 80));
  c.consul.Set("db", Instances("10.0.0.2", 5432));
  Config config;
  config.token = "secret";
  config.namespace_ = "team";
  config.node_meta = {{"rack", "r1"}};
  c.Start(config);
  REQUIRE(c.rig.WaitFor([&] { return c.rig.Addresses() == "10.0.0.2:5432,10.0.0.1:80"; }));
  CHECK(c.rig.Text().find("__meta_consul_dc=\"dc7\"") != std::string::npos);
  CHECK(c.rig.Text().find("__meta_consul_service=\"web\"") != std::string::npos);
  CHECK(c.consul.Header("X-Consul-Token") == "secret");
  CHECK(c.consul.Targets("/v1/catalog/services")[0] ==
        "/v1/catalog/services?ns=team&stale=&node-meta=rack%3Ar1&wait=120000ms");

  // The index of the last answer makes the next query wait.
  REQUIRE(c.rig.WaitFor([&] { return c.consul.Targets("/v1/health/service/web").size() == 2; }));
  CHECK(c.consul.Targets("/v1/health/service/web")[1].find("index=12") != std::string::npos);
  c.consul.Set("web", "[" + Instance("10.0.0.1", 80) + "," + Instance("10.0.0.3", 80) + "]");
  REQUIRE(
      c.rig.WaitFor([&] { return c.rig.Addresses() == "10.0.0.2:5432,10.0.0.1:80,10.0.0.3:80"; }));

  c.consul.Set("cache", Instances("10.0.0.4", 1));
  c.consul.Set("services", R"({"web":[],"cache":[]})");
  REQUIRE(c.rig.WaitFor([&] { return c.rig.Addresses() == "10.0.0.4:1,10.0.0.1:80,10.0.0.3:80"; }));
  c.consul.Set("services", "{}");
  REQUIRE(c.rig.WaitFor([&] { return c.rig.Addresses().empty(); }));
  CHECK(c.rig.Metric("prometheus_sd_consul_rpc_failures_total") == 0);
  CHECK(c.rig.Metric("prometheus_sd_consul_rpc_duration_seconds") >= 6);
}

TEST_CASE("queries for what is not watched any more are ended") {
  ConsulRig c;
  c.consul.Set("services", R"({"web":[],"db":[]})");
  c.consul.Set("web", Instances("10.0.0.1", 80));
  c.consul.Set("db", Instances("10.0.0.2", 80));
  c.Start({});
  const auto waits = [&](const char* what) {
    const auto targets = c.consul.Targets(what);
    return !targets.empty() && targets.back().find("index=") != std::string::npos;
  };
  REQUIRE(c.rig.WaitFor([&] {
    return waits("/v1/health/service/web") && waits("/v1/health/service/db") &&
           waits("/v1/catalog/services");
  }));
  CHECK(c.consul.abandoned() == 0);
  const size_t asked = c.consul.Targets("/v1/catalog/services").size();
  c.consul.Set("services", R"({"db":[]})");
  CHECK(c.rig.WaitFor([&] {
    return c.consul.abandoned() == 1 && c.consul.Targets("/v1/catalog/services").size() > asked;
  }));
  c.rig.On([&] { c.provider.reset(); });
  CHECK(c.rig.WaitFor([&] { return c.consul.abandoned() == 3; }));
}

TEST_CASE("an index that goes backwards is followed") {
  ConsulRig c;
  c.consul.Set("web", Instances("10.0.0.1", 80));
  Config config;
  config.services = {"web"};
  config.datacenter = "dc9";
  c.Start(config);
  REQUIRE(c.rig.WaitFor([&] { return c.rig.Addresses() == "10.0.0.1:80"; }));
  CHECK(c.consul.Targets("/v1/catalog/services").empty());
  CHECK(c.consul.Targets("/v1/agent/self").empty());
  CHECK(c.consul.Targets("/v1/health/service/web")[0].find("dc=dc9") != std::string::npos);
  c.consul.Restart("web", Instances("10.0.0.2", 80));
  REQUIRE(c.rig.WaitFor([&] { return c.rig.Addresses() == "10.0.0.2:80"; }));
  c.consul.Set("web", Instances("10.0.0.3", 80));
  REQUIRE(c.rig.WaitFor([&] { return c.rig.Addresses() == "10.0.0.3:80"; }));
}

TEST_CASE("a Consul that fails is asked again, and what is known stays") {
  ConsulRig c;
  c.consul.Break(true);
  c.consul.Set("services", R"({"web":[]})");
  c.consul.Set("web", Instances("10.0.0.1", 80));
  c.Start({});
  REQUIRE(
      c.rig.WaitFor([&] { return c.rig.Metric("prometheus_sd_consul_rpc_failures_total") >= 2; }));
  CHECK_FALSE(c.rig.published());
  c.consul.Break(false);
  REQUIRE(c.rig.WaitFor([&] { return c.rig.Addresses() == "10.0.0.1:80"; }));
  const double before = c.rig.Metric("prometheus_sd_consul_rpc_failures_total");
  c.consul.Break(true);
  c.consul.Set("web", "[]");  // ends the query under way; the next ones fail
  REQUIRE(c.rig.WaitFor(
      [&] { return c.rig.Metric("prometheus_sd_consul_rpc_failures_total") >= before + 2; }));
  c.consul.Break(false);
  REQUIRE(c.rig.WaitFor([&] { return c.rig.Addresses().empty(); }));
}

TEST_CASE("services and tags choose, filters and tags are the server's affair") {
  Config config;
  CHECK(Wanted(config, "web", Parse("[]")));
  config.services = {"web"};
  CHECK_FALSE(Wanted(config, "db", Parse("[]")));
  config.tags = {"a", "b"};
  CHECK_FALSE(Wanted(config, "web", Parse(R"(["a"])")));
  CHECK(Wanted(config, "web", Parse(R"(["b","c","a"])")));

  ConsulRig c;
  c.consul.Set("services", R"({"web":["a","b"],"db":["a","b"],"web2":["a","b"]})");
  c.consul.Set("web", Instances("10.0.0.1", 80));
  config.filter = "x == 1";
  config.health_filter = "y == 2";
  c.Start(config);
  REQUIRE(c.rig.WaitFor([&] { return c.rig.Addresses() == "10.0.0.1:80"; }));
  CHECK(c.consul.Targets("/v1/catalog/services")[0].find("filter=x+%3D%3D+1") != std::string::npos);
  CHECK(c.consul.Targets("/v1/health/service/web")[0].find("tag=a&tag=b&filter=y+%3D%3D+2") !=
        std::string::npos);
  CHECK(c.consul.Targets("/v1/health/service/db").empty());
}

TEST_CASE("consul_sd_configs are checked") {
  CheckConfigs<Config>({
      {"{}", ""},
      {"server: https://c:8501\ntoken: t\ntags: [a]\nnode_meta: {a: b}\nfilter: x\n", ""},
      {"server: ' '", "consul SD configuration requires a server address"},
      {"server: ftp://c", "Unknown protocol scheme: ftp"},
      {"username: u\nbasic_auth: {username: v}\n",
       "at most one of consul SD configuration username"},
      {"token: t\nauthorization: {credentials: x}\n",
       "at most one of consul SD token, authorization, or oauth2 can be configured"},
      {"serverr: x", "field serverr not found in type consul.plain"},
  });
  Config config;
  REQUIRE(config::Decode("{username: u, password: p, token: t}", &config).ok());
  CHECK(config.http.basic_auth->password == "p");
  CHECK(config::Marshal(config).find(": p") == std::string::npos);
  CHECK(config::Marshal(config).find("token: <secret>") != std::string::npos);
}

}  // namespace
}  // namespace narthex::discovery::consul
