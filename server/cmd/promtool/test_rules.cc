#include "server/cmd/promtool/test_rules.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <set>

#include "core/base/clock.h"
#include "core/histogram/arithmetic.h"
#include "core/labels/regex.h"
#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/cmd/promtool/output.h"
#include "server/cmd/promtool/rule_test_file.h"
#include "server/cmd/promtool/rule_test_report.h"
#include "server/cmd/promtool/rule_test_storage.h"
#include "server/cmd/promtool/times.h"
#include "server/promql/engine/engine.h"
#include "server/promql/engine/go_sort.h"
#include "server/promql/testing/script.h"
#include "server/rules/manager.h"

namespace narthex::promtool {
namespace {

using Faults = std::vector<std::string>;

// Go's 'E' format: "4.5E+01".
std::string Scientific(double v) {
  if (!std::isfinite(v)) return FormatFloat(v);
  char buffer[64];
  const auto [end, error] =
      std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific);
  std::string text(buffer, end);
  std::replace(text.begin(), text.end(), 'e', 'E');
  return text;
}

void AppendBuckets(const char* offset, const char* key, const std::vector<BucketSpan>& spans,
                   const std::vector<double>& buckets, std::vector<std::string>* out) {
  // Gaps between spans become empty buckets.
  std::vector<std::string> counts;
  size_t next = 0;
  for (size_t i = 0; i < spans.size(); ++i) {
    if (i == 0 && spans[i].offset != 0) {
      out->push_back(fmt::format("{}:{}", offset, spans[i].offset));
    }
    for (int32_t gap = 0; i > 0 && gap < spans[i].offset; ++gap) counts.emplace_back("0");
    for (uint32_t k = 0; k < spans[i].length; ++k) counts.push_back(FormatFloat(buckets[next++]));
  }
  if (!counts.empty()) out->push_back(fmt::format("{}:[{}]", key, fmt::join(counts, " ")));
}

// In the notation of test files.
std::string ToTestText(const FloatHistogram& h) {
  std::vector<std::string> out;
  const auto add = [&](const char* key, double v) {
    if (v != 0) out.push_back(fmt::format("{}:{}", key, FormatFloat(v)));
  };
  add("schema", h.schema);
  add("count", h.count);
  add("sum", h.sum);
  add("z_bucket", h.zero_count);
  add("z_bucket_w", h.zero_threshold);
  if (h.schema == kCustomBucketsSchema) {
    std::vector<std::string> bounds;
    bounds.reserve(h.custom_values.size());
    for (const double b : h.custom_values) bounds.push_back(FormatFloat(b));
    out.push_back(fmt::format("custom_values:[{}]", fmt::join(bounds, " ")));
  }
  if (h.reset == CounterResetHint::kGauge) out.emplace_back("counter_reset_hint:gauge");
  AppendBuckets("offset", "buckets", h.positive_spans, h.positive_buckets, &out);
  AppendBuckets("n_offset", "n_buckets", h.negative_spans, h.negative_buckets, &out);
  return fmt::format("{{{{{}}}}}", fmt::join(out, " "));
}

struct Sample {
  Labels labels;
  double value = 0;
  std::string histogram;  // "" for numbers

  std::string ToString() const {
    return labels.ToString() + " " + (histogram.empty() ? Scientific(value) : histogram);
  }
};

std::string ToString(const std::vector<Sample>& samples) {
  if (samples.empty()) return "nil";
  std::vector<std::string> texts;
  texts.reserve(samples.size());
  for (const Sample& s : samples) texts.push_back(s.ToString());
  return JoinStrings(texts, ", ");
}

std::string ToString(const std::vector<TestAlert>& alerts) {
  if (alerts.empty()) return "[]";
  std::string out = "[";
  for (size_t i = 0; i < alerts.size(); ++i) {
    out += fmt::format("{}\n            {}:\n              Labels:{}\n              Annotations:{}",
                       i > 0 ? "," : "", i, LabelsText(alerts[i].labels),
                       LabelsText(alerts[i].annotations));
  }
  return out + "\n            ]";
}

Labels ToLabels(const TextMap& texts) {
  LabelsBuilder builder;
  for (const auto& [name, value] : texts) builder.Set(name, value);
  return builder.Build();
}

// One test group: a storage and rules of its own.
class GroupTest {
 public:
  GroupTest(const RuleTestFile& file, const TestGroup& test, std::string name,
            const TestRulesOptions& options)
      : file_(file),
        test_(test),
        name_(std::move(name)),
        options_(options),
        engine_(MakeEngineOptions(file, options)),
        query_(rules::EngineQuery(engine_, storage_.memory())) {}

