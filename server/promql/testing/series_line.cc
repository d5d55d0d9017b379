#include "server/promql/testing/series_line.h"

#include <algorithm>
#include <string>

#include "core/histogram/arithmetic.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/promql/parser/parser_impl.h"
#include "server/promql/testing/series_lexer.h"
#include "server/storage/interface.h"

namespace narthex::promql {
namespace {

constexpr uint64_t kMostValues = 10'000'000;
constexpr std::string_view kContext = " in series values";

class ValuesParser {
 public:
  ValuesParser(std::string_view text, size_t pos, Repeats repeats)
      : text_(text), repeats_(repeats), lexer_(text, pos) {
    Advance();
  }

  // Values stand apart by blanks.
  Status Parse(std::vector<ValueRun>* runs) {
    while (Is(SeriesTok::kBlanks)) {
      Advance();
      if (Is(SeriesTok::kEnd)) break;
      NX_RETURN_IF_ERROR(ParseRun(&runs->emplace_back()));
    }
    if (Is(SeriesTok::kEnd)) return OkStatus();
    return Unexpected(runs->empty() ? kContext : "");
  }

 private:
  bool Is(SeriesTok type) const { return tok_.type == type; }
  bool IsSign() const { return Is(SeriesTok::kPlus) || Is(SeriesTok::kMinus); }
  void Advance() { tok_ = lexer_.Next(); }

  Status Fail(size_t pos, std::string_view what) const {
    return ParseErrorAt(text_, {static_cast<int>(pos), static_cast<int>(pos)}, what);
  }
  Status Unexpected(std::string_view context = kContext) const {
    if (Is(SeriesTok::kError)) return Fail(tok_.pos, tok_.text);
    return Fail(tok_.pos, fmt::format("unexpected {}{}", tok_.Describe(), context));
  }
  Status Expect(SeriesTok type) {
    if (!Is(type)) return Unexpected();
    Advance();
    return OkStatus();
  }

  Status ParseRun(ValueRun* run) {
    switch (tok_.type) {
      case SeriesTok::kGap:
        Advance();
        return Is(SeriesTok::kTimes) ? ParseCount(0, run) : OkStatus();
      case SeriesTok::kOpen: return ParseHistogramRun(run);
      case SeriesTok::kPlus:
      case SeriesTok::kMinus:
      case SeriesTok::kNumber: break;
      case SeriesTok::kWord:
        if (LookUpWord(tok_.text) != Tok::kIdentifier) return Unexpected("");
        if (tok_.text != "stale") {
          return Unexpected(" in series values, expected number or \"stale\"");
        }
        run->first = storage::StaleNaN();
        Advance();
        return OkStatus();
      default: return Unexpected("");
    }
    NX_ASSIGN_OR_RETURN(run->first, ParseSigned());
    if (IsSign()) {
      NX_ASSIGN_OR_RETURN(run->step, ParseSigned());
      return ParseCount(1, run);
    }
    return Is(SeriesTok::kTimes) ? ParseCount(more(), run) : OkStatus();
  }

  int64_t more() const { return repeats_ == Repeats::kMore ? 1 : 0; }

  StatusOr<double> ParseSigned() {
    const bool negative = Is(SeriesTok::kMinus);
    if (IsSign()) Advance();
    if (!Is(SeriesTok::kNumber)) return Unexpected();
    const StatusOr<double> value = NumberValue(tok_.text);
    if (!value.ok()) return Fail(tok_.pos, MessageOf(value.status()));
    Advance();
    return negative ? -*value : *value;
  }

  Status ParseCount(int64_t extra, ValueRun* run) {
    NX_RETURN_IF_ERROR(Expect(SeriesTok::kTimes));
    count_at_ = tok_.pos;
    NX_ASSIGN_OR_RETURN(const uint64_t n, ParseWhole());
    if (n > kMostValues) {
      return Fail(count_at_, fmt::format("more than {} values in one sequence", kMostValues));
    }
    run->count = static_cast<int64_t>(n) + extra;
    return OkStatus();
  }

  StatusOr<uint64_t> ParseWhole() {
    if (!Is(SeriesTok::kNumber)) return Unexpected();
    const bool digits = tok_.text.find_first_not_of("0123456789") == std::string::npos;
    const auto n = digits ? ParseInt(tok_.text) : std::nullopt;
    if (!n) {
      return Fail(
          tok_.pos,
          fmt::format("invalid repetition in series values: strconv.ParseUint: parsing {}: {}",
                      GoQuote(tok_.text), digits ? "value out of range" : "invalid syntax"));
    }
    Advance();
    return static_cast<uint64_t>(*n);
  }

