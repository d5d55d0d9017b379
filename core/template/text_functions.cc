#include "core/template/text_functions.h"

#include <memory>

#include "core/labels/regex.h"

namespace narthex::tmpl {

Function OnText(std::string (*convert)(std::string_view)) {
  return {"s", [convert](std::span<const Value> args) -> StatusOr<Value> {
            return Value(convert(args[0].as_string()));
          }};
}

StatusOr<Value> Match(std::span<const Value> args) {
  NX_ASSIGN_OR_RETURN(auto regex, Regex::Compile(args[0].as_string()));
  return Value(regex->Matches(args[1].as_string()));
}

StatusOr<Value> ReReplaceAll(std::span<const Value> args) {
  StatusOr<std::shared_ptr<const Regex>> regex = Regex::Compile(args[0].as_string());
  if (!regex.ok()) {
    return InvalidArgument("regexp: Compile(`{}`): {}", args[0].as_string(),
                           MessageOf(regex.status()));
  }
  return Value((*regex)->ReplaceAll(args[2].as_string(), args[1].as_string()));
}

}  // namespace narthex::tmpl
