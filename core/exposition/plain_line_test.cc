#include "core/exposition/plain_line.h"

#include <bit>

#include "core/base/file.h"
#include "core/exposition/label_text.h"
#include "core/exposition/number.h"
#include "core/exposition/scrape.h"
#include "core/exposition/writer.h"
#include "tests/catch.h"

namespace narthex {
namespace {

// The lines of the body that are taken as plain, each compared with what the full parser gives.
size_t PlainCount(std::string_view body, TextDialect dialect = TextDialect::kText,
                  const TextLimits& limits = {}) {
  PlainLines plain(body, dialect, limits);
  TextReader reader(body, dialect);
  size_t taken = 0;
  for (size_t at = 0; at < body.size();) {
    const size_t next = std::min(body.find('\n', at), body.size()) + 1;
    if (plain.Read(at)) {
      ++taken;
      INFO(body.substr(at, next - at));
      reader.Seek(at, reader.type());
      auto entry = reader.Next();
      REQUIRE(entry.ok());
      REQUIRE(*entry == TextReader::Entry::kSeries);
      auto labels = reader.DecodeLabels();
      REQUIRE(labels.ok());
      CHECK(plain.series() == reader.series());
      CHECK(plain.end() == reader.position());
      CHECK(std::bit_cast<uint64_t>(plain.value()) == std::bit_cast<uint64_t>(reader.value()));
      CHECK(plain.timestamp_ms() == reader.timestamp_ms().value_or(kNoTimestamp));
      CHECK(plain.DecodeLabels(reader.type()) == *labels);
    } else if (at < body.size() && body[at] == '#') {
      reader.Seek(at, reader.type());
      REQUIRE(reader.Next().ok());  // for the type
    }
    at = next;
  }
  return taken;
}

size_t SeriesCount(const std::string& body) {
  TextReader reader(body, TextDialect::kText);
  size_t series = 0;
  for (auto entry = reader.Next(); *entry != TextReader::Entry::kEnd; entry = reader.Next()) {
    series += *entry == TextReader::Entry::kSeries ? 1 : 0;
  }
  return series;
}

TEST_CASE("Nearly all lines of real bodies are plain, and read as the full parser reads them") {
  for (const char* name : {"node_exporter.prom", "prometheus.prom"}) {
    auto body = ReadFile(std::string("testdata/") + name);
    REQUIRE(body.ok());
    const size_t plain = PlainCount(*body);
    CHECK(plain * 100 > SeriesCount(*body) * 90);
  }
}

TEST_CASE("What a plain line is") {
  struct Case {
    const char* body;
    size_t plain;
  };
  const Case cases[] = {
      {"a 1\n", 1},
      {"a:b_c9 -1.5e3\n", 1},
      {":a 1\n", 1},
      {"a{b=\"c\"} 1\n", 1},
      {"a{b=\"\"} 1\n", 1},
      {"a{b=\"c\",d=\"e\"} 1 1234567890123\n", 1},
      {"a{z=\"1\",b=\"2\",_c=\"3\",B=\"4\",__o__=\"5\"} 1\n", 1},
      {"a{b=\"{},= #\"} 1\n", 1},
      // Not plain, though mostly right.
      {"", 0},
      {"a", 0},
      {"a 1", 0},
      {"a \n", 0},
      {"a  1\n", 0},
      {"a 1 \n", 0},
      {"a 1 -5\n", 0},
      {"a 1 1 1\n", 0},
      {" a 1\n", 0},
      {"\n", 0},
      {"9a 1\n", 0},
      {"a NaN\n", 0},
      {"a 1\r\n", 0},
      {"a{} 1\n", 0},
      {"a{b=\"c\",} 1\n", 0},
      {"a{b=\"c\", d=\"e\"} 1\n", 0},
      {"a {b=\"c\"} 1\n", 0},
      {"a{b=\"c\"}1\n", 0},
      {"a{b=\"c\"", 0},
      {"a{b=\"c", 0},
      {"a{b=\"c\"}", 0},
      {"a{b=\"c\"} ", 0},
      {"a{b=\"\\n\"} 1\n", 0},
      {"a{b=\"\xc3\xa9\"} 1\n", 0},
      {"a{b:c=\"d\"} 1\n", 0},
      {"a{\"b\"=\"c\"} 1\n", 0},
      {"{\"a\",b=\"c\"} 1\n", 0},
      {"a{b=\"c\",b=\"d\"} 1\n", 0},
      {"a{b=\"c\",__name__=\"d\"} 1\n", 0},
      {"a 123456789012345678901234567890\n", 0},
      // Names of the line before, in part, in another order, too short, too long.
      {"a{b=\"1\",c=\"2\"} 1\na{b=\"1\",c=\"2\"} 2\na{b=\"1\"} 3\na{b=\"1\",c=\"2\"} 4\n", 4},
      {"a{b=\"1\",c=\"2\"} 1\na{c=\"1\",b=\"2\"} 2\na{bc=\"1\",c=\"2\"} 2\nab 3\na 4\n", 5},
      {"a{b=\"1\"} 1\na{b=\"1\",b=\"2\"} 2\na{b=\"1\"} 3\n", 2},
      {"a{b=\"1\",c=\"2\"} 1\na{c=\"2\",b=\n\na{b=\"1\",c=\"2\"} 1\n", 2},
      {"ab 1\na{b=\"1\"} 2\nab{b=\"1\"} 3\n", 3},
  };
  for (const Case& c : cases) {
    INFO(c.body);
    CHECK(PlainCount(c.body) == c.plain);
  }
}

TEST_CASE("Plain lines of OpenMetrics carry no timestamp") {
  CHECK(PlainCount("a 1\na 1 5\na 1 # {a=\"b\"} 1\na{b=\"c\"} 2\n", TextDialect::kOpenMetrics) ==
        2);
}

TEST_CASE("Lines beyond the limits are left to the full parser") {
  TextLimits limits;
  limits.max_labels = 2;
  limits.max_series_bytes = 20;
  CHECK(PlainCount("a{b=\"1\",c=\"2\"} 1\na{b=\"1\",c=\"2\",d=\"3\"} 1\n", {}, limits) == 1);
  CHECK(PlainCount("a{b=\"12345678901234\"} 1\na{b=\"1234567890123\"} 1\n", {}, limits) == 1);
  std::string many = "a{l0=\"x\"";
  for (int i = 1; i < 33; ++i) many += fmt::format(",l{}=\"x\"", i);
  CHECK(PlainCount(many + "} 1\n") == 0);
}

TEST_CASE("Bounds are stored in one form") {
  for (const char* text : {"1",
                           "1.0",
                           "01.5",
                           "1.50",
                           "0.5",
                           ".5",
                           "5.",
                           "0.0001",
                           "0.00001",
                           "0.00012",
                           "0.000012",
                           "1e3",
                           "1e21",
                           "1e22",
                           "-1",
                           "-0.5",
                           "+1.5",
                           "+Inf",
                           "inf",
                           "NaN",
                           "abc",
                           "",
                           "0",
                           "0.0",
                           "00.5",
                           "1.2.3",
                           "1..2",
                           "123456.5",
                           "1234567.5",
                           "123456789012.345",
                           "1234567890123.4567",
                           "0.10000000000000001",
                           "100000000000000000000.5"}) {
    INFO(text);
    std::string want = text, scratch;
    double v = 0;
    if (ParseGoFloat(text, &v) == FloatError::kNone) {
      want.clear();
      AppendOpenMetricsFloat(&want, v);
    }
    CHECK(NormalisedBound(text, &scratch) == want);
    CHECK(want.size() <= std::string_view(text).size() + 32);
  }
  CHECK(PlainCount("# TYPE h histogram\nh{le=\"1\",a=\"b\"} 1\nh{le=\"0.25\"} 2\n"
                   "# TYPE s summary\ns{quantile=\"1\"} 1\ns{le=\"1\"} 1\n") == 4);
}

}  // namespace
}  // namespace narthex
