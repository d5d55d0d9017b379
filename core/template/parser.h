#pragma once
// Tokens to trees. Private to the module.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/template/lexer.h"
#include "core/template/tree.h"

namespace narthex::tmpl {

// Parses one text; the result holds the tree of `name` first, then those the text defines.
StatusOr<std::vector<std::shared_ptr<Tree>>> ParseText(
    const std::string& name, std::string_view text,
    const std::function<bool(std::string_view)>& has_function);

}  // namespace narthex::tmpl
