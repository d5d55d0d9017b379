#pragma once
// The tokens of PromQL.

#include <cstdint>
#include <string>
#include <string_view>

#include "server/promql/parser/ast.h"

namespace narthex::promql {

enum class Tok : uint8_t {
  kEof,
  kError,
  kIdentifier,
  kMetricIdentifier,
  kString,
  kNumber,
  kDuration,
  kLeftParen,
  kRightParen,
  kLeftBrace,
  kRightBrace,
  kLeftBracket,
  kRightBracket,
  kComma,
  kColon,
  kAt,
  kAssign,
  kEqRegex,
  kNeRegex,
  // Binary operators, in the order of BinaryOp.
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kAtan2,
  kEq,
  kNe,
  kGt,
  kLt,
  kGe,
  kLe,
  kTrimUpper,
  kTrimLower,
  kAnd,
  kOr,
  kUnless,
  // Aggregators, in the order of AggregateOp.
  kSum,
  kAvg,
  kCount,
  kMin,
  kMax,
  kGroup,
  kStddev,
  kStdvar,
  kTopK,
  kBottomK,
  kCountValues,
  kQuantile,
  kLimitK,
  kLimitRatio,
  // Keywords.
  kOffset,
  kBy,
  kWithout,
  kOn,
  kIgnoring,
  kGroupLeft,
  kGroupRight,
  kBool,
  kAnchored,
  kSmoothed,
  kFill,
  kFillLeft,
  kFillRight,
  kStart,
  kEnd,
  kStep,
  kRange,
  kMinOf,
  kMaxOf,
};

constexpr bool IsOperator(Tok t) { return t >= Tok::kAdd && t <= Tok::kUnless; }
constexpr bool IsAggregator(Tok t) { return t >= Tok::kSum && t <= Tok::kLimitRatio; }
constexpr bool IsKeyword(Tok t) { return t >= Tok::kOffset; }
// Words that the language uses as functions of time; everywhere else they are names.
constexpr bool IsPreprocessor(Tok t) { return t >= Tok::kStart; }
constexpr BinaryOp ToBinaryOp(Tok t) {
  return static_cast<BinaryOp>(static_cast<int>(t) - static_cast<int>(Tok::kAdd));
}
constexpr AggregateOp ToAggregateOp(Tok t) {
  return static_cast<AggregateOp>(static_cast<int>(t) - static_cast<int>(Tok::kSum));
}

struct Token {
  Tok type = Tok::kEof;
  std::string_view text;  // of kError: the message, owned by the lexer
  int pos = 0;
  PosRange range() const { return {pos, pos + static_cast<int>(text.size())}; }
};

// The keyword, aggregator or word operator of this spelling in any case; kIdentifier otherwise.
Tok LookUpWord(std::string_view word);
// Words that are metric names where no construct of theirs follows.
bool CanBeMetricName(Tok type);
// The canonical spelling of operators, aggregators, keywords and punctuation; "" for the rest.
std::string_view TokenSpelling(Tok type);
// As error messages name it: `identifier "foo"`, `<by>`, `end of input`.
std::string DescribeToken(const Token& token);

}  // namespace narthex::promql
