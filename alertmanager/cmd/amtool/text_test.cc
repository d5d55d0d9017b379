// Tables, printed answers, and what command lines are read as. The texts are those of upstream's
// amtool 0.33.

#include "alertmanager/cmd/amtool/arguments.h"
#include "alertmanager/cmd/amtool/print.h"
#include "alertmanager/cmd/amtool/table.h"
#include "tests/catch.h"

namespace narthex::am {
namespace {

TEST_CASE("columns are as wide as adjacent lines need") {
  struct Row {
    std::string_view text, aligned;
  };
  const Row rows[] = {
      {"", ""},
      {"plain\n", "plain\n"},
      {"a\tbb\t\nccc\td\t\n", "a    bb  \nccc  d   \n"},
      {"Key:\tvalue\nLonger key:\t\n", "Key:         value\nLonger key:  \n"},
      {"ä\tb\t\nxx\tc\t\n", "ä   b  \nxx  c  \n"},
      // A newline inside a cell ends the block of its column.
      {"a\tb\tlong cell\nrest\tx\t\ncc\td\te\t\n", "a     b  long cell\nrest  x  \ncc    d  e  \n"},
      {"a\t\n\nbbb\t\n", "a  \n\nbbb  \n"},
      {"a\tb\n\nlong\tname\n", "a  b\n\nlong  name\n"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(AlignColumns(row.text) == row.aligned);
  }
}

Style StyleOf(Style::Kind kind, std::string date_format = "2006-01-02 15:04:05 MST") {
  Style style;
  style.kind = kind;
  style.date_format = std::move(date_format);
  return style;
}

JsonValue Json(std::string_view text) { return ParseJson(text).value(); }

TEST_CASE("alerts") {
  const JsonValue alerts = Json(
      R"([{"annotations":{},"endsAt":"2026-01-02T00:00:00.000Z","startsAt":"2026-01-01T02:00:00.500Z",)"
      R"("status":{"state":"suppressed"},"labels":{"z":"y","a":"\"b\""}},)"
      R"({"annotations":{"summary":"the\nsum","r":"<x>"},"endsAt":"2026-01-02T00:00:00.000Z",)"
      R"("startsAt":"2026-01-01T03:00:00.000+02:00","status":{"state":"active"},"generatorURL":"http://g",)"
      R"("labels":{"alertname":"A"}}])");
  CHECK(FormatAlerts(alerts, StyleOf(Style::Kind::kSimple)) ==
        "Alertname  Starts At                  Summary  State  \n"
        "A          2026-01-01 03:00:00 +0200  the\n"
        "sum        active                     \n"
        "           2026-01-01 02:00:00 UTC      suppressed  \n");
  CHECK(FormatAlerts(alerts, StyleOf(Style::Kind::kExtended, "15:04Z07:00")) ==
        "Labels         Annotations  Starts At  Ends At  Generator URL  State  \n"
        "alertname=\"A\"  r=\"<x>\" summary=\"the\n"
        "sum\"           03:00+02:00  00:00Z  http://g  active  \n"
        "a=\"\"b\"\" z=\"y\"               02:00Z  00:00Z            suppressed  \n");
  CHECK(FormatAlerts(Json("[]"), StyleOf(Style::Kind::kSimple)) ==
        "Alertname  Starts At  Summary  State  \n");
  CHECK(FormatAlerts(Json("[]"), StyleOf(Style::Kind::kJson)) == "[]\n");
  CHECK(FormatAlerts(Json(R"([{"labels":{"a":"<"},"n":[1,2.5,true,null]}])"),
                     StyleOf(Style::Kind::kJson)) ==
        "[{\"labels\":{\"a\":\"\\u003c\"},\"n\":[1,2.5,true,null]}]\n");
}

