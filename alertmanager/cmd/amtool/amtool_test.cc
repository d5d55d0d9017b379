// The real amtool against the real alertmanager.

#include <cstdlib>
#include <fstream>

#include "core/http/server.h"
#include "core/json/reader.h"
#include "core/strings/quote.h"
#include "tests/catch.h"
#include "tests/support/http.h"
#include "tests/support/process.h"

namespace narthex::am {
namespace {

using testing::RunResult;
using Words = std::vector<std::string>;

constexpr char kConfig[] = R"(route:
  receiver: w
  routes:
  - matchers: ['team="db"']
    receiver: db
    continue: true
    routes:
    - matchers: [severity=~"a|b"]
      receiver: page
  - match_re: {team: d.*}
    receiver: db2
inhibit_rules:
- source_matchers: [alertname=Source]
  target_matchers: [inhibited=yes]
receivers: [{name: w}, {name: db}, {name: db2}, {name: page}]
)";

// A server, a home without settings, and amtool pointed at the server.
class Fixture {
 public:
  Fixture() {
    setenv("HOME", dir_.c_str(), 1);
    Write("am.yml", kConfig);
    server_.emplace(Words{testing::Binary("alertmanager"), "--config.file=" + Path("am.yml"),
                          "--storage.path=" + Path("data"), "--cluster.listen-address=",
                          fmt::format("--web.listen-address=127.0.0.1:{}", port_)},
                    Path("server.log"));
    REQUIRE(testing::Eventually(std::chrono::seconds(60), [&] {
      return testing::HttpGet(url() + "/-/ready").status == 200;
    }));
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }
  std::string Path(const std::string& name) const { return dir_ + "/" + name; }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(Path(name)) << text;
  }

  RunResult Run(Words words) const {
    Words argv = {testing::Binary("amtool"), "--alertmanager.url=" + url()};
    argv.insert(argv.end(), words.begin(), words.end());
    return testing::RunToEnd(std::move(argv));
  }
  // What it prints when it must succeed.
  std::string Ok(Words words) const {
    const RunResult result = Run(words);
    INFO(JoinStrings(words, " "));
    INFO(result.output);
    CHECK(result.exit_code == 0);
    return result.output;
  }
  // The error it prints when it must fail.
  std::string Error(Words words) const {
    constexpr std::string_view kPrefix = "amtool: error: ";
    const RunResult result = Run(words);
    INFO(JoinStrings(words, " "));
    CHECK(result.exit_code == 1);
    const size_t at = result.output.find(kPrefix);
    if (at == std::string::npos) return "no error: " + result.output;
    return std::string(TrimSpace(result.output.substr(at + kPrefix.size())));
  }
  JsonValue Json(Words words) const {
    words.insert(words.end(), {"-o", "json"});
    return ParseJson(Ok(std::move(words))).value_or(JsonValue());
  }

 private:
  const std::string dir_ = testing::ScratchDir("amtool");
  const int port_ = testing::FreePort();
  std::optional<testing::ChildProcess> server_;
};

std::string Line(std::string text) { return std::string(TrimSpace(text)); }

TEST_CASE("alerts are added and found") {
  const Fixture f;
  CHECK(f.Ok({"alert", "add", "foo", "node=bar", "--annotation=summary=\"the sum\"",
              "--start=2026-01-01T03:00:00+02:00", "--end=2199-01-01T00:00:00Z",
              "--generator-url=http://gen/"}) == "");
  f.Ok({"alert", "add", "Source", "a=b", "--start=2026-01-02T00:00:00Z",
        "--end=2199-01-01T00:00:00Z"});
  f.Ok({"alert", "add", "alertname=Target", "inhibited=yes", "--start=2026-01-03T00:00:00Z",
        "--end=2199-01-01T00:00:00Z"});
  CHECK(f.Ok({"alert"}) ==
        "Alertname  Starts At                  Summary  State   \n"
        "foo        2026-01-01 03:00:00 +0200  the sum  active  \n"
        "Source     2026-01-02 00:00:00 UTC             active  \n");
  CHECK(
      f.Ok({"alert", "-o", "extended", "foo"}) ==
      "Labels                      Annotations        Starts At                  Ends At          "
      "        Generator URL  State   \n"
      "alertname=\"foo\" node=\"bar\"  summary=\"the sum\"  2026-01-01 03:00:00 +0200  2199-01-01 "
      "00:00:00 UTC  http://gen/    active  \n");
  CHECK(f.Ok({"alert", "query", "-i", "--date.format=2006"}) ==
        "Alertname  Starts At  Summary  State       \n"
        "Target     2026                suppressed  \n");
  CHECK(f.Json({"alert", "-a", "-i", "alertname=~.*o.*"}).items().size() == 2);
  CHECK(f.Json({"alert", "-r", "d.*"}).items().empty());
  CHECK(f.Error({"alert", "foo", "bar"}) ==
        "[GET /alerts][400] getAlertsBadRequest \"bad matcher format: bar\"");
  CHECK(f.Error({"alert", "add", "a!=b"}) == "labels must be specified as key=value pairs");
  CHECK(f.Error({"alert", "add"}) ==
        "[POST /alerts][400] postAlertsBadRequest \"at least one label pair required\"");
}

