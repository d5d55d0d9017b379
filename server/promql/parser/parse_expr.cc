// Operators, calls, aggregations, literals.

#include <charconv>
#include <cmath>
#include <limits>

#include "core/labels/names.h"
#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/promql/parser/parser_impl.h"

namespace narthex::promql {
namespace {

constexpr std::string_view kGrouping = "grouping opts";
constexpr int kUnaryPrecedence = 5;  // binds like *, but its operand takes ^ first
constexpr int kPowPrecedence = 6;

// Higher binds tighter; -1 for what is no binary operator.
int Precedence(Tok op) {
  switch (op) {
    case Tok::kOr: return 1;
    case Tok::kAnd:
    case Tok::kUnless: return 2;
    case Tok::kEq:
    case Tok::kNe:
    case Tok::kGt:
    case Tok::kLt:
    case Tok::kGe:
    case Tok::kLe:
    case Tok::kTrimUpper:
    case Tok::kTrimLower: return 3;
    case Tok::kAdd:
    case Tok::kSub: return 4;
    case Tok::kMul:
    case Tok::kDiv:
    case Tok::kMod:
    case Tok::kAtan2: return kUnaryPrecedence;
    case Tok::kPow: return kPowPrecedence;
    default: return -1;
  }
}

bool CanBeFunctionName(Tok type) {
  switch (type) {
    case Tok::kIdentifier:
    case Tok::kStart:
    case Tok::kEnd:
    case Tok::kStep:
    case Tok::kRange:
    case Tok::kMinOf:
    case Tok::kMaxOf: return true;
    default: return false;
  }
}

bool CanBeLabelName(Tok type) {
  return type == Tok::kIdentifier || type == Tok::kMetricIdentifier || IsAggregator(type) ||
         (IsKeyword(type) && type != Tok::kWithout) || type == Tok::kAnd || type == Tok::kOr ||
         type == Tok::kUnless || type == Tok::kAtan2;
}

// Go's rule: an underscore stands between two digits, or a base's prefix and a digit.
bool UnderscoresSeparate(std::string_view digits, bool hex) {
  const auto is_digit = [hex](char c) {
    return (c >= '0' && c <= '9') || (hex && ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'));
  };
  for (size_t i = 0; i < digits.size(); ++i) {
    if (digits[i] != '_') continue;
    const bool behind = i > 0 && (is_digit(digits[i - 1]) || (hex && i == 2));
    if (!behind || i + 1 == digits.size() || !is_digit(digits[i + 1])) return false;
  }
  return true;
}

ValueType BinaryType(ValueType lhs, ValueType rhs) {
  return lhs == ValueType::kScalar && rhs == ValueType::kScalar ? ValueType::kScalar
                                                                : ValueType::kVector;
}

}  // namespace

ExprPtr Parser::ParseBinary(int min_precedence) {
  Nesting nesting(this);
  if (nesting.TooDeep()) return nullptr;
  ExprPtr lhs = ParseUnary();
  while (!failed()) {
    const int precedence = Precedence(tok().type);
    if (precedence < 0 || precedence < min_precedence) break;
    const Token op = tok();
    Advance();
    lhs = ParseBinaryRest(std::move(lhs), op, op.type == Tok::kPow ? precedence : precedence + 1);
  }
  return failed() ? nullptr : std::move(lhs);
}

ExprPtr Parser::ParseBinaryRest(ExprPtr lhs, Token op, int next_precedence) {
  auto node = std::make_unique<BinaryExpr>(ToBinaryOp(op.type), std::move(lhs), nullptr,
                                           ValueType::kVector, PosRange{});
  VectorMatching matching;
  if (!ParseBinaryModifiers(node.get(), &matching)) return nullptr;
  node->rhs = ParseBinary(next_precedence);
  if (failed()) return nullptr;
  node->type = BinaryType(node->lhs->type, node->rhs->type);
  node->pos = {node->lhs->pos.start, node->rhs->pos.end};
  const bool vectors =
      node->lhs->type == ValueType::kVector && node->rhs->type == ValueType::kVector;
  if (vectors && IsSetOperator(node->op) && matching.card == Cardinality::kOneToOne) {
    matching.card = Cardinality::kManyToMany;
  }
  // Kept on scalars only to be refused by the type check.
  if (vectors || !matching.labels.empty()) node->matching = std::move(matching);
  const Expr* l = node->lhs.get();
  const Expr* r = node->rhs.get();
  return Finish(std::move(node), {l, r});
}

bool Parser::ParseBinaryModifiers(BinaryExpr* expr, VectorMatching* matching) {
  if (Accept(Tok::kBool)) expr->return_bool = true;
  if (tok().type == Tok::kOn || tok().type == Tok::kIgnoring) {
    matching->on = tok().type == Tok::kOn;
    Advance();
    if (!ParseGroupingLabels(&matching->labels)) return false;
    if (tok().type == Tok::kGroupLeft || tok().type == Tok::kGroupRight) {
      matching->card =
          tok().type == Tok::kGroupLeft ? Cardinality::kManyToOne : Cardinality::kOneToMany;
      Advance();
      if (tok().type == Tok::kLeftParen) {
        if (!ParseGroupingLabels(&matching->include)) return false;
      } else if (!CanStartExpr()) {
        Unexpected(kGrouping, "\"(\"");
        return false;
      }
    }
  }
  return !failed() && ParseFillModifiers(matching);
}

bool Parser::ParseFillModifiers(VectorMatching* matching) {
  while (tok().type == Tok::kFill || tok().type == Tok::kFillLeft ||
         tok().type == Tok::kFillRight) {
    const Token word = tok();
    Advance();
    // A metric of that name, unless a parenthesis follows; then a number must stand in it.
    if (tok().type != Tok::kLeftParen) {
      Unexpected("fill modifier", "\"(\"");
      return false;
    }
    if (!options_.binop_fill_modifiers) {
      Fail(word.range(), "binop fill modifiers are experimental and not enabled");
      return false;
    }
    Advance();
    const bool negative = tok().type == Tok::kSub;
    if (tok().type == Tok::kSub || tok().type == Tok::kAdd) Advance();
    const Token number = tok();
    if (!Expect(Tok::kNumber, "fill modifier", "number")) return false;
    double value = 0;
    if (!ParseNumberToken(number, &value)) return false;
    if (!Expect(Tok::kRightParen, "fill modifier", "\")\"")) return false;
    if (negative) value = -value;
    if (word.type != Tok::kFillRight) matching->fill_left = value;
    if (word.type != Tok::kFillLeft) matching->fill_right = value;
  }
  return !failed();
}

ExprPtr Parser::ParseUnary() {
  if (failed()) return nullptr;
  if (tok().type != Tok::kAdd && tok().type != Tok::kSub) return ParsePrimary();
  const Token op = tok();
  Advance();
  ExprPtr operand = ParseBinary(kPowPrecedence);
  if (failed()) return nullptr;
  const bool negate = op.type == Tok::kSub;
  if (operand->kind == ExprKind::kNumber) {
    auto& number = operand->As<NumberLiteral>();
    if (negate) number.value = -number.value;
    number.pos.start = op.pos;
    return operand;
  }
  const PosRange pos = {op.pos, operand->pos.end};
  auto node = std::make_unique<UnaryExpr>(negate, std::move(operand), pos);
  const Expr* child = node->expr.get();
  return Finish(std::move(node), {child});
}

ExprPtr Parser::ParsePrimary() {
  ExprPtr expr;
  switch (tok().type) {
    case Tok::kLeftParen: expr = ParseParen(); break;
    case Tok::kNumber:
    case Tok::kDuration: expr = ParseNumber(); break;
    case Tok::kString: expr = ParseStringLiteral(); break;
    case Tok::kLeftBrace: expr = ParseSelector(nullptr); break;
    default: expr = ParseWordPrimary();
  }
  return failed() ? nullptr : ParsePostfix(std::move(expr));
}

ExprPtr Parser::ParseWordPrimary() {
  if (!CanBeMetricName(tok().type)) return Unexpected();
  const Token word = tok();
  Advance();
  if (failed()) return nullptr;
  if (IsAggregator(word.type) &&
      (tok().type == Tok::kLeftParen || tok().type == Tok::kBy || tok().type == Tok::kWithout)) {
    return ParseAggregate(word);
  }
  if (CanBeFunctionName(word.type) && tok().type == Tok::kLeftParen) return ParseCall(word);
  return ParseSelector(&word);
}

ExprPtr Parser::ParsePostfix(ExprPtr expr) {
  while (!failed()) {
    switch (tok().type) {
      case Tok::kLeftBracket: expr = ParseBracket(std::move(expr)); break;
      case Tok::kOffset: expr = ParseOffset(std::move(expr)); break;
      case Tok::kAt: expr = ParseAt(std::move(expr)); break;
      case Tok::kAnchored:
      case Tok::kSmoothed: expr = ParseExtended(std::move(expr)); break;
      default: return expr;
    }
  }
  return nullptr;
}

ExprPtr Parser::ParseParen() {
  const int start = tok().pos;
  Advance();
  ExprPtr inner = ParseBinary(0);
  if (failed() || !Expect(Tok::kRightParen)) return nullptr;
  auto node = std::make_unique<ParenExpr>(std::move(inner), PosRange{start, last_end_});
  const Expr* child = node->expr.get();
  return Finish(std::move(node), {child});
}

StatusOr<double> NumberValue(std::string_view text) {
  const std::string digits(text);
  // Base 0 of Go: underscores, hexadecimal and octal integers.
  const bool hex = digits.size() > 2 && digits[0] == '0' && (digits[1] | 0x20) == 'x';
  std::string plain;
  for (char c : digits) {
    if (c != '_') plain.push_back(c);
  }
  const bool octal = plain.size() > 1 && plain[0] == '0' && !hex;
  const bool integral =
      plain.find_first_not_of(hex ? "0123456789abcdefABCDEFxX"
                                  : (octal ? "01234567" : "0123456789")) == std::string::npos;
  const bool separated = UnderscoresSeparate(digits, hex);
  if (integral && separated) {
    int64_t n = 0;
    const size_t skip = hex ? 2 : 0;
    const auto [end, ec] = std::from_chars(plain.data() + skip, plain.data() + plain.size(), n,
                                           hex ? 16 : (octal ? 8 : 10));
    if (ec == std::errc() && end == plain.data() + plain.size()) return static_cast<double>(n);
  }
  const std::optional<double> parsed = separated ? ParseFloat(plain) : std::nullopt;
  const bool infinite_word = ToLowerAscii(plain).find("inf") != std::string::npos;
  if (parsed && (!std::isinf(*parsed) || infinite_word)) return *parsed;
  return InvalidArgument("error parsing number: strconv.ParseFloat: parsing {}: {}", GoQuote(text),
                         parsed ? "value out of range" : "invalid syntax");
}

bool Parser::ParseNumberToken(const Token& token, double* value) {
  const StatusOr<double> parsed = NumberValue(token.text);
  if (!parsed.ok()) {
    Fail(token.range(), MessageOf(parsed.status()));
    return false;
  }
  *value = *parsed;
  return true;
}

ExprPtr Parser::ParseNumber() {
  const Token token = tok();
  double value = 0;
  if (token.type == Tok::kDuration) {
    auto ms = ParsePromDuration(token.text);
    if (!ms.ok()) return Fail(token.range(), MessageOf(ms.status()));
    value = static_cast<double>(*ms / 1000) + static_cast<double>(*ms % 1000) * 1e6 / 1e9;
  } else if (!ParseNumberToken(token, &value)) {
    return nullptr;
  }
  Advance();
  auto node = std::make_unique<NumberLiteral>(value, token.range());
  node->duration = token.type == Tok::kDuration;
  return node;
}

ExprPtr Parser::ParseStringLiteral() {
  std::string value;
  if (!Unquote(tok(), &value)) return nullptr;
  auto node = std::make_unique<StringLiteral>(std::move(value), tok().range());
  Advance();
  return node;
}

bool Parser::ParseArguments(std::vector<ExprPtr>* args) {
  Advance();  // the parenthesis
  if (Accept(Tok::kRightParen)) return !failed();
  while (!failed()) {
    ExprPtr arg = ParseBinary(0);
    if (failed()) return false;
    args->push_back(std::move(arg));
    if (Accept(Tok::kRightParen)) return !failed();
    const Token comma = tok();
    if (!Expect(Tok::kComma)) return false;
    if (!CanStartExpr()) {
      Fail(comma.range(), "trailing commas not allowed in function call args");
      return false;
    }
  }
  return false;
}

ExprPtr Parser::ParseCall(Token name) {
  // The reference judges the name once the whole call is read.
  std::vector<ExprPtr> args;
  if (!ParseArguments(&args)) return nullptr;
  const FunctionSignature* function = FindFunction(name.text);
  if (function == nullptr) {
    return Fail(name.range(), fmt::format("unknown function with name {}", GoQuote(name.text)));
  }
  if (function->experimental && !options_.experimental_functions) {
    return Fail(name.range(), fmt::format("function {} is not enabled", GoQuote(name.text)));
  }
  auto node = std::make_unique<Call>(function, function->result, PosRange{});
  node->args = std::move(args);
  node->pos = {name.pos, last_end_};
  for (const ExprPtr& arg : node->args) node->depth = std::max(node->depth, arg->depth + 1);
  return Finish(std::move(node), {});
}

ExprPtr Parser::ParseAggregate(Token op) {
  const InScope scope(this, {"aggregation", ""});
  auto node = std::make_unique<AggregateExpr>(ToAggregateOp(op.type), PosRange{});
  const bool modifier_first = tok().type != Tok::kLeftParen;
  if (modifier_first && !ParseAggregateModifier(node.get())) return nullptr;
  if (tok().type != Tok::kLeftParen) return Unexpected();
  std::vector<ExprPtr> args;
  if (!ParseArguments(&args)) return nullptr;
  if (!modifier_first && (tok().type == Tok::kBy || tok().type == Tok::kWithout) &&
      !ParseAggregateModifier(node.get())) {
    return nullptr;
  }
  node->pos = {op.pos, last_end_};
  if (!SetAggregateArguments(node.get(), std::move(args))) return nullptr;
  const Expr* param = node->param.get();
  const Expr* expr = node->expr.get();
  return Finish(std::move(node), {param, expr});
}

bool Parser::ParseAggregateModifier(AggregateExpr* aggregate) {
  aggregate->without = tok().type == Tok::kWithout;
  Advance();
  return !failed() && ParseGroupingLabels(&aggregate->grouping);
}

bool Parser::SetAggregateArguments(AggregateExpr* aggregate, std::vector<ExprPtr> args) {
  if (args.empty()) {
    Fail(aggregate->pos, "no arguments for aggregate expression provided");
    return false;
  }
  const bool experimental =
      aggregate->op == AggregateOp::kLimitK || aggregate->op == AggregateOp::kLimitRatio;
  if (experimental && !options_.experimental_functions) {
    Fail(aggregate->pos, fmt::format("{}() is experimental and must be enabled with "
                                     "--enable-feature=promql-experimental-functions",
                                     AggregateOpName(aggregate->op)));
    return false;
  }
  const size_t wanted = TakesParameter(aggregate->op) ? 2 : 1;
  if (args.size() != wanted) {
    Fail(aggregate->pos, fmt::format("wrong number of arguments for aggregate expression provided, "
                                     "expected {}, got {}",
                                     wanted, args.size()));
    return false;
  }
  if (wanted == 2) aggregate->param = std::move(args[0]);
  aggregate->expr = std::move(args.back());
  return true;
}

bool Parser::ParseGroupingLabels(std::vector<std::string>* labels) {
  if (!Expect(Tok::kLeftParen, kGrouping, "\"(\"")) return false;
  while (!Accept(Tok::kRightParen)) {
    if (failed()) return false;
    std::string label(tok().text);
    if (tok().type == Tok::kString) {
      if (!Unquote(tok(), &label)) return false;
      if (!IsValidLabelName(label, NameValidation::kUtf8)) {
        Fail(tok().range(), fmt::format("invalid label name for grouping: {}", GoQuote(label)));
        return false;
      }
    } else if (!CanBeLabelName(tok().type)) {
      Unexpected(kGrouping, "label");
      return false;
    }
    labels->push_back(std::move(label));
    Advance();
    if (failed()) return false;
    if (tok().type == Tok::kRightParen) continue;
    if (!Expect(Tok::kComma, kGrouping, "\",\" or \")\"")) return false;
  }
  return !failed();
}

}  // namespace narthex::promql