  Faults Run() {
    if (!options_.debug) return Check();
    const int64_t begin = Clock::System().NowNanos();
    std::printf("DEBUG: Starting test %s\n", name_.c_str());
    Faults faults = Check();
    std::printf("DEBUG: Test %s finished, took %s\n", name_.c_str(),
                FormatGoDuration(Clock::System().NowNanos() - begin).c_str());
    return faults;
  }

 private:
  Faults Check() {
    if (const Status status = Prepare(); !status.ok()) {
      Faults faults;
      for (const std::string_view line : SplitString(MessageOf(status), '\n')) {
        faults.emplace_back(line);
      }
      return faults;
    }
    for (TimestampMs t = start_; t <= start_ + LastTime(); t += file_.evaluation_interval.ms) {
      // No rule sees what comes behind its time, and no expression what comes behind the last one.
      if (const Status status = storage_.LoadTill(t, start_); status.ok()) {
        manager_->EvaluateAll(t, file_.group_eval_order);
        if (!CheckHealth(t)) return std::move(faults_);
      } else {
        // Tried again, and told of, at every time that follows.
        faults_.emplace_back(MessageOf(status));
      }
      CheckAlerts(t);
    }
    for (const ExprTest& test : test_.expr_tests) CheckExpr(test);
    if (options_.debug) Dump();
    return std::move(faults_);
  }

  // All samples but those at the very start, which upstream leaves out as well.
  void Dump() const {
    const int64_t range = LastTime() + 1000;
    std::printf("DEBUG: Dump of all data (input_series and rules) at %s:\n",
                FormatGoDuration(range * 1'000'000).c_str());
    const auto all = engine_.Instant(
        storage_.memory(), fmt::format("{{__name__=~'.+'}}[{}ms]", range), start_ + range, {});
    std::string out;
    if (all.ok()) {
      for (const promql::Series& series : all->matrix) {
        if (!out.empty()) out.push_back('\n');
        out += series.metric.ToString() + " =>";
        for (const promql::Point& p : series.points) {
          out += fmt::format("\n{} @[{}]", FormatFloatF(p.v, -1), p.t);
        }
        for (const promql::HistogramPoint& p : series.histograms) {
          out += fmt::format("\n{} @[{}]", narthex::ToString(*p.histogram), p.t);
        }
      }
    } else {
      out = MessageOf(all.status());
    }
    std::printf("%s\n", out.c_str());
  }

  static promql::EngineOptions MakeEngineOptions(const RuleTestFile& file,
                                                 const TestRulesOptions& options) {
    promql::EngineOptions engine;
    engine.parser = options.parser;
    engine.eval = options.eval;
    engine.default_subquery_step = [step = file.evaluation_interval.ms](int64_t) { return step; };
    return engine;
  }

  // Times in files are relative to the start.
  int64_t LastTime() const {
    int64_t last = 0;
    for (const AlertTest& t : test_.alert_tests) last = std::max(last, t.eval_time.ms);
    for (const ExprTest& t : test_.expr_tests) last = std::max(last, t.eval_time.ms);
    return last;
  }

