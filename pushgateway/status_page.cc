#include "pushgateway/status_page.h"

#include "core/flags/flags.h"
#include "core/http/page.h"
#include "core/strings/duration.h"
#include "core/strings/html.h"
#include "pushgateway/api.h"

namespace narthex::pushgateway {
namespace {

void AppendRow(std::string* out, std::string_view name, std::string_view value) {
  *out += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", EscapeHtml(name), EscapeHtml(value));
}

void AppendGroup(std::string* out, const Group& group) {
  std::string labels;
  for (const auto& [name, value] : group.labels) {
    labels += fmt::format(" {}=\"{}\"", EscapeHtml(name), EscapeHtml(value));
  }
  *out += fmt::format(
      "<h3>{}{}</h3>\n<table>\n<tr><th>metric</th><th>type</th><th>series</th>"
      "<th>last pushed</th></tr>\n",
      labels, group.last_push_successful() ? "" : " &mdash; Last push failed!");
  for (const auto& [name, stored] : group.families) {
    *out += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td><time>{}</time></td></tr>\n",
                        EscapeHtml(name), UpperTypeName(stored.type()), stored.samples(),
                        FormatRfc3339Nanos(stored.pushed_ns()));
  }
  *out += "</table>\n";
}

}  // namespace

std::string StatusPage(const GroupStore::Snapshot& groups,
                       const std::vector<std::pair<std::string, std::string>>& flags,
                       int64_t start_ns) {
  std::string out = http::PageHead("Prometheus Pushgateway");
  out += fmt::format("<h2>Metrics ({} groups)</h2>\n", groups.size());
  for (const auto& group : groups) AppendGroup(&out, *group);
  out += "<h2>Status</h2>\n<table>\n";
  const BuildInfo& build = GetBuildInfo("pushgateway");
  AppendRow(&out, "version", build.version);
  AppendRow(&out, "revision", build.revision);
  AppendRow(&out, "started", FormatRfc3339Nanos(start_ns));
  for (const auto& [name, value] : flags) AppendRow(&out, "--" + name, value);
  return out + "</table>\n</body>\n</html>\n";
}

}  // namespace narthex::pushgateway
