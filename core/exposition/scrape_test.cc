#include "core/exposition/scrape.h"

#include <random>

#include "core/base/file.h"
#include "core/exposition/scrape_oracle.h"
#include "core/exposition/writer.h"
#include "core/strings/quote.h"
#include "tests/catch.h"

namespace narthex {
namespace {

std::string Body(int series, int change = 0) {
  std::string body;
  for (int i = 0; i < series; ++i) {
    if (i % 10 == 0) body += fmt::format("# HELP m{0} Help.\n# TYPE m{0} counter\n", i / 10);
    body += fmt::format("m{}{{code=\"{}\",path=\"/a/b\"}} {}\n", i / 10, i, i * 7 + change);
  }
  return body;
}

TEST_CASE("The second scrape of a body is predicted entirely") {
  ScrapedTarget target(TextDialect::kText);
  REQUIRE(target.ScrapeAndCompare(Body(1000)) == "");
  CHECK(target.result().added == 1000);
  CHECK(target.result().predicted == 0);
  for (int i = 1; i < 4; ++i) {
    REQUIRE(target.ScrapeAndCompare(Body(1000, i)) == "");
    CHECK(target.result().added == 0);
    CHECK(target.result().found == 0);
    CHECK(target.result().predicted == 1100);
    CHECK(target.result().samples.size() == 1000);
    CHECK(target.result().samples[5].value == 35 + i);
  }
  CHECK(target.sink().metadata.size() == 100);
  CHECK(target.table().memory_bytes() < 1100 * 16 + 1000);
}

TEST_CASE("Series that come and go") {
  ScrapedTarget target(TextDialect::kText);
  REQUIRE(target.ScrapeAndCompare("a 1\nb 2\nc 3\n") == "");
  REQUIRE(target.ScrapeAndCompare("a 1\nc 3\n") == "");
  REQUIRE(target.result().vanished.size() == 1);
  CHECK(target.sink().names[target.result().vanished[0].slot] == "{__name__=\"b\"}");
  CHECK_FALSE(target.result().vanished[0].had_timestamp);
  CHECK(target.result().added == 0);
  REQUIRE(target.ScrapeAndCompare("z 0\na 1 1000\nc 3\nb 4\n") == "");
  CHECK(target.result().added == 2);
  CHECK(target.result().vanished.empty());
  REQUIRE(target.ScrapeAndCompare("b 4\nc 3\nz 0\n") == "");
  CHECK(target.result().added == 0);
  REQUIRE(target.result().vanished.size() == 1);
  CHECK(target.result().vanished[0].had_timestamp);
  REQUIRE(target.ScrapeAndCompare("b 4\nc 3\nz 0\n") == "");
  CHECK(target.result().predicted == 3);
  REQUIRE(target.ScrapeAndCompare("") == "");
  CHECK(target.result().vanished.size() == 3);
  CHECK(target.table().size() == 0);
}

TEST_CASE("Repeated series are told") {
  ScrapedTarget target(TextDialect::kText);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(target.ScrapeAndCompare("a 1\nb 1\na 2\nc 1\na 3\n") == "");
    std::vector<bool> repeated;
    for (const auto& s : target.result().samples) repeated.push_back(s.repeated);
    CHECK(repeated == std::vector<bool>{false, false, true, false, true});
    CHECK(target.table().size() == 3);
  }
}

TEST_CASE("Dropped series are counted and not reported") {
  ScrapedTarget target(TextDialect::kText);
  for (int i = 0; i < 2; ++i) {
    REQUIRE(target.ScrapeAndCompare("a 1\ndrop_me 2\nb 3\n") == "");
    CHECK(target.result().scraped == 3);
    CHECK(target.result().samples.size() == 2);
  }
  REQUIRE(target.ScrapeAndCompare("a 1\nb 3\n") == "");
  CHECK(target.result().vanished.empty());
}

TEST_CASE("Metadata is reported when new and when gone") {
  ScrapedTarget target(TextDialect::kText);
  REQUIRE(target.ScrapeAndCompare("# HELP a A\\nB\n# TYPE a counter\na 1\n# TYPE b gauge\nb 1\n") ==
          "");
  CHECK(target.sink().metadata == std::vector<std::string>{"0 a A\nB;1 a counter;", "1 b gauge;"});
  REQUIRE(target.ScrapeAndCompare(
              "# HELP a A\\nB\n# TYPE a counter\na 1\n# TYPE b untyped\nb 1\n") == "");
  CHECK(target.sink().metadata.back() == "1 b unknown;");
  CHECK(target.result().vanished_metadata == std::vector<uint32_t>{1});
}

TEST_CASE("The type in effect is part of the prediction") {
  ScrapedTarget target(TextDialect::kText);
  REQUIRE(target.ScrapeAndCompare("# TYPE h histogram\nh{le=\"1\"} 1\n") == "");
  REQUIRE(target.ScrapeAndCompare("# TYPE h untyped\nh{le=\"1\"} 1\n") == "");
  REQUIRE(target.ScrapeAndCompare("h{le=\"1\"} 1\n") == "");
  REQUIRE(target.ScrapeAndCompare("# TYPE h histogram\nh{le=\"1\"} 1\n") == "");
  CHECK(target.sink().names.back() == "{__name__=\"h\", le=\"1.0\"}");
}

TEST_CASE("Values and endings of every kind after a predicted series") {
  ScrapedTarget target(TextDialect::kText);
  REQUIRE(target.ScrapeAndCompare("a 1\nb{x=\"y\"} 1\n") == "");
  for (const char* line : {"a NaN\n",
                           "a +Inf\n",
                           "a  1\n",
                           "a\t1\n",
                           "a 1 \n",
                           "a 1\t\n",
                           "a 1 123\n",
                           "a 1 123 \n",
                           "a 1 -1\n",
                           "a 1 99999999999999999999\n",
                           "a 1 12345678901234567\n",
                           "a 1",
                           "a ",
                           "a",
                           "a {x=\"y\"} 1\n",
                           "a  {x=\"y\"} 1\n",
                           "a {\n",
                           "a 1{\n",
                           "a 1e400\n",
                           "a 0x1p1\n",
                           "a 123456789012345678901234567890.5e-3\n",
                           "a -0\n",
                           "a 1\r\n",
                           "a .\n",
                           "a 1 1 1\n",
                           "\na 1\n",
                           "  a 1\n",
                           "#\na 1\n",
                           "a 1\n\n\n",
                           "a +1\n",
                           "a 1.5e+02\n",
                           "a 9007199254740993\n"}) {
    INFO(line);
    CHECK(target.ScrapeAndCompare(line) == "");
    CHECK(target.ScrapeAndCompare(std::string(line) + "b{x=\"y\"} 1\n") == "");
    REQUIRE(target.ScrapeAndCompare("a 1\nb{x=\"y\"} 1\n") == "");
  }
}

TEST_CASE("OpenMetrics: exemplars, timestamps and the end") {
  ScrapedTarget target(TextDialect::kOpenMetrics);
  const char* body =
      "# TYPE a counter\na_total{x=\"1\"} 1 # {id=\"q\"} 0.5 1.5\na_total{x=\"2\"} 2 3.25\n# EOF\n";
  for (int i = 0; i < 3; ++i) {
    REQUIRE(target.ScrapeAndCompare(body) == "");
    REQUIRE(target.result().exemplars.size() == 1);
    CHECK(target.result().exemplars[0].exemplar.timestamp_ms == 1500);
    CHECK(target.result().samples[1].timestamp_ms == 3250);
    CHECK(target.result().predicted == (i == 0 ? 0 : 3));
  }
  for (const char* other :
       {"a_total{x=\"1\"} 1\n", "# EOF\n", "# EOF", "# TYPE a counter\n# EOF\n#\n",
        "# TYPE a counter\na_total{x=\"1\"} 1 # {id=\"q\"} x\n# EOF\n",
        "a_total{x=\"1\"}  1\n# EOF\n", "\n# EOF\n", "a_total{x=\"1\"} 1\n# EOF\n\n"}) {
    INFO(other);
    CHECK(target.ScrapeAndCompare(other) == "");
    CHECK(target.ScrapeAndCompare(body) == "");
  }
}

TEST_CASE("After a failed scrape the table still predicts") {
  ScrapedTarget target(TextDialect::kText);
  REQUIRE(target.ScrapeAndCompare(Body(100)) == "");
  std::string broken = Body(100);
  broken.insert(broken.size() / 2, "\n]\n");
  REQUIRE(target.ScrapeAndCompare(broken) == "");
  CHECK(target.result().vanished.empty());
  REQUIRE(target.ScrapeAndCompare(Body(100)) == "");
  CHECK(target.result().added == 0);
  CHECK(target.result().predicted == 110);
}

TEST_CASE("The sink's error ends the scrape") {
  class Refusing : public ScrapeSink {
   public:
    StatusOr<uint32_t> OnSeries(const Labels& labels) override {
      if (labels.metric_name() == "c") return ResourceExhausted("label limit");
      return 0u;
    }
  } sink;
  ScrapeTable table(1);
  ScrapeResult result;
  CHECK(MessageOf(ParseScrape("a 1\nb 1\nc 1\nd 1\n", {}, &table, &sink, &result)) ==
        "label limit");
  CHECK(table.size() == 2);
}

TEST_CASE("An exporter without order settles for look-ups") {
  ScrapedTarget target(TextDialect::kText);
  std::vector<std::string> lines;
  for (int i = 0; i < 500; ++i) lines.push_back(fmt::format("m{{i=\"{}\"}} {}\n", i, i));
  std::mt19937 random(3);
  for (int scrape = 0; scrape < 6; ++scrape) {
    std::shuffle(lines.begin(), lines.end(), random);
    std::string body;
    for (const std::string& line : lines) body += line;
    REQUIRE(target.ScrapeAndCompare(body) == "");
    CHECK(target.result().added == (scrape == 0 ? 500 : 0));
    CHECK(target.result().vanished.empty());
  }
  // Back in order, prediction and small memory return.
  for (int i = 0; i < 3; ++i) REQUIRE(target.ScrapeAndCompare(Body(500)) == "");
  CHECK(target.result().predicted == 550);
  CHECK(target.table().memory_bytes() < 550 * 16 + 1000);
}

TEST_CASE("Hostile orders take no quadratic time") {
  ScrapedTarget target(TextDialect::kText);
  std::string forward, backward;
  constexpr int kSeries = 50'000;
  for (int i = 0; i < kSeries; ++i) forward += fmt::format("m{{i=\"{}\"}} 1\n#\n\n", i);
  for (int i = kSeries - 1; i >= 0; --i) backward += fmt::format("m{{i=\"{}\"}} 1\n#\n\n", i);
  for (const std::string& body : {forward, backward, backward, forward}) {
    ScrapeResult result;
    REQUIRE(ParseScrape(body, {}, &target.table(), &target.sink(), &result).ok());
    CHECK(result.samples.size() == kSeries);
  }
}

TEST_CASE("Colliding hashes: lengths still tell series apart") {
  ScrapeTable table(1, /*hash_mask=*/0);
  RecordingSink sink;
  ScrapeResult result;
  std::string body = "a 1\nbb 2\nccc 3\ndddd{e=\"f\"} 4\n";
  for (int i = 0; i < 3; ++i) {
    REQUIRE(ParseScrape(body, {}, &table, &sink, &result).ok());
    REQUIRE(result.samples.size() == 4);
    for (uint32_t s = 0; s < 4; ++s) {
      CHECK(result.samples[s].slot == s);
      CHECK(result.samples[s].value == s + 1);
    }
  }
  // The same length under the same hash is the collision nobody can tell: harmless, if wrong.
  REQUIRE(ParseScrape("x 9\nbb 2\n", {}, &table, &sink, &result).ok());
  CHECK(result.samples[0].slot == 0);
}

// ---- the mutation property ----

std::string Mutate(std::string body, const std::string& other, std::mt19937& random) {
  auto at = [&](size_t size) { return size == 0 ? 0 : random() % size; };
  static const std::string kBytes = "\n\n  \t\"{}=,#\\ab019.e+-NI_:\x80";
  const int edits = 1 + static_cast<int>(random() % 3);
  for (int i = 0; i < edits; ++i) {
    const size_t p = at(body.size());
    switch (random() % 7) {
      case 0: body.insert(p, 1, kBytes[at(kBytes.size())]); break;
      case 1: body.erase(p, 1 + random() % 3); break;
      case 2:
        if (!body.empty()) body[p] = kBytes[at(kBytes.size())];
        break;
      case 3:
        if (!body.empty()) std::swap(body[p], body[at(body.size())]);
        break;
      case 4: {  // a whole line gone or moved
        size_t begin = body.rfind('\n', p);
        begin = begin == std::string::npos ? 0 : begin + 1;
        size_t end = std::min(body.find('\n', p), body.size());
        std::string line = body.substr(begin, end + 1 - begin);
        body.erase(begin, end + 1 - begin);
        if (random() % 2 == 0)
          body.insert(
              std::min(body.find('\n', at(body.size() + 1)), body.size() - (body.empty() ? 0 : 1)) +
                  (body.empty() ? 0 : 1),
              line);
        break;
      }
      case 5: body.insert(p, other.substr(at(other.size()), random() % 40)); break;
      case 6: body.resize(p); break;
    }
  }
  return body;
}

void MutationProperty(const std::string& base, TextDialect dialect, int rounds, uint32_t seed) {
  std::mt19937 random(seed);
  ScrapedTarget target(dialect, seed);
  std::string body = base;
  for (int i = 0; i < rounds; ++i) {
    std::string difference = target.ScrapeAndCompare(body);
    if (!difference.empty()) {
      INFO("round " << i << " body: " << GoQuote(body));
      FAIL(difference);
    }
    body = Mutate(random() % 4 == 0               ? base
                  : body.size() > base.size() * 2 ? base
                                                  : body,
                  base, random);
    if (random() % 16 == 0) body = base;
  }
}

const std::string kTextBase =
    "# HELP a_total Help.\n# TYPE a_total counter\na_total{x=\"1\"} 1\na_total{x=\"2\"} 2.5\n"
    "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 0.3\nh_count 2\n"
    "# TYPE s summary\ns{quantile=\"0.5\"} NaN\ns_sum 1e+06\ns_count 3 1600000000000\n"
    "{\"näme\",\"l\"=\"\\\"v\\\\\"} -1\nup 1\ndrop_me 1\nup2 1\nup3{a=\"b\"} 1\n";
const std::string kOpenBase =
    "# HELP a Help.\n# TYPE a counter\na_total{x=\"1\"} 1 # {id=\"1\"} 0.5\na_total{x=\"2\"} 2.5 "
    "12.5\n"
    "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2 # {t=\"u\"} 3 4.5\nh_sum "
    "0.3\n"
    "# TYPE b_seconds gauge\n# UNIT b_seconds seconds\nb_seconds NaN\nup 1\nup2 1\n# EOF\n";

TEST_CASE("Mutated text bodies parse as if afresh") {
  for (uint32_t seed = 0; seed < 20; ++seed)
    MutationProperty(kTextBase, TextDialect::kText, 1500, seed);
}

TEST_CASE("Mutated OpenMetrics bodies parse as if afresh") {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    MutationProperty(kOpenBase, TextDialect::kOpenMetrics, 1500, seed);
  }
}

TEST_CASE("Real bodies, mutated, parse as if afresh") {
  for (const char* file : {"testdata/node_exporter.prom", "testdata/prometheus.prom"}) {
    auto body = ReadFile(file);
    REQUIRE(body.ok());
    ScrapedTarget target(TextDialect::kText);
    REQUIRE(target.ScrapeAndCompare(*body) == "");
    REQUIRE(target.ScrapeAndCompare(*body) == "");
    CHECK(target.result().found == 0);
    CHECK(target.result().added == 0);
    MutationProperty(*body, TextDialect::kText, 60, 7);
  }
}

}  // namespace
}  // namespace narthex
