// Objects are found whatever the pieces they come in.

#include "core/kube/splitter.h"

#include <vector>

#include "tests/catch.h"

namespace narthex::kube {
namespace {

struct Found {
  std::vector<std::string> objects;
  std::string envelope;
  bool complete = false;
  Status status;
};

Found Split(std::string_view text, size_t piece, size_t limit = 1000) {
  Found found;
  ListSplitter splitter(limit, [&](std::string_view object) {
    found.objects.emplace_back(object);
    return true;
  });
  for (size_t at = 0; at < text.size() && found.status.ok(); at += piece) {
    // A copy of its own size: reading beyond it shows under a sanitizer.
    const std::string part(text.substr(at, piece));
    found.status = splitter.Feed(part);
  }
  found.envelope = splitter.envelope();
  found.complete = splitter.complete();
  return found;
}

TEST_CASE("the objects of a list come out whole, and what is around them stays") {
  const std::string text =
      R"({"kind":"PodList","metadata":{"resourceVersion":"7","items":[{"no":1}]},)"
      R"( "items" : [ {"a":{"items":[{}]}}, {"b":"}],{[\\\"", "c":[1,{"d":2}]} ,{}],)"
      R"("more":"items","x":[{"not":"an object"}]})";
  const std::vector<std::string> objects = {R"({"a":{"items":[{}]}})",
                                            R"({"b":"}],{[\\\"", "c":[1,{"d":2}]})", "{}"};
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    INFO("pieces of " << piece);
    const Found found = Split(text, piece);
    REQUIRE(found.status.ok());
    CHECK(found.complete);
    CHECK(found.objects == objects);
    CHECK(found.envelope ==
          R"({"kind":"PodList","metadata":{"resourceVersion":"7","items":[{"no":1}]},)"
          R"( "items" : [   ],"more":"items","x":[{"not":"an object"}]})");
  }
}

TEST_CASE("lists without objects, and what are no lists") {
  CHECK(Split(R"({"items":[]})", 3).objects.empty());
  CHECK(Split(R"({"items":null,"metadata":{}})", 3).complete);
  CHECK(Split(R"({"x":"items","y":[{}]})", 3).objects.empty());
  CHECK_FALSE(Split(R"({"items":[{"a":1},{"b")", 3).complete);
  CHECK_FALSE(Split("", 1).complete);
  CHECK(Split("}", 1).status.code() == StatusCode::kInvalidArgument);
}

TEST_CASE("objects and envelopes that are too big are refused, in one piece or many") {
  const std::string text = R"({"items":[{"a":")" + std::string(200, 'x') + R"("}]})";
  for (const size_t piece : {1, 7, 1000}) {
    CHECK(Split(text, piece, 100).status.code() == StatusCode::kOutOfRange);
    CHECK(Split(text, piece, 300).status.ok());
  }
  const std::string around = R"({"metadata":")" + std::string(2 << 20, 'x');
  CHECK(Split(around, 1 << 16).status.code() == StatusCode::kOutOfRange);
}

TEST_CASE("a reader that has enough ends the list") {
  ListSplitter splitter(100, [](std::string_view) { return false; });
  CHECK(splitter.Feed(R"({"items":[{},{}]})").code() == StatusCode::kCancelled);
}

TEST_CASE("lines come whole in any pieces, empty ones not at all") {
  const std::string text = "{\"a\":1}\n\n{\"b\":2}\n{\"c\"";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    std::vector<std::string> lines;
    LineSplitter splitter(20, [&](std::string_view line) {
      lines.emplace_back(line);
      return true;
    });
    for (size_t at = 0; at < text.size(); at += piece) {
      REQUIRE(splitter.Feed(std::string(text.substr(at, piece))).ok());
    }
    CHECK(lines == std::vector<std::string>{"{\"a\":1}", "{\"b\":2}"});
  }
  LineSplitter small(5, [](std::string_view) { return true; });
  CHECK(small.Feed("12345\n").ok());
  CHECK(small.Feed("1234").ok());
  CHECK(small.Feed("56\n").code() == StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace narthex::kube
