#include "server/promql/testing/script.h"

#include <algorithm>

#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/promql/parser/parser.h"
#include "server/promql/testing/result_text.h"

namespace narthex::promql {
namespace {

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
  double step = 0;
  int64_t count = 1;
};

StatusOr<Run> ParseRun(std::string_view word) {
  const auto bad = [&] { return InvalidArgument("bad value {}", GoQuote(word)); };
  Run run;
  const size_t x = word.rfind('x');
  std::string_view value = word;
  if (x != std::string_view::npos && x > 0) {
    const auto n = ParseInt(word.substr(x + 1));
    if (!n || *n < 0 || *n > 1'000'000) return bad();
    run.count = *n;
    value = word.substr(0, x);
  }
  if (value == "_") return run;
  if (value == "stale") {
    run.first = storage::StaleNaN();
    return run;
  }
  // The sign of a step, not of the number nor of its exponent.
  size_t sign = value.find_first_of("+-", 1);
  while (sign != std::string_view::npos && (value[sign - 1] | 0x20) == 'e') {
    sign = value.find_first_of("+-", sign + 1);
  }
  run.first = ParseFloat(value.substr(0, sign));
  if (!run.first) return bad();
  if (sign != std::string_view::npos) {
    const auto step = ParseFloat(value.substr(sign));
    if (!step) return bad();
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

Status LoadSeriesLine(std::string_view line, int64_t interval_ms, MemoryStorage* storage) {
  const size_t end = SeriesEnd(line);
  NX_ASSIGN_OR_RETURN(const Labels labels, ParseMetric(line.substr(0, end)));
  std::string_view rest = line.substr(end);
  TimestampMs t = 0;
  while (!(rest = TrimSpace(rest)).empty()) {
    NX_ASSIGN_OR_RETURN(const auto run, ParseRun(TakeWord(&rest)));
    double v = run.first.value_or(0);
    for (int64_t i = 0; i < run.count; ++i, t += interval_ms) {
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
