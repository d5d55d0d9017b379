#include "core/exposition/text_reader.h"

#include <bit>
#include <cmath>

#include "core/strings/numbers.h"
#include "tests/catch.h"

namespace narthex {
namespace {

using std::string_view_literals::operator""sv;

// Every entry on a line of its own, as one text.
std::string Dump(std::string_view body, TextDialect dialect) {
  TextReader reader(body, dialect);
  std::string out, scratch;
  while (true) {
    auto entry = reader.Next();
    if (!entry.ok()) return out + "error: " + std::string(MessageOf(entry.status()));
    switch (*entry) {
      case TextReader::Entry::kEnd: return out;
      case TextReader::Entry::kComment: out += "comment"; break;
      case TextReader::Entry::kHelp:
        out += fmt::format("help {} [{}]", reader.family(), reader.metadata_text(&scratch));
        break;
      case TextReader::Entry::kType:
        out += fmt::format("type {} {}", reader.family(), ScrapedTypeName(reader.type()));
        break;
      case TextReader::Entry::kUnit:
        out += fmt::format("unit {} {}", reader.family(), reader.metadata_text(&scratch));
        break;
      case TextReader::Entry::kSeries: {
        auto labels = reader.DecodeLabels();
        if (!labels.ok()) return out + "labels: " + std::string(MessageOf(labels.status()));
        out += labels->ToMetricString() + " " + FormatFloat(reader.value());
        if (reader.timestamp_ms()) out += fmt::format(" @{}", *reader.timestamp_ms());
        if (reader.has_exemplar()) {
          auto exemplar = reader.DecodeExemplar();
          out += " # " + exemplar->labels.ToString() + " " + FormatFloat(exemplar->value);
          if (exemplar->timestamp_ms) out += fmt::format(" @{}", *exemplar->timestamp_ms);
        }
      }
    }
    out += "\n";
  }
}

std::string Text(std::string_view body) { return Dump(body, TextDialect::kText); }
std::string Open(std::string_view body) { return Dump(body, TextDialect::kOpenMetrics); }

TEST_CASE("Text: a body with everything") {
  CHECK(Text(R"(# HELP go_gc A summary of \\ pauses.\n\x
# TYPE go_gc summary
go_gc{quantile="0"} 4.9351e-05
go_gc{quantile="0.25",} 7.424100000000001e-05
go_gc{quantile="1", a="b"} 8.3e+01
go_gc_sum 100
# a comment
#another
#	HELP tab  two spaces
# HELPfoo no help
# TYPE h histogram
h_bucket{le="1"} 1
h_bucket{le="+Inf"} 2 1234
	 leading{a="1"}	2	-0

# TYPE u untyped
spaces { a = "b" , c="d" e="f"} 5
{"utf8.näme", "läbel\"x"="v"} 1
{"plain"} 1
{a="b","late"} NaN
nan nAn
inf +iNf
ninf -infinity
esc{a="\\ \" \n \x"} 1)") == R"(help go_gc [A summary of \ pauses.
\x]
type go_gc summary
go_gc{quantile="0.0"} 4.9351e-05
go_gc{quantile="0.25"} 7.424100000000001e-05
go_gc{a="b", quantile="1.0"} 83
go_gc_sum 100
comment
comment
help tab [ two spaces]
comment
type h histogram
h_bucket{le="1.0"} 1
h_bucket{le="+Inf"} 2 @1234
error: expected timestamp or new record, got "-" ("INVALID") while parsing: "\t leading{a=\"1\"}\t2\t-")");
}

TEST_CASE("Text: blanks, names and numbers") {
  CHECK(Text("spaces { a = \"b\" , c=\"d\" e=\"f\"} 5\n") ==
        "spaces{a=\"b\", c=\"d\", e=\"f\"} 5\n");
  CHECK(Text("\t lead 1 \t 2  \n\n   \nb 2") == "lead 1 @2\nb 2\n");
  CHECK(Text("{\"utf8.näme\", \"läb\\\"x\"=\"v\"} 1") ==
        "{__name__=\"utf8.näme\", \"läb\\\"x\"=\"v\"} 1\n");
  CHECK(Text("{a=\"b\",\"late\"} 1\n{\"plain\"} 2") == "late{a=\"b\"} 1\nplain 2\n");
  CHECK(Text("a nAn\nb +iNf\nc -infinity\nd Inf\ne .5\nf 5.\ng +1e+2") ==
        "a NaN\nb +Inf\nc -Inf\nd +Inf\ne 0.5\nf 5\ng 100\n");
  CHECK(Text("esc{a=\"\\\\ \\\" \\n \\x\"} 1") == "esc{a=\"\\\\ \\\" \\n \\\\x\"} 1\n");
  CHECK(Text("empty{a=\"\",b=\"1\"}1") == "empty{b=\"1\"} 1\n");
  CHECK(Text("a:b:c{_x9=\"multi\nline\"} 1") == "a:b:c{_x9=\"multi\\nline\"} 1\n");
  CHECK(Text("") == "");
  CHECK(Text("a 1\n\0ignored { } \n" + std::string()) == "a 1\n");
}

TEST_CASE("Text: le and quantile follow the TYPE in effect") {
  CHECK(Text("# TYPE h histogram\nh{le=\"1\",quantile=\"1\"} 1\n# TYPE s summary\n"
             "s{le=\"1\",quantile=\"1e7\"} 1\n# TYPE g gauge\ng{le=\"1\",quantile=\"1\"} 1\n"
             "# TYPE h histogram\nh{le=\"abc\"} 1\nh{le=\"inf\"} 1\nh{le=\"0.10\"} 1\n") ==
        "type h histogram\nh{le=\"1.0\", quantile=\"1\"} 1\ntype s summary\n"
        "s{le=\"1\", quantile=\"1e+07\"} 1\ntype g gauge\ng{le=\"1\", quantile=\"1\"} 1\n"
        "type h histogram\nh{le=\"abc\"} 1\nh{le=\"+Inf\"} 1\nh{le=\"0.1\"} 1\n");
}

TEST_CASE("Text: errors in the reference's words") {
  struct Case {
    std::string_view body, error;
  } cases[] = {
      {"a", R"(expected value after metric, got "\n" ("INVALID") while parsing: "a\n")"},
      {"a{b='c'} 1\n", R"(expected label value, got "'" ("INVALID") while parsing: "a{b='")"},
      {"a{b=\n", R"(expected label value, got "\n" ("INVALID") while parsing: "a{b=\n")"},
      {"a{\xff=\"foo\"} 1\n",
       R"(expected label name, got "\xff" ("INVALID") while parsing: "a{\xff")"},
      {"a{b=\"\xff\"} 1\n", R"(invalid UTF-8 label value: "\"\xff\"")"},
      {"a true\n", R"(strconv.ParseFloat: parsing "true": invalid syntax while parsing: "a true")"},
      {"something_weird{problem=\"",
       R"(expected label value, got "\"\n" ("INVALID") while parsing: "something_weird{problem=\"\n")"},
      {"empty_label_name{=\"\"} 0",
       R"(expected label name, got "=\"" ("EQUAL") while parsing: "empty_label_name{=\"")"},
      {"foo 1_2\n", R"(unsupported character in float while parsing: "foo 1_2")"},
      {"foo 0x1p-3\n", R"(unsupported character in float while parsing: "foo 0x1p-3")"},
      {"foo 0x10\n",
       R"(strconv.ParseFloat: parsing "0x10": invalid syntax while parsing: "foo 0x10")"},
      {"foo 0 1_2\n",
       R"(expected next entry after timestamp, got "_" ("INVALID") while parsing: "foo 0 1_")"},
      {"{a=\"ok\"} 1", R"(metric name not set while parsing: "{a=\"ok\"} 1")"},
      {"{\"a\", \"b\"} 1", R"(metric name already set while parsing: "{\"a\", \"b\"}")"},
      {"a{\"b\"} 1", R"(metric name already set while parsing: "a{\"b\"}")"},
      {"a{b} 1", R"(metric name already set while parsing: "a{b}")"},
      {"{b} 1", R"(expected equal, got "} " ("BCLOSE") while parsing: "{b} ")"},
      {"a\0 1\n"sv,
       R"(expected value after metric, got "\x00" ("INVALID") while parsing: "a\x00")"},
      {"a 1\0\n"sv,
       R"(expected timestamp or new record, got "\x00" ("INVALID") while parsing: "a 1\x00")"},
      {"a{} {} 1", R"(expected value after metric, got "{}" ("BOPEN") while parsing: "a{} {}")"},
      {"9 1", R"(expected a valid start token, got "9" ("INVALID") while parsing: "9")"},
      {"a 1\nb +NaN\n",
       R"(strconv.ParseFloat: parsing "+NaN": invalid syntax while parsing: "b +NaN")"},
      {"a 1e999\n",
       R"(strconv.ParseFloat: parsing "1e999": value out of range while parsing: "a 1e999")"},
      {"a 1 99999999999999999999\n",
       R"(strconv.ParseInt: parsing "99999999999999999999": value out of range while parsing: "a 1 99999999999999999999")"},
      {"a 1\r\n", R"(strconv.ParseFloat: parsing "1\r": invalid syntax while parsing: "a 1\r")"},
      {"# TYPE a nonsense\n", R"(invalid metric type "nonsense")"},
      {"# HELP 9 x\n",
       R"(expected metric name after HELP, got "9" ("INVALID") while parsing: "# HELP 9")"},
      {"# HELP a \xff\n", R"(help text "\xff" is not a valid utf8 string)"},
  };
  for (const Case& c : cases) {
    INFO(c.body);
    std::string got = Text(c.body);
    size_t at = got.find("error: ");
    REQUIRE(at != std::string::npos);
    CHECK(got.substr(at + 7) == c.error);
  }
  CHECK(Text("a{b=\"1\",b=\"2\"} 1") == "labels: label name \"b\" is not unique: invalid sample");
}

TEST_CASE("OpenMetrics: a body with everything") {
  CHECK(Open(R"(# HELP go_gc \"quoted\" \\ and \n
# TYPE go_gc summary
go_gc{quantile="0"} 4.9e-05
# TYPE foo_seconds counter
# UNIT foo_seconds seconds
# HELP foo_seconds 
foo_seconds_total{a="b"} 17.0 1520879607.789 # {id="c\"d"} 5 1520879607.7890001
foo_seconds_created{a="b"} 1520430000.123
bare_total 1 # {} 0.5
bar{le="+Inf",} 5 # {trace="x"} 1e3
{"utf8 näme",a="b"} 1
# TYPE i info
# TYPE s stateset
# TYPE g gaugehistogram
# TYPE k unknown
# EOF
)") == R"(help go_gc ["quoted" \ and 
]
type go_gc summary
go_gc{quantile="0.0"} 4.9e-05
type foo_seconds counter
unit foo_seconds seconds
help foo_seconds []
foo_seconds_total{a="b"} 17 @1520879607789 # {id="c\"d"} 5 @1520879607789
foo_seconds_created{a="b"} 1.520430000123e+09
bare_total 1 # {} 0.5
bar{le="+Inf"} 5 # {trace="x"} 1000
{__name__="utf8 näme", a="b"} 1
type i info
type s stateset
type g gaugehistogram
type k unknown
)");
  CHECK(Open("a 1\n# EOF") == "a 1\n");
}

TEST_CASE("OpenMetrics: errors in the reference's words") {
  struct Case {
    std::string_view body, error;
  } cases[] = {
      {"", "data does not end with # EOF"},
      {"a 1", "data does not end with # EOF"},
      {"a 1\n", "data does not end with # EOF"},
      {"# EOF\nb 1\n", "unexpected data after # EOF"},
      {"# EOFx", "unexpected data after # EOF"},
      {"\n\n# EOF\n", R"(expected a valid start token, got "\n" ("INVALID") while parsing: "\n")"},
      {"# TYPE c counter\n#EOF\n",
       R"(expected a valid start token, got "#E" ("INVALID") while parsing: "#E")"},
      {"# \n# EOF\n",
       R"(expected a valid start token, got "# \n" ("INVALID") while parsing: "# \n")"},
      {"# HELP m\n# EOF\n", "expected text in HELP"},
      {"# TYPE c counter", "expected text in TYPE"},
      {"# TYPE \n# EOF\n",
       R"(expected metric name after TYPE, got "\n" ("INVALID") while parsing: "# TYPE \n")"},
      {"# UNIT metric suffix\n# EOF\n", R"(unit "suffix" not a suffix of metric "metric")"},
      {"# UNIT a a\n# EOF\n", R"(unit "a" not a suffix of metric "a")"},
      {"# TYPE a untyped\n# EOF\n", R"(invalid metric type "untyped")"},
      {"a\n# EOF\n", R"(expected value after metric, got "\n" ("INVALID") while parsing: "a\n")"},
      {"a  1\n# EOF\n",
       R"(expected value after metric, got "  " ("INVALID") while parsing: "a  ")"},
      {"a{b=\"c\" d=\"e\"} 1\n# EOF\n", R"(expected label name, got " " ("INVALID"))"},
      {"a 1 1 1\n# EOF\n",
       R"(expected next entry after timestamp, got " 1\n" ("TIMESTAMP") while parsing: "a 1 1 1\n")"},
      {"a 1 # {d=", R"(expected label value, got "=" ("EOF") while parsing: "a 1 # {d=")"},
      {"a{b=\"c\"",
       R"(expected comma or brace close, got "\"c\"" ("EOF") while parsing: "a{b=\"c\"")"},
      {"# TYPE ",
       R"(expected metric name after TYPE, got "# TYPE " ("EOF") while parsing: "# TYPE ")"},
      {"a 1  # {b=\"c\"} 1\n# EOF\n",
       R"(expected a valid start token, got " # {b" ("COMMENT") while parsing: " # {b")"},
      {"a 1 5 # b\n# EOF\n",
       R"(expected next entry after timestamp, got " # b" ("INVALID") while parsing: "a 1 5 # b")"},
      {"a 1 # {b= 1\"} 1\n# EOF\n",
       R"(expected label value, got " 1\"} " ("VALUE") while parsing: "a 1 # {b= 1\"} ")"},
      {"a 1 ", "data does not end with # EOF"},
      {"a 1 # ", "data does not end with # EOF"},
      {"a 1 # b\n# EOF\n",
       R"(expected a valid start token, got "b" ("INVALID") while parsing: "b")"},
      {"a 1 \n# EOF\n",
       R"(expected a valid start token, got "\n#" ("LINEBREAK") while parsing: "\n#")"},
      {"a 1 NaN\n# EOF\n", "invalid timestamp NaN"},
      {"a 1 -Inf\n# EOF\n", "invalid timestamp -Inf"},
      {"a 1 # {b=\"c\"} 1 +Inf\n# EOF\n", "invalid exemplar timestamp +Inf"},
      {"a 1 # {b=\"c\"}\n# EOF\n",
       R"(expected value after exemplar labels, got "\n" ("INVALID") while parsing: "a 1 # {b=\"c\"}\n")"},
      {"a 1 # {\"b\"} 1\n# EOF\n",
       R"(expected label name, got "} " ("BCLOSE") while parsing: "a 1 # {\"b\"} ")"},
      {"a 1 # {b=\"c\"} 1 1 1\n# EOF\n",
       R"(expected next entry after exemplar timestamp, got " 1\n" ("TIMESTAMP") while parsing: "a 1 # {b=\"c\"} 1 1 1\n")"},
      {"a 1 # {b=\"c\"} 1 # {}\n# EOF\n",
       R"(strconv.ParseFloat: parsing "#": invalid syntax while parsing: "a 1 # {b=\"c\"} 1 #")"},
      {"a{b=\"\n\"} 1\n# EOF\n",
       R"(expected label value, got "\"\n" ("INVALID") while parsing: "a{b=\"\n")"},
  };
  for (const Case& c : cases) {
    INFO(c.body);
    std::string got = Open(c.body);
    size_t at = got.find("error: ");
    REQUIRE(at != std::string::npos);
    if (c.error.find("while parsing") == std::string::npos &&
        c.error.starts_with("expected label")) {
      CHECK(got.find("INVALID") != std::string::npos);
    } else {
      CHECK(got.substr(at + 7) == c.error);
    }
  }
}

TEST_CASE("NaN has one bit pattern") {
  TextReader reader("a nan\nb NaN\n", TextDialect::kText);
  for (int i = 0; i < 2; ++i) {
    REQUIRE(reader.Next().ok());
    CHECK(std::bit_cast<uint64_t>(reader.value()) == 0x7ff8000000000001ULL);
  }
}

TEST_CASE("Limits") {
  TextLimits limits{.max_series_bytes = 100, .max_labels = 3};
  auto code = [&](const std::string& body) {
    TextReader reader(body, TextDialect::kText, limits);
    return reader.Next().status().code();
  };
  CHECK(code("a{b=\"1\",c=\"1\",d=\"1\"} 1\n") == StatusCode::kOk);
  CHECK(code("a{b=\"1\",c=\"1\",d=\"1\",e=\"1\"} 1\n") == StatusCode::kResourceExhausted);
  CHECK(code(std::string(101, 'a') + " 1\n") == StatusCode::kResourceExhausted);
}

TEST_CASE("An error message repeats little of a huge line") {
  std::string body = "a{b=\"" + std::string(1 << 20, 'x');
  TextReader reader(body, TextDialect::kText);
  CHECK(MessageOf(reader.Next().status()).size() < 20'000);
}

}  // namespace
}  // namespace narthex
