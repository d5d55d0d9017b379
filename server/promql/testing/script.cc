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

// Cuts the first blank-separated word off.
std::string_view TakeWord(std::string_view* text) {
  *text = TrimSpace(*text);
  const size_t end = std::min(text->find_first_of(" \t"), text->size());
  const std::string_view word = text->substr(0, end);
  *text = TrimSpace(text->substr(end));
  return word;
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
        NX_RETURN_IF_ERROR(LoadSeriesLine(s, Repeats::kTimes, interval, &storage_));
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
  const std::string line = fmt::format("{{}} {}", text);
  NX_ASSIGN_OR_RETURN(SeriesLine parsed, ParseSeriesLine(line, Repeats::kMore));
  if (parsed.runs.size() != 1 || !parsed.runs[0].histogram) {
    return InvalidArgument("expected a single histogram");
  }
  return *std::move(parsed.runs[0].histogram);
}

Status LoadSeriesLine(std::string_view line, Repeats repeats, int64_t interval_ms,
                      MemoryStorage* storage) {
  NX_ASSIGN_OR_RETURN(SeriesLine parsed, ParseSeriesLine(TrimSpace(line), repeats));
  TimestampMs t = 0;
  for (ValueRun& run : parsed.runs) {
    double v = run.first.value_or(0);
    for (int64_t i = 0; i < run.count; ++i, t += interval_ms) {
      if (run.histogram) {
        storage->Add(parsed.labels, t, *run.histogram);
        if (run.histogram_step) {
          const auto apply = run.falls ? SubtractFrom : AddTo;
          NX_RETURN_IF_ERROR(apply(&*run.histogram, *run.histogram_step).status());
        }
      }
      if (run.first) storage->Add(parsed.labels, t, v);
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
