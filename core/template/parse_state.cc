#include "core/template/parse_state.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/strings/quote.h"
#include "core/strings/utf8.h"

namespace narthex::tmpl {
namespace {

constexpr int kMaxDepth = 200;  // nesting of blocks and parentheses

// As error messages name a token.
std::string Describe(const Token& token) {
  switch (token.type) {
    case TokenType::kEof: return "EOF";
    case TokenType::kError: return token.value;
    default: break;
  }
  if (token.is_keyword()) return "<" + token.value + ">";
  // %.10q: the first ten runes, quoted.
  if (token.value.size() > 10) {
    size_t end = 0;
    for (int runes = 0; runes < 10 && end < token.value.size(); ++runes) {
      end += DecodeRune(std::string_view(token.value).substr(end)).width;
    }
    if (end < token.value.size()) return GoQuote(token.value.substr(0, end)) + "...";
  }
  return GoQuote(token.value);
}

}  // namespace

NodePtr ParseState::Fail(std::string_view message) {
  if (ok()) status_ = InvalidArgument("template: {}:{}: {}", name_, line_, message);
  return nullptr;
}

NodePtr ParseState::Unexpected(const Token& token, std::string_view context) {
  if (token.type == TokenType::kError) return Fail(token.value);
  return Fail(fmt::format("unexpected {} in {}", Describe(token), context));
}

Token ParseState::Next() {
  Token token;
  if (!back_.empty()) {
    token = std::move(back_.back());
    back_.pop_back();
  } else {
    token = lexer_.Next();
  }
  line_ = token.line;
  return token;
}

Token ParseState::NextNonSpace() {
  Token token;
  do {
    token = Next();
  } while (token.type == TokenType::kSpace);
  return token;
}

const Token& ParseState::Peek() {
  if (back_.empty()) back_.push_back(lexer_.Next());
  line_ = back_.back().line;
  return back_.back();
}

const Token& ParseState::PeekNonSpace() {
  Backup(NextNonSpace());
  return back_.back();
}

bool ParseState::Expect(TokenType type, std::string_view context) {
  const Token token = NextNonSpace();
  if (token.type != type) Unexpected(token, context);
  return ok();
}

bool ParseState::Unquote(std::string_view literal, std::string* out) {
  StatusOr<std::string> value = GoUnquote(literal);
  if (!value.ok()) {
    Fail("invalid syntax");
    return false;
  }
  *out = *std::move(value);
  return true;
}

bool ParseState::IsDeclared(std::string_view variable) const {
  return std::find(variables_.begin(), variables_.end(), variable) != variables_.end();
}

void ParseState::ForgetVariablesAfter(size_t count) {
  variables_.resize(std::min(variables_.size(), count));
}

void ParseState::WithFreshVariables(const std::function<void()>& body) {
  std::vector<std::string> outer = std::exchange(variables_, {"$"});
  body();
  variables_ = std::move(outer);
}

NestingGuard::NestingGuard(ParseState* state) : state_(state) {
  if (++state_->depth_ > kMaxDepth) state_->Fail("nested too deep");
}

NodePtr NewNode(NodeType type, size_t pos) {
  auto node = std::make_unique<Node>();
  node->type = type;
  node->pos = pos;
  return node;
}

}  // namespace narthex::tmpl
