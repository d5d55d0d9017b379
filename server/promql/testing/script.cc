#include "server/promql/testing/script.h"

#include <algorithm>
#include <cmath>

#include "core/histogram/arithmetic.h"
#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/promql/parser/parser.h"
#include "server/promql/testing/result_text.h"

namespace narthex::promql {
namespace {

constexpr int64_t kMostValues = 10'000'000;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Cuts the first blank-separated word off.
std::string_view TakeWord(std::string_view* text) {
  *text = TrimSpace(*text);
  const size_t end = std::min(text->find_first_of(" \t"), text->size());
  const std::string_view word = text->substr(0, end);
  *text = TrimSpace(text->substr(end));
  return word;
}

// The end of a series' name and labels: the first blank outside braces and quotes.
size_t SeriesEnd(std::string_view line) {
  bool quoted = false;
  int depth = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && (i == 0 || line[i - 1] != '\\')) quoted = !quoted;
    if (quoted) continue;
    depth += line[i] == '{' ? 1 : (line[i] == '}' ? -1 : 0);
    if (depth == 0 && line[i] == ' ') return i;
  }
  return line.size();
}

struct Run {
  std::optional<double> first;  // none: a gap
  std::optional<FloatHistogram> histogram, histogram_step;
  bool falls = false;  // by `histogram_step`
  double step = 0;
  int64_t count = 1;
};

// Cuts a value off: a word, or what goes with {{…}} and its blanks.
std::string_view TakeValue(std::string_view* text) {
  size_t end = 0;
  int depth = 0;
  for (; end < text->size() && (depth > 0 || (*text)[end] != ' '); ++end) {
    depth += (*text)[end] == '{' ? 1 : ((*text)[end] == '}' ? -1 : 0);
  }
  const std::string_view value = text->substr(0, end);
  *text = TrimSpace(text->substr(end));
  return value;
}

StatusOr<Run> ParseHistogramRun(std::string_view word) {
  const auto bad = [&] { return InvalidArgument("bad histogram {}", GoQuote(word)); };
  Run run;
  const size_t end = word.find("}}");
  if (end == std::string_view::npos) return bad();
  NX_ASSIGN_OR_RETURN(run.histogram, ParseHistogram(word.substr(0, end + 2)));
  std::string_view rest = word.substr(end + 2);
  if (rest.starts_with("+") || rest.starts_with("-")) {
    const size_t step_end = rest.find("}}");
    if (step_end == std::string_view::npos) return bad();
    NX_ASSIGN_OR_RETURN(run.histogram_step, ParseHistogram(rest.substr(1, step_end + 1)));
    run.falls = rest[0] == '-';
    rest = rest.substr(step_end + 2);
  }
  if (rest.empty()) return run;
  const auto n = rest[0] == 'x' ? ParseInt(rest.substr(1)) : std::nullopt;
  if (!n || *n < 0 || *n > kMostValues) return bad();
  run.count = *n + (run.histogram_step ? 1 : 0);
  return run;
}

// Digits may stand apart: 1_000.
std::optional<double> ParseNumber(std::string_view text) {
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool apart = text[i] == '_' && i > 0 && i + 1 < text.size() && IsDigit(text[i - 1]) &&
                       IsDigit(text[i + 1]);
    if (!apart) digits.push_back(text[i]);
  }
  return ParseFloat(digits);
}

StatusOr<Run> ParseRun(std::string_view word) {
  if (word.starts_with("{{")) return ParseHistogramRun(word);
  const auto bad = [&] { return InvalidArgument("bad value {}", GoQuote(word)); };
  Run run;
  const size_t x = word.rfind('x');
  std::string_view value = word;
  if (x != std::string_view::npos && x > 0) {
    const auto n = ParseInt(word.substr(x + 1));
    if (!n || *n < 0 || *n > kMostValues) return bad();
    run.count = *n;
    value = word.substr(0, x);
  }
  const bool repeated = value.size() < word.size();
  if (value == "_") return run;
  if (value == "stale" && !repeated) {
    run.first = storage::StaleNaN();
    return run;
  }
  // The sign of a step, not of the number nor of its exponent.
  size_t sign = value.find_first_of("+-", 1);
  while (sign != std::string_view::npos && (value[sign - 1] | 0x20) == 'e') {
    sign = value.find_first_of("+-", sign + 1);
  }
  run.first = ParseNumber(value.substr(0, sign));
  if (!run.first) return bad();
  if (sign != std::string_view::npos) {
    const auto step = ParseNumber(value.substr(sign));
    if (!step || !repeated) return bad();
    run.step = *step;
    ++run.count;
  }
  return run;
}

