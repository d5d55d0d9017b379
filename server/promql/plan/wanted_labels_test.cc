#include "server/promql/plan/wanted_labels.h"

#include "server/promql/parser/parser.h"
#include "server/promql/plan/plan.h"
#include "tests/catch.h"

namespace narthex::promql {
namespace {

// Of each selector its wanted labels, "*" for all.
void Collect(Expr& expr, std::string* out) {
  const auto add = [out](const VectorSelector& selector) {
    if (!out->empty()) *out += " | ";
    if (!selector.wanted_labels) {
      *out += "*";
      return;
    }
    for (size_t i = 0; i < selector.wanted_labels->size(); ++i) {
      *out += (i > 0 ? "," : "") + (*selector.wanted_labels)[i];
    }
  };
  if (expr.kind == ExprKind::kVectorSelector) add(expr.As<VectorSelector>());
  if (expr.kind == ExprKind::kMatrixSelector) add(*expr.As<MatrixSelector>().selector);
  ForEachChild(expr, [out](ExprPtr& child) { Collect(*child, out); });
}

std::string Wanted(const std::string& text) {
  ParserOptions options;
  options.experimental_functions = true;
  auto expr = ParseExpr(text, options);
  REQUIRE(expr.ok());
  PlanWindow window;
  window.end = 60'000;
  window.step_ms = 15'000;
  REQUIRE(Plan(window, &*expr).ok());
  std::string out;
  Collect(**expr, &out);
  return out;
}

TEST_CASE(
    "Selectors want the labels that an aggregation groups by, with those that go with names") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"m", "*"},
      {"rate(m[5m])", "*"},
      {"sum(m)", "__type__,__unit__"},
      {"sum by (job) (rate(m[5m]))", "__type__,__unit__,job"},
      {"avg by (z, job) (-(max_over_time(m[5m])))", "__type__,__unit__,job,z"},
      {"count by (__name__) (m)", "__name__,__type__,__unit__"},
      {"sum(m @ 5)", "__type__,__unit__"},
      {"sum(abs({__name__=\"m\"}))", "__type__,__unit__"},
      {"sum by (job) (1 - rate(m[5m]) * 60 > 0)", "__type__,__unit__,job"},
      {"sum(m > scalar(m))", "__type__,__unit__ | *"},
      {"quantile by (a) (0.5, m)", "__type__,__unit__,a"},
      {"quantile(scalar(m), m)", "* | __type__,__unit__"},
      {"sum(quantile_over_time(scalar(m), m[5m]))", "* | __type__,__unit__"},
      {"max_over_time(sum by (job) (rate(m[5m]))[30m:1m])", "__type__,__unit__,job"},
      {"histogram_quantile(0.9, sum by (le) (rate(m[5m])))", "__type__,__unit__,le"},
  };
  for (const auto& [text, wanted] : cases) {
    INFO(text);
    CHECK(Wanted(text) == wanted);
  }
}

TEST_CASE("Selectors of several names want them all where names are dropped") {
  CHECK(Wanted("count by (__name__) ({__name__=~\"m.+\"})") == "__name__");
  CHECK(Wanted("sum by (job) ({job=\"a\"})") == "__name__,job");
  CHECK(Wanted("sum by (job) (rate({job=\"a\"}[5m]))") == "*");
  CHECK(Wanted("sum by (job) (-{job=\"a\"})") == "*");
}

TEST_CASE("Selectors whose labels are looked at otherwise want them all") {
  for (const std::string text :
       {"sum without (job) (m)", "topk(1, m)", "limitk(1, m)", "count_values(\"v\", m)",
        "sum(a + b)", "sum(a and b)", "sum(a or b)",
        "sum(label_replace(m, \"a\", \"$1\", \"b\", \"(.*)\"))", "sum(absent_over_time(m[5m]))",
        "sum(max_over_time(m[5m:1m]))", "sum(sort(m))"}) {
    INFO(text);
    CHECK_THAT(Wanted(text), !Catch::Contains("_"));
  }
}

}  // namespace
}  // namespace narthex::promql
