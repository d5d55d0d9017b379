// Selectors, ranges, subqueries, offset and @.

#include <cmath>
#include <utility>

#include "core/labels/names.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/promql/parser/parser_impl.h"

namespace narthex::promql {
namespace {

constexpr std::string_view kModifierOperands =
    "an instant vector selector or range vector selector or a subquery";

constexpr std::string_view kDurationExpected = "number, duration, step(), or range()";
constexpr std::string_view kStepExpected = "number, duration, step(), or range() or \"]\"";

// The node whose times a modifier behind `expr` changes; null when there is none.
TimeModifiers* ModifiersOf(Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kVectorSelector: return &expr.As<VectorSelector>().time;
    case ExprKind::kMatrixSelector: return &expr.As<MatrixSelector>().selector->time;
    case ExprKind::kSubquery: return &expr.As<SubqueryExpr>().time;
    default: return nullptr;
  }
}

}  // namespace

std::unique_ptr<VectorSelector> Parser::ParseSelector(const Token* name) {
  auto selector = std::make_unique<VectorSelector>(name ? name->range() : tok().range());
  if (tok().type == Tok::kLeftBrace && !ParseLabelMatchers(selector.get())) return nullptr;
  if (name != nullptr) {
    selector->name = std::string(name->text);
    selector->matchers.push_back(Matcher::Equal(std::string(kMetricNameLabel), selector->name));
  }
  selector->pos.end = std::max(last_end_, selector->pos.end);
  return selector;
}

bool Parser::ParseLabelMatchers(VectorSelector* selector) {
  Advance();  // the brace
  bool first = true;
  while (!Accept(Tok::kRightBrace)) {
    if (failed()) return false;
    if (!first && !Expect(Tok::kComma, "label matching", "\",\" or \"}\"")) return false;
    if (!first && Accept(Tok::kRightBrace)) break;
    if (!ParseLabelMatcher(selector)) return false;
    first = false;
  }
  return !failed();
}

bool Parser::ParseLabelMatcher(VectorSelector* selector) {
  const Token name = tok();
  if (name.type != Tok::kIdentifier && name.type != Tok::kString) {
    Unexpected("label matching", "identifier or \"}\"");
    return false;
  }
  std::string text(name.text);
  if (name.type == Tok::kString && !Unquote(name, &text)) return false;
  Advance();
  if (failed()) return false;
  const Tok op = tok().type;
  const bool is_op =
      op == Tok::kAssign || op == Tok::kNe || op == Tok::kEqRegex || op == Tok::kNeRegex;
  if (!is_op && name.type == Tok::kString) {
    selector->matchers.push_back(Matcher::Equal(std::string(kMetricNameLabel), std::move(text)));
    return true;
  }
  if (!is_op) {
    Unexpected("label matching", "label matching operator");
    return false;
  }
  if (name.type == Tok::kString && !IsValidLabelName(text, NameValidation::kUtf8)) {
    Fail(name.range(), fmt::format("invalid label name {}", GoQuote(text)));
    return false;
  }
  Advance();
  const Token value = tok();
  if (!Expect(Tok::kString, "label matching", "string")) return false;
  return AddMatcher(selector, op, std::move(text), name.pos, value);
}

bool Parser::AddMatcher(VectorSelector* selector, Tok op, std::string name, int pos,
                        const Token& value) {
  std::string text;
  if (!Unquote(value, &text)) return false;
  const MatchType type = op == Tok::kAssign    ? MatchType::kEqual
                         : op == Tok::kNe      ? MatchType::kNotEqual
                         : op == Tok::kEqRegex ? MatchType::kRegex
                                               : MatchType::kNotRegex;
  auto matcher = Matcher::Create(type, std::move(name), std::move(text));
  if (!matcher.ok()) {
    Fail({pos, value.range().end}, MessageOf(matcher.status()));
    return false;
  }
  selector->matchers.push_back(*std::move(matcher));
  return true;
}

