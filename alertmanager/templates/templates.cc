#include "alertmanager/templates/templates.h"

#include <glob.h>

#include <algorithm>

#include "alertmanager/templates/functions.h"
#include "core/base/file.h"

namespace narthex::am {
namespace {

constexpr size_t kMaxFileBytes = 8 << 20;

// What every template may call, as upstream's default.tmpl offers it.
constexpr std::string_view kBuiltIn =
    R"({{define "__alertmanager"}}Alertmanager{{end}})"
    R"({{define "__alertmanagerURL"}}{{.ExternalURL}}/#/alerts?receiver={{.Receiver | urlquery}}{{end}})"
    R"({{define "__subject"}}[{{.Status | toUpper}}{{if eq .Status "firing"}}:{{.Alerts.Firing | len}}{{end}}] )"
    R"({{.GroupLabels.SortedPairs.Values | join " "}} )"
    R"({{if gt (len .CommonLabels) (len .GroupLabels)}}()"
    R"({{with .CommonLabels.Remove .GroupLabels.Names}}{{.Values | join " "}}{{end}}){{end}}{{end}})"
    R"({{define "__description"}}{{end}})"
    R"({{define "__text_alert_list"}}{{range .}}Labels:)"
    "\n"
    R"({{range .Labels.SortedPairs}} - {{.Name}} = {{.Value}})"
    "\n"
    R"({{end}}Annotations:)"
    "\n"
    R"({{range .Annotations.SortedPairs}} - {{.Name}} = {{.Value}})"
    "\n"
    R"({{end}}Source: {{.GeneratorURL}})"
    "\n"
    R"({{end}}{{end}})";

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

std::vector<std::string> TemplateFiles(const std::string& pattern) {
  glob_t found = {};
  std::vector<std::string> paths;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  globfree(&found);
  return paths;
}

Templates::Templates(std::string external_url, const Clock& clock)
    : set_(std::make_shared<const tmpl::FunctionMap>(
          TemplateFunctions([&clock] { return clock.NowNanos(); }))),
      external_url_(std::move(external_url)) {}

StatusOr<std::shared_ptr<const Templates>> Templates::Load(const std::vector<std::string>& patterns,
                                                           std::string external_url,
                                                           const Clock& clock) {
  std::shared_ptr<Templates> templates(new Templates(std::move(external_url), clock));
  NX_RETURN_IF_ERROR(templates->set_.Parse("default.tmpl", kBuiltIn));
  for (const std::string& pattern : patterns) {
    for (const std::string& path : TemplateFiles(pattern)) {
      NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFileBytes));
      NX_RETURN_IF_ERROR(templates->set_.Parse(BaseName(path), text));
    }
  }
  return std::shared_ptr<const Templates>(std::move(templates));
}

Status Templates::Check(std::string_view text) const {
  tmpl::TemplateSet copy = set_;
  return copy.Parse("", text);
}

StatusOr<std::string> Templates::Expand(std::string_view text,
                                        const Notification& notification) const {
  if (text.find("{{") == std::string_view::npos) return std::string(text);
  return Expand(text, TemplateData(notification, external_url_));
}

StatusOr<std::string> Templates::Expand(std::string_view text, const tmpl::Value& data) const {
  tmpl::TemplateSet copy = set_;  // what the text defines stays its own
  NX_RETURN_IF_ERROR(copy.Parse("", text));
  return copy.Execute("", data, {.missing_key = tmpl::MissingKey::kZero});
}

}  // namespace narthex::am
