// The lexical half of TextReader: what the next token is, given what is expected. On an invalid one
// i_ is the byte that fits no token, and at the end of the body start_ stays where the last token
// began: that is what error messages show.
#include "core/exposition/text_lexer.h"

#include <algorithm>

#include "core/exposition/text_scan.h"

namespace narthex {

using namespace text_lexer;

void TextReader::ScanName(bool colons) {
  const char* p = ScanNameBytes(body_.data() + i_, body_.data() + body_.size(), colons);
  i_ = static_cast<size_t>(p - body_.data());
}

// At a quote. Escapes are skipped, not judged. LF may stand inside, but for OpenMetrics' label
// values; NUL in label values alone.
TextReader::Token TextReader::LexQuoted(Token token) {
  const size_t start = i_;
  const char* const end = body_.data() + body_.size();
  const char* p = body_.data() + start + 1;
  const bool text = dialect_ == TextDialect::kText;
  non_ascii_ = escapes_ = false;
  for (;; ++p) {
    p = ScanQuoted(p, end, &non_ascii_);
    auto at = static_cast<size_t>(p - body_.data());
    if (p == end) return Fail(start, text ? at + 1 : at);
    if (*p == '"') return Take(token, start, at + 1);
    if (*p == '\\') {
      escapes_ = true;
      ++p;
      // The reference's lexer passes over NUL in label values, also behind a backslash.
      while (token == Token::kLabelValue && p != end && *p == '\0') ++p;
      if (p == end || *p == '\n') return Fail(start, static_cast<size_t>(p - body_.data()));
      if (static_cast<unsigned char>(*p) >= 0x80) non_ascii_ = true;
    } else if (*p == '\n' ? !text && token == Token::kLabelValue : token != Token::kLabelValue) {
      return Fail(start, at);
    }
  }
}

// Inside of braces, where a name, a comma, an equals sign or the closing brace may stand.
TextReader::Token TextReader::LexLabelToken() {
  SkipBlanks();
  const size_t start = i_;
  const int c = At(start);
  if (Is(c, kNameStart)) {
    ScanName(false);
    return Take(Token::kLabelName, start, i_);
  }
  switch (c) {
    case '=': return Take(Token::kEqual, start, start + 1);
    case ',': return Take(Token::kComma, start, start + 1);
    case '}': return Take(Token::kBraceClose, start, start + 1);
    case '"': return LexQuoted(Token::kQuoted);
    case -1: return Token::kEnd;
    default: return Fail(start, start);
  }
}

TextReader::Token TextReader::LexLabelValue(bool exemplar) {
  SkipBlanks();
  // Behind the equals sign of an exemplar's label a number would be a token, though a wrong one.
  if (exemplar && At(i_) == ' ') return LexNumber(Token::kValue);
  if (At(i_) == '"') return LexQuoted(Token::kLabelValue);
  return At(i_) < 0 ? Token::kEnd : Fail(i_, i_);
}

// OpenMetrics: one space, then everything up to the next space or LF.
TextReader::Token TextReader::LexNumber(Token token) {
  const size_t start = i_;
  if (At(start) < 0) return Token::kEnd;
  if (At(start) != ' ') return Fail(start, start);
  size_t end = start + 1;
  while (end < body_.size() && body_[end] != ' ' && body_[end] != '\n' && body_[end] != '\0') ++end;
  if (end == start + 1) return Fail(start, end);
  return Take(token, start, end);
}

// Behind the name or the closing brace.
TextReader::Token TextReader::LexValue() {
  if (At(i_) == '{') return Take(Token::kBraceOpen, i_, i_ + 1);
  if (dialect_ == TextDialect::kOpenMetrics) return LexNumber(Token::kValue);
  SkipBlanks();
  const size_t start = i_;
  if (At(start) == '{') return Take(Token::kBraceOpen, start, start + 1);
  size_t end = start;
  while (end < body_.size() && body_[end] != ' ' && body_[end] != '\n' && body_[end] != '\t' &&
         body_[end] != '{' && body_[end] != '\0') {
    ++end;
  }
  return end == start ? Fail(start, start) : Take(Token::kValue, start, end);
}

TextReader::Token TextReader::LexTextAfterValue() {
  SkipBlanks();
  const size_t start = i_;
  if (At(start) == '\n') return Take(Token::kLinebreak, start, start + 1);
  size_t end = start;
  while (Is(At(end), kDigit)) ++end;
  return end == start ? Fail(start, start) : Take(Token::kTimestamp, start, end);
}

// An exemplar opens with " # {", which is longer than the timestamp " #" could be.
TextReader::Token TextReader::LexOpenMetricsAfterValue(bool exemplar) {
  if (At(i_) == '\n') return Take(Token::kLinebreak, i_, i_ + 1);
  if (!exemplar && body_.substr(i_, 3) == " # ") {
    return At(i_ + 3) == '{' ? Take(Token::kComment, i_, i_ + 4) : Fail(i_, i_ + 3);
  }
  return LexNumber(Token::kTimestamp);
}

TextReader::Token TextReader::LexMetricName() {
  SkipBlanks();
  const size_t start = i_;
  if (At(start) < 0) return Token::kEnd;
  if (At(start) == '"') return LexQuoted(Token::kMetricName);
  if (!Is(At(start), kNameStart | kColon)) return Fail(start, start);
  ScanName(true);
  return Take(Token::kMetricName, start, i_);
}

// At '#'. The longest prefix that could still become a keyword tells where it went wrong.
TextReader::Token TextReader::LexOpenMetricsKeyword() {
  static constexpr std::pair<std::string_view, Token> kKeywords[] = {
      {"# HELP ", Token::kHelp},
      {"# TYPE ", Token::kType},
      {"# UNIT ", Token::kUnit},
      {"# EOF", Token::kEofWord},
  };
  const size_t start = i_;
  size_t longest = 0;
  for (const auto& [word, token] : kKeywords) {
    std::string_view text = body_.substr(start, word.size());
    size_t same = static_cast<size_t>(std::mismatch(text.begin(), text.end(), word.begin()).first -
                                      text.begin());
    if (same == word.size()) return Take(token, start, start + same);
    longest = std::max(longest, same);
  }
  return Fail(start, start + longest);
}

}  // namespace narthex
