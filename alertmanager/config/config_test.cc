#include "alertmanager/config/config.h"

#include "alertmanager/config/features.h"
#include "tests/catch.h"

namespace narthex::am {
namespace {

// A whole file around what a case is about.
std::string File(std::string_view route_extra = "", std::string_view receivers = "- name: w",
                 std::string_view rest = "") {
  return fmt::format("route:\n  receiver: w\n{}receivers:\n{}\n{}", route_extra, receivers, rest);
}

std::string ErrorOf(const std::string& text) {
  auto config = LoadConfig(text, "");
  return config.ok() ? "" : std::string(MessageOf(config.status()));
}

TEST_CASE("what is wrong is said in upstream's words") {
  struct Row {
    std::string text, error;
  };
  const Row rows[] = {
      {"", "no route provided in config"},
      {"receivers: [{name: w}]\n", "no routes provided"},
      {"route: {receiver: w}\nreceivers: [{name: w}]\nfoo: 1\n",
       "yaml: unmarshal errors:\n  line 3: field foo not found in type config.plain"},
      {"route: {}\n", "root route must specify a default receiver"},
      {"route: {receiver: x}\n", "undefined receiver \"x\" used in route"},
      {File("  continue: true\n"), "cannot have continue in root route"},
      {File("  matchers: [a=b]\n"), "root route must not have any matchers"},
      {File("  match: {a: b}\n"), "root route must not have any matchers"},
      {File("  mute_time_intervals: [a]\n"), "root route must not have any mute time intervals"},
      {File("  active_time_intervals: [a]\n"),
       "root route must not have any active time intervals"},
      {File("  routes: [{mute_time_intervals: [a]}]\n"),
       "undefined time interval \"a\" used in route"},
      {File("  routes: [{receiver: z}]\n"), "undefined receiver \"z\" used in route"},
      {File("  group_by: [a, a]\n"), "duplicated label \"a\" in group_by"},
      {File("  group_by: [a, '...']\n"),
       "cannot have wildcard group_by (`...`) and other labels at the same time"},
      {File("  group_by: ['']\n"), "invalid label name \"\" in group_by list"},
      {File("  group_interval: 0s\n"), "group_interval cannot be zero"},
      {File("  repeat_interval: 0s\n"), "repeat_interval cannot be zero"},
      {File("  group_wait: 5x\n"), "unknown unit \"x\" in duration \"5x\""},
      {File("  routes: [{match: {'a-b': c}}]\n"), "invalid label name \"a-b\""},
      {File("  routes: [{matchers: [foo]}]\n"), "bad matcher format: foo"},
      {File("  routes: [{match_re: {a: }}]\n"), "invalid regexp value for \"a\""},
      {File("", "- name: w\n- name: w"), "notification config name \"w\" is not unique"},
      {File("", "- webhook_configs: []"), "missing name in receiver"},
      {File("", "- name: w\n  webhook_configs:\n  -"), "missing webhook config"},
      {File("", "- name: w\n  webhook_configs: [{max_alerts: 1}]"),
       "one of url or url_file must be configured"},
      {File("", "- name: w\n  webhook_configs: [{url: 'http://x', url_file: y}]"),
       "at most one of url & url_file must be configured"},
      {File("", "- name: w\n  webhook_configs: [{url: 'ftp://x'}]"),
       "unsupported scheme \"ftp\" for URL"},
      {File("", "- name: w\n  webhook_configs: [{url: 'http:///x'}]"), "missing host for URL"},
      {File("", "- name: w\n  slack_configs: [{}]"),
       "line 5: slack_configs is known to Alertmanager, not implemented here"},
      {File("", "- name: w", "global: {smtp_from: a}\n"),
       "line 5: smtp_from is known to Alertmanager, not implemented here"},
      {File("", "- name: w", "time_intervals: [{name: a}, {name: a}]\n"),
       "time interval \"a\" is not unique"},
      {File("", "- name: w", "time_intervals: [{}]\n"), "missing name in time interval"},
      {File("", "- name: w", "inhibit_rules: [{equal: ['']}]\n"),
       "invalid label name \"\" in equal list"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(ErrorOf(row.text) == row.error);
  }
}

TEST_CASE("the file prints back with defaults and without secrets, and reads back the same") {
  const std::string text =
      "global:\n  resolve_timeout: 10m\n"
      "route:\n  receiver: w\n  group_by: [alertname]\n  group_wait: 1s\n  routes:\n"
      "  - matchers: ['sev=\"a\"', 'team=~\"x|y\",b!=c']\n    match_re: {job: a.*}\n    continue: "
      "true\n"
      "inhibit_rules:\n- source_matchers: [a=b]\n  target_match: {c: d}\n  equal: [e]\n"
      "receivers:\n- name: w\n  webhook_configs:\n  - url: http://secret.example/token\n"
      "    http_config: {basic_auth: {username: u, password: p}}\n";
  auto config = LoadConfig(text, "/etc/am").value();
  CHECK(config->text ==
        "global:\n  resolve_timeout: 10m\n  http_config:\n    follow_redirects: true\n"
        "    enable_http2: true\n"
        "route:\n  receiver: w\n  group_by:\n  - alertname\n  continue: false\n  routes:\n"
        "  - match_re:\n      job: a.*\n    matchers:\n    - b!=\"c\"\n    - sev=\"a\"\n"
        "    - team=~\"x|y\"\n    continue: true\n  group_wait: 1s\n"
        "inhibit_rules:\n- source_matchers:\n  - a=\"b\"\n  target_match:\n    c: d\n  equal:\n  - "
        "e\n"
        "receivers:\n- name: w\n  webhook_configs:\n  - send_resolved: true\n    http_config:\n"
        "      basic_auth:\n        username: u\n        password: <secret>\n"
        "      follow_redirects: true\n      enable_http2: true\n    url: <secret>\n    "
        "max_alerts: 0\n"
        "templates: []\n");
  CHECK(LoadConfig(config->text, "/etc/am").value()->text == config->text);
  REQUIRE(config->route->routes.size() == 1);
  CHECK(ToString(config->route->routes[0].matchers) ==
        "{b!=\"c\",job=~\"^(?:a.*)$\",sev=\"a\",team=~\"x|y\"}");
  CHECK(config->hash > 0);
}

TEST_CASE("those who look at routes only may leave out what is not implemented") {
  const std::string text =
      "global: {smtp_from: a}\nroute: {receiver: w, routes: [{receiver: s, labels: {a: b}}]}\n"
      "receivers: [{name: w}, {name: s, slack_configs: [{}]}]\n";
  CHECK_FALSE(LoadConfig(text, "").ok());
  CHECK(LoadConfig(text, "", LoadPart::kRoutes).value()->route->routes[0].receiver == "s");
  CHECK(std::string(MessageOf(LoadConfig(text + "foo: 1\n", "", LoadPart::kRoutes).status())) ==
        "yaml: unmarshal errors:\n  line 4: field foo not found in type config.plain");
}

TEST_CASE("features") {
  CHECK(ParseFeatures("").value().matcher_syntax == MatcherSyntax::kFallback);
  CHECK(ParseFeatures("classic-mode").value().matcher_syntax == MatcherSyntax::kClassic);
  const Features features = ParseFeatures("utf8-strict-mode,event-recorder").value();
  CHECK(features.matcher_syntax == MatcherSyntax::kUtf8Strict);
  CHECK(features.others == std::vector<std::string>{"event-recorder"});
  auto error = [](std::string_view list) {
    return std::string(MessageOf(ParseFeatures(list).status()));
  };
  CHECK(error("a") ==
        "error parsing the feature flag list: unknown option 'a' for --enable-feature");
  CHECK(error("classic-mode,utf8-strict-mode") ==
        "error parsing the feature flag list: cannot have both classic and UTF-8 modes enabled");
}

TEST_CASE("http_config: a receiver's own replaces the global one; paths are relative to the file") {
  const std::string text =
      "global: {http_config: {authorization: {credentials_file: token}}}\n"
      "route: {receiver: w}\n"
      "receivers:\n- name: w\n  webhook_configs:\n  - url_file: url\n"
      "  - url: http://x/\n    http_config: {follow_redirects: false}\n";
  auto config = LoadConfig(text, "/etc/am").value();
  const auto& webhooks = config->receivers[0].webhooks;
  REQUIRE(webhooks.size() == 2);
  CHECK(webhooks[0].http->authorization->credentials_file == "/etc/am/token");
  CHECK(webhooks[0].url_file == "/etc/am/url");
  CHECK_FALSE(webhooks[1].http->authorization.has_value());
  CHECK_FALSE(webhooks[1].http->follow_redirects);
}

}  // namespace
}  // namespace narthex::am