TEST_CASE("silences are added, found, changed and ended") {
  Fixture f;
  CHECK(f.Error({"silence", "add", "foo"}) == "comment required by config");
  CHECK(f.Error({"silence", "add", "-c", "x"}) == "no matchers specified");
  const std::string id =
      Line(f.Ok({"silence", "add", "foo", "node!=x", "-c", "why", "-a", "me", "-d", "2h"}));
  REQUIRE(id.size() == 36);
  const std::string other = Line(f.Ok({"silence", "add", "b=c", "--no-require-comment",
                                       "--start=2190-01-01T00:00:00Z", "--annotation=k=v"}));
  CHECK(f.Ok({"silence", "-q"}) == id + "\n" + other + "\n");
  CHECK(f.Ok({"silence", "query", "-q", "--within=3h"}) == id + "\n");
  CHECK(f.Ok({"silence", "-q", "foo"}) == id + "\n");
  CHECK(f.Ok({"silence", "-q", "--created-by=me"}) == id + "\n");
  CHECK(f.Ok({"silence", "-q", "--id=" + other}) == other + "\n");
  CHECK(f.Ok({"silence", "-o", "extended", "--date.format=-", "foo"}) ==
        "ID                                    Matchers                     Starts At  Ends At  "
        "Updated At  Created By  Comment  \n" +
            id +
            "  {alertname=\"foo\",node!=\"x\"}  -          -        -           me          why    "
            "  \n");
  CHECK(f.Json({"silence", "b=c"}).items().at(0)["annotations"]["k"].AsString() == "v");

  // In place: the start keeps its second.
  CHECK(f.Ok({"silence", "update", "-q", "-d", "4h", "-c", "new", id}) == id + "\n");
  CHECK(f.Json({"silence", "foo"}).items().at(0)["comment"].AsString() == "new");
  CHECK(f.Error({"silence", "update"}) == "no silence IDs specified");
  CHECK(f.Error({"silence", "update", "nope"}) ==
        "[GET /silence/{silenceID}] getSilence (status 422): {}");

  const std::string exported = f.Ok({"silence", "-o", "json"});
  CHECK(f.Ok({"silence", "expire", id, other}) == "");
  CHECK(f.Ok({"silence", "-q"}) == "");
  CHECK(f.Json({"silence", "--expired", "--within=1h"}).items().size() == 2);
  CHECK(f.Error({"silence", "expire", "00000000-0000-0000-0000-000000000000"}) ==
        "[DELETE /silence/{silenceID}][404] deleteSilenceNotFound");

  f.Write("export.json", exported);
  f.Ok({"silence", "import", f.Path("export.json")});
  f.Ok({"silence", "import", "-f", f.Path("export.json")});
  CHECK(f.Json({"silence"}).items().size() == 4);
  f.Write("unknown.json",
          R"([{"id":"00000000-0000-0000-0000-000000000000","matchers":[{"name":"imp","value":"x",)"
          R"("isRegex":false}],"startsAt":"2026-01-01T00:00:00Z","endsAt":"2199-01-01T00:00:00Z",)"
          R"("createdBy":"a","comment":"b"},{"createdBy":"x"}])");
  CHECK(f.Error({"silence", "import", f.Path("unknown.json")}) ==
        "couldn't import 1 out of 2 silences");
  CHECK(f.Json({"silence", "imp=x"}).items().size() == 1);
  f.Write("bad.json", "{}");
  CHECK(f.Error({"silence", "import", f.Path("bad.json")})
            .starts_with("couldn't unmarshal input data, is it JSON?: "));
}

