#include "server/promql/testing/series_lexer.h"

#include <algorithm>
#include <array>

#include "core/strings/quote.h"

namespace narthex::promql {
namespace {

constexpr std::string_view kBlanks = " \t\n\r";
constexpr std::array<std::string_view, 11> kKeys = {
    "sum",       "count",    "schema",     "offset",        "n_offset",          "buckets",
    "n_buckets", "z_bucket", "z_bucket_w", "custom_values", "counter_reset_hint"};
constexpr std::array<std::string_view, 4> kHints = {"unknown", "reset", "not_reset", "gauge"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlpha(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool StartsNumber(std::string_view text) {
  if (text.size() > 1 && text[0] == '.') return IsDigit(text[1]);
  return !text.empty() && IsDigit(text[0]);
}

bool IsNumberWord(std::string_view word) {
  return EqualsIgnoreCase(word, "inf") || EqualsIgnoreCase(word, "nan");
}

template <typename Names>
bool IsAmong(const Names& names, std::string_view word) {
  return std::find(names.begin(), names.end(), word) != names.end();
}

}  // namespace

std::string SeriesToken::Describe() const {
  switch (type) {
    case SeriesTok::kEnd: return "end of input";
    case SeriesTok::kPlus:
    case SeriesTok::kMinus: return fmt::format("<op:{}>", text);
    case SeriesTok::kNumber: return "number " + GoQuote(text);
    case SeriesTok::kWord:
      return DescribeToken({LookUpWord(text) == Tok::kIdentifier && text.find(':') != text.npos
                                ? Tok::kMetricIdentifier
                                : LookUpWord(text),
                            text, 0});
    default: return GoQuote(text);
  }
}

SeriesToken SeriesLexer::Take(SeriesTok type, size_t length) {
  SeriesToken token{type, std::string(text_.substr(pos_, length)), pos_};
  pos_ += length;
  return token;
}

SeriesToken SeriesLexer::Error(size_t pos, std::string message) const {
  return {SeriesTok::kError, std::move(message), pos};
}

SeriesToken SeriesLexer::Next() {
  const size_t blanks = std::min(rest().find_first_not_of(kBlanks), rest().size());
  if (blanks > 0) return Take(SeriesTok::kBlanks, blanks);
  switch (place_) {
    case Place::kValues: return InValues();
    case Place::kHistogram: return InHistogram();
    case Place::kBuckets: break;
  }
  return InBuckets();
}

SeriesToken SeriesLexer::InValues() {
  if (rest().empty()) return Take(SeriesTok::kEnd, 0);
  if (rest().starts_with("{{")) {
    place_ = Place::kHistogram;
    return Take(SeriesTok::kOpen, 2);
  }
  switch (rest()[0]) {
    case '+': return Take(SeriesTok::kPlus, 1);
    case '-': return Take(SeriesTok::kMinus, 1);
    case 'x': return Take(SeriesTok::kTimes, 1);
    case '_': return Take(SeriesTok::kGap, 1);
    default: break;
  }
  if (StartsNumber(rest())) return Number();
  if (IsAlpha(rest()[0])) return Word();
  return Error(pos_, "unexpected character in series sequence: " + QuoteRune(rest()));
}

SeriesToken SeriesLexer::InHistogram() {
  if (rest().starts_with("}}")) {
    place_ = Place::kValues;
    return Take(SeriesTok::kClose, 2);
  }
  if (rest().starts_with("[")) {
    place_ = Place::kBuckets;
    return Take(SeriesTok::kLeftBracket, 1);
  }
  if (rest().starts_with("-")) return Take(SeriesTok::kMinus, 1);
  if (StartsNumber(rest())) return Number();
  if (!rest().empty() && IsAlpha(rest()[0])) return Key();
  return Error(pos_, "histogram description incomplete unexpected: " + QuoteRune(rest()));
}

SeriesToken SeriesLexer::InBuckets() {
  if (rest().starts_with("]")) {
    place_ = Place::kHistogram;
    return Take(SeriesTok::kRightBracket, 1);
  }
  if (rest().starts_with("-")) return Take(SeriesTok::kMinus, 1);
  if (StartsNumber(rest())) return Number();
  if (!rest().empty() && IsAlpha(rest()[0])) return Word();
  return Error(pos_, "invalid character in buckets description: " + QuoteRune(rest()));
}

SeriesToken SeriesLexer::Number() {
  const Token token = numbers_.NextSeriesNumber(pos_);
  if (token.type == Tok::kError) return Error(pos_, std::string(token.text));
  return Take(SeriesTok::kNumber, token.text.size());
}

std::string_view SeriesLexer::TakeWord() {
  size_t length = 0;
  while (length < rest().size() &&
         (IsAlpha(rest()[length]) || IsDigit(rest()[length]) || rest()[length] == ':')) {
    ++length;
  }
  return rest().substr(0, length);
}

SeriesToken SeriesLexer::Word() {
  const std::string_view word = TakeWord();
  return Take(IsNumberWord(word) ? SeriesTok::kNumber : SeriesTok::kWord, word.size());
}

SeriesToken SeriesLexer::Key() {
  std::string_view word = TakeWord();
  word = word.substr(0, word.find(':'));
  if (IsNumberWord(word)) return Take(SeriesTok::kNumber, word.size());
  if (IsAmong(kHints, word)) return Take(SeriesTok::kHint, word.size());
  if (!IsAmong(kKeys, word)) {
    return Error(pos_, "bad histogram descriptor found: " + GoQuote(word));
  }
  if (!rest().substr(word.size()).starts_with(":")) {
    return Error(pos_, "missing `:` for histogram descriptor");
  }
  SeriesToken token = Take(SeriesTok::kKey, word.size() + 1);
  token.text.pop_back();
  return token;
}

}  // namespace narthex::promql
