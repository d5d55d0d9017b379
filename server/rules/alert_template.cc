#include "server/rules/alert_template.h"

#include "core/log/log.h"

namespace narthex::rules {
namespace {

// Names every function; the ones that depend on an evaluation are bound when executing.
std::shared_ptr<const tmpl::FunctionMap> UnboundFunctions() {
  static const auto functions = std::make_shared<const tmpl::FunctionMap>(
      tmpl::PrometheusFunctions(tmpl::PrometheusContext{}));
  return functions;
}

}  // namespace

StatusOr<AlertTemplate> AlertTemplate::Parse(const std::string& rule, std::string_view text) {
  AlertTemplate result;
  result.name_ = "__alert_" + rule;
  if (text.find("{{") == std::string_view::npos) {
    result.literal_ = text;
    return result;
  }
  auto set = std::make_shared<tmpl::TemplateSet>(UnboundFunctions());
  NX_RETURN_IF_ERROR(set->Parse(result.name_, std::string(tmpl::kRuleTemplateHeader).append(text)));
  result.set_ = std::move(set);
  return result;
}

std::string AlertTemplate::Expand(const TemplateContext& context, const NamedTexts& labels,
                                  double value) const {
  if (set_ == nullptr) return literal_;
  tmpl::ExecOptions options;
  options.missing_key = tmpl::MissingKey::kZero;
  options.functions = &context.functions;
  auto text = set_->Execute(
      name_, tmpl::RuleTemplateData(labels, context.external_labels, context.external_url, value),
      options);
  if (text.ok()) return *std::move(text);
  NX_LOG(Warn, "Expanding alert template failed", {"component", "rules"}, {"template", name_},
         {"err", text.status()});
  return fmt::format("<error expanding template: {}>", MessageOf(text.status()));
}

}  // namespace narthex::rules