  Status ParseHistogramRun(ValueRun* run) {
    NX_ASSIGN_OR_RETURN(run->histogram, ParseHistogram());
    if (!IsSign()) return Is(SeriesTok::kTimes) ? ParseCount(more(), run) : OkStatus();
    run->falls = Is(SeriesTok::kMinus);
    Advance();
    if (!Is(SeriesTok::kOpen)) return Unexpected();
    NX_ASSIGN_OR_RETURN(run->histogram_step, ParseHistogram());
    NX_RETURN_IF_ERROR(ParseCount(1, run));
    if (run->histogram->custom_buckets() != run->histogram_step->custom_buckets()) {
      return Fail(count_at_, fmt::format("error combining histograms: cannot merge from schema {} "
                                         "to {}",
                                         run->histogram_step->schema, run->histogram->schema));
    }
    return OkStatus();
  }

  StatusOr<FloatHistogram> ParseHistogram() {
    Advance();  // {{
    FloatHistogram h;
    Offsets offsets;
    std::vector<std::string> seen;
    if (Is(SeriesTok::kBlanks)) {
      Advance();
      if (!Is(SeriesTok::kClose)) return Unexpected();
    }
    while (!Is(SeriesTok::kClose)) {
      if (!Is(SeriesTok::kKey)) return Unexpected();
      const std::string key = tok_.text;
      Advance();
      NX_RETURN_IF_ERROR(ParseField(key, &h, &offsets));
      if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
        return Fail(0, fmt::format("duplicate key {} in histogram", GoQuote(key)));
      }
      seen.push_back(key);
      if (Is(SeriesTok::kBlanks)) {
        Advance();
      } else if (!Is(SeriesTok::kClose)) {
        return Unexpected();
      }
    }
    Advance();
    const auto spans = [](int32_t offset, const std::vector<double>& buckets) {
      if (buckets.empty()) return std::vector<BucketSpan>{};
      return std::vector<BucketSpan>{{offset, static_cast<uint32_t>(buckets.size())}};
    };
    h.positive_spans = spans(offsets.positive, h.positive_buckets);
    h.negative_spans = spans(offsets.negative, h.negative_buckets);
    return h;
  }

  struct Offsets {
    int32_t positive = 0, negative = 0;
  };

  Status ParseField(const std::string& key, FloatHistogram* h, Offsets* offsets) {
    if (key == "counter_reset_hint") return ParseHint(&h->reset);
    if (key == "buckets") return ParseList(&h->positive_buckets);
    if (key == "n_buckets") return ParseList(&h->negative_buckets);
    if (key == "custom_values") return ParseList(&h->custom_values);
    if (key == "schema") return ParseInt32(&h->schema);
    if (key == "offset") return ParseInt32(&offsets->positive);
    if (key == "n_offset") return ParseInt32(&offsets->negative);
    NX_ASSIGN_OR_RETURN(const double value, ParseSigned());
    (key == "sum"        ? h->sum
     : key == "count"    ? h->count
     : key == "z_bucket" ? h->zero_count
                         : h->zero_threshold) = value;
    return OkStatus();
  }

  Status ParseHint(CounterResetHint* hint) {
    if (!Is(SeriesTok::kHint)) return Unexpected();
    *hint = tok_.text == "reset"       ? CounterResetHint::kReset
            : tok_.text == "not_reset" ? CounterResetHint::kNotReset
            : tok_.text == "gauge"     ? CounterResetHint::kGauge
                                       : CounterResetHint::kUnknown;
    Advance();
    return OkStatus();
  }

  Status ParseInt32(int32_t* out) {
    const bool negative = Is(SeriesTok::kMinus);
    if (negative) Advance();
    const size_t at = tok_.pos;
    NX_ASSIGN_OR_RETURN(const uint64_t n, ParseWhole());
    if (n > 1'000'000'000) return Fail(at, "number too large in histogram description");
    *out = negative ? -static_cast<int32_t>(n) : static_cast<int32_t>(n);
    return OkStatus();
  }

  Status ParseList(std::vector<double>* out) {
    NX_RETURN_IF_ERROR(Expect(SeriesTok::kLeftBracket));
    for (;;) {
      NX_ASSIGN_OR_RETURN(const double value, ParseSigned());
      out->push_back(value);
      if (Is(SeriesTok::kBlanks)) Advance();
      if (Is(SeriesTok::kRightBracket)) break;
    }
    Advance();
    return OkStatus();
  }

  const std::string_view text_;
  const Repeats repeats_;
  SeriesLexer lexer_;
  SeriesToken tok_;
  size_t count_at_ = 0;
};

}  // namespace

StatusOr<SeriesLine> ParseSeriesLine(std::string_view text, Repeats repeats) {
  SeriesLine line;
  size_t end = 0;
  Lexer lexer(text);
  const Token first = lexer.Next();
  if (first.type == Tok::kString) {
    return ParseErrorAt(text, first.range(),
                        fmt::format("unexpected {}{}", DescribeToken(first), kContext));
  }
  // Without a series, what is there first is taken for a value.
  if (first.type == Tok::kError || first.type == Tok::kLeftBrace || CanBeMetricName(first.type)) {
    NX_ASSIGN_OR_RETURN(line.labels, ParseMetricPrefix(text, &end));
  }
  NX_RETURN_IF_ERROR(ValuesParser(text, end, repeats).Parse(&line.runs));
  return line;
}

}  // namespace narthex::promql
