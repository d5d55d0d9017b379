#include "server/cmd/promtool/rule_test_file.h"

#include <filesystem>

#include "core/base/file.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/config/config.h"

namespace narthex::promtool {
namespace {

constexpr size_t kMostBytes = 64 << 20;

}  // namespace

void ExpectedAlert::Describe(config::Fields& f) {
  f.Type("main.alert");
  f.Field("exp_labels", labels);
  f.Field("exp_annotations", annotations);
}

void AlertTest::Describe(config::Fields& f) {
  f.Type("main.alertTestCase");
  f.Field("eval_time", eval_time);
  f.Field("alertname", alertname);
  f.Field("exp_alerts", alerts);
}

void ExpectedSample::Describe(config::Fields& f) {
  f.Type("main.sample");
  f.Field("labels", labels);
  f.Field("value", value);
  f.Field("histogram", histogram);
}

void ExprTest::Describe(config::Fields& f) {
  f.Type("main.promqlTestCase");
  f.Field("expr", expr);
  f.Field("eval_time", eval_time);
  f.Field("exp_samples", samples);
}

void InputSeries::Describe(config::Fields& f) {
  f.Type("main.series");
  f.Field("series", series);
  f.Field("values", values);
}

void TestGroup::Describe(config::Fields& f) {
  f.Type("main.testGroup");
  f.Field("interval", interval);
  f.Field("input_series", series);
  f.Field("alert_rule_test", alert_tests);
  f.Field("promql_expr_test", expr_tests);
  f.Field("external_labels", external_labels);
  f.Field("external_url", external_url);
  f.Field("name", name);
  f.Field("start_timestamp", start_timestamp);
}

void RuleTestFile::Describe(config::Fields& f) {
  f.Type("main.unitTestFile");
  f.Field("rule_files", rule_files);
  f.Field("evaluation_interval", evaluation_interval);
  f.Field("group_eval_order", group_eval_order);
  f.Field("tests", tests);
  f.Field("fuzzy_compare", fuzzy_compare);
}

StatusOr<RuleTestFile> LoadRuleTestFile(const std::string& path) {
  NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMostBytes));
  RuleTestFile file;
  NX_RETURN_IF_ERROR(config::Decode(text, &file));
  if (file.evaluation_interval.IsZero()) file.evaluation_interval.ms = 60'000;
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  std::vector<std::string> found;
  for (const std::string& pattern : file.rule_files) {
    const bool absolute = std::filesystem::path(pattern).is_absolute();
    const std::string full = absolute ? pattern : (directory / pattern).string();
    NX_ASSIGN_OR_RETURN(const auto matches, config::ExpandGlob(full));
    if (matches.empty()) {
      std::fprintf(stderr, "  WARNING: no file match pattern %s\n", full.c_str());
    }
    found.insert(found.end(), matches.begin(), matches.end());
  }
  file.rule_files = std::move(found);
  return file;
}

}  // namespace narthex::promtool
