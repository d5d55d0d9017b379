#include "core/exposition/text_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/exposition/label_text.h"
#include "core/exposition/number.h"
#include "core/exposition/text_lexer.h"
#include "core/exposition/text_scan.h"
#include "core/exposition/writer.h"
#include "core/labels/names.h"
#include "core/strings/quote.h"

namespace narthex {

using namespace text_lexer;

namespace {

constexpr uint64_t kNormalNaN = 0x7ff8000000000001ULL;
// An error message repeats no more of the body than this.
constexpr size_t kMaxShown = 4096;

constexpr std::string_view kTypeNames[] = {"unknown",        "counter", "gauge", "histogram",
                                           "gaugehistogram", "summary", "info",  "stateset"};

}  // namespace

std::string_view ScrapedTypeName(ScrapedType type) { return kTypeNames[static_cast<size_t>(type)]; }

TextReader::TextReader(std::string_view body, TextDialect dialect, const TextLimits& limits)
    : body_(body), dialect_(dialect), limits_(limits) {}

void TextReader::Seek(size_t position, ScrapedType type) {
  i_ = position;
  type_ = type;
}

StatusOr<TextReader::Entry> TextReader::Next() {
  if (body_.size() > kMaxBody) return ResourceExhausted("body larger than {} bytes", kMaxBody);
  has_exemplar_ = false;
  timestamp_ms_.reset();
  return dialect_ == TextDialect::kText ? NextText() : NextOpenMetrics();
}

StatusOr<TextReader::Entry> TextReader::NextText() {
  for (;;) {
    entry_begin_ = i_;
    SkipBlanks();
    const int c = At(i_);
    if (Is(c, kNameStart | kColon) || c == '{') return ReadSeries();
    if (c == '#') return ReadTextComment();
    if (c == '\n') {
      ++i_;
      continue;
    }
    // NUL ends the body for the reference, too.
    if (c <= 0) return Entry::kEnd;
    return TokenError("expected a valid start token", Fail(i_, i_));
  }
}

StatusOr<TextReader::Entry> TextReader::NextOpenMetrics() {
  entry_begin_ = i_;
  const int c = At(i_);
  if (Is(c, kNameStart | kColon) || c == '{') return ReadSeries();
  if (c == '#') return ReadOpenMetricsComment();
  if (c < 0) return InvalidArgument("data does not end with # EOF");
  return TokenError("expected a valid start token", Fail(i_, i_));
}

// ---- series ----

StatusOr<TextReader::Entry> TextReader::ReadSeries() {
  series_begin_ = i_;
  pairs_.clear();
  has_name_ = At(i_) != '{';
  if (has_name_) {
    ScanName(true);
    name_ = Span(series_begin_, i_);
    start_ = series_begin_;
    series_end_ = i_;
    SkipBlanks();
  }
  if (At(i_) == '{') {
    Take(Token::kBraceOpen, i_, i_ + 1);
    NX_RETURN_IF_ERROR(ReadLabelPairs(false, &pairs_));
    series_end_ = i_;
  }
  if (series_end_ - series_begin_ > limits_.max_series_bytes) {
    return ResourceExhausted("series longer than {} bytes", limits_.max_series_bytes);
  }
  NX_RETURN_IF_ERROR(dialect_ == TextDialect::kText ? ReadTextSuffix() : ReadOpenMetricsSuffix());
  return Entry::kSeries;
}

Status TextReader::ReadSuffix(size_t begin, size_t end) {
  entry_begin_ = series_begin_ = begin;
  series_end_ = i_ = end;
  has_name_ = true;
  has_exemplar_ = false;
  timestamp_ms_.reset();
  return dialect_ == TextDialect::kText ? ReadTextSuffix() : ReadOpenMetricsSuffix();
}

void TextReader::AppendMetricKey(std::string* key) const {
  for (const Pair& pair : pairs_) {
    const std::string_view name = Text(pair.name);
    if (IsBoundLabel(name, type_)) continue;
    key->append(name).push_back('\xff');
    key->append(Text(pair.value)).push_back('\xff');
  }
}

// Takes name="value", pairs with nothing unusual about them, as nearly all are; stops before the
// first other thing, which is left to the general code. The comma must be followed by a name.
void TextReader::TakePlainPairs(std::vector<Pair>* pairs) {
  const char* const base = body_.data();
  const char* const end = base + body_.size();
  const char* p = base + i_;
  while (pairs->size() < limits_.max_labels && p != end &&
         Is(static_cast<unsigned char>(*p), kNameStart)) {
    const char* name = p;
    p = ScanNameScalar(p, end, false);
    if (end - p < 3 || p[0] != '=' || p[1] != '"') return;
    const char* value = p + 2;
    bool non_ascii = false;
    const char* quote = ScanQuoted(value, end, &non_ascii);
    if (end - quote < 2 || *quote != '"' || quote[1] != ',' || non_ascii) return;
    auto offset = [base](const char* at) { return static_cast<size_t>(at - base); };
    pairs->push_back({Span(offset(name), offset(p)), Span(offset(value), offset(quote))});
    p = quote + 2;
    i_ = offset(p);
    start_ = i_ - 1;
  }
}

Status TextReader::ReadLabelPairs(bool exemplar, std::vector<Pair>* pairs) {
  TakePlainPairs(pairs);
  Token token = LexLabelToken();
  while (token != Token::kBraceClose) {
    if (token != Token::kLabelName && token != Token::kQuoted) {
      return TokenError("expected label name", token);
    }
    bool closed = false;
    const bool quoted = token == Token::kQuoted;
    NX_RETURN_IF_ERROR(
        ReadLabelPair(Span(start_, i_, quoted && escapes_), quoted, exemplar, pairs, &closed));
    if (closed) return OkStatus();
    token = LexLabelToken();
    if (token == Token::kComma) {
      token = LexLabelToken();
    } else if (dialect_ == TextDialect::kOpenMetrics && token != Token::kBraceClose) {
      return TokenError("expected comma or brace close", token);
    }
  }
  return OkStatus();
}

// Behind a name: ="value". Or the name was the quoted name of the metric, which stands alone; then
// what follows it is consumed up to and excluding the comma, or (*closed) including the brace.
Status TextReader::ReadLabelPair(Span name, bool quoted, bool exemplar, std::vector<Pair>* pairs,
                                 bool* closed) {
  Token token = LexLabelToken();
  if (token == Token::kComma || token == Token::kBraceClose) {
    if (exemplar) return TokenError("expected label name", token);
    // The reference would take an unquoted name, too, without its first and last letter.
    if (!has_name_ && !quoted) return TokenError("expected equal", token);
    if (has_name_) {
      return InvalidArgument("metric name already set while parsing: {}",
                             GoQuote(Raw(entry_begin_, i_)));
    }
    has_name_ = true;
    name_ = Span(name.begin + 1, name.end - 1, name.escapes);
    *closed = token == Token::kBraceClose;
    if (!*closed) i_ = start_;
    return OkStatus();
  }
  if (token != Token::kEqual) return TokenError("expected equal", token);
  token = LexLabelValue(exemplar);
  if (token != Token::kLabelValue) return TokenError("expected label value", token);
  if (non_ascii_ && !IsValidUtf8(TokenText())) {
    return InvalidArgument("invalid UTF-8 label value: {}", GoQuote(Raw(start_, i_)));
  }
  if (pairs->size() >= limits_.max_labels) {
    return ResourceExhausted("more than {} labels", limits_.max_labels);
  }
  const size_t strip = quoted ? 1 : 0;
  pairs->push_back({Span(name.begin + strip, name.end - strip, name.escapes),
                    Span(start_ + 1, i_ - 1, escapes_)});
  return OkStatus();
}

Status TextReader::ReadTextSuffix() {
  Token token = LexValue();
  if (!has_name_) {
    return InvalidArgument("metric name not set while parsing: {}", GoQuote(Raw(entry_begin_, i_)));
  }
  if (token != Token::kValue) return TokenError("expected value after metric", token);
  NX_RETURN_IF_ERROR(ParseValue(TokenText(), &value_));
  token = LexTextAfterValue();
  if (token == Token::kLinebreak) return OkStatus();
  if (token != Token::kTimestamp) return TokenError("expected timestamp or new record", token);
  std::string_view text = TokenText();
  int64_t ms = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), ms).ec != std::errc()) {
    return WhileParsing("strconv.ParseInt: parsing " + GoQuote(text) + ": value out of range");
  }
  timestamp_ms_ = ms;
  token = LexTextAfterValue();
  if (token == Token::kLinebreak) return OkStatus();
  return TokenError("expected next entry after timestamp", token);
}

