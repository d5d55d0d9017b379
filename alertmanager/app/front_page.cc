#include "alertmanager/app/front_page.h"

#include <algorithm>

#include "core/http/page.h"
#include "core/strings/duration.h"
#include "core/strings/html.h"
#include "core/strings/quote.h"

namespace narthex::am {
namespace {

std::string When(int64_t nanos) {
  return fmt::format("<time>{}</time>", FormatRfc3339Millis(nanos / 1'000'000'000 * 1000));
}

// name="value" for each but the alert's name, which has a column of its own.
std::string LabelsText(const Labels& labels) {
  std::string out;
  for (const Label& label : labels) {
    if (label.name == "alertname") continue;
    if (!out.empty()) out += ", ";
    out += fmt::format("{}={}", label.name, GoQuote(label.value));
  }
  return EscapeHtml(out);
}

std::string AnnotationsText(const Labels& annotations) {
  std::string out;
  for (const Label& annotation : annotations) {
    if (!out.empty()) out += "<br>";
    out += fmt::format("{}: {}", EscapeHtml(annotation.name), EscapeHtml(annotation.value));
  }
  return out;
}

// A link to the source, if it is one that a browser may follow.
std::string NameText(const Alert& alert) {
  const std::string name = EscapeHtml(alert.labels.Get("alertname"));
  const std::string& url = alert.generator_url;
  if (!url.starts_with("http://") && !url.starts_with("https://")) return name;
  return fmt::format("<a href=\"{}\" rel=\"noreferrer\">{}</a>", EscapeHtml(url),
                     name.empty() ? "source" : name);
}

void AppendMore(size_t all, std::string* out) {
  *out += "</table>\n";
  if (all > kMaxFrontPageRows) {
    *out += fmt::format("<p>and {} more.</p>\n", all - kMaxFrontPageRows);
  }
}

void AppendAlerts(std::vector<FrontPageAlert> alerts, std::string* out) {
  *out += fmt::format("<h2>Alerts ({})</h2>\n", alerts.size());
  if (alerts.empty()) {
    *out += "<p>None is firing.</p>\n";
    return;
  }
  std::sort(alerts.begin(), alerts.end(), [](const FrontPageAlert& a, const FrontPageAlert& b) {
    if (a.suppressed != b.suppressed) return b.suppressed;
    return a.alert->starts_at.nanos > b.alert->starts_at.nanos;
  });
  *out +=
      "<table>\n<tr><th>alert</th><th>state</th><th>since</th><th>labels</th>"
      "<th>annotations</th></tr>\n";
  for (size_t i = 0; i < std::min(alerts.size(), kMaxFrontPageRows); ++i) {
    const Alert& alert = *alerts[i].alert;
    *out += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                        NameText(alert), alerts[i].suppressed ? "suppressed" : "active",
                        When(alert.starts_at.nanos), LabelsText(alert.labels),
                        AnnotationsText(alert.annotations));
  }
  AppendMore(alerts.size(), out);
}

void AppendSilences(int64_t now, std::vector<SilencePtr> silences, std::string* out) {
  std::erase_if(silences, [&](const SilencePtr& silence) {
    return silence->StateAt(now) == SilenceState::kExpired;
  });
  *out += fmt::format("<h2>Silences ({})</h2>\n", silences.size());
  if (silences.empty()) {
    *out += "<p>None is active or pending.</p>\n";
    return;
  }
  std::sort(silences.begin(), silences.end(),
            [](const SilencePtr& a, const SilencePtr& b) { return a->ends_at < b->ends_at; });
  *out +=
      "<table>\n<tr><th>matchers</th><th>state</th><th>until</th><th>by</th><th>comment</th>"
      "<th>id</th></tr>\n";
  for (size_t i = 0; i < std::min(silences.size(), kMaxFrontPageRows); ++i) {
    const Silence& silence = *silences[i];
    *out +=
        fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                    EscapeHtml(ToString(silence.matchers)), SilenceStateText(silence.StateAt(now)),
                    When(silence.ends_at), EscapeHtml(silence.created_by),
                    EscapeHtml(silence.comment), EscapeHtml(silence.id));
  }
  AppendMore(silences.size(), out);
}

}  // namespace

std::string FrontPage(const std::string& prefix, int64_t now, std::vector<FrontPageAlert> alerts,
                      std::vector<SilencePtr> silences) {
  std::string out = http::PageHead("Alertmanager");
  AppendAlerts(std::move(alerts), &out);
  AppendSilences(now, std::move(silences), &out);
  out += "<h2>API</h2>\n<ul>\n";
  for (const std::string_view path : {"/api/v2/alerts/groups", "/api/v2/alerts", "/api/v2/silences",
                                      "/api/v2/receivers", "/api/v2/status", "/metrics"}) {
    out +=
        fmt::format("<li><a href=\"{}{}\">{}</a></li>\n", EscapeHtml(prefix), path, path.substr(1));
  }
  return out + "</ul>\n</body>\n</html>\n";
}

}  // namespace narthex::am
