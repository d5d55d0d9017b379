#include "core/config/url.h"

#include "tests/catch.h"

namespace narthex::config {
namespace {

TEST_CASE("passwords of URLs are hidden, the rest stays as written") {
  struct Row {
    std::string_view url, redacted;
  };
  const Row rows[] = {
      {"http://h/", "http://h/"},
      {"http://u@h/", "http://u@h/"},
      {"http://u:p@h:1/x?y=z@:", "http://u:xxxxx@h:1/x?y=z@:"},
      {"http://u:p@q@h", "http://u:xxxxx@h"},
      {"http://h:9/a@b", "http://h:9/a@b"},
      {"//u:p@h", "//u:xxxxx@h"},
      {"", ""},
  };
  for (const Row& row : rows) CHECK(RedactUrl(row.url) == row.redacted);
}

TEST_CASE("URLs are checked as Go checks them") {
  for (std::string_view good : {"http://h", "https://u:p@h:9/p?q#f", "http://[::1]:9/", "/path",
                                "x", "http://h/%41", "mailto:a@b", "http://h:/"}) {
    INFO(good);
    CHECK(CheckUrl(good).ok());
  }
  struct Row {
    std::string_view url, error;
  };
  const Row rows[] = {
      {":x", "parse \":x\": missing protocol scheme"},
      {"1:x", "parse \"1:x\": first path segment in URL cannot contain colon"},
      {"http://a b/", "parse \"http://a b/\": invalid character \" \" in host name"},
      {"http://h:x/", "parse \"http://h:x/\": invalid port \":x\" after host"},
      {"http://[::1/", "parse \"http://[::1/\": missing ']' in host"},
      {"http://h/%4", "parse \"http://h/%4\": invalid URL escape \"%4\""},
      {"a\nb", "parse \"a\\nb\": net/url: invalid control character in URL"},
  };
  for (const Row& row : rows) {
    INFO(row.url);
    CHECK(MessageOf(CheckUrl(row.url)) == row.error);
  }
  CHECK(MessageOf(CheckHttpUrl("ftp://h/")) == "unsupported scheme \"ftp\" for URL");
  CHECK(MessageOf(CheckHttpUrl("http:///x")) == "missing host for URL");
  CHECK(CheckHttpUrl("https://h").ok());
}

}  // namespace
}  // namespace narthex::config
