#include "core/strings/quote.h"

#include "core/strings/html.h"
#include "core/strings/utf8.h"
#include "tests/catch.h"

namespace narthex {
namespace {

using namespace std::string_literals;

TEST_CASE("text inside of HTML") {
  CHECK(EscapeHtml("<a href=\"x&y\">it's</a>") ==
        "&lt;a href=&#34;x&amp;y&#34;&gt;it&#39;s&lt;/a&gt;");
  CHECK(EscapeHtml("").empty());
}

TEST_CASE("strings are quoted as strconv.Quote does") {
  const std::pair<std::string, std::string> cases[] = {
      {"", R"("")"},
      {"plain text", R"("plain text")"},
      {"a\"b\\c", R"("a\"b\\c")"},
      {"\a\b\f\n\r\t\v", R"("\a\b\f\n\r\t\v")"},
      {"\x01\x7f\0"s, R"("\x01\x7f\x00")"},
      {"h\xC3\xBCtte \xE2\x98\xBA", "\"h\xC3\xBCtte \xE2\x98\xBA\""},
      {"\xff", R"("\xff")"},
      {"\xE2\x98", R"("\xe2\x98")"},
      {"\xC2\xA0\xE2\x80\xA8\xE2\x80\x8B", R"("\u00a0\u2028\u200b")"},
      {"\xF3\xA0\x80\x81", R"("\U000e0001")"},
      {"\xF0\x9F\x98\x80", "\"\xF0\x9F\x98\x80\""},
      {"\xEF\xBF\xBD", "\"\xEF\xBF\xBD\""},
  };
  for (const auto& [text, quoted] : cases) {
    CHECK(GoQuote(text) == quoted);
    auto back = GoUnquote(quoted);
    REQUIRE(back.ok());
    CHECK(*back == text);
  }
}

TEST_CASE("quotes of all three kinds are undone") {
  CHECK(*GoUnquote("'it is \"x\"'") == "it is \"x\"");
  CHECK(*GoUnquote(R"('\'')") == "'");
  CHECK(*GoUnquote("`raw \\n \"'`") == "raw \\n \"'");
  CHECK(*GoUnquote("`two\nlines`") == "two\nlines");
  CHECK(*GoUnquote(R"("\101\x42\u0043\U00000044")") == "ABCD");
  for (const char* text : {"", "\"", "\"abc", "abc", "'a\"", "\"a\nb\"", R"("\")", R"("\q")",
                           R"("\'")", R"('\"')", R"("\x1")", R"("\u12")", R"("\ud800")",
                           R"("\U00110000")", R"("\400")", R"("\18")", "`a`b`", "\"a\"b\""}) {
    INFO(text);
    CHECK_FALSE(GoUnquote(text).ok());
  }
}

TEST_CASE("UTF-8 is checked, counted and repaired") {
  CHECK(IsValidUtf8Text("h\xC3\xBCtte"));
  for (const char* text :
       {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\x80", "\xE2\x98", "\xFE"}) {
    CHECK_FALSE(IsValidUtf8Text(text));
  }
  CHECK(RuneCount("a\xC3\xBC\xff\xfe") == 4);
  CHECK(ToValidUtf8("a\xff\xfe"
                    "b\xff") ==
        "a\xEF\xBF\xBD"
        "b\xEF\xBF\xBD");
  for (char32_t rune : {U'a', U'\u00fc', U'\u20ac', U'\U0001F600', U'\U0010FFFF'}) {
    std::string encoded;
    AppendRune(&encoded, rune);
    CHECK(DecodeRune(encoded).rune == rune);
    CHECK(DecodeRune(encoded).width == encoded.size());
  }
  CHECK(IsSpaceRune(0x2003));
  CHECK_FALSE(IsPrintableRune(0xAD));
  CHECK(IsPrintableRune(0xAE));
  CHECK_FALSE(IsPrintableRune(0x10FFFF));
}

TEST_CASE("small helpers") {
  CHECK(TrimSpace(" \t a b\n") == "a b");
  CHECK(TrimSpace(" \n").empty());
  CHECK(SplitString("a,,b", ',') == std::vector<std::string_view>{"a", "", "b"});
  CHECK(SplitString("", ',') == std::vector<std::string_view>{""});
  CHECK(JoinStrings({"a", "b"}, ", ") == "a, b");
  CHECK(ToLowerAscii("AbC\xC3\x9C") == "abc\xC3\x9C");
  CHECK(EqualsIgnoreCase("AbC", "aBc"));
  CHECK_FALSE(EqualsIgnoreCase("a[", "a{"));
}

}  // namespace
}  // namespace narthex
