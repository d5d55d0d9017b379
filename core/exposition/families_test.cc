#include "core/exposition/families.h"

#include <cmath>

#include "core/exposition/writer.h"
#include "tests/catch.h"

namespace narthex {
namespace {

std::string ErrorOf(std::string_view body, NameValidation validation = NameValidation::kUtf8) {
  auto families = ParseTextFamilies(body, validation);
  return families.ok() ? "" : std::string(MessageOf(families.status()));
}

TEST_CASE("Lines become families in order of mention") {
  auto families = ParseTextFamilies(
      "# HELP b Help with \\\\ and \\n.\n"
      "# TYPE b counter\n"
      "# TYPE empty gauge\n"
      "a{x=\"1\"} 1\n"
      "b{z=\"\\\"\\\\\\n\",y=\"2\"} 3 1234\n"
      "\n"
      "  # spaced comment\n"
      "a{x=\"2\"} 2\n"
      "{\"näme\",\"l b\"=\"v\"} 5\n");
  REQUIRE(families.ok());
  REQUIRE(families->size() == 3);
  const MetricFamily& b = (*families)[0];
  CHECK(b.name == "b");
  CHECK(b.help == "Help with \\ and \n.");
  CHECK(b.type == MetricType::kCounter);
  REQUIRE(b.samples.size() == 1);
  CHECK(b.samples[0].labels == std::vector<MetricLabel>{{"z", "\"\\\n"}, {"y", "2"}});
  CHECK(b.samples[0].value == 3);
  CHECK(b.samples[0].timestamp_ms == 1234);
  CHECK((*families)[1].name == "a");
  CHECK((*families)[1].type == MetricType::kUntyped);
  CHECK((*families)[1].samples.size() == 2);
  CHECK((*families)[2].name == "näme");
  CHECK((*families)[2].samples[0].labels == std::vector<MetricLabel>{{"l b", "v"}});
}

TEST_CASE("Summaries and histograms are assembled") {
  auto families = ParseTextFamilies(
      "# TYPE s summary\ns{quantile=\"0.5\",a=\"1\"} 1\ns_sum{a=\"1\"} 10\ns_count{a=\"1\"} 4\n"
      "s{a=\"2\",quantile=\"0.9\"} 7\n"
      "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\nh_sum 5\nh_count 3.9\n"
      "h_other 1\n");
  REQUIRE(families.ok());
  REQUIRE(families->size() == 3);
  const MetricFamily& s = (*families)[0];
  REQUIRE(s.samples.size() == 2);
  CHECK(s.samples[0].sample_sum == 10);
  CHECK(s.samples[0].sample_count == 4);
  REQUIRE(s.samples[0].quantiles.size() == 1);
  CHECK(s.samples[0].quantiles[0].quantile == 0.5);
  CHECK(s.samples[1].quantiles[0].value == 7);
  const MetricFamily& h = (*families)[1];
  REQUIRE(h.samples.size() == 1);
  CHECK(h.samples[0].sample_count == 3);
  REQUIRE(h.samples[0].buckets.size() == 2);
  CHECK(h.samples[0].buckets[1].upper_bound == INFINITY);
  CHECK(h.samples[0].buckets[1].cumulative_count == 3);
  CHECK((*families)[2].name == "h_other");
}

TEST_CASE("Errors name line and cause") {
  struct Case {
    std::string_view body, error;
  } cases[] = {
      {"a 1", "line 1: unexpected end of input stream"},
      {"a 1\nb", "line 2: unexpected end of input stream"},
      {"a 1\r\n", "line 1: expected float as value, got \"1\\r\""},
      {"\n\na x\n", "line 3: expected float as value, got \"x\""},
      {"a 1 2 3\n", "line 1: spurious string after timestamp: \" 3\""},
      {"a 1 x\n", "line 1: expected integer as timestamp, got \"x\""},
      {"a{b} 1\n", "line 1: expected '=' after label name, found '}'"},
      {"a{b=x} 1\n", "line 1: expected '\"' at start of label value, found 'x'"},
      {"a{b=\xff} 1\n", "line 1: expected '\"' at start of label value, found 'ÿ'"},
      {"# TYPE g gauge_histogram\ng 1\n", "line 2: unexpected type for metric name \"g\""},
      {"a{b=\"x\" c=\"y\"} 1\n", "line 1: unexpected end of label value \"x\""},
      {"a{b=\"x\",b=\"y\"} 1\n", "line 1: duplicate label names for metric \"a\""},
      {"a{9=\"x\"} 1\n", "line 1: invalid label name for metric \"a\""},
      {"a{__name__=\"x\"} 1\n", "line 1: label name \"__name__\" is reserved"},
      {"a{b=\"\\x\"} 1\n", "line 1: invalid escape sequence '\\x'"},
      {"a{b=\"x\ny\"} 1\n", "line 1: label value \"x\" contains unescaped new-line"},
      {"a{b=\"\xff\"} 1\n", "line 1: invalid label value \"\\xff\""},
      {"9 1\n", "line 1: invalid metric name"},
      {"{b=\"c\"} 1\n", "line 1: invalid metric name"},
      {"{\"a\",\"b\"} 1\n", "line 1: multiple metric names for metric \"a\""},
      {"# TYPE a foo\n", "line 1: unknown metric type \"foo\""},
      {"# TYPE a gauge\n# TYPE a gauge\n",
       "line 2: second TYPE line for metric name \"a\", or TYPE reported after samples"},
      {"a 1\n# TYPE a gauge\n",
       "line 2: second TYPE line for metric name \"a\", or TYPE reported after samples"},
      {"# HELP a x\n# HELP a y\n", "line 2: second HELP line for metric name \"a\""},
      {"# HELP a-b x\n", "line 1: invalid metric name in comment"},
      {"# HELP a \\x\n", "line 1: invalid escape sequence '\\x'"},
      {"# TYPE s summary\ns{quantile=\"x\"} 1\n",
       "line 2: expected float as value for 'quantile' label, got \"x\""},
      {"# TYPE h histogram\nh_bucket{le=\"x\"} 1\n",
       "line 2: expected float as value for 'le' label, got \"x\""},
      {"a 1e400\n", "line 1: expected float as value, got \"1e400\""},
      {"# no end", "line 1: unexpected end of input stream"},
  };
  for (const Case& c : cases) {
    INFO(c.body);
    CHECK(ErrorOf(c.body) == "text format parsing error in " + std::string(c.error));
  }
  CHECK(ErrorOf("") == "");
  CHECK(ErrorOf("# EOF\n#\n# TYPE\n# TYPE x\n# HELP x \n") == "");
  CHECK(ErrorOf("{\"ä\"} 1\n", NameValidation::kLegacy) ==
        "text format parsing error in line 1: invalid metric name \"ä\"");
}

TEST_CASE("Family limits") {
  FamilyLimits limits{.max_token_bytes = 20, .max_labels = 2, .max_samples = 3};
  auto ok = [&](std::string_view body) {
    return ParseTextFamilies(body, NameValidation::kUtf8, limits).ok();
  };
  CHECK(ok("a{b=\"1\",c=\"2\"} 1\n"));
  CHECK_FALSE(ok("a{b=\"1\",c=\"2\",d=\"3\"} 1\n"));
  CHECK_FALSE(ok("a{b=\"aaaaaaaaaaaaaaaaaaaaaaaaa\"} 1\n"));
  CHECK(ok("a 1\na 2\na 3\n"));
  CHECK_FALSE(ok("a 1\na 2\na 3\na 4\n"));
}

std::vector<MetricFamily> Everything() {
  MetricFamily counter{"requests_total", "Line\nbreak \"quote\" \\.", "", MetricType::kCounter, {}};
  MetricSample c{.labels = {{"code", "200"}, {"path", "a\"b\\c\nd"}}, .value = 1234567};
  c.exemplar = MetricExemplar{{{"trace_id", "abc"}}, 0.67, 1520879607789};
  c.created_ms = 1520879607000;
  counter.samples = {c, {.labels = {{"code", "500"}}, .value = 0.5, .timestamp_ms = -1500}};
  MetricFamily odd{"odd", "", "", MetricType::kCounter, {{.value = 1}}};
  MetricFamily gauge{"temp.cpu", "Dots.", "", MetricType::kGauge, {}};
  gauge.samples = {{.labels = {{"läbel", "ä"}}, .value = NAN}, {.value = -INFINITY}};
  MetricFamily untyped{"u", "U", "", MetricType::kUntyped, {{.value = 100}}};
  MetricFamily summary{"s", "S", "", MetricType::kSummary, {}};
  summary.samples = {{.labels = {{"a", "b"}},
                      .sample_count = 3,
                      .sample_sum = 6.5,
                      .quantiles = {{0.5, 2}, {1, NAN}}}};
  MetricFamily histogram{"h", "H", "", MetricType::kHistogram, {}};
  MetricBucket bucket{1, 2, MetricExemplar{{{"t", "x"}}, 0.9, std::nullopt}};
  histogram.samples = {{.sample_count = 5, .sample_sum = 12, .buckets = {bucket, {2.5, 4, {}}}}};
  return {counter, odd, gauge, untyped, summary, histogram};
}

TEST_CASE("Text output") {
  CHECK(WriteFamilies(Everything(), {}) == R"(# HELP requests_total Line\nbreak "quote" \\.
# TYPE requests_total counter
requests_total{code="200",path="a\"b\\c\nd"} 1.234567e+06
requests_total{code="500"} 0.5 -1500
# TYPE odd counter
odd 1
# HELP temp_cpu Dots.
# TYPE temp_cpu gauge
temp_cpu{l_bel="ä"} NaN
temp_cpu -Inf
# HELP u U
# TYPE u untyped
u 100
# HELP s S
# TYPE s summary
s{a="b",quantile="0.5"} 2
s{a="b",quantile="1"} NaN
s_sum{a="b"} 6.5
s_count{a="b"} 3
# HELP h H
# TYPE h histogram
h_bucket{le="1"} 2
h_bucket{le="2.5"} 4
h_bucket{le="+Inf"} 5
h_sum 12
h_count 5
)");
}

TEST_CASE("Text output with UTF-8 names") {
  MetricFamily family{"temp.cpu", "H", "", MetricType::kHistogram, {}};
  family.samples = {{.labels = {{"l.b", "v"}}, .sample_count = 1, .sample_sum = 2}};
  CHECK(WriteFamilies({{family}}, {ExpositionFormat::kText100, NameEscaping::kAllowUtf8}) ==
        R"(# HELP "temp.cpu" H
# TYPE "temp.cpu" histogram
{"temp.cpu_bucket","l.b"="v",le="+Inf"} 1
{"temp.cpu_sum","l.b"="v"} 2
{"temp.cpu_count","l.b"="v"} 1
)");
  MetricFamily plain{"temp.cpu", "", "", MetricType::kGauge, {{.value = 1}}};
  CHECK(WriteFamilies({{plain}}, {ExpositionFormat::kText100, NameEscaping::kAllowUtf8}) ==
        "# TYPE \"temp.cpu\" gauge\n{\"temp.cpu\"} 1\n");
  CHECK(WriteFamilies({{plain}}, {ExpositionFormat::kText100, NameEscaping::kValues}) ==
        "# TYPE U__temp_2e_cpu gauge\nU__temp_2e_cpu 1\n");
}

TEST_CASE("A zero is written without its sign") {
  MetricFamily family{"z", "", "", MetricType::kSummary, {}};
  family.samples = {{.sample_count = 1, .sample_sum = -0.0, .quantiles = {{-0.0, -0.0}}}};
  CHECK(WriteFamilies({{family}}, {}) ==
        "# TYPE z summary\nz{quantile=\"0\"} 0\nz_sum 0\nz_count 1\n");
  CHECK(
      WriteFamilies({{family}}, {ExpositionFormat::kOpenMetrics100, NameEscaping::kUnderscores}) ==
      "# TYPE z summary\nz{quantile=\"0.0\"} 0.0\nz_sum 0.0\nz_count 1\n# EOF\n");
}

TEST_CASE("OpenMetrics output") {
  CHECK(WriteFamilies(Everything(),
                      {ExpositionFormat::kOpenMetrics100, NameEscaping::kUnderscores}) ==
        R"(# HELP requests Line\nbreak \"quote\" \\.
# TYPE requests counter
requests_total{code="200",path="a\"b\\c\nd"} 1.234567e+06 # {trace_id="abc"} 0.67 1.520879607789e+09
requests_total{code="500"} 0.5 -1.5
# TYPE odd unknown
odd 1.0
# HELP temp_cpu Dots.
# TYPE temp_cpu gauge
temp_cpu{l_bel="ä"} NaN
temp_cpu -Inf
# HELP u U
# TYPE u unknown
u 100.0
# HELP s S
# TYPE s summary
s{a="b",quantile="0.5"} 2.0
s{a="b",quantile="1.0"} NaN
s_sum{a="b"} 6.5
s_count{a="b"} 3
# HELP h H
# TYPE h histogram
h_bucket{le="1.0"} 2 # {t="x"} 0.9
h_bucket{le="2.5"} 4
h_bucket{le="+Inf"} 5
h_sum 12.0
h_count 5
# EOF
)");
}

TEST_CASE("Text written is text read") {
  std::string once =
      WriteFamilies(Everything(), {ExpositionFormat::kText100, NameEscaping::kAllowUtf8});
  auto families = ParseTextFamilies(once);
  REQUIRE(families.ok());
  CHECK(WriteFamilies(*families, {ExpositionFormat::kText100, NameEscaping::kAllowUtf8}) == once);
}

}  // namespace
}  // namespace narthex
