#pragma once
// The number and text functions Prometheus and Alertmanager templates share.

#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/template/value.h"

namespace narthex::tmpl {

// A number, or a text that is one: can't convert X to float.
StatusOr<double> ToFloat(const Value& value);

std::string Humanize(double v);            // 1.235k
std::string Humanize1024(double v);        // 1.206ki
std::string HumanizeDuration(double v);    // 1d 2h 3m 4s
std::string HumanizePercentage(double v);  // 12.35%

std::string Title(std::string_view text);  // upper-cases the first letter of every word
std::string ToUpper(std::string_view text);
std::string ToLower(std::string_view text);

}  // namespace narthex::tmpl
