#include "alertmanager/notify/dedup.h"
#include "alertmanager/notify/payload.h"
#include "alertmanager/notify/webhook.h"
#include "tests/catch.h"

namespace narthex::am {
namespace {

TEST_CASE("who needs to hear of a group again") {
  using Hashes = std::vector<uint64_t>;
  struct Row {
    std::optional<LogEntry> last;
    Hashes firing, resolved;
    bool send_resolved;
    Reason reason;
  };
  constexpr int64_t kNow = 1000, kRepeat = 100;
  const Row rows[] = {
      {std::nullopt, {}, {}, true, Reason::kNone},
      {std::nullopt, {}, {1}, true, Reason::kNone},
      {std::nullopt, {1}, {}, true, Reason::kFirstNotification},
      {LogEntry{950, {1}, {}}, {1}, {}, true, Reason::kNone},
      {LogEntry{950, {1}, {}}, {1, 2}, {}, true, Reason::kNewAlerts},
      {LogEntry{950, {}, {1}}, {1}, {}, true, Reason::kFirstNotification},
      {LogEntry{950, {1}, {}}, {}, {1}, true, Reason::kAllResolved},
      {LogEntry{950, {1}, {}}, {}, {1}, false, Reason::kAllResolved},
      {LogEntry{950, {}, {1}}, {}, {1}, true, Reason::kNone},
      {LogEntry{10, {}, {1}}, {}, {1}, true, Reason::kNone},  // over is over, however long ago
      {LogEntry{950, {1, 2}, {}}, {1}, {2}, true, Reason::kSomeResolved},
      {LogEntry{950, {1, 2}, {}}, {1}, {2}, false, Reason::kNone},
      {LogEntry{950, {1, 2}, {2}}, {1}, {2}, true, Reason::kNone},
      {LogEntry{950, {1, 2}, {}}, {1}, {}, true, Reason::kNone},  // vanished, not resolved
      {LogEntry{900, {1}, {}}, {1}, {}, true, Reason::kNone},
      {LogEntry{899, {1}, {}}, {1}, {}, true, Reason::kRepeat},
  };
  for (size_t i = 0; i < std::size(rows); ++i) {
    INFO("row " << i);
    CHECK(NeedsNotification(rows[i].last, rows[i].firing, rows[i].resolved, rows[i].send_resolved,
                            kNow, kRepeat) == rows[i].reason);
  }
}

AlertPtr Make(Labels labels, Labels annotations, bool resolved) {
  auto alert = std::make_shared<Alert>();
  alert->labels = std::move(labels);
  alert->annotations = std::move(annotations);
  alert->starts_at = ParseTime("2026-11-22T14:09:48.661266339Z").value();
  if (resolved) alert->ends_at = ParseTime("2026-11-22T14:10:00+02:00").value();
  alert->generator_url = "http://x/y?a=b&c";
  return alert;
}

TEST_CASE("the webhook's payload, byte for byte") {
  Notification n;
  n.receiver = "a.b";
  n.group_key = "{}/{sev=~\"a|b\"}:{alertname=\"A\"}";
  n.group_labels = Labels{{"alertname", "A"}};
  n.alerts = {Make({{"alertname", "A"}, {"i", "<1>"}}, {{"s", "t"}, {"d", "x"}}, false),
              Make({{"alertname", "A"}, {"i", "2"}}, {{"s", "t"}, {"d", "y"}}, true)};
  n.now = ParseTime("2026-11-22T15:00:00Z")->nanos;
  n.reason = Reason::kNewAlerts;
  CHECK(WebhookPayload(n, 0, "http://am") ==
        R"({"receiver":"a\\.b","status":"firing","alerts":[)"
        R"({"status":"firing","labels":{"alertname":"A","i":"\u003c1\u003e"},)"
        R"("annotations":{"d":"x","s":"t"},"startsAt":"2026-11-22T14:09:48.661266339Z",)"
        R"("endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://x/y?a=b\u0026c",)"
        R"("fingerprint":")" +
            FingerprintText(n.alerts[0]->fingerprint()) +
            R"("},)"
            R"({"status":"resolved","labels":{"alertname":"A","i":"2"},)"
            R"("annotations":{"d":"y","s":"t"},"startsAt":"2026-11-22T14:09:48.661266339Z",)"
            R"("endsAt":"2026-11-22T14:10:00+02:00","generatorURL":"http://x/y?a=b\u0026c",)"
            R"("fingerprint":")" +
            FingerprintText(n.alerts[1]->fingerprint()) +
            R"("}],)"
            R"("notification_reason":"new alerts added","groupLabels":{"alertname":"A"},)"
            R"("commonLabels":{"alertname":"A"},"commonAnnotations":{"s":"t"},"routeLabels":{},)"
            R"("externalURL":"http://am","version":"4",)"
            R"("groupKey":"{}/{sev=~\"a|b\"}:{alertname=\"A\"}","truncatedAlerts":0})"
            "\n");
  const std::string cut = WebhookPayload(n, 1, "");
  CHECK(cut.find("\"truncatedAlerts\":1") != std::string::npos);
  // Common labels are those of the alerts that are left.
  CHECK(cut.find(R"("commonLabels":{"alertname":"A","i":"\u003c1\u003e"})") != std::string::npos);
  n.alerts.erase(n.alerts.begin());
  CHECK(WebhookPayload(n, 0, "").find("\"status\":\"resolved\",\"alerts\"") != std::string::npos);
}

// The fingerprints upstream gave these alerts.
TEST_CASE("fingerprints are upstream's") {
  CHECK(FingerprintText(Labels{{"alertname", "A"}, {"job", "abc"}}.Fingerprint()) ==
        "f23273f5e45c91f6");
  CHECK(FingerprintText(
            Labels{{"alertname", "A"}, {"b", "<x>\"q"}, {"foo", "bar"}, {"sev", "a"}, {"team", "x"}}
                .Fingerprint()) == "1c832287f889e7b7");
}

TEST_CASE("answers: what is retried and how it is counted") {
  struct Row {
    int status;
    bool ok, retry;
    std::string_view failure;
  };
  const Row rows[] = {{200, true, false, ""},
                      {204, true, false, ""},
                      {302, false, false, "clientError"},
                      {400, false, false, "clientError"},
                      {401, false, false, "authError"},
                      {429, false, false, "rateLimited"},
                      {500, false, true, "serverError"},
                      {503, false, true, "serverError"}};
  for (const Row& row : rows) {
    http::ClientResponse response;
    response.status = row.status;
    response.body = "why";
    const StatusOr<http::ClientResponse> answer = std::move(response);
    const Notifier::Result result = JudgeAnswer(answer);
    CHECK(result.status.ok() == row.ok);
    CHECK(result.retry == row.retry);
    CHECK(result.failure == row.failure);
    if (!row.ok) {
      CHECK(MessageOf(result.status) == fmt::format("unexpected status code {}: why", row.status));
    }
  }
  CHECK(JudgeAnswer(Unavailable("refused")).retry);
  CHECK(JudgeAnswer(DeadlineExceeded("late")).failure == "contextDeadlineExceeded");
}

}  // namespace
}  // namespace narthex::am
