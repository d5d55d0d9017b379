// rules, alerts and alertmanagers.
#include <algorithm>

#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/api/group_token.h"
#include "server/api/impl.h"
#include "server/api/params.h"

namespace narthex::api {
namespace {

using rules::AlertStatus;
using rules::GroupStatus;
using rules::RuleStatus;

struct Filter {
  bool alerts = true, recordings = true, list_alerts = true;
  std::vector<std::string> names, groups, files;
  std::vector<std::vector<Matcher>> matchers;
  size_t group_limit = 0;  // 0: all
  std::string next_token;

  static bool Allows(const std::vector<std::string>& wanted, const std::string& value) {
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
  }
  bool Allows(const GroupStatus& group) const {
    return Allows(files, group.file) && Allows(groups, group.name);
  }
  bool Allows(const RuleStatus& rule) const {
    return (rule.is_alert ? alerts : recordings) && Allows(names, rule.name) &&
           AnySetMatches(matchers, rule.labels);
  }
};

StatusOr<bool> ParseBool(std::string_view text) {
  for (std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return InvalidArgument("strconv.ParseBool: parsing {}: invalid syntax", GoQuote(text));
}

// Type, paging and exclude_alerts come from the URL alone, names and matchers from the form too.
std::variant<Filter, Failure> ReadFilter(const Call& call) {
  Filter filter;
  const http::Params& url = call.request.query;
  filter.names = call.form.GetAll("rule_name[]");
  filter.groups = call.form.GetAll("rule_group[]");
  filter.files = call.form.GetAll("file[]");
  auto matchers = MatcherSets(call.form.GetAll("match[]"));
  if (!matchers.ok()) return BadData(matchers.status());
  filter.matchers = *std::move(matchers);
  const std::string type = ToLowerAscii(url.Get("type"));
  if (!type.empty() && type != "alert" && type != "record") {
    return BadParameter("type", InvalidArgument("not supported value {}", GoQuote(type)));
  }
  filter.alerts = type != "record";
  filter.recordings = type != "alert";
  if (const auto text = url.Get("exclude_alerts"); !text.empty()) {
    const auto exclude = ParseBool(ToLowerAscii(text));
    if (!exclude.ok()) {
      return BadParameter("exclude_alerts",
                          Annotate(exclude.status(), "error converting exclude_alerts"));
    }
    filter.list_alerts = !*exclude;
  }
  filter.next_token = url.Get("group_next_token");
  if (const auto text = url.Get("group_limit"); !text.empty()) {
    const auto limit = ParseInt(text);
    if (!limit) {
      return BadParameter(
          "group_limit",
          InvalidArgument("group_limit needs to be a valid number: strconv.ParseInt: "
                          "parsing {}: invalid syntax",
                          GoQuote(text)));
    }
    if (*limit <= 0) {
      return BadParameter("group_limit", InvalidArgument("group_limit needs to be greater than 0"));
    }
    filter.group_limit = static_cast<size_t>(*limit);
  } else if (!filter.next_token.empty()) {
    return BadParameter("group_limit",
                        InvalidArgument("group_limit needs to be present in order to "
                                        "paginate over the groups"));
  }
  return filter;
}

void WriteAnnotations(JsonWriter& json, const rules::Annotations& annotations) {
  const bool escape = json.EscapeHtml(false);  // as those of labels
  json.BeginObject();
  for (const auto& [name, value] : annotations) json.Member(name, value);
  json.EndObject();
  json.EscapeHtml(escape);
}

void WriteAlert(JsonWriter& json, const AlertStatus& alert) {
  json.BeginObject().Key("labels");
  WriteLabels(json, alert.labels);
  json.Key("annotations");
  WriteAnnotations(json, alert.annotations);
  json.Member("state", rules::AlertStateToString(alert.state));
  json.Member("activeAt", FormatTime(alert.active_at * 1'000'000));
  if (alert.keep_firing_since != 0) {
    json.Member("keepFiringSince", FormatTime(alert.keep_firing_since * 1'000'000));
  }
  json.Member("value", FormatFloatE(alert.value)).EndObject();
}

void WriteRule(JsonWriter& json, const RuleStatus& rule, bool list_alerts) {
  json.BeginObject();
  if (rule.is_alert) json.Member("state", rules::AlertStateToString(rule.state));
  json.Member("name", rule.name).Member("query", rule.query);
  if (rule.is_alert) {
    json.Key("duration").Double(static_cast<double>(rule.for_ms) / 1000);
    json.Key("keepFiringFor").Double(static_cast<double>(rule.keep_firing_for_ms) / 1000);
  }
  json.Key("labels");
  WriteLabels(json, rule.labels);
  if (rule.is_alert) {
    json.Key("annotations");
    WriteAnnotations(json, rule.annotations);
    json.Key("alerts").BeginArray();
    for (const AlertStatus& alert : rule.alerts) {
      if (list_alerts) WriteAlert(json, alert);
    }
    json.EndArray();
  }
  json.Member("health", rules::RuleHealthToString(rule.health));
  if (!rule.last_error.empty()) json.Member("lastError", rule.last_error);
  json.Key("evaluationTime").Double(rule.evaluation_seconds);
  json.Member("lastEvaluation", FormatTime(rule.last_evaluation_nanos));
  json.Member("type", rule.is_alert ? "alerting" : "recording").EndObject();
}

void WriteGroup(JsonWriter& json, const GroupStatus& group, bool list_alerts) {
  json.BeginObject().Member("name", group.name).Member("file", group.file);
  json.Key("rules").BeginArray();
  for (const RuleStatus& rule : group.rules) WriteRule(json, rule, list_alerts);
  json.EndArray();
  json.Key("interval").Double(static_cast<double>(group.interval_ms) / 1000);
  json.Key("limit").Int(group.limit);
  json.Key("evaluationTime").Double(group.evaluation_seconds);
  json.Member("lastEvaluation", FormatTime(group.last_evaluation_nanos)).EndObject();
}

// The groups of one page; *next is where the following one begins, or "".
std::variant<std::vector<GroupStatus>, Failure> SelectGroups(std::vector<GroupStatus> all,
                                                             const Filter& filter,
                                                             std::string* next) {
  std::vector<GroupStatus> page;
  bool found_token = filter.next_token.empty();
  for (GroupStatus& group : all) {
    if (!found_token) {
      if (GroupToken(group.file, group.name) != filter.next_token) continue;
      found_token = true;
    }
    if (!filter.Allows(group)) continue;
    std::erase_if(group.rules, [&](const RuleStatus& rule) { return !filter.Allows(rule); });
    if (group.rules.empty()) continue;
    if (filter.group_limit > 0 && page.size() == filter.group_limit) {
      *next = GroupToken(group.file, group.name);
      return page;
    }
    page.push_back(std::move(group));
  }
  if (!found_token) {
    return BadParameter("group_next_token",
                        InvalidArgument("invalid group_next_token '{}'. were rule groups changed?",
                                        filter.next_token));
  }
  return page;
}

}  // namespace

Outcome Api::Impl::Rules(const Call& call) {
  if (!sources.rules) return Unavailable("rules are not available");
  auto read = ReadFilter(call);
  if (auto* failure = std::get_if<Failure>(&read)) return std::move(*failure);
  const auto& filter = std::get<Filter>(read);
  std::string next;
  auto selected = SelectGroups(sources.rules(), filter, &next);
  if (auto* failure = std::get_if<Failure>(&selected)) return std::move(*failure);
  return Answer{[groups = std::move(std::get<0>(selected)), next,
                 list_alerts = filter.list_alerts](DataWriter& out) {
                  JsonWriter& json = out.json();
                  json.BeginObject().Key("groups").BeginArray();
                  for (const GroupStatus& group : groups) {
                    WriteGroup(json, group, list_alerts);
                    if (!out.Breathe()) return;
                  }
                  json.EndArray();
                  if (!next.empty()) json.Member("groupNextToken", next);
                  json.EndObject();
                },
                {},
                {}};
}

Outcome Api::Impl::Alerts(const Call&) {
  if (!sources.rules) return Unavailable("rules are not available");
  return Answer{[groups = sources.rules()](DataWriter& out) {
                  JsonWriter& json = out.json();
                  json.BeginObject().Key("alerts").BeginArray();
                  for (const GroupStatus& group : groups) {
                    for (const RuleStatus& rule : group.rules) {
                      for (const AlertStatus& alert : rule.alerts) WriteAlert(json, alert);
                    }
                    if (!out.Breathe()) return;
                  }
                  json.EndArray().EndObject();
                },
                {},
                {}};
}

Outcome Api::Impl::Alertmanagers(const Call&) {
  if (!sources.alertmanagers) return Unavailable("Alertmanagers are not available");
  return Answer{[all = sources.alertmanagers()](DataWriter& out) {
                  JsonWriter& json = out.json();
                  auto write = [&](std::string_view key, const std::vector<std::string>& urls) {
                    json.Key(key).BeginArray();
                    for (const std::string& url : urls) {
                      json.BeginObject().Member("url", url).EndObject();
                    }
                    json.EndArray();
                  };
                  json.BeginObject();
                  write("activeAlertmanagers", all.active);
                  write("droppedAlertmanagers", all.dropped);
                  json.EndObject();
                },
                {},
                {}};
}

}  // namespace narthex::api
