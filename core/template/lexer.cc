#include "core/template/lexer.h"

#include <algorithm>

#include "core/strings/quote.h"
#include "core/strings/utf8.h"

namespace narthex::tmpl {
namespace {

constexpr std::string_view kLeft = "{{";
constexpr std::string_view kRight = "}}";
constexpr std::string_view kLeftComment = "/*";
constexpr std::string_view kRightComment = "*/";

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
// Letters, digits, the underscore, and every byte of a rune beyond ASCII.
bool IsWord(char c) {
  return c == '_' || IsDigit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
         static_cast<unsigned char>(c) >= 0x80;
}

TokenType KeywordOf(std::string_view word) {
  struct Keyword {
    std::string_view word;
    TokenType type;
  };
  static constexpr Keyword kKeywords[] = {
      {"block", TokenType::kBlock},
      {"break", TokenType::kBreak},
      {"continue", TokenType::kContinue},
      {"define", TokenType::kDefine},
      {"else", TokenType::kElse},
      {"end", TokenType::kEnd},
      {"if", TokenType::kIf},
      {"range", TokenType::kRange},
      {"nil", TokenType::kNil},
      {"template", TokenType::kTemplate},
      {"with", TokenType::kWith},
      {"true", TokenType::kBool},
      {"false", TokenType::kBool},
  };
  for (const Keyword& keyword : kKeywords) {
    if (keyword.word == word) return keyword.type;
  }
  return TokenType::kIdentifier;
}

}  // namespace

Token Lexer::Emit(TokenType type) {
  Token token{type, start_, line_, std::string(text_.substr(start_, pos_ - start_))};
  line_ += static_cast<int>(std::count(token.value.begin(), token.value.end(), '\n'));
  start_ = pos_;
  return token;
}

Token Lexer::Error(std::string message) {
  failed_ = true;
  last_ = {TokenType::kError, start_, line_, std::move(message)};
  return last_;
}

Token Lexer::Next() {
  if (failed_) return last_;
  if (inside_) return LexInside();
  if (at_left_) return LexLeft();
  return LexText();
}

Token Lexer::LexText() {
  const size_t open = text_.find(kLeft, pos_);
  if (open == std::string_view::npos) {
    pos_ = text_.size();
    if (start_ == pos_) return {TokenType::kEof, pos_, line_, ""};
    return Emit(TokenType::kText);
  }
  at_left_ = true;
  size_t end = open;
  const std::string_view behind = text_.substr(open + kLeft.size());
  if (behind.size() >= 2 && behind[0] == '-' && IsSpace(behind[1])) {
    while (end > start_ && IsSpace(text_[end - 1])) --end;
  }
  pos_ = end;
  Token token = Emit(TokenType::kText);
  line_ += static_cast<int>(std::count(text_.begin() + static_cast<ptrdiff_t>(end),
                                       text_.begin() + static_cast<ptrdiff_t>(open), '\n'));
  start_ = pos_ = open;
  return token.value.empty() ? LexLeft() : token;
}

Token Lexer::LexLeft() {
  at_left_ = false;
  const bool trim = Peek(2) == '-' && IsSpace(Peek(3));
  const size_t after = pos_ + kLeft.size() + (trim ? 2 : 0);
  if (text_.substr(after).starts_with(kLeftComment)) {
    const size_t close = text_.find(kRightComment, after + kLeftComment.size());
    if (close == std::string_view::npos) return Error("unclosed comment");
    pos_ = close + kRightComment.size();
    bool trim_right = false;
    if (!AtRightDelimiter(&trim_right)) return Error("comment ends before closing delimiter");
    pos_ += kRight.size() + (trim_right ? 2 : 0);
    if (trim_right) {
      while (pos_ < text_.size() && IsSpace(text_[pos_])) ++pos_;
    }
    return Emit(TokenType::kSpace);  // a comment is a blank to the parser
  }
  pos_ += kLeft.size();
  Token token = Emit(TokenType::kLeft);
  if (trim) pos_ += 2;
  line_ += static_cast<int>(
      std::count(text_.begin() + static_cast<ptrdiff_t>(start_),
                 text_.begin() + static_cast<ptrdiff_t>(std::min(pos_, text_.size())), '\n'));
  start_ = pos_;
  inside_ = true;
  parens_ = 0;
  return token;
}

bool Lexer::AtRightDelimiter(bool* trim) const {
  const std::string_view rest = text_.substr(pos_);
  *trim =
      rest.size() >= 4 && IsSpace(rest[0]) && rest[1] == '-' && rest.substr(2).starts_with(kRight);
  return *trim || rest.starts_with(kRight);
}

Token Lexer::LexInside() {
  bool trim = false;
  if (AtRightDelimiter(&trim)) {
    if (parens_ > 0) return Error("unclosed left paren");
    if (trim) start_ = pos_ += 2;
    pos_ += kRight.size();
    Token token = Emit(TokenType::kRight);
    inside_ = false;
    if (trim) {
      while (pos_ < text_.size() && IsSpace(text_[pos_])) ++pos_;
      Emit(TokenType::kSpace);
    }
    return token;
  }
  if (pos_ >= text_.size()) return Error("unclosed action");
  const char c = text_[pos_];
  if (IsSpace(c)) return LexSpace();
  switch (c) {
    case '"':
    case '\'': return LexQuoted();
    case '`': return LexRawString();
    case '$': return LexField();
    case '.':
      if (!IsDigit(Peek(1))) return LexField();
      return LexNumber();
    case '(':
      ++pos_;
      ++parens_;
      return Emit(TokenType::kLeftParen);
    case ')':
      ++pos_;
      if (--parens_ < 0) return Error("unexpected right paren");
      return Emit(TokenType::kRightParen);
    case '|': ++pos_; return Emit(TokenType::kPipe);
    case '=': ++pos_; return Emit(TokenType::kAssign);
    case ':':
      pos_ += 2;
      if (pos_ > text_.size() || text_[pos_ - 1] != '=') return Error("expected :=");
      return Emit(TokenType::kDeclare);
    default: break;
  }
  if (c == '+' || c == '-' || IsDigit(c)) return LexNumber();
  if (IsWord(c)) return LexName();
  if (c > 0x20 && c < 0x7f) {
    ++pos_;
    return Emit(TokenType::kChar);
  }
  return Error(
      fmt::format("unrecognized character in action: U+{:04X}", static_cast<unsigned char>(c)));
}

Token Lexer::LexSpace() {
  while (pos_ < text_.size() && IsSpace(text_[pos_])) {
    bool trim = false;
    // The blank in front of "-}}" belongs to the delimiter.
    if (AtRightDelimiter(&trim) && trim) break;
    ++pos_;
  }
  if (pos_ == start_) return LexInside();
  return Emit(TokenType::kSpace);
}

Token Lexer::LexQuoted() {
  const char quote = text_[pos_++];
  for (; pos_ < text_.size() && text_[pos_] != '\n'; ++pos_) {
    if (text_[pos_] == '\\' && Peek(1) != '\n') {
      ++pos_;
    } else if (text_[pos_] == quote) {
      ++pos_;
      return Emit(quote == '"' ? TokenType::kString : TokenType::kCharConstant);
    }
  }
  pos_ = std::min(pos_, text_.size());
  return Error(quote == '"' ? "unterminated quoted string" : "unterminated character constant");
}

Token Lexer::LexRawString() {
  const size_t close = text_.find('`', pos_ + 1);
  if (close == std::string_view::npos) return Error("unterminated raw quoted string");
  pos_ = close + 1;
  return Emit(TokenType::kRawString);
}

Token Lexer::LexNumber() {
  if (text_[pos_] == '+' || text_[pos_] == '-') ++pos_;
  std::string_view digits = "0123456789_";
  bool hex = false;
  if (Peek() == '0') {
    const char kind = static_cast<char>(Peek(1) | 0x20);
    if (kind == 'x') digits = "0123456789abcdefABCDEF_";
    if (kind == 'o') digits = "01234567_";
    if (kind == 'b') digits = "01_";
    hex = kind == 'x';
    if (kind == 'x' || kind == 'o' || kind == 'b') pos_ += 2;
  }
  auto accept = [&](std::string_view set) {
    while (pos_ < text_.size() && set.find(text_[pos_]) != std::string_view::npos) ++pos_;
  };
  accept(digits);
  if (Peek() == '.') {
    ++pos_;
    accept(digits);
  }
  const char exponent = static_cast<char>(Peek() | 0x20);
  if ((!hex && digits.size() == 11 && exponent == 'e') || (hex && exponent == 'p')) {
    ++pos_;
    if (Peek() == '+' || Peek() == '-') ++pos_;
    accept("0123456789_");
  }
  if (Peek() == 'i') ++pos_;
  if (IsWord(Peek())) {
    ++pos_;
    return Error("bad number syntax: " + GoQuote(text_.substr(start_, pos_ - start_)));
  }
  return Emit(TokenType::kNumber);
}

bool Lexer::AtTerminator() const {
  if (pos_ >= text_.size()) return true;
  const char c = text_[pos_];
  return IsSpace(c) || c == '.' || c == ',' || c == '|' || c == ':' || c == ')' || c == '(' ||
         text_.substr(pos_).starts_with(kRight);
}

Token Lexer::LexName() {
  while (IsWord(Peek())) ++pos_;
  if (!AtTerminator()) {
    const DecodedRune bad = DecodeRune(text_.substr(pos_));
    return Error(fmt::format("bad character U+{:04X} '{}'", static_cast<uint32_t>(bad.rune),
                             text_.substr(pos_, bad.width)));
  }
  return Emit(KeywordOf(text_.substr(start_, pos_ - start_)));
}

// .Name or $name; a lone "." is the dot and a lone "$" the root.
Token Lexer::LexField() {
  const bool field = text_[pos_++] == '.';
  if (AtTerminator()) return Emit(field ? TokenType::kDot : TokenType::kVariable);
  while (IsWord(Peek())) ++pos_;
  if (!AtTerminator()) {
    const DecodedRune bad = DecodeRune(text_.substr(pos_));
    return Error(fmt::format("bad character U+{:04X} '{}'", static_cast<uint32_t>(bad.rune),
                             text_.substr(pos_, bad.width)));
  }
  return Emit(field ? TokenType::kField : TokenType::kVariable);
}

}  // namespace narthex::tmpl
