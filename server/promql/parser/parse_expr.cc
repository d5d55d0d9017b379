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

constexpr int kUnaryPrecedence = 5;  // binds like *, but its operand takes ^ first
constexpr int kPowPrecedence = 6;

// Higher binds tighter; -1 for what is no binary operator.
int Precedence(Tok op) {
  switch (op) {
    case Tok::kOr: return 1;
    case Tok::kAnd: case Tok::kUnless: return 2;
    case Tok::kEq: case Tok::kNe: case Tok::kGt: case Tok::kLt: case Tok::kGe: case Tok::kLe:
    case Tok::kTrimUpper: case Tok::kTrimLower: return 3;
    case Tok::kAdd: case Tok::kSub: return 4;
    case Tok::kMul: case Tok::kDiv: case Tok::kMod: case Tok::kAtan2: return kUnaryPrecedence;
    case Tok::kPow: return kPowPrecedence;
    default: return -1;
  }
}

// Words that are metric names where no construct of theirs follows.
bool CanBeMetricName(Tok type) {
  switch (type) {
    case Tok::kIdentifier: case Tok::kMetricIdentifier: case Tok::kAnd: case Tok::kOr:
    case Tok::kUnless: case Tok::kBy: case Tok::kWithout: case Tok::kOffset: case Tok::kFill:
    case Tok::kFillLeft: case Tok::kFillRight: case Tok::kStart: case Tok::kEnd: case Tok::kStep:
    case Tok::kRange: case Tok::kAnchored: case Tok::kSmoothed: case Tok::kMinOf: case Tok::kMaxOf:
      return true;
    default: return IsAggregator(type);
  }
}

bool CanBeFunctionName(Tok type) {
  switch (type) {
    case Tok::kIdentifier: case Tok::kStart: case Tok::kEnd: case Tok::kStep: case Tok::kRange:
    case Tok::kMinOf: case Tok::kMaxOf: return true;
    default: return false;
  }
}

bool CanBeLabelName(Tok type) {
  return type == Tok::kIdentifier || type == Tok::kMetricIdentifier || IsAggregator(type) ||
         IsKeyword(type) || type == Tok::kAnd || type == Tok::kOr || type == Tok::kUnless ||
         type == Tok::kAtan2;
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
    const int precedence = Precedence(tok_.type);
    if (precedence < 0 || precedence < min_precedence) break;
    const Token op = tok_;
    Advance();
    lhs = ParseBinaryRest(std::move(lhs), op, op.type == Tok::kPow ? precedence : precedence + 1);
  }
  return failed() ? nullptr : std::move(lhs);
}

