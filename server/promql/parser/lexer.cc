#include "server/promql/parser/lexer.h"

#include "core/strings/quote.h"

namespace narthex::promql {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlpha(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsAlphaNumeric(char c) { return IsAlpha(c) || IsDigit(c); }

constexpr uint32_t kReplacement = 0xfffd;
constexpr std::string_view kReplacementText = "\xef\xbf\xbd";

// The UTF-8 sequence at the start of `text`; U+FFFD for what is none, the end included.
struct Rune {
  uint32_t value = kReplacement;
  std::string_view text = kReplacementText;
};

Rune FirstRune(std::string_view text) {
  if (text.empty()) return {};
  const auto u = static_cast<unsigned char>(text[0]);
  const size_t n = u >= 0xf0 ? 4 : u >= 0xe0 ? 3 : u >= 0xc0 ? 2 : 1;
  const std::string_view sequence = text.substr(0, n);
  if (sequence.size() < n || !IsValidUtf8Text(sequence)) return {};
  uint32_t value = n == 1 ? u : u & (0x7f >> n);
  for (const char c : sequence.substr(1))
    value = value << 6 | (static_cast<unsigned char>(c) & 0x3f);
  return {value, sequence};
}

}  // namespace

std::string QuoteRune(std::string_view text) {
  const std::string quoted = GoQuote(FirstRune(text).text);
  std::string out = "'" + quoted.substr(1, quoted.size() - 2) + "'";
  if (out == "'\\\"'") return "'\"'";
  if (out == "'''") return "'\\''";
  return out;
}

Token Lexer::NextSeriesNumber(size_t pos) {
  start_ = pos_ = pos;
  if (ScanNumber(true)) return Emit(Tok::kNumber);
  return Error("bad number syntax: " + GoQuote(input_.substr(start_, pos_ - start_)));
}

Token Lexer::Next() {
  SkipBlanks();
  start_ = pos_;
  if (in_braces_) return LexInsideBraces();
  return in_brackets_ && in_duration_ ? LexDuration() : LexStatement();
}

void Lexer::SkipBlanks() {
  while (!AtEnd()) {
    if (IsSpace(Peek())) {
      ++pos_;
    } else if (Peek() == '#' && !(in_brackets_ && in_duration_)) {
      while (!AtEnd() && Peek() != '\n' && Peek() != '\r') ++pos_;
    } else {
      return;
    }
  }
}

Token Lexer::Emit(Tok type) {
  return {type, input_.substr(start_, pos_ - start_), static_cast<int>(start_)};
}

Token Lexer::Error(std::string message) {
  error_ = std::move(message);
  return {Tok::kError, error_, static_cast<int>(start_)};
}

bool Lexer::Accept(std::string_view set) {
  if (!Is(set)) return false;
  ++pos_;
  return true;
}

void Lexer::AcceptRun(std::string_view set) {
  while (Accept(set)) {
  }
}

std::string Lexer::UnicodeRune() const {
  const Rune rune = FirstRune(input_.substr(pos_));
  const std::string quoted = GoQuote(rune.text);
  // What Go escapes when it quotes is what it does not print.
  const bool printable =
      quoted.size() == rune.text.size() + 2 || quoted == "\"\\\"\"" || quoted == "\"\\\\\"";
  std::string out = fmt::format("U+{:04X}", rune.value);
  if (printable) out.append(" '").append(rune.text).append("'");
  return out;
}

Token Lexer::LexStatement() {
  if (AtEnd()) {
    if (parens_ != 0) return Error("unclosed left parenthesis");
    if (in_brackets_) return Error("unclosed left bracket");
    return Emit(Tok::kEof);
  }
  const char c = Peek();
  if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return LexNumberOrDuration();
  if (in_brackets_ && IsAlpha(c)) {
    Token word = LexDurationWord();
    if (word.type != Tok::kError) return word;
    pos_ = start_;
    return Error("unexpected character: " + QuotedRune() + ", expected ':'");
  }
  if (IsAlpha(c) || (c == ':' && !in_brackets_)) return LexWord();
  if (c == '"' || c == '\'') return LexString(c);
  if (c == '`') return LexRawString();
  if (c == '[') return LexOpenBracket();
  if (c == ')' || c == ']') return LexClosing(c);
  const auto one = [&](Tok type) {
    ++pos_;
    return Emit(type);
  };
  const auto two = [&](Tok type) {
    pos_ += 2;
    return Emit(type);
  };
  switch (c) {
    case ',': return one(Tok::kComma);
    case '*': return one(Tok::kMul);
    case '/': return one(Tok::kDiv);
    case '%': return one(Tok::kMod);
    case '+': return one(Tok::kAdd);
    case '-': return one(Tok::kSub);
    case '^': return one(Tok::kPow);
    case '@': return one(Tok::kAt);
    case '(': ++parens_; return one(Tok::kLeftParen);
    case '{': in_braces_ = true; return one(Tok::kLeftBrace);
    case ':':
      if (got_colon_) return Error("unexpected colon ':'");
      got_colon_ = true;
      return one(Tok::kColon);
    case '=':
      if (Peek(1) == '=') return two(Tok::kEq);
      if (Peek(1) == '~') return Error("unexpected character after '=': '~'");
      return one(Tok::kAssign);
    case '!':
      if (Peek(1) == '=') return two(Tok::kNe);
      ++pos_;
      return Error("unexpected character after '!': " + QuotedRune());
    case '<':
      if (Peek(1) == '=') return two(Tok::kLe);
      return Peek(1) == '/' ? two(Tok::kTrimUpper) : one(Tok::kLt);
    case '>':
      if (Peek(1) == '=') return two(Tok::kGe);
      return Peek(1) == '/' ? two(Tok::kTrimLower) : one(Tok::kGt);
    default: return Error("unexpected character: " + QuotedRune());
  }
}

Token Lexer::LexOpenBracket() {
  if (in_brackets_) return Error("unexpected left bracket '['");
  in_brackets_ = in_duration_ = true;
  got_colon_ = false;
  ++pos_;
  return Emit(Tok::kLeftBracket);
}

Token Lexer::LexDuration() {
  if (AtEnd()) return Error("unexpected end of input in duration expression");
  const char c = Peek();
  if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) {
    got_duration_ = true;
    in_duration_ = false;
    return LexNumberOrDuration();
  }
  if (IsAlpha(c)) {
    Token word = LexDurationWord();
    if (word.type != Tok::kError) return word;
    pos_ = start_;
    return Error("unexpected character in duration expression: " + QuotedRune());
  }
  if (c == ')' || c == ']') return LexClosing(c);
  if (c == ':') {
    ++pos_;
    start_ = pos_;  // where upstream reports it
    if (!got_duration_) return Error("unexpected colon before duration in duration expression");
    if (got_colon_) return Error("unexpected repeated colon in duration expression");
    start_ = pos_ - 1;
    got_colon_ = true;
    return Emit(Tok::kColon);
  }
  constexpr std::string_view kCharacters = "(+-*/%^,";
  constexpr Tok kTokens[] = {Tok::kLeftParen, Tok::kAdd, Tok::kSub, Tok::kMul,
                             Tok::kDiv,       Tok::kMod, Tok::kPow, Tok::kComma};
  const size_t which = kCharacters.find(c);
  if (which == std::string_view::npos) {
    return Error("unexpected character in duration expression: " + QuotedRune());
  }
  if (c == '(') ++parens_;
  ++pos_;
  return Emit(kTokens[which]);
}

