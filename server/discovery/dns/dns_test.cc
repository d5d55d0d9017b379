#include "server/discovery/dns/dns.h"

#include <algorithm>
#include <fstream>

#include "server/discovery/dns/fake_dns.h"
#include "server/discovery/testing/config_cases.h"
#include "server/discovery/testing/provider_rig.h"

namespace narthex::discovery::dns {
namespace {

struct ResolvConf {
  explicit ResolvConf(const std::string& text) {
    char name[] = "/tmp/nx-resolv-XXXXXX";
    UniqueFd fd(mkstemp(name));
    path = name;
    std::ofstream(path) << text;
  }
  ~ResolvConf() { unlink(path.c_str()); }
  std::string path;
};

struct DnsRig {
  FakeDns server;
  ProviderRig rig;

  void Start(const Config& config, const std::string& resolv_conf = "search .\n") {
    const ResolvConf file(resolv_conf);
    rig.On([&] {
      // The file is read in the first look, which is here.
      auto made = std::make_unique<DnsProvider>(config, rig.context(),
                                                ResolverOptions{file.path, server.address(), 300});
      made->Start();
      provider = std::move(made);
    });
  }
  std::unique_ptr<DnsProvider> provider;
  ~DnsRig() {
    rig.On([&] { provider.reset(); });
  }
};

Config Of(std::vector<std::string> names, std::string type, int port = 0) {
  Config config;
  config.names = std::move(names);
  config.type = std::move(type);
  config.port = port;
  return config;
}

TEST_CASE("every type of record becomes targets") {
  struct Case {
    std::string type;
    int number;
    std::vector<std::string> records;
    std::string want;
  };
  const Case cases[] = {
      {"SRV",
       33,
       {Srv(9100, "a.example"), Srv(9200, "b.example")},
       "x.example.: {__address__=\"a.example:9100\", __meta_dns_name=\"x.example.\", "
       "__meta_dns_srv_record_port=\"9100\", __meta_dns_srv_record_target=\"a.example.\"}\n"
       "x.example.: {__address__=\"b.example:9200\", __meta_dns_name=\"x.example.\", "
       "__meta_dns_srv_record_port=\"9200\", __meta_dns_srv_record_target=\"b.example.\"}\n"},
      {"a",
       1,
       {A("10.1.2.3")},
       "x.example.: {__address__=\"10.1.2.3:80\", __meta_dns_name=\"x.example.\"}\n"},
      {"AAAA",
       28,
       {Aaaa("2001:db8::1")},
       "x.example.: {__address__=\"[2001:db8::1]:80\", __meta_dns_name=\"x.example.\"}\n"},
      {"MX",
       15,
       {Mx("mail.example")},
       "x.example.: {__address__=\"mail.example:80\", "
       "__meta_dns_mx_record_target=\"mail.example.\", "
       "__meta_dns_name=\"x.example.\"}\n"},
      {"NS",
       2,
       {Ns("ns.example")},
       "x.example.: {__address__=\"ns.example:80\", __meta_dns_name=\"x.example.\", "
       "__meta_dns_ns_record_target=\"ns.example.\"}\n"},
  };
  for (const Case& c : cases) {
    INFO(c.type);
    DnsRig dns;
    dns.server.Set(fmt::format("x.example/{}", c.number), {.code = 0, .records = c.records});
    dns.Start(Of({"x.example."}, c.type, 80));
    REQUIRE(dns.rig.WaitFor([&] { return dns.rig.published(); }));
    CHECK(dns.rig.Text() == c.want);
    CHECK(dns.rig.Metric("prometheus_sd_dns_lookups_total") == 1);
    CHECK(dns.rig.Metric("prometheus_sd_dns_lookup_failures_total") == 0);
  }
}

TEST_CASE("an alias on the way is no target") {
  DnsRig dns;
  const std::string a = A("10.0.0.1").substr(2);
  dns.server.Set(
      "x.example/1",
      {.code = 0, .records = {WireRecord(5, WireName("y.example")), WireName("y.example") + a}});
  dns.Start(Of({"x.example."}, "A", 1));
  REQUIRE(dns.rig.WaitFor([&] { return dns.rig.Addresses() == "10.0.0.1:1"; }));
}

TEST_CASE("a truncated answer is asked for by TCP") {
  DnsRig dns;
  std::vector<std::string> records;
  for (int i = 0; i < 200; ++i) records.push_back(A(fmt::format("10.0.0.{}", i)));
  dns.server.Set("many.example/1", {.code = 0, .records = records, .only_by_tcp = true});
  dns.Start(Of({"many.example."}, "A", 1));
  REQUIRE(dns.rig.WaitFor([&] { return dns.rig.published(); }));
  const std::string addresses = dns.rig.Addresses();
  CHECK(std::count(addresses.begin(), addresses.end(), ',') == 199);
  CHECK(dns.server.questions() == std::vector<std::string>{"many.example/1", "many.example/1 tcp"});
}

TEST_CASE("relative names follow the search list and ndots") {
  struct Case {
    std::string name, resolv_conf;
    std::vector<std::string> questions;
  };
  const Case cases[] = {
      {"x", "search a.test b.test\n", {"x.a.test/1", "x.b.test/1", "x/1"}},
      {"x.y", "search a.test b.test\n", {"x.y/1", "x.y.a.test/1", "x.y.b.test/1"}},
      {"x.y", "search a.test\noptions ndots:2\n", {"x.y.a.test/1", "x.y/1"}},
      {"x.y.", "search a.test\noptions ndots:5\n", {"x.y/1"}},
  };
  for (const Case& c : cases) {
    INFO(c.name << " " << c.resolv_conf);
    DnsRig dns;
    dns.Start(Of({c.name}, "A", 1), c.resolv_conf);
    // Nobody knows the name: it has no targets, which is no failure.
    REQUIRE(dns.rig.WaitFor([&] { return dns.rig.published(); }));
    CHECK(dns.server.questions() == c.questions);
    CHECK(dns.rig.Addresses().empty());
    CHECK(dns.rig.Metric("prometheus_sd_dns_lookup_failures_total") == 0);
  }
  // The first that exists ends the search, also without records.
  DnsRig dns;
  dns.server.Set("x.a.test/1", {.code = 0, .records = {}});
  dns.Start(Of({"x"}, "A", 1), "search a.test b.test\n");
  REQUIRE(dns.rig.WaitFor([&] { return dns.rig.published(); }));
  CHECK(dns.server.questions() == std::vector<std::string>{"x.a.test/1"});
}

TEST_CASE("a name that fails keeps its targets, others go on") {
  DnsRig dns;
  dns.server.Set("a.example/1", {.code = 0, .records = {A("10.0.0.1")}});
  dns.server.Set("b.example/1", {.code = 0, .records = {A("10.0.0.2")}});
  Config config = Of({"a.example.", "b.example."}, "A", 1);
  config.refresh_interval_ms = 20;
  dns.Start(config);
  REQUIRE(dns.rig.WaitFor([&] { return dns.rig.Addresses() == "10.0.0.1:1,10.0.0.2:1"; }));
  dns.server.Set("a.example/1", {.code = 2, .records = {}});  // SERVFAIL
  dns.server.Set("b.example/1", {.code = 0, .records = {A("10.0.0.3")}});
  REQUIRE(dns.rig.WaitFor([&] { return dns.rig.Addresses() == "10.0.0.1:1,10.0.0.3:1"; }));
  REQUIRE(dns.rig.WaitFor(
      [&] { return dns.rig.Metric("prometheus_sd_dns_lookup_failures_total") >= 1; }));
  CHECK(dns.rig.Metric("prometheus_sd_refresh_failures_total") == 0);
  dns.server.Set("a.example/1", {});  // it is gone
  REQUIRE(dns.rig.WaitFor([&] { return dns.rig.Addresses() == "10.0.0.3:1"; }));
}

TEST_CASE("a server that says nothing is given up") {
  DnsRig dns;
  dns.server.Set("a.example/1", {.code = 0, .records = {}, .only_by_tcp = false, .silent = true});
  dns.Start(Of({"a.example."}, "A", 1));
  REQUIRE(dns.rig.WaitFor(
      [&] { return dns.rig.Metric("prometheus_sd_dns_lookup_failures_total") == 1; }));
  CHECK(dns.rig.Addresses().empty());
}

TEST_CASE("broken answers are errors, not crashes") {
  const std::string query =
      std::string("\0\1\1\0\0\1\0\0\0\0\0\0", 12) + WireName("x.example") + U16(1) + U16(1);
  const std::string good = WireAnswer(query, {.code = 0, .records = {A("10.0.0.1")}}, false);
  const auto read = [](RecordType type, const std::string& bytes) {
    return ReadRecords(type, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  };
  REQUIRE(read(RecordType::kA, good).ok());
  CHECK(*read(RecordType::kA, good) == std::vector<Record>{{RecordType::kA, "10.0.0.1", 0}});
  CHECK(read(RecordType::kSrv, good)->empty());  // another type
  for (size_t cut = 0; cut + 1 < good.size(); ++cut) {
    INFO(cut);
    CHECK_FALSE(read(RecordType::kA, good.substr(0, cut)).ok());
  }
  std::string many = good;
  many[6] = '\xff';  // claims 65281 records
  CHECK_FALSE(read(RecordType::kA, many).ok());
  std::string loop = good;
  loop[12] = '\xc0';
  loop[13] = '\x0c';  // a name that points to itself
  CHECK_FALSE(read(RecordType::kA, loop).ok());
}

TEST_CASE("dns_sd_configs are checked") {
  CheckConfigs<Config>({
      {"names: [a]\n", ""},
      {"names: [a]\ntype: srv\nport: 0\n", ""},
      {"names: [a]\ntype: ns\nport: 53\nrefresh_interval: 1m\n", ""},
      {"{}", "DNS-SD config must contain at least one SRV record name"},
      {"names: [a]\ntype: A\n",
       "a port is required in DNS-SD configs for all record types except SRV"},
      {"names: [a]\ntype: TXT\n", "invalid DNS-SD records type TXT"},
      {"name: a\n", "field name not found in type dns.plain"},
  });
}

}  // namespace
}  // namespace narthex::discovery::dns