TEST_CASE("silences") {
  const JsonValue silences = Json(
      R"([{"id":"1","updatedAt":"2026-01-01T00:00:00.000Z","comment":"c","createdBy":"me",)"
      R"("endsAt":"2026-01-03T00:00:00.000Z","startsAt":"2026-01-01T00:00:00.000Z","matchers":[)"
      R"({"isEqual":true,"isRegex":false,"name":"a","value":"b\n"},{"isRegex":true,"name":"x y","value":"z"},)"
      R"({"isEqual":false,"isRegex":true,"name":"c","value":"d"},{"isEqual":false,"name":"e","value":"("}]},)"
      R"({"id":"2","updatedAt":"2026-01-01T00:00:00.000Z","comment":"","createdBy":"you",)"
      R"("endsAt":"2026-01-02T00:00:00.000Z","startsAt":"2026-01-01T00:00:00.000Z","matchers":[]}])");
  CHECK(FormatSilences(silences, StyleOf(Style::Kind::kSimple, "01-02")) ==
        "ID  Matchers                          Ends At  Created By  Comment  \n"
        "2                                     01-02    you                  \n"
        "1   a=\"b\\n\" \"x y\"=~\"z\" c!~\"d\" e!=\"(\"  01-03    me          c        \n");
  CHECK(FormatSilences(silences, StyleOf(Style::Kind::kExtended, "01-02")) ==
        "ID  Matchers                            Starts At  Ends At  Updated At  Created By  "
        "Comment  "
        "\n"
        "2   {}                                  01-01      01-02    01-01       you               "
        "   "
        "\n"
        "1   {a=\"b\\n\",\"x y\"=~\"z\",c!~\"d\",e!=\"(\"}  01-01      01-03    01-01       me     "
        "     c   "
        "     \n");
}

TEST_CASE("the server's status") {
  const JsonValue status = Json(
      R"({"cluster":{"name":"n","peers":[{"address":"1.2.3.4:5","name":"p2"},{"address":"x","name":"p1"}],)"
      R"("status":"ready"},"config":{"original":"a: b\n"},"uptime":"T","versionInfo":{"branch":"b",)"
      R"("buildDate":"d","buildUser":"u","goVersion":"g","revision":"r","version":"v"}})");
  CHECK(FormatCluster(status, StyleOf(Style::Kind::kSimple)) ==
        "Cluster Status:  ready\nNode Name:       n\n");
  CHECK(FormatCluster(status, StyleOf(Style::Kind::kExtended)) ==
        "Cluster Status:  ready\nNode Name:       n\n\n"
        "Address    Name\nx          p1  \n1.2.3.4:5  p2  \n");
  CHECK(FormatConfig(status, StyleOf(Style::Kind::kSimple)) == "a: b\n\n");
  CHECK(
      FormatConfig(status, StyleOf(Style::Kind::kExtended)) ==
      "a: b\n\nbuildUser u\ngoVersion g\nrevision r\nversion v\nbranch b\nbuildDate d\nuptime T\n");
}

std::string ErrorOf(const Status& status) { return std::string(MessageOf(status)); }

TEST_CASE("times are RFC 3339; errors name what is missing as Go does") {
  CHECK_FALSE(ParseTimeArgument("").value().is_set());
  CHECK(FormatMillis(ParseTimeArgument("2026-01-02T03:04:05.6+02:00").value()) ==
        "2026-01-02T03:04:05.600+02:00");
  struct Row {
    std::string_view text, rest, element;
  };
  const Row rows[] = {
      {"xx", "xx", "2006"},
      {"2026/01", "/01", "-"},
      {"2026-01-02", "", "T"},
      {"2026-01-02T03:04:05", "", "Z07:00"},
      {"2026-01-02T03:04:05.25", "", "Z07:00"},
      {"2026-01-02T3:04:05Z", "3:04:05Z", "15"},
  };
  for (const Row& row : rows) {
    CHECK(
        ErrorOf(ParseTimeArgument(row.text).status()) ==
        fmt::format("parsing time \"{}\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"{}\" as "
                    "\"{}\"",
                    row.text, row.rest, row.element));
  }
  CHECK(ErrorOf(ParseTimeArgument("2026-01-02T03:04:05Zx").status()) ==
        "parsing time \"2026-01-02T03:04:05Zx\": extra text: \"x\"");
  CHECK_FALSE(ParseTimeArgument("2026-13-02T03:04:05Z").ok());
}

TEST_CASE("matchers, pairs and durations") {
  std::vector<std::string> arguments = {"foo \"x\"", "bar"};
  ExpandAlertName(&arguments);
  CHECK(arguments == std::vector<std::string>{"alertname=\"foo \\\"x\\\"\"", "bar"});
  arguments = {"a=~b"};
  ExpandAlertName(&arguments);
  CHECK(arguments == std::vector<std::string>{"a=~b"});
  CHECK(ParsePairs({"a=b", "c=\"d e\"", "a=z"}, "labels").value() ==
        PairMap{{"a", "z"}, {"c", "d e"}});
  CHECK(ErrorOf(ParsePairs({"a!=b"}, "labels").status()) ==
        "labels must be specified as key=value pairs");
  CHECK(ErrorOf(ParsePairs({"a"}, "labels").status()) == "bad matcher format: a");
  CHECK(ParseSilenceDuration("1h30m").value() == int64_t{5400} * 1'000'000'000);
  CHECK(ErrorOf(ParseSilenceDuration("0s").status()) == "silence duration must be greater than 0");
  CHECK(ErrorOf(ParseSilenceDuration("x").status()) == "not a valid duration string: \"x\"");
}

}  // namespace
}  // namespace narthex::am
