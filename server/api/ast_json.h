#pragma once
// The syntax tree of an expression as /api/v1/parse_query shows it.

#include "core/json/writer.h"
#include "server/promql/parser/ast.h"

namespace narthex::api {

void WriteAst(JsonWriter& json, const promql::Expr& expr);

}  // namespace narthex::api
