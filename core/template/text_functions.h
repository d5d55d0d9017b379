#pragma once
// Functions on texts that the templates of both products have.

#include <span>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/template/value.h"

namespace narthex::tmpl {

// The function of one text that `convert` makes another.
Function OnText(std::string (*convert)(std::string_view));

// match(pattern, text): whether the regular expression is found in the text. Arguments "ss".
StatusOr<Value> Match(std::span<const Value> args);

// reReplaceAll(pattern, replacement, text). Arguments "sss".
StatusOr<Value> ReReplaceAll(std::span<const Value> args);

}  // namespace narthex::tmpl
