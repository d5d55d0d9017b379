#include "server/rules/alert_template.h"

#include "core/histogram/histogram.h"
#include "core/log/log.h"

namespace narthex::rules {
namespace {

class HistogramObject final : public tmpl::Object {
 public:
  explicit HistogramObject(std::shared_ptr<const FloatHistogram> histogram)
      : histogram_(std::move(histogram)) {}
  std::string type_name() const override { return "*histogram.FloatHistogram"; }
  std::string ToText() const override { return narthex::ToString(*histogram_); }

 private:
  const std::shared_ptr<const FloatHistogram> histogram_;
};

// Names every function; the ones that depend on an evaluation are bound when executing.
std::shared_ptr<const tmpl::FunctionMap> UnboundFunctions() {
  static const auto functions = std::make_shared<const tmpl::FunctionMap>(
      tmpl::PrometheusFunctions(tmpl::PrometheusContext{}));
  return functions;
}

}  // namespace

tmpl::Value TemplateValue(const promql::VectorSample& sample) {
  if (sample.histogram == nullptr) return sample.v;
  return std::static_pointer_cast<const tmpl::Object>(
      std::make_shared<HistogramObject>(sample.histogram));
}

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
                                  const tmpl::Value& value) const {
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
  return fmt::format("<error expanding template: error executing template {}: {}>", name_,
                     MessageOf(text.status()));
}

}  // namespace narthex::rules
