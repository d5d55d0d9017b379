#pragma once
// Go's predefined functions, without `and` and `or`, which do not evaluate all operands. Private.

#include "core/template/template.h"

namespace narthex::tmpl {

const FunctionMap& Builtins();

std::string HtmlEscape(std::string_view text);
std::string UrlQueryEscape(std::string_view text);
std::string JsEscape(std::string_view text);

}  // namespace narthex::tmpl
