#include "core/exposition/start_finder.h"

#include "core/exposition/scrape_oracle.h"
#include "tests/catch.h"

namespace narthex {
namespace {

// "a_total=5000 …" of what an OpenMetrics body says, which is scraped again to the same effect.
std::string StartsOf(std::string body, size_t samples) {
  body += "# EOF\n";
  ScrapeOptions options{.grammar = ScrapeGrammar::kOpenMetrics};
  options.starts = true;
  ScrapeTable table(1);
  RecordingSink sink;
  std::string first;
  for (int i = 0; i < 3; ++i) {
    ScrapeResult result;
    const Status status = ParseScrape(body, options, &table, &sink, &result);
    if (!status.ok()) return std::string(MessageOf(status));
    CHECK(result.samples.size() == samples);
    CHECK(result.vanished.empty());
    std::string text;
    for (const ScrapeResult::Start& s : result.starts) {
      std::string name = sink.names[s.slot];
      text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, s.start_ms);
    }
    if (i == 0) first = text;
    CHECK(text == first);
  }
  return first;
}

TEST_CASE("a series began when the next _created line says so, if that is of its metric") {
  struct Case {
    std::string body;
    size_t samples;
    std::string starts;
  };
  const std::string a = "{__name__=\"a_total\"}";
  const Case cases[] = {
      {"# TYPE a counter\na_total 1\na_created 5.25\n", 1, a + "=5250"},
      {"# TYPE a counter\na_created 5\na_total 1\n", 1, ""},
      {"# TYPE a counter\na_total 1\n# HELP a A.\na_created 5\n", 1, ""},
      {"# TYPE a counter\na_total 1\nb_created 5\n", 1, ""},
      {"# TYPE a counter\na_total 1\na_created{x=\"y\"} 5\n", 1, ""},
      {"# TYPE a counter\na_total 1\nother 2\na_created 5\n", 2, a + "=5000"},
      {"# TYPE a counter\na_total 1\na_created 5\na_total 2\n", 2, a + "=5000"},  // repeated
      {"# TYPE a counter\na_total 1\na_created 5\na_total 2 7\n", 2, a + "=5000 " + a + "=5000"},
      // Another metric makes it forget.
      {"# TYPE a counter\na_total 1\na_created 5\nb_total 2\na_sum 2\n", 3, a + "=5000"},
      {"# TYPE a counter\na_total 1\nb_total 2\nb_created 6\nb_sum 1\n", 3,
       "{__name__=\"b_total\"}=6000 {__name__=\"b_sum\"}=6000"},
      // Dropped series are not looked at.
      {"# TYPE a counter\na_total 1\na_created 5\ndrop_me 2\na_sum 2\n", 2,
       a + "=5000 {__name__=\"a_sum\"}=5000"},
      {"# TYPE a counter\na_total 1\na_created 0\n", 1, ""},
      {"# TYPE a counter\na_total 1\na_created NaN\n", 1, ""},
      {"# TYPE a counter\na_total 1\na_created -Inf\n", 1, ""},
      {"# TYPE a counter\na_total 1\na_created 1e300\n", 1, ""},
      {"# TYPE a counter\na_total 1\na_created -2\n", 1, a + "=-2000"},
      // Other types have series of that name.
      {"# TYPE a gauge\na 1\na_created 5\n", 2, ""},
      {"a_total 1\na_created 5\n", 2, ""},
      {"# TYPE a gaugehistogram\na_gcount 1\na_created 5\n", 2, ""},
      // le and quantile stand for the same metric where they mean something.
      {"# TYPE a histogram\na_bucket{x=\"y\",le=\"+Inf\"} 1\na_count{x=\"y\"} 1\n"
       "a_created{x=\"y\"} 5\n",
       2,
       "{__name__=\"a_bucket\", le=\"+Inf\", x=\"y\"}=5000 {__name__=\"a_count\", x=\"y\"}=5000"},
      {"# TYPE a summary\na{quantile=\"0.5\"} 1\na_sum 1\na_created 5\n", 2,
       "{__name__=\"a\", quantile=\"0.5\"}=5000 {__name__=\"a_sum\"}=5000"},
      {"# TYPE a summary\na{le=\"0.5\"} 1\na_created 5\n", 1, ""},
      {"# TYPE a counter\n{\"a_total\",\"b.c\"=\"d\"} 1\n{\"a_created\",\"b.c\"=\"d\"} 5\n", 1,
       "{__name__=\"a_total\", \"b.c\"=\"d\"}=5000"},
  };
  for (const Case& c : cases) {
    INFO(c.body);
    CHECK(StartsOf(c.body, c.samples) == c.starts);
  }
}

TEST_CASE("without the option _created lines are series") {
  const std::string body = "# TYPE a counter\na_total 1\na_created 5\n# EOF\n";
  ScrapeTable table(1);
  RecordingSink sink;
  ScrapeResult result;
  REQUIRE(ParseScrape(body, {.grammar = ScrapeGrammar::kOpenMetrics}, &table, &sink, &result).ok());
  CHECK(result.samples.size() == 2);
  CHECK(result.starts.empty());
}

TEST_CASE("errors are those of any other scrape, exemplars stay") {
  CHECK(StartsOf("# TYPE a counter\na_total 1\na_created x\n", 1).find("a_created x") !=
        std::string::npos);
  ScrapeOptions options{.grammar = ScrapeGrammar::kOpenMetrics};
  options.starts = true;
  ScrapeTable table(1);
  RecordingSink sink;
  ScrapeResult result;
  const std::string body =
      "# TYPE a counter\na_total 1 # {id=\"x\"} 2\na_created 5 # {id=\"z\"} 3\n# EOF\n";
  REQUIRE(ParseScrape(body, options, &table, &sink, &result).ok());
  REQUIRE(result.exemplars.size() == 1);
  CHECK(result.exemplars[0].exemplar.value == 2);
  CHECK(result.scraped == 1);
}

}  // namespace
}  // namespace narthex
