#include "server/api/api_rig.h"

namespace narthex::api {
namespace {

TEST_CASE("federation: the newest samples, with the server's labels where there are none") {
  Fixture f;
  f.Fill();
  auto appender = f.db->NewAppender();
  const auto append = [&](const char* name, const char* job, TimestampMs t, double v) {
    REQUIRE(appender->Append({{"__name__", name}, {"instance", "i"}, {"job", job}}, t, v).ok());
  };
  append("up", "gone", kNow - 1000, 1);
  append("up", "gone", kNow, storage::StaleNaN());
  append("up", "old", kNow - 301'000, 1);
  append("a", "new", kNow - 299'000, 7);
  append("a", "future", kNow + 1000, 7);
  REQUIRE(appender->Commit().ok());
  const auto answer =
      f.Get("/federate?match%5B%5D=up&match%5B%5D=a&match%5B%5D=up%7Bjob=%22a%22%7D");
  CHECK(answer.status == 200);
  CHECK(answer.headers.Get("Content-Type") ==
        "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
  CHECK(answer.body ==
        "# TYPE a untyped\na{instance=\"i\",job=\"new\",zone=\"z\"} 7 1699999701000\n"
        "# TYPE up untyped\nup{job=\"a\",instance=\"\",zone=\"z\"} 4.5 1700000000000\n"
        "up{job=\"b<\",instance=\"\",zone=\"z\"} 4.5 1700000000000\n");
  CHECK(f.Get("/federate").body.empty());
  CHECK(f.Get("/federate?match%5B%5D=%7B%7D").body.empty());
  const auto bad = f.Get("/federate?match%5B%5D=up%7B");
  CHECK(bad.status == 400);
  CHECK(bad.body == "1:4: parse error: unexpected end of input inside braces\n");
  CHECK(f.Send("POST", "/federate?match%5B%5D=up", "").status == 405);
  CHECK(Fixture({}, false).Get("/federate?match%5B%5D=up").status == 503);
}

}  // namespace
}  // namespace narthex::api