// step, range, min_of or max_of; kError, with nothing reported, for other words.
Token Lexer::LexDurationWord() {
  while (!AtEnd() && IsAlphaNumeric(Peek())) ++pos_;
  const Tok type = LookUpWord(input_.substr(start_, pos_ - start_));
  const bool known =
      type == Tok::kStep || type == Tok::kRange || type == Tok::kMinOf || type == Tok::kMaxOf;
  got_duration_ |= known;
  return Emit(known ? type : Tok::kError);
}

Token Lexer::LexClosing(char c) {
  if (c == ']') {
    if (!in_brackets_) return Error("unexpected right bracket ']'");
    in_brackets_ = false;
    ++pos_;
    return Emit(Tok::kRightBracket);
  }
  ++pos_;
  if (parens_ == 0) {
    start_ = pos_;  // where upstream reports it
    return Error("unexpected right parenthesis ')'");
  }
  --parens_;
  return Emit(Tok::kRightParen);
}

Token Lexer::LexInsideBraces() {
  if (AtEnd()) return Error("unexpected end of input inside braces");
  const char c = Peek();
  if (IsAlpha(c)) return LexIdentifier();
  if (c == '"' || c == '\'') return LexString(c);
  if (c == '`') return LexRawString();
  switch (c) {
    case ',': ++pos_; return Emit(Tok::kComma);
    case '=': ++pos_; return Accept("~") ? Emit(Tok::kEqRegex) : Emit(Tok::kAssign);
    case '!':
      ++pos_;
      if (Accept("~")) return Emit(Tok::kNeRegex);
      if (Accept("=")) return Emit(Tok::kNe);
      return Error("unexpected character after '!' inside braces: " + QuotedRune());
    case '{': return Error("unexpected left brace '{'");
    case '}':
      in_braces_ = false;
      ++pos_;
      return Emit(Tok::kRightBrace);
    default: return Error("unexpected character inside braces: " + QuotedRune());
  }
}

