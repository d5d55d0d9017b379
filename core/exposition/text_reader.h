#pragma once
// The full parser of the text formats: reads a body entry by entry, in place. It is the miss path
// of the scrape parser, and the reference its predictions are tested against.
//
// Two dialects: kText (0.0.4 and 1.0.0: free white space, integer timestamps in milliseconds) and
// kOpenMetrics (single spaces, timestamps in seconds, exemplars, UNIT, # EOF required). Errors are
// InvalidArgument in the reference's words:
//   expected value after metric, got "\n" ("INVALID") while parsing: "a\n"
//
// Labels are decoded on demand. le of a histogram and quantile of a summary are normalised ("1" is
// stored as "1.0"), judged by the TYPE line in effect; NaN values by bits 0x7ff8000000000001.
//
// Thread safety: none. The body must outlive the reader.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/labels/labels.h"

namespace narthex {

enum class TextDialect { kText, kOpenMetrics };

enum class ScrapedType : uint8_t {
  kUnknown,
  kCounter,
  kGauge,
  kHistogram,
  kGaugeHistogram,
  kSummary,
  kInfo,
  kStateset
};
std::string_view ScrapedTypeName(ScrapedType type);  // "unknown", "counter", …

// Whether `name` ends in "_" and the unit, as it must.
inline bool IsUnitOf(std::string_view unit, std::string_view name) {
  return name.size() > unit.size() && name.ends_with(unit) &&
         name[name.size() - unit.size() - 1] == '_';
}

struct ScrapedExemplar {
  Labels labels;
  double value = 0;
  std::optional<int64_t> timestamp_ms;
};

struct TextLimits {
  size_t max_series_bytes = (1 << 24) - 1;  // raw text of one series
  size_t max_labels = 4096;                 // of one series
};

class TextReader {
 public:
  enum class Entry { kSeries, kHelp, kType, kUnit, kComment, kEnd };
  static constexpr size_t kMaxBody = (size_t{1} << 31) - 2;  // larger ones are refused

  TextReader(std::string_view body, TextDialect dialect, const TextLimits& limits = {});

  // The next entry; kEnd at the end of a well-formed body. After an error the reader is spent.
  StatusOr<Entry> Next();

  // ---- after kSeries ----
  // The raw text up to the end of name or closing brace: the identity within the body.
  std::string_view series() const {
    return body_.substr(series_begin_, series_end_ - series_begin_);
  }
  double value() const { return value_; }
  const std::optional<int64_t>& timestamp_ms() const { return timestamp_ms_; }
  bool has_exemplar() const { return has_exemplar_; }
  // Error when a label name occurs twice.
  StatusOr<Labels> DecodeLabels();
  // The names of labels without a value, which DecodeLabels leaves out. To be called behind it;
  // valid until it is called again.
  void EmptyLabels(std::vector<std::string_view>* names);
  StatusOr<ScrapedExemplar> DecodeExemplar();
  // The name as it is written, without quotes.
  std::string_view raw_name() const { return Text(name_); }
  // Appends the labels as they are written, but for those that tell the series of one histogram or
  // summary from each other: le under a TYPE line of histograms, quantile under one of summaries.
  void AppendMetricKey(std::string* key) const;

  // ---- after kHelp, kType, kUnit ----
  std::string_view family() const { return family_; }
  // HELP unescaped, which may take *scratch; UNIT as it is.
  std::string_view metadata_text(std::string* scratch) const;
  // The type named by the last TYPE line: what normalisation goes by.
  ScrapedType type() const { return type_; }

  // ---- for the scrape parser ----
  // The next byte to read; always at the start of a line between entries.
  size_t position() const { return i_; }
  // Continues at `position`, a start of line, under the given type.
  void Seek(size_t position, ScrapedType type);
  // Reads value, timestamp and exemplar of a series whose text is body[begin, end), already known
  // to be a well-formed series under this dialect.
  Status ReadSuffix(size_t begin, size_t end);

