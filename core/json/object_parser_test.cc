// The fast reader of many documents agrees with the small one.

#include "core/json/object_parser.h"

#include "tests/catch.h"

namespace narthex {
namespace {

std::string Print(const JsonValue& v) {
  switch (v.type()) {
    case JsonValue::Type::kNull: return "null";
    case JsonValue::Type::kBool: return v.AsBool() ? "true" : "false";
    case JsonValue::Type::kNumber: return fmt::format("{}|{}", v.AsDouble(), v.AsInt());
    case JsonValue::Type::kString: return "'" + v.AsString() + "'";
    case JsonValue::Type::kArray: {
      std::string out = "[";
      for (const JsonValue& item : v.items()) out += Print(item) + ",";
      return out + "]";
    }
    case JsonValue::Type::kObject: break;
  }
  std::string out = "{";
  for (const auto& [name, value] : v.members()) out += name + ":" + Print(value) + ",";
  return out + "}";
}

TEST_CASE("the same values, errors and limits as ParseJson") {
  const JsonLimits limits{.max_bytes = 400, .max_depth = 6, .max_values = 20};
  JsonObjectParser parser(limits);
  const std::string texts[] = {"{}",
                               "[]",
                               "null",
                               " true ",
                               "\"a\\u00e9\\n\"",
                               "18446744073709551615",
                               "-9223372036854775808",
                               "123456789012345678901234567890",
                               "1.5e3",
                               "1e400",
                               R"({"a":{"b":[1,2,{"c":null}]},"a":2,"":"x"})",
                               "{\"a\":}",
                               "[1,]",
                               "",
                               "  ",
                               "{",
                               "nul",
                               "\"\xff\"",
                               "[[[[[[]]]]]]",
                               "[[[[[[1]]]]]]",
                               "[[[[[[[]]]]]]]",
                               "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19]",
                               "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]",
                               std::string(401, ' '),
                               "{\"a\":1} x",
                               "{\"a\":1}{\"b\":2}"};
  for (const std::string& text : texts) {
    INFO(text);
    const auto expected = ParseJson(text, limits);
    const auto got = parser.Parse(text);
    REQUIRE(got.ok() == expected.ok());
    if (expected.ok()) {
      CHECK(Print(*got) == Print(*expected));
    } else {
      CHECK(got.status() == expected.status());
    }
  }
}

TEST_CASE("what nobody wants is left out, and only that") {
  JsonObjectParser parser({}, {.parent = "metadata", .name = "managedFields"});
  const auto got = parser.Parse(
      R"({"metadata":{"name":"x","managedFields":[{"f":{}}],"labels":{"managedFields":"kept"}},)"
      R"("managedFields":1})");
  REQUIRE(got.ok());
  CHECK(Print(*got) == "{metadata:{name:'x',labels:{managedFields:'kept',},},managedFields:1|1,}");
}

TEST_CASE("a parser goes on after a big and after a broken document") {
  JsonObjectParser parser;
  const std::string big = "[\"" + std::string(3'000'000, 'x') + "\"]";
  for (int i = 0; i < 3; ++i) {
    REQUIRE(parser.Parse(big).ok());
    CHECK_FALSE(parser.Parse("{\"a\":").ok());
    REQUIRE(parser.Parse("{\"a\":[1]}").ok());
  }
}

}  // namespace
}  // namespace narthex
