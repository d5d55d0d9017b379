#pragma once
// Label names and values as kube-state-metrics writes them.
//
// Thread safety: pure functions.

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::ksm {

// Every character outside [a-zA-Z0-9_] becomes '_'.
std::string SanitizeLabelName(std::string_view name);
// Appends the value with \, " and line feeds escaped.
void AppendEscaped(std::string* out, std::string_view value);
// Appends name="value" with \, " and line feeds escaped.
void AppendLabel(std::string* out, std::string_view name, std::string_view value);

// Keys of a Kubernetes map as label names: prefix_sanitized_snake_case, in the order of the keys.
// Keys that come out alike are told apart by _conflict1, _conflict2 …
std::vector<std::pair<std::string, std::string>> MapLabels(
    std::string_view prefix, const std::map<std::string, std::string, std::less<>>& map);

}  // namespace narthex::ksm