 private:
  enum class Token : uint8_t;
  // A part of the body; small, as pairs of them are copied about. See kMaxBody.
  struct Span {
    Span() = default;
    Span(size_t from, size_t to, bool has_escapes = false)
        : begin(static_cast<uint32_t>(from)),
          end(static_cast<uint32_t>(to)),
          escapes(has_escapes) {}
    uint32_t begin = 0;
    uint32_t end : 31 = 0;
    uint32_t escapes : 1 = 0;  // there are backslashes in it
  };
  struct Pair {
    Span name, value;
  };

  int At(size_t i) const;
  std::string_view Raw(size_t begin, size_t end) const;
  Token Take(Token token, size_t start, size_t end);
  Token Fail(size_t start, size_t at) { return Take(Token{}, start, at); }
  void SkipBlanks();
  void ScanName(bool colons);
  Token LexQuoted(Token token);
  Token LexLabelToken();
  Token LexLabelValue(bool exemplar);
  Token LexValue();
  Token LexNumber(Token token);
  Token LexTextAfterValue();
  Token LexOpenMetricsAfterValue(bool exemplar);
  Token LexMetricName();
  Token LexOpenMetricsKeyword();

  StatusOr<Entry> NextText();
  StatusOr<Entry> NextOpenMetrics();
  StatusOr<Entry> ReadTextComment();
  StatusOr<Entry> ReadTextMetadata(Entry kind);
  StatusOr<Entry> ReadOpenMetricsComment();
  StatusOr<Entry> ReadOpenMetricsMetadata(Entry kind);
  StatusOr<Entry> FinishMetadata(Entry kind);
  StatusOr<Entry> ReadSeries();
  void TakePlainPairs(std::vector<Pair>* pairs);
  Status ReadLabelPairs(bool exemplar, std::vector<Pair>* pairs);
  Status ReadLabelPair(Span name, bool quoted, bool exemplar, std::vector<Pair>* pairs,
                       bool* closed);
  Status ReadTextSuffix();
  Status ReadOpenMetricsSuffix();
  Status ReadExemplar();
  Status ParseValue(std::string_view text, double* out) const;
  Status ParseSeconds(std::string_view what, int64_t* ms) const;
  Status SetType(std::string_view name);
  Status CheckUnit() const;
  StatusOr<Labels> BuildLabels(std::optional<Span> name, const std::vector<Pair>& pairs,
                               bool normalise);
  std::string_view Unescaped(Span span);
  Status TokenError(std::string_view expected, Token got) const;
  Status WhileParsing(std::string_view error) const;
  std::string Shown(size_t begin, size_t end) const;
  std::string_view Text(Span span) const { return body_.substr(span.begin, span.end - span.begin); }
  std::string_view TokenText() const { return body_.substr(start_, i_ - start_); }

  std::string_view body_;
  TextDialect dialect_;
  TextLimits limits_;
  size_t i_ = 0;      // end of the last token, or where the lexer failed
  size_t start_ = 0;  // start of the last token
  // Of the last quoted token.
  bool non_ascii_ = false;
  bool escapes_ = false;
  size_t entry_begin_ = 0;

  size_t series_begin_ = 0;
  size_t series_end_ = 0;
  bool has_name_ = false;
  Span name_{};
  std::vector<Pair> pairs_;
  double value_ = 0;
  std::optional<int64_t> timestamp_ms_;
  bool has_exemplar_ = false;
  std::vector<Pair> exemplar_pairs_;
  double exemplar_value_ = 0;
  std::optional<int64_t> exemplar_timestamp_ms_;

  std::string_view family_;
  std::string_view text_;
  Entry metadata_kind_ = Entry::kComment;
  ScrapedType type_ = ScrapedType::kUnknown;

  // Scratch of BuildLabels.
  std::vector<Label> labels_;
  std::deque<std::string> unescaped_;
};

}  // namespace narthex