bool Parser::ParseMetric(size_t* end, Labels* labels) {
  if (failed()) return false;
  LabelsBuilder set;
  std::string_view name;
  if (tok().type != Tok::kLeftBrace) {
    if (!CanBeMetricName(tok().type)) {
      Unexpected();
      return false;
    }
    name = tok().text;
    Advance();
  }
  const auto at_end = static_cast<size_t>(last_end_);
  const bool more = end == nullptr || (at_end < text_.size() && text_[at_end] == '{');
  if (more && tok().type == Tok::kLeftBrace && !ParseLabelSet(&set)) return false;
  if (!name.empty()) set.Set(kMetricNameLabel, name);
  if (end != nullptr) {
    *end = static_cast<size_t>(last_end_);
  } else if (tok().type != Tok::kEof) {
    Unexpected();
  }
  *labels = set.Build();
  return !failed();
}

bool Parser::ParseLabelSet(LabelsBuilder* labels) {
  Advance();  // the brace
  for (bool first = true; !Accept(Tok::kRightBrace); first = false) {
    if (failed()) return false;
    if (!first && !Expect(Tok::kComma, "label set", "\",\" or \"}\"")) return false;
    if (!first && Accept(Tok::kRightBrace)) break;
    if (!ParseLabel(labels)) return false;
  }
  return !failed();
}

bool Parser::ParseLabel(LabelsBuilder* labels) {
  const Token token = tok();
  if (token.type != Tok::kIdentifier && token.type != Tok::kString) {
    Unexpected("label set", "identifier or \"}\"");
    return false;
  }
  std::string name(token.text);
  if (token.type == Tok::kString && !Unquote(token, &name)) return false;
  Advance();
  std::string value;
  if (token.type == Tok::kString && tok().type != Tok::kAssign) {
    value = std::exchange(name, std::string(kMetricNameLabel));
  } else {
    if (!Expect(Tok::kAssign, "label set", "\"=\"")) return false;
    const Token text = tok();
    if (!Expect(Tok::kString, "label set", "string") || !Unquote(text, &value)) return false;
  }
  if (labels->Has(name)) {
    error_ = InvalidArgument("label name {} is not unique: invalid sample", GoQuote(name));
    return false;
  }
  labels->Set(name, value);
  return true;
}

ExprPtr Parser::ParseOffset(ExprPtr expr) {
  TimeModifiers* time = ModifiersOf(*expr);
  Advance();
  DurationValue offset;
  {
    const InScope scope(this, {"offset", kDurationExpected});
    if (!ParseOffsetDuration(&offset)) return nullptr;
  }
  if (time == nullptr) {
    return Fail(expr->pos,
                fmt::format("offset modifier must be preceded by {}", kModifierOperands));
  }
  if (time->has_offset) return Fail(expr->pos, "offset may not be set multiple times");
  time->has_offset = true;
  time->offset = std::move(offset);
  expr->pos.end = last_end_;
  return expr;
}

ExprPtr Parser::ParseAt(ExprPtr expr) {
  TimeModifiers* time = ModifiersOf(*expr);
  Advance();
  const InScope scope(this, {"@", "timestamp"});
  AtAnchor anchor = AtAnchor::kTimestamp;
  double seconds = 0;
  if (tok().type == Tok::kStart || tok().type == Tok::kEnd) {
    anchor = tok().type == Tok::kStart ? AtAnchor::kStart : AtAnchor::kEnd;
    Advance();
    if (!Expect(Tok::kLeftParen) || !Expect(Tok::kRightParen)) return nullptr;
  } else {
    const bool negative = tok().type == Tok::kSub;
    if (tok().type == Tok::kSub || tok().type == Tok::kAdd) Advance();
    if (failed()) return nullptr;
    if (tok().type != Tok::kNumber && tok().type != Tok::kDuration) return Unexpected();
    const ExprPtr number = ParseNumber();
    if (failed()) return nullptr;
    seconds = number->As<NumberLiteral>().value * (negative ? -1 : 1);
  }
  if (time == nullptr) {
    return Fail(expr->pos, fmt::format("@ modifier must be preceded by {}", kModifierOperands));
  }
  if (!(std::abs(seconds) < 9.2e15)) {
    return Fail(expr->pos, fmt::format("timestamp out of bounds for @ modifier: {}",
                                       FormatFloatF(seconds, std::isfinite(seconds) ? 6 : -1)));
  }
  if (time->at != AtAnchor::kNone) {
    return Fail(expr->pos, "@ <timestamp> may not be set multiple times");
  }
  time->at = anchor;
  time->at_ms = std::llround(seconds * 1000);
  expr->pos.end = last_end_;
  return expr;
}

