#pragma once
// The template of one label or annotation of an alerting rule.
//
// Thread safety: immutable after Parse.

#include <memory>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/template/prometheus_functions.h"
#include "core/template/template.h"
#include "server/promql/engine/result.h"
#include "server/rules/rule_spec.h"

namespace narthex::rules {

// What a template sees besides the sample: fixed for one evaluation of a rule.
struct TemplateContext {
  tmpl::FunctionMap functions;  // bound to the time of the evaluation
  NamedTexts external_labels;
  std::string external_url;
};

// The value of a sample as templates see it: a float, or an object that prints as the histogram.
tmpl::Value TemplateValue(const promql::VectorSample& sample);

class AlertTemplate {
 public:
  // Errors name the template "__alert_<rule>".
  static StatusOr<AlertTemplate> Parse(const std::string& rule, std::string_view text);

  // A failure becomes the text "<error expanding template: …>" and is logged.
  std::string Expand(const TemplateContext& context, const NamedTexts& labels,
                     const tmpl::Value& value) const;

 private:
  std::string name_;
  std::string literal_;  // texts without actions are not executed
  std::shared_ptr<const tmpl::TemplateSet> set_;
};

}  // namespace narthex::rules
