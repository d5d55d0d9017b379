#include "server/rules/rule_file.h"

#include <map>
#include <set>

#include "core/base/file.h"
#include "core/config/decode.h"
#include "core/config/types.h"
#include "core/labels/names.h"
#include "core/log/log.h"
#include "core/strings/quote.h"
#include "server/rules/alert_template.h"

namespace narthex::rules {
namespace {

constexpr size_t kMaxFileBytes = 64 << 20;

using Texts = std::map<std::string, std::string>;
using LocatedText = config::Located<std::string>;

struct RuleNode {
  LocatedText record, alert, expr;
  config::Duration for_, keep_firing_for;
  Texts labels, annotations;

  void Describe(config::Fields& f) {
    f.Type("rulefmt.RuleNode");
    f.Field("record", record);
    f.Field("alert", alert);
    f.Field("expr", expr);
    f.Field("for", for_);
    f.Field("keep_firing_for", keep_firing_for);
    f.Field("labels", labels);
    f.Field("annotations", annotations);
  }
};

struct GroupNode {
  std::string name;
  config::Duration interval;
  std::optional<config::Duration> query_offset;
  int64_t limit = 0;
  Texts labels;
  std::vector<RuleNode> rules;

  void Describe(config::Fields& f) {
    f.Type("rulefmt.RuleGroup");
    f.Field("name", name);
    f.Field("interval", interval);
    f.Field("query_offset", query_offset);
    f.Field("limit", limit);
    f.Field("labels", labels);
    f.Field("rules", rules);
  }
};

struct FileNode {
  std::vector<config::Located<GroupNode>> groups;

  void Describe(config::Fields& f) {
    f.Type("rulefmt.RuleGroups");
    f.Field("groups", groups);
  }
};

// Collects the faults of one file.
class Checker {
 public:
  Checker(const std::string& file, const promql::ParserOptions& parser)
      : file_(file), parser_(parser) {}

  void CheckGroups(const FileNode& node);
  // The canonical text of an expression that was checked.
  std::string Canonical(const std::string& expr) const {
    return promql::ToString(*promql::ParseExpr(expr, parser_).value());
  }
  Status Result() const {
    return faults_.empty() ? OkStatus() : InvalidArgument("{}", JoinStrings(faults_, "\n"));
  }

 private:
  struct Place {
    const std::string& group;
    size_t number;
    const std::string& rule;
  };

  void Fault(const Place& place, const LocatedText* node, std::string_view what,
             const LocatedText* other = nullptr) {
    std::string position;
    if (node != nullptr) position = fmt::format("{}:{}: ", node->line, node->column);
    if (other != nullptr) position += fmt::format("{}:{}: ", other->line, other->column);
    faults_.push_back(fmt::format("{}: {}group {}, rule {}, {}: {}", file_, position,
                                  GoQuote(place.group), place.number, GoQuote(place.rule), what));
  }
  void CheckRule(const Place& place, const RuleNode& rule);
  void CheckRecording(const Place& place, const RuleNode& rule);
  void CheckNames(const Place& place, const RuleNode& rule);
  void CheckTemplates(const Place& place, const RuleNode& rule);

