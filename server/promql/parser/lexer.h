#pragma once
// Cuts a query into tokens, one at a time. What a character means depends on whether it stands
// inside braces, where there are no keywords, or inside brackets, where ':' separates and only
// arithmetic over durations is spoken.
//
// After a kError token the lexer must not be asked again.

#include <string>
#include <string_view>

#include "server/promql/parser/token.h"

namespace narthex::promql {

// Go's %q of the rune that `text` begins with.
std::string QuoteRune(std::string_view text);

class Lexer {
 public:
  explicit Lexer(std::string_view input) : input_(input) {}
  Token Next();
  // The number at `pos` in the values of a series, where an 'x' is a sign of repetition.
  Token NextSeriesNumber(size_t pos);

 private:
  Token Emit(Tok type);
  Token Error(std::string message);
  Token LexStatement();
  Token LexInsideBraces();
  Token LexDuration();
  Token LexDurationWord();
  Token LexNumberOrDuration();
  Token LexWord();
  Token LexIdentifier();
  Token LexString(char quote);
  Token LexRawString();
  Token LexOpenBracket();
  Token LexClosing(char c);
  std::string LexEscape(char quote);  // "" or what is wrong
  bool ScanNumber(bool series = false);
  bool ScanRemainingDuration();
  void SkipBlanks();

  bool AtEnd() const { return pos_ >= input_.size(); }
  char Peek(size_t ahead = 0) const {
    return pos_ + ahead < input_.size() ? input_[pos_ + ahead] : '\0';
  }
  bool Is(std::string_view set) const {
    return !AtEnd() && set.find(Peek()) != std::string_view::npos;
  }
  // Not at the end. False when there is no UTF-8, or U+FFFD, which upstream cannot tell from it.
  bool SkipRune();
  bool Accept(std::string_view set);
  void AcceptRun(std::string_view set);
  std::string QuotedRune() const { return QuoteRune(input_.substr(pos_)); }
  std::string UnicodeRune() const;  // Go's %#U of it

  std::string_view input_;
  size_t start_ = 0;
  size_t pos_ = 0;
  int parens_ = 0;
  bool in_braces_ = false;
  bool in_brackets_ = false;
  bool got_colon_ = false;
  // Inside brackets up to a number, and behind start(): no other words than those of durations.
  bool in_duration_ = false;
  bool got_duration_ = false;
  std::string error_;
};

}  // namespace narthex::promql
