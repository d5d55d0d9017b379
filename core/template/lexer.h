#pragma once
// Text and actions to tokens, trim markers applied. Private to the module.

#include <string>
#include <string_view>

namespace narthex::tmpl {

enum class TokenType {
  kError,
  kEof,
  kText,
  kLeft,
  kRight,
  kSpace,
  kChar,  // kChar: one punctuation character
  kBool,
  kCharConstant,
  kNumber,
  kString,
  kRawString,
  kField,  // .Name
  kIdentifier,
  kVariable,
  kDot,
  kNil,
  kPipe,
  kAssign,
  kDeclare,
  kLeftParen,
  kRightParen,
  kBlock,
  kBreak,
  kContinue,
  kDefine,
  kElse,
  kEnd,
  kIf,
  kRange,
  kTemplate,
  kWith,
};

struct Token {
  TokenType type = TokenType::kEof;
  size_t pos = 0;
  int line = 1;
  std::string value;
  bool is_keyword() const {
    return type >= TokenType::kBlock || type == TokenType::kNil || type == TokenType::kDot;
  }
};

// Reports one token at a time; after kError or kEof only that one again.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  Token Next();

 private:
  Token LexText();
  Token LexLeft();
  Token LexInside();
  Token LexSpace();
  Token LexQuoted();
  Token LexRawString();
  Token LexNumber();
  Token LexName();
  Token LexField();
  bool AtRightDelimiter(bool* trim) const;
  bool AtTerminator() const;
  Token Emit(TokenType type);  // what lies between start_ and pos_
  Token Error(std::string message);
  char Peek(size_t ahead = 0) const {
    return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0';
  }

  std::string_view text_;
  size_t start_ = 0;
  size_t pos_ = 0;
  int line_ = 1;
  bool inside_ = false;
  bool at_left_ = false;
  int parens_ = 0;
  bool failed_ = false;
  Token last_;
};

}  // namespace narthex::tmpl
