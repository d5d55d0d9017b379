#include "server/promql/parser/parser.h"

#include "core/strings/quote.h"
#include "server/promql/parser/parser_impl.h"

namespace narthex::promql {

std::string LineAndColumn(std::string_view text, int offset) {
  if (text.empty()) return "unknown position";
  const size_t at = std::min<size_t>(static_cast<size_t>(std::max(offset, 0)), text.size());
  int line = 1;
  size_t line_start = 0;
  for (size_t i = 0; i < at; ++i) {
    if (text[i] == '\n') {
      ++line;
      line_start = i + 1;
    }
  }
  return fmt::format("{}:{}", line, at - line_start + 1);
}

Status ParseErrorAt(std::string_view text, PosRange where, std::string_view what) {
  return InvalidArgument("{}: parse error: {}", LineAndColumn(text, where.start), what);
}

Parser::Parser(std::string_view text, const ParserOptions& options)
    : text_(text), options_(options), lexer_(text) {
  if (text.size() > kMaxQueryBytes) {
    error_ = ParseErrorAt(text, {}, fmt::format("query is longer than {} bytes", kMaxQueryBytes));
  }
}

bool Parser::Nesting::TooDeep() {
  if (parser_->nesting_ <= kMaxExprDepth) return false;
  parser_->Fail(parser_->tok().range(), "expression is nested too deeply");
  return true;
}

std::nullptr_t Parser::Fail(PosRange where, std::string_view what) {
  if (error_.ok()) error_ = ParseErrorAt(text_, where, what);
  return nullptr;
}

std::nullptr_t Parser::Unexpected(std::string_view context, std::string_view expected) {
  std::string what = "unexpected " + DescribeToken(tok());
  if (context.empty()) {
    context = scope_.context;
    expected = scope_.expected;
  }
  if (!context.empty()) what.append(" in ").append(context);
  if (!expected.empty()) what.append(", expected ").append(expected);
  return Fail(tok().range(), what);
}

const Token& Parser::tok() {
  if (!have_tok_) {
    tok_ = failed() ? Token{Tok::kError, {}, last_end_} : lexer_.Next();
    have_tok_ = true;
    if (tok_.type == Tok::kError) Fail(tok_.range(), tok_.text);
  }
  return tok_;
}

void Parser::Advance() {
  if (failed()) return;
  last_end_ = tok().range().end;
  have_tok_ = false;
}

bool Parser::Accept(Tok type) {
  if (failed() || tok().type != type) return false;
  Advance();
  return true;
}

bool Parser::Expect(Tok type, std::string_view context, std::string_view expected) {
  if (Accept(type)) return !failed();
  Unexpected(context, expected);
  return false;
}

bool Parser::CanStartExpr() {
  switch (tok().type) {
    case Tok::kLeftParen:
    case Tok::kLeftBrace:
    case Tok::kNumber:
    case Tok::kDuration:
    case Tok::kString:
    case Tok::kAdd:
    case Tok::kSub: return true;
    default: return CanBeMetricName(tok().type);
  }
}

bool Parser::Unquote(const Token& token, std::string* out) {
  auto text = GoUnquote(token.text);
  if (!text.ok()) {
    Fail(token.range(), fmt::format("error unquoting string {}: {}", GoQuote(token.text),
                                    MessageOf(text.status())));
    return false;
  }
  *out = *std::move(text);
  return true;
}

ExprPtr Parser::ParseWholeExpr() {
  if (failed()) return nullptr;
  if (tok().type == Tok::kEof) return Fail({}, "no expression found in input");
  ExprPtr expr = ParseBinary(0);
  if (failed()) return nullptr;
  if (tok().type != Tok::kEof) return Unexpected();
  return expr;
}

std::unique_ptr<VectorSelector> Parser::ParseWholeSelector() {
  if (failed()) return nullptr;
  std::unique_ptr<VectorSelector> selector;
  if (tok().type == Tok::kLeftBrace) {
    selector = ParseSelector(nullptr);
  } else {
    if (!CanBeMetricName(tok().type)) return Unexpected();
    const Token token = tok();
    Advance();
    selector = ParseSelector(&token);
  }
  if (failed()) return nullptr;
  if (tok().type != Tok::kEof) return Unexpected();
  return selector;
}

StatusOr<ExprPtr> ParseExpr(std::string_view text, const ParserOptions& options) {
  Parser parser(text, options);
  ExprPtr expr = parser.ParseWholeExpr();
  if (!parser.error().ok()) return parser.error();
  NX_RETURN_IF_ERROR(CheckTypes(text, *expr));
  return expr;
}

StatusOr<std::vector<Matcher>> ParseMetricSelector(std::string_view text) {
  Parser parser(text, {});
  auto selector = parser.ParseWholeSelector();
  if (!parser.error().ok()) return parser.error();
  NX_RETURN_IF_ERROR(CheckTypes(text, *selector));
  return std::move(selector->matchers);
}

StatusOr<std::vector<Matcher>> ParseAnySelector(std::string_view text) {
  Parser parser(text, {});
  auto selector = parser.ParseWholeSelector();
  if (!parser.error().ok()) return parser.error();
  return std::move(selector->matchers);
}

StatusOr<Labels> ParseMetric(std::string_view text) {
  Parser parser(text, {});
  Labels labels;
  if (!parser.ParseMetric(nullptr, &labels)) return parser.error();
  return labels;
}

StatusOr<Labels> ParseMetricPrefix(std::string_view text, size_t* end) {
  Parser parser(text, {});
  Labels labels;
  if (!parser.ParseMetric(end, &labels)) return parser.error();
  return labels;
}

}  // namespace narthex::promql
