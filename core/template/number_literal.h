#pragma once
// Numbers as Go writes them: every base, underscores, exponents, characters. Private to the module.

#include "core/base/status.h"
#include "core/template/lexer.h"
#include "core/template/tree.h"

namespace narthex::tmpl {

// Fills the number fields of `node` from a kNumber or kCharConstant token. The message of an error
// has no location.
Status ParseNumberLiteral(const Token& token, Node* node);

}  // namespace narthex::tmpl