ExprPtr Parser::ParseBinaryRest(ExprPtr lhs, Token op, int next_precedence) {
  auto node = std::make_unique<BinaryExpr>(ToBinaryOp(op.type), std::move(lhs), nullptr,
                                           ValueType::kVector, PosRange{});
  VectorMatching matching;
  bool has_labels = false;
  if (!ParseBinaryModifiers(node.get(), &matching, &has_labels)) return nullptr;
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

bool Parser::ParseBinaryModifiers(BinaryExpr* expr, VectorMatching* matching, bool* has_labels) {
  if (Accept(Tok::kBool)) expr->return_bool = true;
  if (tok_.type == Tok::kOn || tok_.type == Tok::kIgnoring) {
    matching->on = tok_.type == Tok::kOn;
    Advance();
    if (!ParseGroupingLabels(&matching->labels)) return false;
    *has_labels = true;
    if (tok_.type == Tok::kGroupLeft || tok_.type == Tok::kGroupRight) {
      matching->card = tok_.type == Tok::kGroupLeft ? Cardinality::kManyToOne
                                                    : Cardinality::kOneToMany;
      Advance();
      if (tok_.type == Tok::kLeftParen && !ParseGroupingLabels(&matching->include)) return false;
    }
  }
  return !failed() && ParseFillModifiers(matching);
}

bool Parser::ParseFillModifiers(VectorMatching* matching) {
  while (tok_.type == Tok::kFill || tok_.type == Tok::kFillLeft || tok_.type == Tok::kFillRight) {
    const Token word = tok_;
    Advance();
    // A metric of that name, unless a parenthesis follows; then a number must stand in it.
    if (tok_.type != Tok::kLeftParen) {
      Unexpected("fill modifier", "\"(\"");
      return false;
    }
    if (!options_.binop_fill_modifiers) {
      Fail(word.range(), "binop fill modifiers are experimental and not enabled");
      return false;
    }
    Advance();
    const bool negative = tok_.type == Tok::kSub;
    if (tok_.type == Tok::kSub || tok_.type == Tok::kAdd) Advance();
    const Token number = tok_;
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
  if (tok_.type != Tok::kAdd && tok_.type != Tok::kSub) return ParsePrimary();
  const Token op = tok_;
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
  switch (tok_.type) {
    case Tok::kLeftParen: expr = ParseParen(); break;
    case Tok::kNumber: case Tok::kDuration: expr = ParseNumber(); break;
    case Tok::kString: expr = ParseStringLiteral(); break;
    case Tok::kLeftBrace: expr = ParseSelector(nullptr); break;
    default: expr = ParseWordPrimary();
  }
  return failed() ? nullptr : ParsePostfix(std::move(expr));
}

ExprPtr Parser::ParseWordPrimary() {
  if (!CanBeMetricName(tok_.type)) return Unexpected();
  const Token word = tok_;
  Advance();
  if (failed()) return nullptr;
  if (IsAggregator(word.type) && (tok_.type == Tok::kLeftParen || tok_.type == Tok::kBy ||
                                  tok_.type == Tok::kWithout)) {
    return ParseAggregate(word);
  }
  if (CanBeFunctionName(word.type) && tok_.type == Tok::kLeftParen) return ParseCall(word);
  return ParseSelector(&word);
}

ExprPtr Parser::ParsePostfix(ExprPtr expr) {
  while (!failed()) {
    switch (tok_.type) {
      case Tok::kLeftBracket: expr = ParseBracket(std::move(expr)); break;
      case Tok::kOffset: expr = ParseOffset(std::move(expr)); break;
      case Tok::kAt: expr = ParseAt(std::move(expr)); break;
      case Tok::kAnchored: case Tok::kSmoothed: expr = ParseExtended(std::move(expr)); break;
      default: return expr;
    }
  }
  return nullptr;
}

ExprPtr Parser::ParseParen() {
  const int start = tok_.pos;
  Advance();
  ExprPtr inner = ParseBinary(0);
  if (failed() || !Expect(Tok::kRightParen)) return nullptr;
  auto node = std::make_unique<ParenExpr>(std::move(inner), PosRange{start, last_end_});
  const Expr* child = node->expr.get();
  return Finish(std::move(node), {child});
}

bool Parser::ParseNumberToken(const Token& token, double* value) {
  std::string digits(token.text);
  // Base 0 of Go: underscores, hexadecimal and octal integers.
  const bool hex = digits.size() > 2 && digits[0] == '0' && (digits[1] | 0x20) == 'x';
  const bool underscores = digits.find('_') != std::string::npos;
  std::string plain;
  for (char c : digits) {
    if (c != '_') plain.push_back(c);
  }
  const bool octal = plain.size() > 1 && plain[0] == '0' && !hex;
  const bool integral = plain.find_first_not_of(hex ? "0123456789abcdefABCDEFxX"
                                                    : (octal ? "01234567" : "0123456789")) ==
                        std::string::npos;
  if (integral) {
    int64_t n = 0;
    const size_t skip = hex ? 2 : 0;
    const auto [end, ec] = std::from_chars(plain.data() + skip, plain.data() + plain.size(), n,
                                           hex ? 16 : (octal ? 8 : 10));
    if (ec == std::errc() && end == plain.data() + plain.size()) {
      *value = static_cast<double>(n);
      return true;
    }
  }
  const std::optional<double> parsed =
      underscores ? std::nullopt : ParseFloat(plain);
  const bool infinite_word = ToLowerAscii(plain).find("inf") != std::string::npos;
  if (!parsed || (std::isinf(*parsed) && !infinite_word)) {
    Fail(token.range(), fmt::format("error parsing number: strconv.ParseFloat: parsing {}: {}",
                                    GoQuote(token.text),
                                    parsed ? "value out of range" : "invalid syntax"));
    return false;
  }
  *value = *parsed;
  return true;
}

ExprPtr Parser::ParseNumber() {
  const Token token = tok_;
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
  if (!Unquote(tok_, &value)) return nullptr;
  auto node = std::make_unique<StringLiteral>(std::move(value), tok_.range());
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
    const Token comma = tok_;
    if (!Expect(Tok::kComma)) return false;
    if (tok_.type == Tok::kRightParen) {
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
  if ((op.type == Tok::kLimitK || op.type == Tok::kLimitRatio) &&
      !options_.experimental_functions) {
    return Fail(op.range(), fmt::format("{}() is experimental and must be enabled with "
                                        "--enable-feature=promql-experimental-functions",
                                        TokenSpelling(op.type)));
  }
  auto node = std::make_unique<AggregateExpr>(ToAggregateOp(op.type), PosRange{});
  const bool modifier_first = tok_.type != Tok::kLeftParen;
  if (modifier_first && !ParseAggregateModifier(node.get())) return nullptr;
  if (tok_.type != Tok::kLeftParen) return Unexpected("aggregation");
  std::vector<ExprPtr> args;
  if (!ParseArguments(&args)) return nullptr;
  if (!modifier_first && (tok_.type == Tok::kBy || tok_.type == Tok::kWithout) &&
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
  aggregate->without = tok_.type == Tok::kWithout;
  Advance();
  return !failed() && ParseGroupingLabels(&aggregate->grouping);
}

bool Parser::SetAggregateArguments(AggregateExpr* aggregate, std::vector<ExprPtr> args) {
  if (args.empty()) {
    Fail(aggregate->pos, "no arguments for aggregate expression provided");
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
  if (!Expect(Tok::kLeftParen, "grouping opts", "\"(\"")) return false;
  while (!Accept(Tok::kRightParen)) {
    if (failed()) return false;
    std::string label(tok_.text);
    if (tok_.type == Tok::kString) {
      if (!Unquote(tok_, &label)) return false;
      if (!IsValidLabelName(label, NameValidation::kUtf8)) {
        Fail(tok_.range(), fmt::format("invalid label name {}", GoQuote(label)));
        return false;
      }
    } else if (!CanBeLabelName(tok_.type) || !IsLegacyLabelName(label)) {
      Unexpected("grouping opts", "label");
      return false;
    }
    labels->push_back(std::move(label));
    Advance();
    if (failed()) return false;
    if (tok_.type == Tok::kRightParen) continue;
    if (!Expect(Tok::kComma, "grouping opts", "\",\" or \")\"")) return false;
  }
  return !failed();
}

}  // namespace narthex::promql
