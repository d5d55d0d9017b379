#pragma once
// The functions of Prometheus' rule templates and consoles.
//
// Samples of a query are objects with the fields Labels and Value; `query` itself is the caller's.

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/template/template.h"

namespace narthex::tmpl {

struct QuerySample {
  std::vector<std::pair<std::string, std::string>> labels;  // sorted by name
  Value value = 0.0;  // a float, or what stands for a histogram
};

struct PrometheusContext {
  // Evaluates an instant vector now.
  std::function<StatusOr<std::vector<QuerySample>>(std::string_view expression)> query;
  std::function<int64_t()> now_nanos;  // null: the system clock
  std::string external_url;            // externalURL
  std::string path_prefix;             // pathPrefix: the path of the external URL
};

// Every function, those of the context included. The context is copied.
FunctionMap PrometheusFunctions(const PrometheusContext& context);

// The set of variables in front of a rule's text: $labels, $externalLabels, $externalURL, $value.
inline constexpr std::string_view kRuleTemplateHeader =
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}"
    "{{$externalURL := .ExternalURL}}{{$value := .Value}}";

// The data a rule's template sees.
Value RuleTemplateData(const std::vector<std::pair<std::string, std::string>>& labels,
                       const std::vector<std::pair<std::string, std::string>>& external_labels,
                       std::string_view external_url, const Value& value);

}  // namespace narthex::tmpl
