#pragma once
// Recursive descent with precedence climbing. One token of lookahead, read when it is first looked
// at: of two errors the one met first is reported, and what the lexer dislikes behind a construct
// comes after what is wrong in it. The first error ends the parse: methods then return null or
// false and error_ says why.

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/promql/parser/functions_table.h"
#include "server/promql/parser/lexer.h"
#include "server/promql/parser/parser.h"
#include "server/promql/parser/position.h"

namespace narthex::promql {

// "3:7: parse error: what", the position counted in lines and bytes of the line.
Status ParseErrorAt(std::string_view text, PosRange where, std::string_view what);

// What a token of the kind kNumber stands for; the error has no position.
StatusOr<double> NumberValue(std::string_view text);

class Parser {
 public:
  Parser(std::string_view text, const ParserOptions& options);

  ExprPtr ParseWholeExpr();
  std::unique_ptr<VectorSelector> ParseWholeSelector();
  // A name and labels, of which nothing but `=` is said. With `end`: what may be followed by
  // anything there.
  bool ParseMetric(size_t* end, Labels* labels);
  const Status& error() const { return error_; }

 private:
  // Expressions (parse_expr.cc).
  ExprPtr ParseBinary(int min_precedence);
  ExprPtr ParseBinaryRest(ExprPtr lhs, Token op, int next_precedence);
  ExprPtr ParseUnary();
  ExprPtr ParsePostfix(ExprPtr expr);
  ExprPtr ParsePrimary();
  ExprPtr ParseWordPrimary();
  ExprPtr ParseParen();
  ExprPtr ParseNumber();
  ExprPtr ParseStringLiteral();
  ExprPtr ParseCall(Token name);
  ExprPtr ParseAggregate(Token op);
  bool ParseAggregateModifier(AggregateExpr* aggregate);
  bool SetAggregateArguments(AggregateExpr* aggregate, std::vector<ExprPtr> args);
  bool ParseArguments(std::vector<ExprPtr>* args);
  bool ParseBinaryModifiers(BinaryExpr* expr, VectorMatching* matching);
  bool ParseFillModifiers(VectorMatching* matching);
  bool ParseGroupingLabels(std::vector<std::string>* labels);

  // Selectors and what follows them (parse_selector.cc).
  std::unique_ptr<VectorSelector> ParseSelector(const Token* name);
  bool ParseLabelMatchers(VectorSelector* selector);
  bool ParseLabelMatcher(VectorSelector* selector);
  bool ParseLabelSet(LabelsBuilder* labels);
  bool ParseLabel(LabelsBuilder* labels);
  bool AddMatcher(VectorSelector* selector, Tok op, std::string name, int pos, const Token& value);
  ExprPtr ParseOffset(ExprPtr expr);
  ExprPtr ParseAt(ExprPtr expr);
  ExprPtr ParseExtended(ExprPtr expr);
  ExprPtr ParseBracket(ExprPtr expr);
  ExprPtr MakeMatrix(ExprPtr expr, DurationValue range, const Token& bracket);
  bool ParseNumberToken(const Token& token, double* value);

  // Durations (parse_duration.cc).
  bool ParseDuration(DurationValue* out);
  bool ParseOffsetDuration(DurationValue* out);
  bool FinishDuration(ExprPtr expr, bool positive, DurationValue* out);
  ExprPtr ParseDurationExpr(int min_precedence);
  ExprPtr ParseDurationOperand(bool takes_powers = true);
  ExprPtr ParseDurationFunction();
  bool CheckDivisor(const Token& op, const Expr& rhs);

  // Errors and tokens.
  std::nullptr_t Fail(PosRange where, std::string_view what);
  std::nullptr_t Unexpected(std::string_view context = "", std::string_view expected = "");
  const Token& tok();
  void Advance();
  // Whether the next token may begin an expression.
  bool CanStartExpr();
  bool Accept(Tok type);
  bool Expect(Tok type, std::string_view context = "", std::string_view expected = "");
  bool failed() const { return !error_.ok(); }
  bool Unquote(const Token& token, std::string* out);
  // Sets the depth of a finished node; null when the tree is too deep.
  template <typename T>
  std::unique_ptr<T> Finish(std::unique_ptr<T> node, std::initializer_list<const Expr*> children);

  // Names the construct being parsed in the messages of Unexpected() until it goes out of scope.
  struct Scope {
    std::string_view context;
    std::string_view expected;
  };
  class InScope {
   public:
    InScope(Parser* parser, Scope scope) : parser_(parser), outer_(parser->scope_) {
      parser->scope_ = scope;
    }
    ~InScope() { parser_->scope_ = outer_; }
    InScope(const InScope&) = delete;

   private:
    Parser* parser_;
    Scope outer_;
  };

  // Guards the recursion of the parser itself.
  class Nesting {
   public:
    explicit Nesting(Parser* parser) : parser_(parser) { ++parser_->nesting_; }
    ~Nesting() { --parser_->nesting_; }
    bool TooDeep();

   private:
    Parser* parser_;
  };

  std::string_view text_;
  ParserOptions options_;
  Lexer lexer_;
  Token tok_;  // through tok() only
  bool have_tok_ = false;
  Scope scope_;
  int last_end_ = 0;  // end of the token consumed last
  int nesting_ = 0;
  Status error_;
};

template <typename T>
std::unique_ptr<T> Parser::Finish(std::unique_ptr<T> node,
                                  std::initializer_list<const Expr*> children) {
  for (const Expr* child : children) {
    if (child != nullptr && child->depth >= node->depth) node->depth = child->depth + 1;
  }
  if (node->depth > kMaxExprDepth) {
    return Fail(node->pos, "expression is nested too deeply");
  }
  return node;
}

// Upstream's static checks, after a parse without errors (type_check.cc).
Status CheckTypes(std::string_view text, Expr& expr);

}  // namespace narthex::promql