Status TextReader::ReadOpenMetricsSuffix() {
  Token token = LexValue();
  if (!has_name_) {
    return InvalidArgument("metric name not set while parsing: {}", GoQuote(Raw(entry_begin_, i_)));
  }
  if (token != Token::kValue) return TokenError("expected value after metric", token);
  NX_RETURN_IF_ERROR(ParseValue(TokenText().substr(1), &value_));
  // A blank that leads nowhere ends the series for the reference, which then fails on what follows.
  const bool hash_blank = body_.substr(i_, 3) == " # " && At(i_ + 3) != '{';
  const int second = At(i_ + 1);
  if (hash_blank || (At(i_) == ' ' && (second == ' ' || second == '\n' || second < 0))) {
    i_ += hash_blank ? 3 : 1;
    entry_begin_ = i_;
    if (At(i_) < 0) return InvalidArgument("data does not end with # EOF");
    return TokenError("expected a valid start token", LexOpenMetricsAfterValue(false));
  }
  token = LexOpenMetricsAfterValue(false);
  if (token == Token::kTimestamp) {
    int64_t ms = 0;
    NX_RETURN_IF_ERROR(ParseSeconds("timestamp", &ms));
    timestamp_ms_ = ms;
    token = LexOpenMetricsAfterValue(false);
    if (token == Token::kLinebreak) return OkStatus();
    if (token != Token::kComment) return TokenError("expected next entry after timestamp", token);
  }
  switch (token) {
    case Token::kLinebreak: return OkStatus();
    case Token::kComment: return ReadExemplar();
    case Token::kEnd: return InvalidArgument("data does not end with # EOF");
    default: return TokenError("expected timestamp or # symbol", token);
  }
}

