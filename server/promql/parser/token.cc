#include "server/promql/parser/token.h"

#include <algorithm>
#include <iterator>

#include "core/strings/quote.h"

namespace narthex::promql {
namespace {

struct Spelling {
  Tok type;
  std::string_view text;
};

constexpr Spelling kSpellings[] = {
    {Tok::kLeftParen, "("},
    {Tok::kRightParen, ")"},
    {Tok::kLeftBrace, "{"},
    {Tok::kRightBrace, "}"},
    {Tok::kLeftBracket, "["},
    {Tok::kRightBracket, "]"},
    {Tok::kComma, ","},
    {Tok::kColon, ":"},
    {Tok::kAt, "@"},
    {Tok::kAssign, "="},
    {Tok::kEqRegex, "=~"},
    {Tok::kNeRegex, "!~"},
    {Tok::kAdd, "+"},
    {Tok::kSub, "-"},
    {Tok::kMul, "*"},
    {Tok::kDiv, "/"},
    {Tok::kMod, "%"},
    {Tok::kPow, "^"},
    {Tok::kAtan2, "atan2"},
    {Tok::kEq, "=="},
    {Tok::kNe, "!="},
    {Tok::kGt, ">"},
    {Tok::kLt, "<"},
    {Tok::kGe, ">="},
    {Tok::kLe, "<="},
    {Tok::kTrimUpper, "</"},
    {Tok::kTrimLower, ">/"},
    {Tok::kAnd, "and"},
    {Tok::kOr, "or"},
    {Tok::kUnless, "unless"},
    {Tok::kSum, "sum"},
    {Tok::kAvg, "avg"},
    {Tok::kCount, "count"},
    {Tok::kMin, "min"},
    {Tok::kMax, "max"},
    {Tok::kGroup, "group"},
    {Tok::kStddev, "stddev"},
    {Tok::kStdvar, "stdvar"},
    {Tok::kTopK, "topk"},
    {Tok::kBottomK, "bottomk"},
    {Tok::kCountValues, "count_values"},
    {Tok::kQuantile, "quantile"},
    {Tok::kLimitK, "limitk"},
    {Tok::kLimitRatio, "limit_ratio"},
    {Tok::kOffset, "offset"},
    {Tok::kBy, "by"},
    {Tok::kWithout, "without"},
    {Tok::kOn, "on"},
    {Tok::kIgnoring, "ignoring"},
    {Tok::kGroupLeft, "group_left"},
    {Tok::kGroupRight, "group_right"},
    {Tok::kBool, "bool"},
    {Tok::kAnchored, "anchored"},
    {Tok::kSmoothed, "smoothed"},
    {Tok::kFill, "fill"},
    {Tok::kFillLeft, "fill_left"},
    {Tok::kFillRight, "fill_right"},
    {Tok::kStart, "start"},
    {Tok::kEnd, "end"},
    {Tok::kStep, "step"},
    {Tok::kRange, "range"},
    {Tok::kMinOf, "min_of"},
    {Tok::kMaxOf, "max_of"},
};

// Go's %.10q for long texts: cut to ten runes, then quoted.
std::string QuoteShort(std::string_view text) {
  if (text.size() <= 10) return GoQuote(text);
  size_t end = 0;
  for (int runes = 0; end < text.size() && runes < 10; ++runes) {
    ++end;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
  }
  return GoQuote(text.substr(0, end)) + "...";
}

}  // namespace

Tok LookUpWord(std::string_view word) {
  if (word.size() > 12 || word.starts_with(':')) return Tok::kIdentifier;
  const std::string lower = ToLowerAscii(word);
  if (lower == "inf" || lower == "nan") return Tok::kNumber;
  for (const Spelling& s : kSpellings) {
    if (s.text == lower) return s.type;
  }
  return Tok::kIdentifier;
}

std::string_view TokenSpelling(Tok type) {
  for (const Spelling& s : kSpellings) {
    if (s.type == type) return s.text;
  }
  return {};
}

std::string DescribeToken(const Token& token) {
  switch (token.type) {
    case Tok::kEof: return "end of input";
    case Tok::kIdentifier: return "identifier " + GoQuote(token.text);
    case Tok::kMetricIdentifier: return "metric identifier " + GoQuote(token.text);
    case Tok::kString: return "string " + QuoteShort(token.text);
    case Tok::kNumber: return "number " + QuoteShort(token.text);
    case Tok::kDuration: return "duration " + QuoteShort(token.text);
    default: break;
  }
  const bool regex = token.type == Tok::kEqRegex || token.type == Tok::kNeRegex;
  if (IsPreprocessor(token.type)) return GoQuote(token.text);
  if (IsKeyword(token.type)) return fmt::format("<{}>", token.text);
  if (IsAggregator(token.type)) return fmt::format("<aggr:{}>", token.text);
  if (IsOperator(token.type) || regex) return fmt::format("<op:{}>", token.text);
  return GoQuote(token.text);
}

bool CanBeMetricName(Tok type) {
  switch (type) {
    case Tok::kIdentifier:
    case Tok::kMetricIdentifier:
    case Tok::kAnd:
    case Tok::kOr:
    case Tok::kUnless:
    case Tok::kBy:
    case Tok::kWithout:
    case Tok::kOffset:
    case Tok::kFill:
    case Tok::kFillLeft:
    case Tok::kFillRight:
    case Tok::kStart:
    case Tok::kEnd:
    case Tok::kStep:
    case Tok::kRange:
    case Tok::kAnchored:
    case Tok::kSmoothed:
    case Tok::kMinOf:
    case Tok::kMaxOf: return true;
    default: return IsAggregator(type);
  }
}

}  // namespace narthex::promql