  Status Prepare() {
    if (!test_.start_timestamp.empty()) {
      NX_ASSIGN_OR_RETURN(const int64_t nanos, ParseTime(test_.start_timestamp));
      start_ = nanos / 1'000'000;
    }
    const int64_t interval =
        test_.interval.IsZero() ? file_.evaluation_interval.ms : test_.interval.ms;
    for (size_t i = 0; i < test_.series.size(); ++i) {
      promql::MemoryStorage loaded;
      const std::string line = test_.series[i].series + " " + test_.series[i].values;
      const Status status = promql::LoadSeriesLine(line, promql::Repeats::kMore, interval, &loaded);
      if (!status.ok()) return OnLine(i + 2, status);
      storage_.Give(loaded);
    }
    rules::Options options;
    options.external_url = test_.external_url;
    options.parser = options_.parser;
    manager_ = std::make_unique<rules::Manager>(
        options, query_, &storage_, nullptr, [](const std::vector<notifier::Alert>&) {}, nullptr);
    // What comes with the second configuration has no former state to wait for.
    NX_RETURN_IF_ERROR(manager_->Update({}));
    rules::Config config;
    config.files = file_.rule_files;
    config.interval_ms = file_.evaluation_interval.ms;
    config.external_labels = ToLabels(test_.external_labels);
    config.ignore_unknown_fields = options_.ignore_unknown_fields;
    if (const Status status = manager_->Update(config); !status.ok()) return FirstError(config);
    NX_RETURN_IF_ERROR(CheckOrder());
    return CheckNames();
  }

  // Upstream reads the series as lines of a script that begins with "load".
  static Status OnLine(size_t line, const Status& status) {
    const std::string_view message = MessageOf(status);
    if (!message.starts_with("1:")) return status;
    return InvalidArgument("{}{}", line, message.substr(1));
  }

  // Of files with faults the first is told of.
  Status FirstError(const rules::Config& config) {
    for (const std::string& file : config.files) {
      rules::Config one = config;
      one.files = {file};
      NX_RETURN_IF_ERROR(manager_->Update(one));
    }
    return manager_->Update(config);
  }

  Status CheckNames() const {
    for (const AlertTest& test : test_.alert_tests) {
      if (!test.alertname.empty()) continue;
      return InvalidArgument(
          "an item under alert_rule_test misses required attribute alertname at eval_time {}{}",
          FormatPromDuration(test.eval_time.ms),
          test_.name.empty() ? "" : fmt::format(" (in TestGroup {})", test_.name));
    }
    return OkStatus();
  }

  Status CheckOrder() const {
    std::set<std::string> names;
    for (const std::string& name : file_.group_eval_order) {
      if (!names.insert(name).second) {
        return InvalidArgument("group name repeated in evaluation order: {}", name);
      }
    }
    return OkStatus();
  }

  std::string Name() const {
    return test_.name.empty() ? "" : fmt::format("    name: {},\n", test_.name);
  }

  // False when a rule could not be evaluated: the test ends there.
  bool CheckHealth(TimestampMs t) {
    const size_t before = faults_.size();
    for (const rules::GroupStatus& group : manager_->Groups()) {
      for (const rules::RuleStatus& rule : group.rules) {
        if (rule.last_error.empty()) continue;
        faults_.push_back(fmt::format("    rule: {}, time: {}, err: {}", rule.name,
                                      FormatGoDuration((t - start_) * 1'000'000), rule.last_error));
      }
    }
    return faults_.size() == before;
  }

