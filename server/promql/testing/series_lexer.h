#pragma once
// Cuts the values of a series description into tokens: "1+2x3 _ {{count:1 buckets:[1 2]}}".

#include <string>
#include <string_view>

#include "server/promql/parser/lexer.h"

namespace narthex::promql {

enum class SeriesTok : uint8_t {
  kEnd,
  kError,
  kBlanks,
  kPlus,
  kMinus,
  kTimes,  // x
  kGap,    // _
  kNumber,
  kWord,
  kOpen,   // {{
  kClose,  // }}
  kLeftBracket,
  kRightBracket,
  kKey,   // of a histogram, with its colon
  kHint,  // of counter resets
};

struct SeriesToken {
  SeriesTok type = SeriesTok::kEnd;
  std::string text;  // of kError: the message
  size_t pos = 0;
  std::string Describe() const;  // as error messages name it
};

class SeriesLexer {
 public:
  SeriesLexer(std::string_view text, size_t pos) : text_(text), pos_(pos), numbers_(text) {}
  SeriesToken Next();

 private:
  enum class Place : uint8_t { kValues, kHistogram, kBuckets };
  SeriesToken Take(SeriesTok type, size_t length);
  SeriesToken Error(size_t pos, std::string message) const;
  SeriesToken InValues();
  SeriesToken InHistogram();
  SeriesToken InBuckets();
  SeriesToken Number();
  SeriesToken Word();
  SeriesToken Key();
  std::string_view TakeWord();
  std::string_view rest() const { return text_.substr(pos_); }

  const std::string_view text_;
  size_t pos_;
  Lexer numbers_;
  Place place_ = Place::kValues;
};

}  // namespace narthex::promql