StatusOr<TimestampMs> ParseTime(std::string_view word) {
  if (word.starts_with("-")) {
    NX_ASSIGN_OR_RETURN(const int64_t ms, ParsePromDuration(word.substr(1)));
    return -ms;
  }
  if (const auto seconds = ParseFloat(word)) return static_cast<TimestampMs>(*seconds * 1000);
  return ParsePromDuration(word);
}

class ScriptRunner {
 public:
  explicit ScriptRunner(const Engine& engine) : engine_(engine) {}

  Status Run(std::string_view text) {
    lines_ = SplitString(text, '\n');
    while (at_ < lines_.size()) {
      const std::string_view line = lines_[at_];
      const int number = static_cast<int>(++at_);
      if (Blank(line)) continue;
      const Status status = Command(line, number);
      if (!status.ok()) return Annotate(status, fmt::format("line {}", number));
    }
    return OkStatus();
  }

  std::vector<ScriptFailure> failures;

 private:
  static bool Blank(std::string_view line) {
    const std::string_view t = TrimSpace(line);
    return t.empty() || t.front() == '#';
  }

  std::vector<std::string> TakeBlock() {
    std::vector<std::string> block;
    while (at_ < lines_.size() && (Blank(lines_[at_]) || lines_[at_].front() == ' ')) {
      if (!Blank(lines_[at_])) block.emplace_back(TrimSpace(lines_[at_]));
      ++at_;
    }
    return block;
  }

  Status Command(std::string_view line, int number) {
    const std::string_view word = TakeWord(&line);
    if (word == "clear") {
      storage_.Clear();
      return OkStatus();
    }
    if (word == "load") {
      NX_ASSIGN_OR_RETURN(const int64_t interval, ParsePromDuration(line));
      for (const std::string& s : TakeBlock()) {
        NX_RETURN_IF_ERROR(LoadSeriesLine(s, interval, &storage_));
      }
      return OkStatus();
    }
    NX_ASSIGN_OR_RETURN(const TimestampMs start, ParseTime(TakeWord(&line)));
    if (word == "range") {
      NX_ASSIGN_OR_RETURN(const TimestampMs end, ParseTime(TakeWord(&line)));
      NX_ASSIGN_OR_RETURN(const int64_t step, ParsePromDuration(TakeWord(&line)));
      Compare(number, line, engine_.Range(storage_, line, start, end, step, {}), false);
      return OkStatus();
    }
    if (word != "at" && word != "ordered" && word != "error") {
      return InvalidArgument("unknown command {}", GoQuote(word));
    }
    Compare(number, line, engine_.Instant(storage_, line, start, {}), word == "ordered");
    return OkStatus();
  }

  void Compare(int number, std::string_view query, const StatusOr<QueryResult>& result,
               bool ordered) {
    std::vector<std::string> want = TakeBlock();
    std::vector<std::string> got;
    if (!result.ok()) {
      got.emplace_back(MessageOf(result.status()));
    } else {
      const std::string text = ResultToText(*result);
      for (std::string_view l : SplitString(text, '\n')) {
        if (!l.empty()) got.emplace_back(l);
      }
      for (const auto& w : result->annotations.warnings) got.push_back("! " + w);
      for (const auto& i : result->annotations.infos) got.push_back("! " + i);
    }
    if (!ordered) {
      std::sort(want.begin(), want.end());
      std::sort(got.begin(), got.end());
    }
    if (want == got) return;
    failures.push_back(
        {number, std::string(query), JoinStrings(want, "\n"), JoinStrings(got, "\n")});
  }

  const Engine& engine_;
  MemoryStorage storage_;
  std::vector<std::string_view> lines_;
  size_t at_ = 0;
};

}  // namespace

