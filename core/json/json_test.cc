#include <bit>
#include <cmath>
#include <limits>

#include "core/json/reader.h"
#include "core/json/writer.h"
#include "tests/catch.h"

namespace narthex {
namespace {

std::string Quoted(std::string_view text, bool html = true) {
  std::string out;
  AppendJsonString(&out, text, html);
  return out;
}

std::string Number(double v) {
  std::string out;
  JsonWriter(&out).Double(v);
  return out;
}

TEST_CASE("the writer places commas and colons") {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject().Member("a", "x").Key("b").BeginArray();
  json.Int(-1).Uint(2).Bool(true).Null().BeginObject().EndObject().BeginArray().EndArray();
  json.EndArray().Key("c").Raw("[1]").Key("d").Double(0.5).EndObject();
  CHECK(out == R"({"a":"x","b":[-1,2,true,null,{},[]],"c":[1],"d":0.5})");
}

TEST_CASE("a tree is written as it was read") {
  const std::string text = R"({"b":[1,-2.5,true,null,"x"],"a":{"c":{},"d":[]}})";
  std::string out;
  JsonWriter(&out).Value(ParseJson(text).value());
  CHECK(out == text);
}

TEST_CASE("strings are escaped as Go does") {
  CHECK(Quoted("a\"b\\c\n\r\t\b\x01\x7f") == "\"a\\\"b\\\\c\\n\\r\\t\\u0008\\u0001\x7f\"");
  CHECK(Quoted("<a&b>") == R"("\u003ca\u0026b\u003e")");
  CHECK(Quoted("<a&b>", false) == R"("<a&b>")");
  CHECK(Quoted("h\xC3\xBC\xF0\x9F\x98\x80") == "\"h\xC3\xBC\xF0\x9F\x98\x80\"");
  CHECK(Quoted("x\xff\xE2\x98y") == R"("x\ufffd\ufffd\ufffdy")");
  CHECK(Quoted("\xE2\x80\xA8z\xE2\x80\xA9") == R"("\u2028z\u2029")");
  CHECK(Quoted("") == R"("")");
}

TEST_CASE("numbers are written as encoding/json does") {
  CHECK(Number(1) == "1");
  CHECK(Number(1e20) == "100000000000000000000");
  CHECK(Number(1e21) == "1e+21");
  CHECK(Number(1e-7) == "1e-7");
  CHECK(Number(1.5e-10) == "1.5e-10");
  CHECK(Number(std::nan("")) == "null");
  CHECK(Number(-INFINITY) == "null");
}

TEST_CASE("the reader builds a tree") {
  auto document = ParseJson(
      R"( {"s":"\u00fc\ud83d\ude00","i":-5,"u":18446744073709551615,"d":1.5e3,"t":true,"n":null,)"
      R"("a":[1,"two",[]],"o":{"k":"v"},"dup":1,"dup":2} )");
  REQUIRE(document.ok());
  const JsonValue& v = *document;
  CHECK(v["s"].AsString() == "\xC3\xBC\xF0\x9F\x98\x80");
  CHECK(v["i"].AsInt() == -5);
  CHECK(v["u"].AsInt() == std::numeric_limits<int64_t>::max());
  CHECK(v["u"].AsDouble() == 18446744073709551615.0);
  CHECK(v["d"].AsDouble() == 1500);
  CHECK(v["d"].AsInt() == 1500);
  CHECK(v["t"].AsBool());
  CHECK(v["n"].is_null());
  CHECK(v.Has("n"));
  CHECK(v["a"].items().size() == 3);
  CHECK(v["a"].items()[1].AsString() == "two");
  CHECK(v["o"]["k"].AsString() == "v");
  CHECK(v["dup"].AsInt() == 2);
  CHECK(v["missing"]["deeper"].is_null());
  CHECK_FALSE(v.Has("missing"));
  CHECK(v["s"].AsInt() == 0);
  CHECK(v["s"].items().empty());
  CHECK(v.members().front().first == "s");
}

TEST_CASE("numbers are read to the last bit") {
  const std::pair<const char*, double> kCases[] = {
      {"0", 0},
      {"-0", -0.0},
      {"0e81", 0},
      {"-0.0e+300", -0.0},
      {"1e-400", 0},
      {"0.1", 0.1},
      {"123456789012345678901234567890", 123456789012345678901234567890.0},
      {"2.2250738585072014e-308", 2.2250738585072014e-308},
      {"4.9e-324", 4.9e-324},
      {"1.7976931348623157e308", 1.7976931348623157e308},
      {"9007199254740993.0", 9007199254740992},
      {"-9223372036854775808", -0x1p63},
      {"18446744073709551615", 0x1p64}};
  for (const auto& [text, want] : kCases) {
    INFO(text);
    const auto document = ParseJson(text);
    REQUIRE(document.ok());
    CHECK(std::bit_cast<uint64_t>(document->AsDouble()) == std::bit_cast<uint64_t>(want));
  }
  CHECK(ParseJson("9007199254740993")->AsInt() == 9007199254740993);
  for (const char* text : {"1e309", "0e", "1.", ".5", "+1", "1e+", "0x1", "-"}) {
    INFO(text);
    CHECK_FALSE(ParseJson(text).ok());
  }
}

TEST_CASE("broken documents are refused") {
  for (const char* text : {"", " ", "{", "[1,]", "{\"a\":}", "{\"a\" 1}", "nul", "1 2", "\"\\x\"",
                           "\"\xff\"", "'a'", "[1", "01", "NaN", "\"a\nb\"", "{\"a\":1,}"}) {
    INFO(text);
    auto document = ParseJson(text);
    REQUIRE_FALSE(document.ok());
    CHECK(document.status().code() == StatusCode::kInvalidArgument);
  }
}

TEST_CASE("documents beyond the limits are refused") {
  auto code = [](std::string_view text, JsonLimits limits) {
    return ParseJson(text, limits).status().code();
  };
  CHECK(code(std::string(1'000'000, '['), {}) == StatusCode::kOutOfRange);
  CHECK(code("[[[]]]", {.max_depth = 2}) == StatusCode::kOutOfRange);
  CHECK(code("[[[]]]", {.max_depth = 3}) == StatusCode::kOk);
  CHECK(code("[1,2,3]", {.max_values = 3}) == StatusCode::kOutOfRange);
  CHECK(code("[1,2,3]", {.max_values = 4}) == StatusCode::kOk);
  CHECK(code("[1,2,3]", {.max_bytes = 6}) == StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace narthex