TEST_CASE("routes of the server and of a file") {
  Fixture f;
  const std::string tree =
      "Routing tree:\n.\n"
      "└── default-route  receiver: w\n"
      "    ├── {team=\"db\"}  continue: true  receiver: db\n"
      "    │   └── {severity=~\"a|b\"}  receiver: page\n"
      "    └── {team=~\"^(?:d.*)$\"}  receiver: db2\n\n";
  CHECK(f.Ok({"config", "routes"}) == tree);
  CHECK(f.Ok({"config", "routes", "show", "--config.file=" + f.Path("am.yml")}) ==
        "Warning: --config.file flag overrides the --alertmanager.url.\n" + tree);
  CHECK(f.Ok({"config", "routes", "test", "team=db"}) == "db,db2\n");
  CHECK(f.Ok({"config", "routes", "test"}) == "w\n");
  CHECK(f.Ok({"config", "routes", "test", "--tree", "team=db", "severity=a",
              "--verify.receivers=page,db2"}) ==
        "Matching routes:\n.\n"
        "└── default-route\n"
        "    ├── {team=\"db\"}\n"
        "    │   └── {severity=~\"a|b\"}  receiver: page\n"
        "    └── {team=~\"^(?:d.*)$\"}  receiver: db2\n\n\n"
        "page,db2\n");
  const RunResult other = f.Run({"config", "routes", "test", "team=db", "--verify.receivers=x"});
  CHECK(other.exit_code == 1);
  CHECK(other.output == "db,db2\nWARNING: Expected receivers did not match resolved receivers.\n");
  CHECK(f.Error({"config", "routes", "test", "team"}) ==
        "Failed to parse labels: bad matcher format: team");
  // The receivers of a route need not be implemented for the route to be known.
  f.Write("slack.yml",
          "global: {slack_api_url: 'http://s'}\n"
          "route: {receiver: w, routes: [{receiver: s, matchers: [a=b]}]}\n"
          "receivers: [{name: w}, {name: s, slack_configs: [{channel: c}]}]\n");
  CHECK(f.Ok({"config", "routes", "test", "--config.file=" + f.Path("slack.yml"), "a=b"})
            .ends_with("\ns\n"));
}

TEST_CASE("configurations are checked as the server reads them") {
  Fixture f;
  f.Write("ok.tmpl", "{{ define \"a\" }}{{ end }}");
  f.Write("bad.tmpl", "{{ define");
  const std::string small = "route: {receiver: x}\nreceivers: [{name: x}]\n";
  f.Write("good.yml", small + "templates: ['ok.*', 'none.*']\n");
  f.Write("undefined.yml", "route: {receiver: y}\nreceivers: [{name: x}]\n");
  f.Write("template.yml", small + "templates: [bad.tmpl]\n");
  f.Write("slack.yml", "route: {receiver: x}\nreceivers: [{name: x, slack_configs: [{}]}]\n");
  f.Write("url.yml",
          "route: {receiver: x}\nreceivers: [{name: x, webhook_configs: [{url: 'http://{{'}]}]\n");
  CHECK(f.Ok({"check-config", f.Path("good.yml")}) ==
        "Checking '" + f.Path("good.yml") +
            "'  SUCCESS\nFound:\n - global config\n - route\n - 0 inhibit rules\n - 1 receivers\n"
            " - 2 templates\n  SUCCESS\n\n");
  struct Row {
    std::string file, output;
  };
  const Row rows[] = {
      {"undefined.yml", "FAILED: undefined receiver \"y\" used in route\n\n"},
      {"template.yml", " - 1 templates\n  FAILED: template: bad.tmpl:1: "},
      {"slack.yml", "FAILED: line 2: slack_configs is known to Alertmanager"},
      {"url.yml", "FAILED: template: :1: "},
  };
  for (const Row& row : rows) {
    const RunResult result = f.Run({"check-config", f.Path(row.file)});
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.output, Catch::Contains(row.output));
    CHECK_THAT(result.output, Catch::Contains("amtool: error: failed to validate 1 file(s)\n"));
  }
  CHECK(f.Error({"check-config", "/nope"}) == "path '/nope' does not exist");
}

