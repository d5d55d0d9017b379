#include "server/api/ast_json.h"

#include <optional>
#include <string>

#include "core/strings/numbers.h"
#include "server/promql/parser/functions_table.h"

namespace narthex::api {
namespace {

using namespace promql;

void WriteStrings(JsonWriter& json, std::string_view key, const std::vector<std::string>& texts) {
  json.Key(key).BeginArray();
  for (const std::string& text : texts) json.String(text);
  json.EndArray();
}

std::string_view CardinalityName(Cardinality card) {
  switch (card) {
    case Cardinality::kOneToOne: return "one-to-one";
    case Cardinality::kManyToOne: return "many-to-one";
    case Cardinality::kOneToMany: return "one-to-many";
    case Cardinality::kManyToMany: return "many-to-many";
  }
  return "";
}

void WriteChild(JsonWriter& json, std::string_view key, const ExprPtr& child) {
  json.Key(key);
  if (child == nullptr) {
    json.Null();
  } else {
    WriteAst(json, *child);
  }
}

// The milliseconds; of a computed duration 0, and how it is computed beside it.
void WriteDuration(JsonWriter& json, std::string_view key, const DurationValue& duration) {
  json.Key(key).Int(duration.expr ? 0 : duration.ms);
  if (duration.expr) WriteChild(json, std::string(key) + "Expr", duration.expr);
}

std::string_view DurationOpName(DurationOp op) {
  switch (op) {
    case DurationOp::kAdd: return "+";
    case DurationOp::kSub:
    case DurationOp::kNegate: return "-";
    case DurationOp::kMul: return "*";
    case DurationOp::kDiv: return "/";
    case DurationOp::kMod: return "%";
    case DurationOp::kPow: return "^";
    case DurationOp::kStep: return "step";
    case DurationOp::kRange: return "range";
    case DurationOp::kMinOf: return "min_of";
    case DurationOp::kMaxOf: return "max_of";
    case DurationOp::kParen: break;
  }
  return "";
}

void WriteDurationExpr(JsonWriter& json, const DurationExpr& expr) {
  bool wrapped = false;
  const DurationExpr* e = &expr;
  while (e->op == DurationOp::kParen && e->rhs->kind == ExprKind::kDuration) {
    wrapped = true;
    e = &e->rhs->As<DurationExpr>();
  }
  WriteChild(json, "lhs", e->lhs);
  json.Member("op", DurationOpName(e->op));
  WriteChild(json, "rhs", e->rhs);
  json.Key("wrapped").Bool(wrapped);
}

// offset, timestamp and startOrEnd.
void WriteTime(JsonWriter& json, const TimeModifiers& time) {
  WriteDuration(json, "offset", time.offset);
  json.Key("startOrEnd");
  switch (time.at) {
    case AtAnchor::kStart: json.String("start"); break;
    case AtAnchor::kEnd: json.String("end"); break;
    default: json.Null();
  }
  json.Key("timestamp");
  if (time.at == AtAnchor::kTimestamp) {
    json.Int(time.at_ms);
  } else {
    json.Null();
  }
}

void WriteSelector(JsonWriter& json, const VectorSelector& selector) {
  json.Key("anchored").Bool(selector.anchored).Key("matchers").BeginArray();
  for (const Matcher& matcher : selector.matchers) {
    json.BeginObject().Member("name", matcher.name());
    json.Member("type", MatchTypeToString(matcher.type())).Member("value", matcher.value());
    json.EndObject();
  }
  json.EndArray().Member("name", selector.name);
  json.Key("smoothed").Bool(selector.smoothed);
  WriteTime(json, selector.time);
}

void WriteFill(JsonWriter& json, std::string_view key, const std::optional<double>& value) {
  json.Key(key);
  if (value) {
    json.Double(*value);
  } else {
    json.Null();
  }
}

void WriteMatching(JsonWriter& json, const std::optional<VectorMatching>& matching) {
  json.Key("matching");
  if (!matching) {
    json.Null();
    return;
  }
  json.BeginObject().Member("card", CardinalityName(matching->card));
  json.Key("fillValues").BeginObject();
  WriteFill(json, "lhs", matching->fill_left);
  WriteFill(json, "rhs", matching->fill_right);
  json.EndObject();
  WriteStrings(json, "include", matching->include);
  WriteStrings(json, "labels", matching->labels);
  json.Key("on").Bool(matching->on).EndObject();
}

void WriteCall(JsonWriter& json, const promql::Call& call) {
  json.Key("args").BeginArray();
  for (const ExprPtr& arg : call.args) WriteAst(json, *arg);
  json.EndArray().Key("func").BeginObject().Key("argTypes").BeginArray();
  for (size_t i = 0; i < call.function->listed(); ++i) {
    json.String(ValueTypeName(call.function->arg_types[i]));
  }
  json.EndArray().Member("name", call.function->name);
  json.Member("returnType", ValueTypeName(call.function->result));
  json.Key("variadic").Int(call.function->variadic).EndObject();
}

void WriteAggregate(JsonWriter& json, const AggregateExpr& expr) {
  WriteChild(json, "expr", expr.expr);
  WriteStrings(json, "grouping", expr.grouping);
  json.Member("op", AggregateOpName(expr.op));
  WriteChild(json, "param", expr.param);
  json.Key("without").Bool(expr.without);
}

void WriteBinary(JsonWriter& json, const BinaryExpr& expr) {
  json.Key("bool").Bool(expr.return_bool);
  WriteChild(json, "lhs", expr.lhs);
  WriteMatching(json, expr.matching);
  json.Member("op", BinaryOpName(expr.op));
  WriteChild(json, "rhs", expr.rhs);
}

std::string_view TypeName(ExprKind kind) {
  switch (kind) {
    case ExprKind::kNumber: return "numberLiteral";
    case ExprKind::kString: return "stringLiteral";
    case ExprKind::kVectorSelector: return "vectorSelector";
    case ExprKind::kMatrixSelector: return "matrixSelector";
    case ExprKind::kSubquery: return "subquery";
    case ExprKind::kCall: return "call";
    case ExprKind::kAggregate: return "aggregation";
    case ExprKind::kBinary: return "binaryExpr";
    case ExprKind::kUnary: return "unaryExpr";
    case ExprKind::kParen: return "parenExpr";
    case ExprKind::kDuration: return "durationExpr";
    case ExprKind::kStepInvariant: return "stepInvariantExpr";
  }
  return "";
}

void WriteMembers(JsonWriter& json, const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNumber:
      json.Member("val", FormatFloatF(expr.As<NumberLiteral>().value, -1));
      break;
    case ExprKind::kString: json.Member("val", expr.As<StringLiteral>().value); break;
    case ExprKind::kVectorSelector: WriteSelector(json, expr.As<VectorSelector>()); break;
    case ExprKind::kMatrixSelector: {
      const auto& matrix = expr.As<MatrixSelector>();
      WriteSelector(json, *matrix.selector);
      WriteDuration(json, "range", matrix.range);
      break;
    }
    case ExprKind::kSubquery: {
      const auto& subquery = expr.As<SubqueryExpr>();
      WriteChild(json, "expr", subquery.expr);
      WriteTime(json, subquery.time);
      WriteDuration(json, "range", subquery.range);
      WriteDuration(json, "step", subquery.step);
      break;
    }
    case ExprKind::kCall: WriteCall(json, expr.As<promql::Call>()); break;
    case ExprKind::kAggregate: WriteAggregate(json, expr.As<AggregateExpr>()); break;
    case ExprKind::kBinary: WriteBinary(json, expr.As<BinaryExpr>()); break;
    case ExprKind::kUnary:
      WriteChild(json, "expr", expr.As<UnaryExpr>().expr);
      json.Member("op", expr.As<UnaryExpr>().negate ? "-" : "+");
      break;
    case ExprKind::kParen: WriteChild(json, "expr", expr.As<ParenExpr>().expr); break;
    case ExprKind::kStepInvariant:
      WriteChild(json, "expr", expr.As<StepInvariantExpr>().expr);
      break;
    case ExprKind::kDuration: WriteDurationExpr(json, expr.As<DurationExpr>()); break;
  }
}

}  // namespace

void WriteAst(JsonWriter& json, const Expr& expr) {
  json.BeginObject().Member("type", TypeName(expr.kind));
  WriteMembers(json, expr);
  json.EndObject();
}

}  // namespace narthex::api
