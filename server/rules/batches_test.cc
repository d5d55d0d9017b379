#include "server/rules/batches.h"

#include "core/labels/labels.h"
#include "tests/catch.h"

namespace narthex::rules {
namespace {

// "0,2 1": the batches in order.
std::string Split(const std::vector<std::pair<std::string, std::string>>& rules) {
  std::vector<RuleSpec> specs;
  for (const auto& [name, expr] : rules) {
    RuleSpec& spec = specs.emplace_back();
    spec.name = name;
    spec.expr = expr;
  }
  std::string out;
  for (const Batch& batch : SplitIntoBatches(specs, {})) {
    if (!out.empty()) out += ' ';
    for (size_t i = 0; i < batch.size(); ++i)
      out += fmt::format("{}{}", i > 0 ? "," : "", batch[i]);
  }
  return out;
}

TEST_CASE("rules are divided by what they read of each other") {
  CHECK(Split({}) == "");
  CHECK(Split({{"a", "up"}}) == "0");
  CHECK(Split({{"a", "up"}, {"b", "sum(rate(x[5m]))"}, {"c", "vector(1)"}}) == "0,1,2");
  // b and d read a; c is independent; e reads b.
  CHECK(Split({{"a", "up"}, {"b", "sum(a)"}, {"c", "up"}, {"d", "rate(a[1m])"}, {"e", "b > 1"}}) ==
        "0,2 1 3,4");
  CHECK(Split({{"a", "up"},
               {"b", "max_over_time(a[5m:1m])"},
               {"c", "1 - (-a)"},
               {"d", "topk(scalar(a), up)"}}) == "0 1,2,3");
  CHECK(Split({{"a", "a offset 1m"}, {"b", "up"}}) == "1 0");
  CHECK(Split({{"a:x", "up"}, {"b", "{__name__=~\"a:.*\"}"}, {"c", "{__name__=\"a:x\"}"}}) ==
        "0 1,2");
}

TEST_CASE("what might depend on anything is evaluated in the order of the file") {
  CHECK(Split({{"a", "up"}, {"b", "{job=\"x\"}"}, {"c", "up"}}) == "0 1 2");
  CHECK(Split({{"a", "up"}, {"b", "ALERTS{alertstate=\"firing\"}"}, {"c", "up"}}) == "0 1 2");
  CHECK(Split({{"a", "up"}, {"b", "count({__name__=~\".+\"})"}}) == "0 1");
  CHECK(Split({{"a", "up"}, {"b", "rate({__name__!=\"x\"}[1m])"}}) == "0 1");
}

}  // namespace
}  // namespace narthex::rules
