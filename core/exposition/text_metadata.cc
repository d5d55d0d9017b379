// Comment lines of the text dialects, and the errors both halves of TextReader report.
#include <algorithm>

#include "core/exposition/label_text.h"
#include "core/exposition/text_lexer.h"
#include "core/exposition/text_scan.h"
#include "core/labels/names.h"
#include "core/strings/quote.h"

namespace narthex {

using namespace text_lexer;

namespace {

std::optional<ScrapedType> TypeOf(std::string_view name, TextDialect dialect) {
  static constexpr std::pair<std::string_view, ScrapedType> kCommon[] = {
      {"counter", ScrapedType::kCounter},
      {"gauge", ScrapedType::kGauge},
      {"histogram", ScrapedType::kHistogram},
      {"summary", ScrapedType::kSummary}};
  static constexpr std::pair<std::string_view, ScrapedType> kOpenMetrics[] = {
      {"gaugehistogram", ScrapedType::kGaugeHistogram},
      {"info", ScrapedType::kInfo},
      {"stateset", ScrapedType::kStateset},
      {"unknown", ScrapedType::kUnknown}};
  for (const auto& [word, type] : kCommon) {
    if (word == name) return type;
  }
  if (dialect == TextDialect::kText) {
    return name == "untyped" ? std::optional(ScrapedType::kUnknown) : std::nullopt;
  }
  for (const auto& [word, type] : kOpenMetrics) {
    if (word == name) return type;
  }
  return std::nullopt;
}

std::string_view KindName(TextReader::Entry kind) {
  switch (kind) {
    case TextReader::Entry::kHelp: return "HELP";
    case TextReader::Entry::kType: return "TYPE";
    default: return "UNIT";
  }
}

}  // namespace

StatusOr<TextReader::Entry> TextReader::ReadTextComment() {
  ++i_;
  const bool blank = At(i_) == ' ' || At(i_) == '\t';
  SkipBlanks();
  std::string_view word = blank ? body_.substr(i_, 4) : std::string_view();
  const int after = At(i_ + 4);
  if ((word == "HELP" || word == "TYPE") && (after == ' ' || after == '\t')) {
    i_ += 4;
    return ReadTextMetadata(word == "HELP" ? Entry::kHelp : Entry::kType);
  }
  i_ = std::min(body_.find('\n', i_), body_.size()) + 1;
  return Entry::kComment;
}

StatusOr<TextReader::Entry> TextReader::ReadTextMetadata(Entry kind) {
  Token token = LexMetricName();
  if (token != Token::kMetricName) {
    return TokenError(fmt::format("expected metric name after {}", KindName(kind)), token);
  }
  family_ = TokenText();
  size_t end = std::min(body_.find('\n', i_), body_.size());
  // One separating byte belongs to no one, whatever it is.
  text_ = body_.substr(std::min(i_ + 1, end), end - std::min(i_ + 1, end));
  i_ = end + 1;
  return FinishMetadata(kind);
}

StatusOr<TextReader::Entry> TextReader::ReadOpenMetricsComment() {
  Token token = LexOpenMetricsKeyword();
  switch (token) {
    case Token::kHelp: return ReadOpenMetricsMetadata(Entry::kHelp);
    case Token::kType: return ReadOpenMetricsMetadata(Entry::kType);
    case Token::kUnit: return ReadOpenMetricsMetadata(Entry::kUnit);
    case Token::kEofWord:
      if (At(i_) == '\n') ++i_;
      if (i_ < body_.size()) return InvalidArgument("unexpected data after # EOF");
      return Entry::kEnd;
    default: return TokenError("expected a valid start token", token);
  }
}

StatusOr<TextReader::Entry> TextReader::ReadOpenMetricsMetadata(Entry kind) {
  Token token = LexMetricName();
  if (token != Token::kMetricName) {
    return TokenError(fmt::format("expected metric name after {}", KindName(kind)), token);
  }
  family_ = TokenText();
  size_t end = body_.find('\n', i_);
  if (At(i_) != ' ' || end == std::string_view::npos) {
    return InvalidArgument("expected text in {}", KindName(kind));
  }
  text_ = body_.substr(i_ + 1, end - i_ - 1);
  i_ = end + 1;
  return FinishMetadata(kind);
}

StatusOr<TextReader::Entry> TextReader::FinishMetadata(Entry kind) {
  if (family_.starts_with('"')) family_ = family_.substr(1, family_.size() - 2);
  metadata_kind_ = kind;
  switch (kind) {
    case Entry::kHelp:
      if (!IsValidUtf8(text_)) {
        return InvalidArgument("help text {} is not a valid utf8 string",
                               GoQuote(text_.substr(0, 4096)));
      }
      break;
    case Entry::kType: NX_RETURN_IF_ERROR(SetType(text_)); break;
    default: NX_RETURN_IF_ERROR(CheckUnit());
  }
  return kind;
}

Status TextReader::SetType(std::string_view name) {
  auto type = TypeOf(name, dialect_);
  if (!type) return InvalidArgument("invalid metric type {}", GoQuote(name.substr(0, 4096)));
  type_ = *type;
  return OkStatus();
}

Status TextReader::CheckUnit() const {
  if (text_.empty()) return OkStatus();
  if (IsUnitOf(text_, family_)) return OkStatus();
  return InvalidArgument("unit {} not a suffix of metric {}", GoQuote(text_), GoQuote(family_));
}

std::string_view TextReader::metadata_text(std::string* scratch) const {
  if (metadata_kind_ != Entry::kHelp || text_.find('\\') == std::string_view::npos) return text_;
  scratch->clear();
  UnescapeTo(text_, dialect_ == TextDialect::kOpenMetrics, scratch);
  return *scratch;
}

namespace {

// As the reference's lexer calls them.
constexpr std::string_view kTokenNames[] = {"INVALID", "EOF",     "LINEBREAK", "HELP",    "TYPE",
                                            "UNIT",    "EOFWORD", "TEXT",      "COMMENT", "MNAME",
                                            "QSTRING", "BOPEN",   "BCLOSE",    "LNAME",   "LVALUE",
                                            "COMMA",   "EQUAL",   "TIMESTAMP", "VALUE"};

}  // namespace

// The bytes [begin, end) with the line feed the text dialect imagines behind the body.
std::string TextReader::Shown(size_t begin, size_t end) const {
  std::string shown(Raw(begin, end));
  if (dialect_ == TextDialect::kText && begin <= body_.size() && end > body_.size()) {
    shown.push_back('\n');
  }
  return GoQuote(shown);
}

Status TextReader::TokenError(std::string_view expected, Token got) const {
  return InvalidArgument("{}, got {} (\"{}\") while parsing: {}", expected, Shown(start_, i_ + 1),
                         kTokenNames[static_cast<size_t>(got)], Shown(entry_begin_, i_ + 1));
}

Status TextReader::WhileParsing(std::string_view error) const {
  return InvalidArgument("{} while parsing: {}", error, GoQuote(Raw(entry_begin_, i_)));
}

}  // namespace narthex