Status TextReader::ReadExemplar() {
  exemplar_pairs_.clear();
  exemplar_timestamp_ms_.reset();
  NX_RETURN_IF_ERROR(ReadLabelPairs(true, &exemplar_pairs_));
  Token token = LexNumber(Token::kValue);
  if (token != Token::kValue) return TokenError("expected value after exemplar labels", token);
  NX_RETURN_IF_ERROR(ParseValue(TokenText().substr(1), &exemplar_value_));
  has_exemplar_ = true;
  token = LexOpenMetricsAfterValue(true);
  if (token == Token::kLinebreak) return OkStatus();
  if (token == Token::kEnd) return InvalidArgument("data does not end with # EOF");
  if (token != Token::kTimestamp) return TokenError("expected timestamp or comment", token);
  int64_t ms = 0;
  NX_RETURN_IF_ERROR(ParseSeconds("exemplar timestamp", &ms));
  exemplar_timestamp_ms_ = ms;
  token = LexOpenMetricsAfterValue(true);
  if (token == Token::kLinebreak) return OkStatus();
  return TokenError("expected next entry after exemplar timestamp", token);
}

Status TextReader::ParseValue(std::string_view text, double* out) const {
  FloatError error = ParseGoFloat(text, out);
  if (error != FloatError::kNone)
    return WhileParsing(GoFloatErrorText(error, text.substr(0, kMaxShown)));
  if (std::isnan(*out)) *out = std::bit_cast<double>(kNormalNaN);
  return OkStatus();
}

// The last token, a space and seconds as a float.
Status TextReader::ParseSeconds(std::string_view what, int64_t* ms) const {
  double seconds = 0;
  NX_RETURN_IF_ERROR(ParseValue(TokenText().substr(1), &seconds));
  if (std::isnan(seconds)) return InvalidArgument("invalid {} NaN", what);
  if (std::isinf(seconds)) {
    return InvalidArgument("invalid {} {}Inf", what, seconds > 0 ? '+' : '-');
  }
  const double scaled = seconds * 1000;
  constexpr double kLimit = 9223372036854774784.0;  // the last double below 2^63
  *ms = static_cast<int64_t>(std::clamp(scaled, -kLimit, kLimit));
  return OkStatus();
}

// ---- labels ----

StatusOr<Labels> TextReader::DecodeLabels() { return BuildLabels(name_, pairs_, true); }

void TextReader::EmptyLabels(std::vector<std::string_view>* names) {
  names->clear();
  for (const Pair& pair : pairs_) {
    if (pair.value.begin == pair.value.end) names->push_back(Unescaped(pair.name));
  }
}

StatusOr<ScrapedExemplar> TextReader::DecodeExemplar() {
  ScrapedExemplar exemplar;
  NX_ASSIGN_OR_RETURN(exemplar.labels, BuildLabels(std::nullopt, exemplar_pairs_, false));
  exemplar.value = exemplar_value_;
  exemplar.timestamp_ms = exemplar_timestamp_ms_;
  return exemplar;
}

StatusOr<Labels> TextReader::BuildLabels(std::optional<Span> name, const std::vector<Pair>& pairs,
                                         bool normalise) {
  unescaped_.clear();
  labels_.resize(pairs.size() + (name ? 1 : 0));
  Label* out = labels_.data();
  if (name) *out++ = {kMetricNameLabel, Unescaped(*name)};
  normalise = normalise && (type_ == ScrapedType::kHistogram || type_ == ScrapedType::kSummary);
  for (const Pair& pair : pairs) {
    out->name = Unescaped(pair.name);
    out->value = Unescaped(pair.value);
    // Exporters print "1" where others print "1.0"; stored is one form.
    if (normalise && IsBoundLabel(out->name, type_)) {
      out->value = NormalisedBound(out->value, &unescaped_.emplace_back());
    }
    ++out;
  }
  return SortedLabels(&labels_);
}

// \" \\ and \n; any other backslash stays.
std::string_view TextReader::Unescaped(Span span) {
  if (!span.escapes) return Text(span);
  std::string& out = unescaped_.emplace_back();
  UnescapeTo(Text(span), true, &out);
  return out;
}

// ---- errors ----

std::string_view TextReader::Raw(size_t begin, size_t end) const {
  begin = std::min(begin, body_.size());
  end = std::min({std::max(begin, end), body_.size(), begin + kMaxShown});
  return body_.substr(begin, end - begin);
}

}  // namespace narthex
