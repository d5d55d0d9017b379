#pragma once
// What stands inside an action: declarations, commands, operands. Private to the module.

#include <string_view>

#include "core/template/parse_state.h"

namespace narthex::tmpl {

// Parses up to and including the token of type `end`; nullptr with the error kept in the state.
// `context` ("if", "template clause", ...) is what errors call the place; "range" may declare two
// variables. Declared variables stay in sight: the caller forgets them.
NodePtr ParsePipeline(ParseState* state, std::string_view context, TokenType end);

}  // namespace narthex::tmpl
