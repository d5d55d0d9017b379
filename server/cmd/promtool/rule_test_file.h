#pragma once
// The files of "promtool test rules", as upstream documents them.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/config/decode.h"
#include "core/config/types.h"

namespace narthex::promtool {

using TextMap = std::map<std::string, std::string>;

struct ExpectedAlert {
  TextMap labels, annotations;
  void Describe(config::Fields& f);
};

struct AlertTest {
  config::Duration eval_time;
  std::string alertname;
  std::vector<ExpectedAlert> alerts;
  void Describe(config::Fields& f);
};

struct ExpectedSample {
  std::string labels, histogram;
  double value = 0;
  void Describe(config::Fields& f);
};

struct ExprTest {
  std::string expr;
  config::Duration eval_time;
  std::vector<ExpectedSample> samples;
  void Describe(config::Fields& f);
};

struct InputSeries {
  std::string series, values;
  void Describe(config::Fields& f);
};

struct TestGroup {
  config::Duration interval;
  std::string name, external_url, start_timestamp;
  std::vector<InputSeries> series;
  std::vector<AlertTest> alert_tests;
  std::vector<ExprTest> expr_tests;
  TextMap external_labels;
  void Describe(config::Fields& f);
};

struct RuleTestFile {
  std::vector<std::string> rule_files;  // globs, relative to the file
  config::Duration evaluation_interval{60'000};
  std::vector<std::string> group_eval_order;
  bool fuzzy_compare = false;
  std::vector<TestGroup> tests;
  void Describe(config::Fields& f);
};

StatusOr<RuleTestFile> LoadRuleTestFile(const std::string& path);

}  // namespace narthex::promtool