  // Those to be looked at between this evaluation and the next.
  void CheckAlerts(TimestampMs t) {
    for (const AlertTest& test : test_.alert_tests) {
      const int64_t since = start_ + test.eval_time.ms - t;
      if (since < 0 || since >= file_.evaluation_interval.ms) continue;
      std::vector<TestAlert> want;
      for (const ExpectedAlert& alert : test.alerts) {
        TextMap labels = alert.labels;
        labels[std::string(kAlertNameLabel)] = test.alertname;
        want.push_back({std::move(labels), alert.annotations});
      }
      std::vector<TestAlert> got = Firing(test.alertname);
      std::sort(want.begin(), want.end());
      std::sort(got.begin(), got.end());
      if (want == got) continue;
      const std::string where = fmt::format("{}    alertname: {}, time: {}, \n        ", Name(),
                                            test.alertname, FormatPromDuration(test.eval_time.ms));
      if (options_.diff) {
        faults_.push_back(where + "diff: " + ColoredDiff(std::move(want), std::move(got)));
      } else {
        faults_.push_back(
            fmt::format("{}exp:{}, \n        got:{}", where, ToString(want), ToString(got)));
      }
    }
  }

  std::vector<TestAlert> Firing(const std::string& name) const {
    std::vector<TestAlert> out;
    for (const rules::GroupStatus& group : manager_->Groups()) {
      for (const rules::RuleStatus& rule : group.rules) {
        if (!rule.is_alert || rule.name != name) continue;
        for (const rules::AlertStatus& alert : rule.alerts) {
          if (alert.state != rules::AlertState::kFiring) continue;
          TestAlert& firing = out.emplace_back();
          for (const Label& label : alert.labels) firing.labels.emplace(label.name, label.value);
          for (const auto& [key, text] : alert.annotations) firing.annotations[key] = text;
        }
      }
    }
    return out;
  }

  void CheckExpr(const ExprTest& test) {
    const std::string where = fmt::format("    expr: {}, time: {},", GoQuote(test.expr),
                                          FormatPromDuration(test.eval_time.ms));
    StatusOr<std::vector<Sample>> got = Evaluate(test);
    StatusOr<std::vector<Sample>> want = Wanted(test);
    for (const Status& status : {got.status(), want.status()}) {
      if (status.ok()) continue;
      return faults_.push_back(fmt::format("{} err: {}", where, MessageOf(status)));
    }
    // Equal labels count as less, which decides the order of what has them.
    const auto by_labels = [](const Sample& a, const Sample& b) { return a.labels <= b.labels; };
    promql::GoSort(&*got, by_labels);
    promql::GoSort(&*want, by_labels);
    const bool same = std::equal(got->begin(), got->end(), want->begin(), want->end(),
                                 [&](const Sample& a, const Sample& b) {
                                   return a.labels == b.labels && a.histogram == b.histogram &&
                                          SameValue(a.value, b.value);
                                 });
    if (same) return;
    faults_.push_back(fmt::format("{}\n        exp: {}\n        got: {}", where, ToString(*want),
                                  ToString(*got)));
  }

  bool SameValue(double a, double b) const {
    if (a == b || (std::isnan(a) && std::isnan(b))) return true;
    return file_.fuzzy_compare &&
           (std::nextafter(a, -INFINITY) == b || std::nextafter(a, INFINITY) == b);
  }

  StatusOr<std::vector<Sample>> Evaluate(const ExprTest& test) const {
    NX_ASSIGN_OR_RETURN(
        promql::QueryResult result,
        engine_.Instant(storage_.memory(), test.expr, start_ + test.eval_time.ms, {}));
    std::vector<Sample> out;
    if (result.type == promql::ValueType::kScalar) {
      out.push_back({Labels(), result.scalar.v, ""});
    } else if (result.type != promql::ValueType::kVector) {
      return InvalidArgument("rule result is not a vector or scalar");
    }
    for (const promql::VectorSample& s : result.vector) {
      out.push_back({s.metric, s.histogram ? 0 : s.v, s.histogram ? ToTestText(*s.histogram) : ""});
    }
    return out;
  }