TEST_CASE("templates are rendered") {
  Fixture f;
  f.Write("a.tmpl",
          "{{ define \"a\" }}{{ .Status }}: {{ range .Alerts }}{{ .Labels.a }} {{ end }}{{ end }}");
  f.Write("data.json",
          R"({"receiver":"r","status":"firing","alerts":[{"status":"firing","labels":{"a":"1"},)"
          R"("startsAt":"2026-01-01T00:00:00Z"},{"status":"resolved","labels":{"a":"2"}}],)"
          R"("commonLabels":{"x":"y"},"externalURL":"http://am"})");
  const Words base = {"template", "render", "--template.glob=" + f.Path("*.tmpl")};
  auto render = [&](std::string text, bool with_data) {
    Words words = base;
    words.push_back("--template.text=" + text);
    if (with_data) words.push_back("--template.data=" + f.Path("data.json"));
    return f.Ok(std::move(words));
  };
  CHECK(render("{{ template \"a\" . }}", true) == "firing: 1 2 ");
  CHECK(
      render(
          "{{ .CommonLabels }} {{ len .Alerts.Resolved }} {{ (index .Alerts 1).StartsAt.IsZero }}",
          true) == "x=y 1 true");
  CHECK(render("{{ .Receiver }} {{ (index .Alerts 0).Labels.instance }}", false) ==
        "receiver foo.bar:1234");
  Words html = base;
  html.insert(html.end(), {"--template.text=x", "--template.type=html"});
  CHECK(f.Error(html).starts_with("--template.type=html is known to amtool, not implemented here"));
  CHECK(f.Error({"template", "render"}) ==
        "required flag(s) '--template.glob', '--template.text' not provided");
}

TEST_CASE("settings come from a file, requests go where the URL says") {
  Fixture f;
  CHECK(f.Ok({"cluster"}) == "Cluster Status:  disabled\nNode Name:       \n");
  CHECK_THAT(f.Ok({"config"}), Catch::Contains("- receiver: db2\n"));
  CHECK_THAT(f.Ok({"config", "-o", "extended"}), Catch::Contains("\nversion 0.34.0\n"));
  CHECK(f.Error({"--alertmanager.url=" + f.url() + "/nope", "alert"}) ==
        "flag 'alertmanager.url' cannot be repeated");
  auto bare = [](Words words) {
    words.insert(words.begin(), testing::Binary("amtool"));
    return testing::RunToEnd(std::move(words)).output;
  };
  CHECK(bare({"--alertmanager.url=" + f.url() + "/nope/", "alert"}) ==
        "amtool: error: [GET /alerts] getAlerts (status 404): {}\n\n");
  CHECK(bare({"--alertmanager.url=ftp://x", "alert", "-s"}) ==
        "amtool: error: Get \"ftp://x/api/v2/alerts?active=false&inhibited=false&silenced=true&"
        "unprocessed=false\": unsupported protocol scheme \"ftp\"\n\n");
  // Something that answers, but is no Alertmanager.
  auto page = http::Server::Create({.listen_addresses = {"127.0.0.1:0"}},
                                   [](const http::Request&, http::ResponseWriter& response) {
                                     response.Send(200, "application/json", "[]");
                                   });
  REQUIRE(page.ok());
  REQUIRE((*page)->Start().ok());
  CHECK(bare({fmt::format("--alertmanager.url=http://127.0.0.1:{}", (*page)->ports()[0]),
              "cluster"}) ==
        "amtool: error: [GET /status] getStatus: the answer is not that of an Alertmanager\n\n");
  (*page)->Stop();
  testing::RunToEnd({"/bin/mkdir", "-p", f.Path(".config/amtool")});
  f.Write(".config/amtool/config.yml", "alertmanager.url: " + f.url() +
                                           "\noutput: json\ncomment_required: false\nauthor: conf\n"
                                           "unknown: x\n");
  const std::string id = Line(bare({"silence", "add", "set=x"}));
  CHECK(id.size() == 36);
  CHECK_THAT(bare({"silence", "set=x"}), Catch::Contains("\"createdBy\":\"conf\""));
  CHECK(bare({"cluster", "-o", "simple"}) == "Cluster Status:  disabled\nNode Name:       \n");
  f.Write(".config/amtool/config.yml", "output: nope\n");
  CHECK(bare({"cluster"}) ==
        "amtool: error: enum value must be one of simple,extended,json, got 'nope'\n\n");
  f.Write(".config/amtool/config.yml", "output\n");
  CHECK(bare({"cluster"}).starts_with("amtool: error: could not load config file: yaml: "));
}

}  // namespace
}  // namespace narthex::am