ExprPtr Parser::ParseExtended(ExprPtr expr) {
  const Token word = tok();
  Advance();
  if (!options_.extended_range_selectors) {
    return Fail(word.range(), fmt::format("{} modifier is experimental and not enabled",
                                          TokenSpelling(word.type)));
  }
  VectorSelector* selector = nullptr;
  if (expr->kind == ExprKind::kMatrixSelector) selector = expr->As<MatrixSelector>().selector.get();
  if (expr->kind == ExprKind::kVectorSelector && word.type == Tok::kSmoothed) {
    selector = &expr->As<VectorSelector>();
  }
  if (selector == nullptr) {
    return Fail(expr->pos,
                fmt::format("{} modifier must be preceded by a {}", TokenSpelling(word.type),
                            word.type == Tok::kAnchored ? "range vector selector"
                                                        : "range or instant vector selector"));
  }
  if (selector->anchored || selector->smoothed) {
    return Fail(expr->pos, "anchored and smoothed modifiers cannot be used together");
  }
  (word.type == Tok::kAnchored ? selector->anchored : selector->smoothed) = true;
  expr->pos.end = last_end_;
  return expr;
}

ExprPtr Parser::ParseBracket(ExprPtr expr) {
  const Token bracket = tok();
  Advance();
  DurationValue range;
  {
    const InScope scope(this, {"subquery or range selector", kDurationExpected});
    if (!ParseDuration(&range)) return nullptr;
  }
  if (Accept(Tok::kRightBracket)) return MakeMatrix(std::move(expr), std::move(range), bracket);
  if (!Expect(Tok::kColon, "subquery or range", "\":\" or \"]\"")) return nullptr;
  auto node = std::make_unique<SubqueryExpr>(std::move(expr), PosRange{});
  node->range = std::move(range);
  {
    const InScope scope(this, {"subquery selector", kStepExpected});
    if (tok().type != Tok::kRightBracket && !ParseDuration(&node->step)) return nullptr;
  }
  if (!Expect(Tok::kRightBracket, "subquery selector", "\"]\"")) return nullptr;
  node->pos = {node->expr->pos.start, last_end_};
  const Expr* child = node->expr.get();
  return Finish(std::move(node), {child});
}

ExprPtr Parser::MakeMatrix(ExprPtr expr, DurationValue range, const Token& bracket) {
  const PosRange where = {bracket.pos, last_end_};
  if (expr->kind != ExprKind::kVectorSelector) {
    return Fail(where, "ranges only allowed for vector selectors");
  }
  std::unique_ptr<VectorSelector> selector(static_cast<VectorSelector*>(expr.release()));
  if (selector->time.has_offset) return Fail(where, "no offset modifiers allowed before range");
  if (selector->time.at != AtAnchor::kNone) {
    return Fail(where, "no @ modifiers allowed before range");
  }
  const PosRange pos = {selector->pos.start, last_end_};
  auto node = std::make_unique<MatrixSelector>(std::move(selector), pos);
  node->range = std::move(range);
  const Expr* child = node->selector.get();
  return Finish(std::move(node), {child});
}

}  // namespace narthex::promql
