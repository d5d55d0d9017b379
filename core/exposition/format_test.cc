#include "core/exposition/format.h"

#include "core/exposition/media_type.h"
#include "tests/catch.h"

namespace narthex {
namespace {

using enum ExpositionFormat;

TEST_CASE("The default Accept header of a scrape") {
  const ExpositionFormat defaults[] = {kOpenMetrics100, kOpenMetrics001, kText100, kText004};
  CHECK(BuildScrapeAccept(defaults, NameEscaping::kAllowUtf8) ==
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,"
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2");
  const ExpositionFormat one[] = {kProtobuf};
  CHECK(BuildScrapeAccept(one, NameEscaping::kUnderscores) ==
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
        "encoding=delimited;q=0.6,*/*;q=0.5");
}

TEST_CASE("Scrape protocols by name") {
  for (auto format : {kProtobuf, kOpenMetrics100, kOpenMetrics001, kText100, kText004}) {
    CHECK(ParseScrapeProtocol(ScrapeProtocolName(format)) == format);
  }
  CHECK_FALSE(ParseScrapeProtocol("prometheusproto").has_value());
  CHECK(MediaTypeOf(kText100) == "text/plain");
}

TEST_CASE("Negotiation") {
  struct Case {
    const char* accept;
    bool open_metrics;
    const char* content_type;
  } cases[] = {
      {"", false, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"},
      {"*/*", true, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"},
      {"application/openmetrics-text", false,
       "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"},
      {"application/openmetrics-text", true,
       "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=underscores"},
      {"application/openmetrics-text;version=1.0.0;escaping=dots;q=0.5,text/plain;q=0.1", true,
       "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=dots"},
      {"application/openmetrics-text;version=2.0.0, text/plain;version=0.0.4;q=0.3", true,
       "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"},
      {"text/plain;version=0.0.4;q=0.3,application/vnd.google.protobuf;"
       "proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.8",
       false,
       "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
       "encoding=delimited; escaping=underscores"},
      {"application/vnd.google.protobuf;proto=other;encoding=delimited", false,
       "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"},
      {"text/plain;version=1.0.0;escaping=allow-utf-8", false,
       "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8"},
      {"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.5", false,
       "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"},
      {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
       "application/openmetrics-text;version=0.0.1;q=0.5,"
       "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/"
       "*;q=0.2",
       false, "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8"},
      {"text/plain;escaping=nonsense", false,
       "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"},
      {";;;,,q=,=;q", false, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"},
  };
  for (const Case& c : cases) {
    INFO(c.accept);
    CHECK(ContentTypeOf(NegotiateFormat(c.accept, c.open_metrics)) == c.content_type);
  }
}

TEST_CASE("Content types of scrapes") {
  auto grammar = [](std::string_view type) { return ParseScrapeContentType(type, std::nullopt); };
  CHECK(grammar("text/plain; version=0.0.4; charset=utf-8")->grammar == ScrapeGrammar::kText);
  CHECK(grammar("TEXT/Plain")->grammar == ScrapeGrammar::kText);
  CHECK(grammar("application/openmetrics-text; version=1.0.0")->grammar ==
        ScrapeGrammar::kOpenMetrics);
  CHECK(grammar("application/vnd.google.protobuf; proto=\"a;b\";")->grammar ==
        ScrapeGrammar::kProtobuf);
}

TEST_CASE("Content types that are not compliant") {
  struct Case {
    const char *type, *error, *warning;
  } cases[] = {
      {"",
       "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol "
       "specified for target",
       "non-compliant scrape target sending blank Content-Type, using fallback_scrape_protocol "
       "\"text/plain\""},
      {"text/html",
       "received unsupported Content-Type \"text/html\" and no fallback_scrape_protocol specified "
       "for target",
       "received unsupported Content-Type \"text/html\", using fallback_scrape_protocol "
       "\"text/plain\""},
      {"text/plain; =x",
       "cannot parse Content-Type \"text/plain; =x\" and no fallback_scrape_protocol for target\n"
       "mime: invalid media parameter",
       "could not parse received Content-Type \"text/plain; =x\", using fallback_scrape_protocol "
       "\"text/plain\"\nmime: invalid media parameter"},
  };
  for (const Case& c : cases) {
    auto strict = ParseScrapeContentType(c.type, std::nullopt);
    CHECK(MessageOf(strict.status()) == c.error);
    auto lenient = ParseScrapeContentType(c.type, kText004);
    REQUIRE(lenient.ok());
    CHECK(lenient->grammar == ScrapeGrammar::kText);
    CHECK(lenient->warning == c.warning);
  }
}

TEST_CASE("Media types as Go reads them") {
  CHECK(*ParseMediaType(" Text/PLAIN ; a=b ; c=\"d;\\\"e\" ;") == "text/plain");
  auto error = [](std::string_view type) {
    return std::string(MessageOf(ParseMediaType(type).status()));
  };
  CHECK(error(";") == "mime: no media type");
  CHECK(error("text?plain") == "mime: expected slash after first token");
  CHECK(error("text/") == "mime: expected token after slash");
  CHECK(error("text/plain x") == "mime: unexpected content after media subtype");
  CHECK(error("text/plain; a=1; A=2") == "mime: duplicate parameter name");
}

}  // namespace
}  // namespace narthex