Token Lexer::LexIdentifier() {
  while (!AtEnd() && IsAlphaNumeric(Peek())) ++pos_;
  return Emit(Tok::kIdentifier);
}

Token Lexer::LexWord() {
  while (!AtEnd() && (IsAlphaNumeric(Peek()) || (Peek() == ':' && !in_brackets_))) ++pos_;
  const std::string_view word = input_.substr(start_, pos_ - start_);
  const Tok type = LookUpWord(word);
  if (type != Tok::kIdentifier) return Emit(type);
  return Emit(word.find(':') == std::string_view::npos ? Tok::kIdentifier : Tok::kMetricIdentifier);
}

Token Lexer::LexNumberOrDuration() {
  if (ScanNumber()) return Emit(Tok::kNumber);
  if (ScanRemainingDuration()) return Emit(Tok::kDuration);
  return Error("bad number or duration syntax: " + GoQuote(input_.substr(start_, pos_ - start_)));
}

// A digit, '.', '_' or exponent may not be followed by certain others; a number may not touch a
// letter. Stops where it fails, so that a duration's first digits are consumed.
bool Lexer::ScanNumber(bool series) {
  std::string_view digits = kDigits;
  if (!series && Accept("0") && Accept("xX")) {
    Accept("_");
    digits = kHexDigits;
  }
  const bool hex = digits.size() > 10;
  Accept(".");
  Accept(digits);
  bool dot = false;
  bool exponent = false;
  while (Is(digits) || Is("._eE")) {
    if ((Is(".") && dot) || (!Is(digits) && Is("eE") && exponent)) {
      ++pos_;
      return false;
    }
    if (Accept(".")) {
      dot = true;
      if (Accept("_.") || hex) return false;
    } else if (!hex && Accept("eE")) {
      exponent = true;
      Accept("+-");
      if (Accept("._eE") || AtEnd()) return false;
    } else if (Accept("_")) {
      if (Accept("._eE") || AtEnd()) return false;
    } else {
      AcceptRun(digits);
    }
  }
  return AtEnd() || !IsAlphaNumeric(Peek()) || (series && Peek() == 'x');
}

bool Lexer::ScanRemainingDuration() {
  if (!Accept("smhdwy")) return false;
  Accept("s");
  while (Accept(kDigits)) {
    AcceptRun(kDigits);
    if (!Accept("smhdw")) return false;
    Accept("s");
  }
  if (AtEnd() || !IsAlphaNumeric(Peek())) return true;
  ++pos_;
  return false;
}

Token Lexer::LexString(char quote) {
  ++pos_;
  while (!AtEnd() && Peek() != '\n') {
    const char c = Peek();
    if (!SkipRune()) return Error("invalid UTF-8 rune");
    if (c == quote) return Emit(Tok::kString);
    if (c == '\\') {
      if (std::string wrong = LexEscape(quote); !wrong.empty()) return Error(std::move(wrong));
    }
  }
  return Error("unterminated quoted string");
}

Token Lexer::LexRawString() {
  ++pos_;
  while (!AtEnd()) {
    const char c = Peek();
    if (!SkipRune()) return Error("invalid UTF-8 rune");
    if (c == '`') return Emit(Tok::kString);
  }
  return Error("unterminated raw string");
}

bool Lexer::SkipRune() {
  if (static_cast<unsigned char>(Peek()) < 0x80) {
    ++pos_;
    return true;
  }
  const Rune rune = FirstRune(input_.substr(pos_));
  pos_ += rune.text.size();
  return rune.value != kReplacement;
}

std::string Lexer::LexEscape(char quote) {
  if (AtEnd()) return "escape sequence not terminated";
  const char c = Peek();
  ++pos_;
  int count = 0;
  uint32_t base = 16;
  uint32_t max = 0x10ffff;
  switch (c) {
    case 'a':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
    case 'v':
    case '\\': return "";
    case 'x':
      count = 2;
      max = 255;
      break;
    case 'u': count = 4; break;
    case 'U': count = 8; break;
    default:
      if (c == quote) return "";
      if (c < '0' || c > '7') {
        --pos_;
        return "unknown escape sequence " + UnicodeRune();
      }
      --pos_;
      count = 3;
      base = 8;
      max = 255;
  }
  uint64_t value = 0;
  for (; count > 0; --count, ++pos_) {
    if (AtEnd()) return "escape sequence not terminated";
    const size_t digit =
        std::string_view("0123456789abcdef").find(Peek() | (Peek() >= 'A' ? 0x20 : 0));
    if (digit == std::string_view::npos || digit >= base) {
      return "illegal character " + UnicodeRune() + " in escape sequence";
    }
    value = value * base + digit;
  }
  if (value > max || (value >= 0xd800 && value < 0xe000)) {
    return "escape sequence is an invalid Unicode code point";
  }
  return "";
}

}  // namespace narthex::promql
