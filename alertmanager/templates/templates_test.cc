#include "alertmanager/templates/templates.h"

#include <fstream>

#include "alertmanager/testing/temp_store.h"
#include "tests/catch.h"

namespace narthex::am {
namespace {

AlertPtr Make(Labels labels, bool resolved) {
  auto alert = std::make_shared<Alert>();
  alert->labels = std::move(labels);
  alert->annotations = Labels{{"summary", "s"}};
  alert->starts_at = ParseTime("2026-11-22T14:09:48Z").value();
  if (resolved) alert->ends_at = ParseTime("2026-11-22T14:10:00Z").value();
  alert->generator_url = "http://g";
  return alert;
}

Notification Sample() {
  Notification n;
  n.receiver = "team.x";
  n.group_labels = Labels{{"alertname", "A"}};
  n.alerts = {Make({{"alertname", "A"}, {"dc", "x"}, {"n", "1"}}, false),
              Make({{"alertname", "A"}, {"dc", "x"}, {"n", "2"}}, true)};
  n.now = ParseTime("2026-11-22T15:00:00Z")->nanos;
  n.reason = Reason::kFirstNotification;
  return n;
}

TEST_CASE("templates see the notification") {
  FakeClock clock(1'795'359'600'000);
  auto templates = Templates::Load({}, "http://am", clock).value();
  struct Row {
    std::string_view text, result;
  };
  const Row rows[] = {
      {"plain", "plain"},
      {"{{ .Status }} {{ .Receiver }} {{ .ExternalURL }}", "firing team\\.x http://am"},
      {"{{ template \"__subject\" . }}", "[FIRING:1] A (x)"},
      {"{{ template \"__alertmanagerURL\" . }}", "http://am/#/alerts?receiver=team%5C.x"},
      {"{{ range .Alerts }}{{ .Labels.n }}{{ .Status }} {{ end }}", "1firing 2resolved "},
      {"{{ .Alerts.Firing | len }}{{ len .Alerts.Resolved }}{{ len .Alerts }}", "112"},
      {"{{ .CommonLabels.SortedPairs.Names | join \",\" }}", "alertname,dc"},
      {"{{ (.CommonLabels.Remove (stringSlice \"dc\")).Values | join \",\" }}", "A"},
      {"{{ .CommonLabels.none }}|{{ .CommonAnnotations.summary }}", "|s"},
      {"{{ (index .Alerts 0).StartsAt.Format \"15:04\" }} {{ (index .Alerts 0).StartsAt | tz "
       "\"Europe/Paris\" | "
       "date \"15:04 MST\" }}",
       "14:09 15:09 CET"},
      {"{{ toJson .GroupLabels }} {{ dict \"a\" 1 }} {{ list 1 2 }} {{ append (list 1) 2 }}",
       "{\"alertname\":\"A\"} map[a:1] [1 2] [1 2]"},
      {"{{ .GroupLabels }} {{ .CommonLabels.Remove (stringSlice \"dc\") }}",
       "alertname=A alertname=A"},
      {"{{ toJson (index .Alerts 0) }}",
       "{\"status\":\"firing\",\"labels\":{\"alertname\":\"A\",\"dc\":\"x\",\"n\":\"1\"},"
       "\"annotations\":{"
       "\"summary\":\"s\"},\"startsAt\":\"2026-11-22T14:09:48Z\",\"endsAt\":\"0001-01-01T00:00:"
       "00Z\","
       "\"generatorURL\":\"http://g\",\"fingerprint\":\"fac850bd48b1e285\"}"},
      {"{{ trimSpace \" x \" }}{{ urlUnescape \"a%20b\" }}{{ title \"ab\" }}", "xa bAb"},
      {"{{ define \"x\" }}1{{ end }}{{ template \"x\" }}", "1"},
      {"{{ template \"__text_alert_list\" .Alerts.Resolved }}",
       "Labels:\n - alertname = A\n - dc = x\n - n = 2\nAnnotations:\n - summary = s\nSource: "
       "http://g\n"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    StatusOr<std::string> out = templates->Expand(row.text, Sample());
    CHECK((out.ok() ? *out : std::string(MessageOf(out.status()))) == row.result);
  }
  CHECK(MessageOf(templates->Expand("{{ .Foo }}", Sample()).status()) ==
        "template: :1:3: executing \"\" at <.Foo>: can't evaluate field Foo in type template.Data");
  CHECK_FALSE(templates->Check("{{ foo }}").ok());
}

TEST_CASE("files add and override; broken ones are refused; a glob may match nothing") {
  FakeClock clock(0);
  TempDir dir;
  std::ofstream(dir.path() + "/a.tmpl") << "{{ define \"mine\" }}[{{ .Status }}]{{ end }}";
  std::ofstream(dir.path() + "/b.tmpl") << "{{ define \"__alertmanager\" }}AM{{ end }}";
  auto templates =
      Templates::Load({dir.path() + "/*.tmpl", dir.path() + "/*.none"}, "", clock).value();
  CHECK(templates->Expand("{{ template \"mine\" . }}{{ template \"__alertmanager\" . }}", Sample())
            .value() == "[firing]AM");
  std::ofstream(dir.path() + "/c.tmpl") << "{{ foo }}";
  CHECK(MessageOf(Templates::Load({dir.path() + "/*.tmpl"}, "", clock).status()) ==
        "template: c.tmpl:1: function \"foo\" not defined");
}

}  // namespace
}  // namespace narthex::am