  const std::string& file_;
  const promql::ParserOptions& parser_;
  std::vector<std::string> faults_;
};

bool IsLabelName(const std::string& name) {
  return name != kMetricNameLabel && IsValidLabelName(name, NameValidation::kUtf8);
}

void Checker::CheckGroups(const FileNode& node) {
  std::set<std::string> names;
  for (const auto& [group, line, column] : node.groups) {
    const std::string at = fmt::format("{}: {}:{}: ", file_, line, column);
    if (group.name.empty()) faults_.push_back(at + "Groupname must not be empty");
    if (!names.insert(group.name).second) {
      faults_.push_back(
          fmt::format("{}groupname: {} is repeated in the same file", at, GoQuote(group.name)));
    }
    if (group.limit < 0) faults_.push_back(at + "limit must not be negative");
    for (const auto& [name, value] : group.labels) {
      if (!IsLabelName(name)) faults_.push_back(at + "invalid label name: " + name);
      if (!IsValidUtf8(value)) faults_.push_back(at + "invalid label value: " + GoQuote(value));
    }
    size_t number = 0;
    for (const RuleNode& rule : group.rules) {
      const auto& name = rule.alert.value.empty() ? rule.record.value : rule.alert.value;
      CheckRule({group.name, ++number, name}, rule);
    }
  }
}

void Checker::CheckRule(const Place& place, const RuleNode& rule) {
  const bool record = !rule.record.value.empty(), alert = !rule.alert.value.empty();
  if (record && alert) {
    Fault(place, &rule.record, "only one of 'record' and 'alert' must be set", &rule.alert);
  }
  if (!record && !alert) Fault(place, &rule.record, "one of 'record' or 'alert' must be set");
  if (rule.expr.value.empty()) {
    Fault(place, &rule.expr, "field 'expr' must be set in rule");
  } else if (auto expr = promql::ParseExpr(rule.expr.value, parser_); !expr.ok()) {
    Fault(place, &rule.expr,
          fmt::format("could not parse expression: {}", MessageOf(expr.status())));
  }
  if (record) CheckRecording(place, rule);
  CheckNames(place, rule);
  if (alert) CheckTemplates(place, rule);
}

void Checker::CheckRecording(const Place& place, const RuleNode& rule) {
  if (!rule.annotations.empty()) {
    Fault(place, &rule.record, "invalid field 'annotations' in recording rule");
  }
  if (!rule.for_.IsZero()) Fault(place, &rule.record, "invalid field 'for' in recording rule");
  if (!rule.keep_firing_for.IsZero()) {
    Fault(place, &rule.record, "invalid field 'keep_firing_for' in recording rule");
  }
  const std::string& name = rule.record.value;
  if (!IsValidMetricName(name, NameValidation::kUtf8)) {
    Fault(place, &rule.record, "invalid recording rule name: " + name);
  } else if (name.find_first_of("{}") != std::string::npos) {
    // Legal as a UTF-8 name, and nearly always an expression in the wrong field.
    Fault(place, &rule.record,
          "braces present in the recording rule name; should it be in expr?: " + name);
  }
}

void Checker::CheckNames(const Place& place, const RuleNode& rule) {
  for (const auto& [name, value] : rule.labels) {
    if (!IsLabelName(name)) Fault(place, nullptr, "invalid label name: " + name);
    if (!IsValidUtf8(value)) Fault(place, nullptr, "invalid label value: " + GoQuote(value));
  }
  for (const auto& [name, value] : rule.annotations) {
    if (!IsValidLabelName(name, NameValidation::kUtf8)) {
      Fault(place, nullptr, "invalid annotation name: " + name);
    }
  }
}

void Checker::CheckTemplates(const Place& place, const RuleNode& rule) {
  auto check = [&](std::string_view kind, const Texts& texts) {
    for (const auto& [name, text] : texts) {
      const auto parsed = AlertTemplate::Parse(place.rule, text);
      if (parsed.ok()) continue;
      Fault(place, nullptr,
            fmt::format("{} {}: {}", kind, GoQuote(name), MessageOf(parsed.status())));
    }
  };
  check("label", rule.labels);
  check("annotation", rule.annotations);
}

RuleSpec MakeRule(const GroupNode& group, const RuleNode& node, const Checker& checker) {
  RuleSpec rule;
  rule.is_alert = !node.alert.value.empty();
  rule.name = rule.is_alert ? node.alert.value : node.record.value;
  rule.expr = checker.Canonical(node.expr.value);
  Texts labels = node.labels;
  labels.insert(group.labels.begin(), group.labels.end());  // a rule's own label wins
  rule.labels.assign(labels.begin(), labels.end());
  rule.annotations.assign(node.annotations.begin(), node.annotations.end());
  rule.for_ms = node.for_.ms;
  rule.keep_firing_for_ms = node.keep_firing_for.ms;
  return rule;
}

}  // namespace

StatusOr<std::vector<GroupSpec>> ParseRuleFile(std::string_view text, const std::string& file,
                                               const GroupDefaults& defaults,
                                               const promql::ParserOptions& parser,
                                               bool ignore_unknown) {
  auto documents = config::ReadDocuments(text);
  if (!documents.ok()) return Annotate(documents.status(), file);
  if (documents->size() > 1) {
    NX_LOG(Warn, "Only the first YAML document of a rule file is read", {"file", file});
  }
  FileNode node;
  if (!documents->empty()) {
    NX_RETURN_IF_ERROR(Annotate(
        config::DecodeNode(*documents->front(), &node, config::Dialect::kV3, ignore_unknown),
        file));
  }
  Checker checker(file, parser);
  checker.CheckGroups(node);
  NX_RETURN_IF_ERROR(checker.Result());

  std::vector<GroupSpec> groups;
  for (const auto& located : node.groups) {
    const GroupNode& from = located.value;
    GroupSpec& group = groups.emplace_back();
    group.file = file;
    group.name = from.name;
    group.interval_ms = from.interval.IsZero() ? defaults.interval_ms : from.interval.ms;
    group.query_offset_ms = from.query_offset ? from.query_offset->ms : defaults.query_offset_ms;
    group.limit = from.limit;
    for (const RuleNode& rule : from.rules) group.rules.push_back(MakeRule(from, rule, checker));
  }
  return groups;
}

StatusOr<std::vector<GroupSpec>> LoadRuleFiles(const std::vector<std::string>& files,
                                               const GroupDefaults& defaults,
                                               const promql::ParserOptions& parser,
                                               bool ignore_unknown) {
  std::vector<GroupSpec> all;
  std::vector<std::string> faults;
  for (const std::string& file : files) {
    auto text = ReadFile(file, kMaxFileBytes);
    if (!text.ok()) {
      faults.emplace_back(MessageOf(text.status()));
      continue;
    }
    auto groups = ParseRuleFile(*text, file, defaults, parser, ignore_unknown);
    if (!groups.ok()) {
      faults.emplace_back(MessageOf(groups.status()));
      continue;
    }
    all.insert(all.end(), std::make_move_iterator(groups->begin()),
               std::make_move_iterator(groups->end()));
  }
  if (!faults.empty()) return InvalidArgument("{}", JoinStrings(faults, "\n"));
  return all;
}

}  // namespace narthex::rules