StatusOr<FloatHistogram> ParseHistogram(std::string_view text) {
  const auto bad = [&] { return InvalidArgument("bad histogram {}", GoQuote(text)); };
  if (!text.starts_with("{{") || !text.ends_with("}}")) return bad();
  std::string_view rest = TrimSpace(text.substr(2, text.size() - 4));
  FloatHistogram h;
  int32_t offset = 0, negative_offset = 0;
  std::vector<std::string_view> seen;
  while (!rest.empty()) {
    const size_t colon = rest.find(':');
    if (colon == std::string_view::npos) return bad();
    const std::string_view key = rest.substr(0, colon);
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
      return InvalidArgument("duplicate key {} in histogram", GoQuote(key));
    }
    seen.push_back(key);
    rest = rest.substr(colon + 1);
    const bool list = rest.starts_with("[");
    const size_t end = list ? rest.find(']') : std::min(rest.find(' '), rest.size());
    if (end == std::string_view::npos) return bad();
    std::string_view value = list ? rest.substr(1, end - 1) : rest.substr(0, end);
    rest = TrimSpace(rest.substr(list ? end + 1 : end));
    if (key == "counter_reset_hint") {
      using enum CounterResetHint;
      constexpr std::pair<std::string_view, CounterResetHint> kHints[] = {
          {"unknown", kUnknown}, {"reset", kReset}, {"not_reset", kNotReset}, {"gauge", kGauge}};
      const auto hint = std::find_if(std::begin(kHints), std::end(kHints),
                                     [value](const auto& h) { return h.first == value; });
      if (hint == std::end(kHints)) return bad();
      h.reset = hint->second;
      continue;
    }
    std::vector<double> numbers;
    while (!(value = TrimSpace(value)).empty()) {
      const auto number = ParseFloat(TakeWord(&value));
      if (!number) return bad();
      numbers.push_back(*number);
    }
    const bool takes_list = key == "buckets" || key == "n_buckets" || key == "custom_values";
    if (numbers.size() != 1 && !(list && takes_list)) return bad();
    const bool whole = key == "schema" || key == "offset" || key == "n_offset";
    if (whole && (numbers[0] != std::trunc(numbers[0]) || std::abs(numbers[0]) > 1e9)) return bad();
    if (key == "schema")
      h.schema = static_cast<int32_t>(numbers[0]);
    else if (key == "sum")
      h.sum = numbers[0];
    else if (key == "count")
      h.count = numbers[0];
    else if (key == "z_bucket")
      h.zero_count = numbers[0];
    else if (key == "z_bucket_w")
      h.zero_threshold = numbers[0];
    else if (key == "offset")
      offset = static_cast<int32_t>(numbers[0]);
    else if (key == "n_offset")
      negative_offset = static_cast<int32_t>(numbers[0]);
    else if (key == "buckets")
      h.positive_buckets = numbers;
    else if (key == "n_buckets")
      h.negative_buckets = numbers;
    else if (key == "custom_values")
      h.custom_values = numbers;
    else
      return bad();
  }
  if (!h.positive_buckets.empty()) {
    h.positive_spans = {{offset, static_cast<uint32_t>(h.positive_buckets.size())}};
  }
  if (!h.negative_buckets.empty()) {
    h.negative_spans = {{negative_offset, static_cast<uint32_t>(h.negative_buckets.size())}};
  }
  return h;
}

Status LoadSeriesLine(std::string_view line, int64_t interval_ms, MemoryStorage* storage) {
  const size_t end = SeriesEnd(line);
  NX_ASSIGN_OR_RETURN(const Labels labels, ParseMetric(line.substr(0, end)));
  std::string_view rest = line.substr(end);
  TimestampMs t = 0;
  while (!(rest = TrimSpace(rest)).empty()) {
    NX_ASSIGN_OR_RETURN(auto run, ParseRun(TakeValue(&rest)));
    double v = run.first.value_or(0);
    for (int64_t i = 0; i < run.count; ++i, t += interval_ms) {
      if (run.histogram) {
        storage->Add(labels, t, *run.histogram);
        if (run.histogram_step) {
          const auto apply = run.falls ? SubtractFrom : AddTo;
          NX_RETURN_IF_ERROR(apply(&*run.histogram, *run.histogram_step).status());
        }
      }
      if (run.first) storage->Add(labels, t, v);
      if (run.step != 0) v += run.step;
    }
  }
  return OkStatus();
}

StatusOr<std::vector<ScriptFailure>> RunScript(std::string_view text, const Engine& engine) {
  ScriptRunner runner(engine);
  NX_RETURN_IF_ERROR(runner.Run(text));
  return std::move(runner.failures);
}

}  // namespace narthex::promql
