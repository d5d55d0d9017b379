#include "core/http/types.h"

#include "tests/catch.h"

namespace narthex::http {
namespace {

TEST_CASE("headers ignore case and keep order") {
  Headers headers;
  headers.Add("Accept", "a");
  headers.Add("X-Y", "1");
  headers.Add("accept", "b");
  CHECK(headers.Get("ACCEPT") == "a");
  CHECK(headers.GetAll("Accept") == std::vector<std::string_view>{"a", "b"});
  headers.Set("accept", "c");
  CHECK(headers.GetAll("Accept") == std::vector<std::string_view>{"c"});
  headers.Remove("x-y");
  CHECK_FALSE(headers.Has("X-Y"));
  CHECK(headers.Get("nothing").empty());
}

TEST_CASE("Set may be given a view of its own field") {
  Headers headers;
  headers.Add("A-Name-Longer-Than-The-Small-String-Buffer", "1");
  headers.Set(headers.begin()->first, "2");
  CHECK(headers.Get("a-name-longer-than-the-small-string-buffer") == "2");
}

TEST_CASE("forms") {
  const auto params = ParseForm("a=1&b=x+y&&c=%41%20&a=2&flag");
  REQUIRE(params.ok());
  CHECK(params->Get("a") == "1");
  CHECK(params->GetAll("a") == std::vector<std::string>{"1", "2"});
  CHECK(params->Get("b") == "x y");
  CHECK(params->Get("c") == "A ");
  CHECK(params->Has("flag"));
  CHECK_FALSE(params->Has("missing"));
  CHECK(params->Encode() == "a=1&b=x+y&c=A+&a=2&flag=");

  CHECK(MessageOf(ParseForm("a=%zz").status()) == "invalid URL escape \"%zz\"");
  CHECK(MessageOf(ParseForm("a=%4").status()) == "invalid URL escape \"%4\"");
  CHECK(MessageOf(ParseForm("a;b=1").status()) == "invalid semicolon separator in query");
  CHECK(ParseForm("a&a&a", 2).status().code() == StatusCode::kOutOfRange);
  CHECK(ParseFormLeniently("a=%zz&b=1").Encode() == "b=1");
}

TEST_CASE("escaping is Go's") {
  CHECK(QueryEscape("a b/c?d=é~") == "a+b%2Fc%3Fd%3D%C3%A9~");
  CHECK(PathEscape("a b/c?d=$&+:@") == "a%20b%2Fc%3Fd=$&+:@");
  CHECK(*PercentDecode("a%2Fb+c") == "a/b+c");
  CHECK(*PercentDecode("a+b", true) == "a b");
  CHECK_FALSE(PercentDecode("%").ok());
}

TEST_CASE("absolute URLs") {
  const auto url = Url::Parse("HTTPS://us%40er:p%3Aw@Example.com:8443/a%20b/c?x=1&y#frag");
  REQUIRE(url.ok());
  CHECK(url->scheme == "https");
  CHECK(url->user == "us@er");
  CHECK(url->password == "p:w");
  CHECK(url->host == "Example.com");
  CHECK(url->port == "8443");
  CHECK(url->path == "/a%20b/c");
  CHECK(url->query == "x=1&y");
  CHECK(url->fragment == "frag");
  CHECK(url->target() == "/a%20b/c?x=1&y");
  CHECK(url->host_port() == "Example.com:8443");
  CHECK(url->ToString(true) == "https://us@er:xxxxx@Example.com:8443/a%20b/c?x=1&y#frag");

  const auto v6 = Url::Parse("http://[::1]:90/");
  REQUIRE(v6.ok());
  CHECK(v6->host == "::1");
  CHECK(v6->host_port() == "[::1]:90");
  CHECK(Url::Parse("http://h")->target() == "/");
  CHECK(Url::Parse("http://h?q")->target() == "/?q");
  CHECK(Url::Parse("http://h")->effective_port() == "80");
  CHECK(Url::Parse("https://h")->effective_port() == "443");
  CHECK(Url::Parse("http://h/a b\"é")->target() == "/a%20b%22%C3%A9");
}

TEST_CASE("bad URLs are refused") {
  for (const char* text :
       {"", "nohost", "/path", "http:opaque", "http://h:port/", "http://[::1", "http://a b/",
        "http://h\n/", "http://h/%zz", "http://a\"b/", "http://[::1]x/", "http://h:123456/"}) {
    INFO(text);
    CHECK_FALSE(Url::Parse(text).ok());
  }
  CHECK(MessageOf(Url::Parse("example.com").status()) ==
        "parse \"example.com\": missing protocol scheme");
}

TEST_CASE("references resolve as in RFC 3986 5.4") {
  const auto base = Url::Parse("http://a/b/c/d;p?q");
  REQUIRE(base.ok());
  const std::pair<const char*, const char*> cases[] = {
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q#s"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"https://x/y", "https://x/y"},
  };
  for (const auto& [reference, want] : cases) {
    INFO(reference);
    const auto resolved = base->Resolve(reference);
    REQUIRE(resolved.ok());
    CHECK(resolved->ToString() == want);
  }
}

}  // namespace
}  // namespace narthex::http
