#pragma once
// What the stages of the parser share: the tokens still to be read, the first error, the variables
// in sight and the depth of nesting. Private to the module.

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/template/lexer.h"
#include "core/template/tree.h"

namespace narthex::tmpl {

class ParseState {
 public:
  // `text` and `has_function` outlive the state; `name` is what errors call the text.
  ParseState(std::string name, std::string_view text,
             const std::function<bool(std::string_view)>& has_function)
      : name_(std::move(name)), lexer_(text), has_function_(has_function) {}

  const std::string& name() const { return name_; }
  bool ok() const { return status_.ok(); }
  const Status& status() const { return status_; }

  // Keep the first error, which names the line of the last token read; always nullptr.
  NodePtr Fail(std::string_view message);
  NodePtr Unexpected(const Token& token, std::string_view context);

  // Tokens; as many as were read can be put back, the last one first.
  Token Next();
  Token NextNonSpace();
  const Token& Peek();
  const Token& PeekNonSpace();
  void Backup(Token token) { back_.push_back(std::move(token)); }
  // The next token that is no space must be of that type, else the text is in error.
  bool Expect(TokenType type, std::string_view context);

  // What a quoted literal stands for; false, with the error kept, when it is none.
  bool Unquote(std::string_view literal, std::string* out);

  bool HasFunction(std::string_view name) const { return has_function_(name); }

  // Variables in sight, the innermost last.
  void Declare(const std::string& variable) { variables_.push_back(variable); }
  bool IsDeclared(std::string_view variable) const;
  size_t variable_count() const { return variables_.size(); }
  void ForgetVariablesAfter(size_t count);
  // Runs `body` as if it stood alone: it sees "$" and no other variable.
  void WithFreshVariables(const std::function<void()>& body);

 private:
  friend class NestingGuard;

  const std::string name_;
  Lexer lexer_;
  const std::function<bool(std::string_view)>& has_function_;
  std::vector<Token> back_;
  std::vector<std::string> variables_ = {"$"};
  int depth_ = 0;
  int line_ = 1;
  Status status_;
};

// Bounds the recursion: lives as long as one block or parenthesis is open.
class NestingGuard {
 public:
  explicit NestingGuard(ParseState* state);
  ~NestingGuard() { --state_->depth_; }
  NestingGuard(const NestingGuard&) = delete;
  NestingGuard& operator=(const NestingGuard&) = delete;

 private:
  ParseState* const state_;
};

NodePtr NewNode(NodeType type, size_t pos);

}  // namespace narthex::tmpl