  static StatusOr<std::vector<Sample>> Wanted(const ExprTest& test) {
    std::vector<Sample> out;
    for (const ExpectedSample& expected : test.samples) {
      Sample& sample = out.emplace_back();
      // Nothing stands for no labels.
      const std::string text = expected.labels.empty() ? "{}" : expected.labels;
      auto labels = promql::ParseMetric(text);
      if (!labels.ok()) {
        return InvalidArgument("labels {}: {}", GoQuote(expected.labels),
                               MessageOf(labels.status()));
      }
      sample.labels = *std::move(labels);
      sample.value = expected.value;
      if (expected.histogram.empty()) continue;
      auto histogram = promql::ParseHistogram(expected.histogram);
      if (!histogram.ok()) {
        return InvalidArgument("labels {}: {}", GoQuote(expected.labels),
                               MessageOf(histogram.status()));
      }
      sample.histogram = ToTestText(*histogram);
      sample.value = 0;
    }
    return out;
  }

  const RuleTestFile& file_;
  const TestGroup& test_;
  const std::string name_;
  const TestRulesOptions& options_;
  RuleTestStorage storage_;
  const promql::Engine engine_;
  const rules::QueryFunction query_;
  std::unique_ptr<rules::Manager> manager_;
  TimestampMs start_ = 0;
  Faults faults_;
};

// An error: of an expression of --run.
StatusOr<bool> IsWanted(const TestGroup& test, const TestRulesOptions& options) {
  bool wanted = options.run.empty();
  for (const std::string& pattern : options.run) {
    const auto regex = AnchoredRegex::Compile("(?s:.*)(?:" + pattern + ")(?s:.*)");
    if (!regex.ok()) return InvalidArgument("invalid --run expression {}", GoQuote(pattern));
    wanted |= (*regex)->Matches(test.name);
  }
  return wanted;
}

TestSuite TestFile(const std::string& path, const TestRulesOptions& options) {
  TestSuite suite{path, Clock::System().NowNanos() / 1'000'000, {}, ""};
  const StatusOr<RuleTestFile> file = LoadRuleTestFile(path);
  if (!file.ok()) {
    suite.error = MessageOf(file.status());
    return suite;
  }
  for (size_t i = 0; i < file->tests.size(); ++i) {
    const TestGroup& test = file->tests[i];
    const auto wanted = IsWanted(test, options);
    if (!wanted.ok()) {
      suite.error = MessageOf(wanted.status());
      return suite;
    }
    if (!*wanted) continue;
    const std::string name = test.name.empty() ? fmt::format("unnamed#{}", i) : test.name;
    suite.cases.push_back({name, GroupTest(*file, test, name, options).Run()});
  }
  return suite;
}

// False when something failed.
bool Show(const TestSuite& suite) {
  Faults faults;
  if (!suite.error.empty()) faults.push_back(suite.error);
  for (const TestCase& test : suite.cases) {
    faults.insert(faults.end(), test.faults.begin(), test.faults.end());
  }
  if (faults.empty()) {
    std::printf("  SUCCESS\n\n");
    return true;
  }
  std::fprintf(stderr, "  FAILED:\n");
  for (const std::string& fault : faults) {
    std::fprintf(stderr, "%s\n", fault.c_str());
    std::printf("\n");
    std::fflush(stdout);
  }
  std::printf("\n");
  return false;
}

}  // namespace

int TestRules(const TestRulesOptions& options) {
  std::FILE* junit = options.junit.empty() ? nullptr : std::fopen(options.junit.c_str(), "w");
  if (!options.junit.empty() && junit == nullptr) {
    return Fail(InvalidArgument("promtool: error: {}, try --help",
                                MessageOf(ErrnoStatus(errno, "open " + options.junit))));
  }
  bool good = true;
  std::vector<TestSuite> suites;
  for (const std::string& file : options.files) {
    suites.push_back(TestFile(file, options));
    good &= Show(suites.back());
  }
  std::fflush(stdout);
  if (junit != nullptr) {
    const std::string xml = ToJUnit(suites);
    good &= std::fwrite(xml.data(), 1, xml.size(), junit) == xml.size();
    good &= std::fclose(junit) == 0;
  }
  return good ? kOk : kFailed;
}

}  // namespace narthex::promtool
