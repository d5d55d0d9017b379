#include "server/api/api_rig.h"

namespace narthex::api {
namespace {

TEST_CASE("the storage is administered over HTTP") {
  Options options;
  options.enable_admin_api = true;
  Fixture f(options);
  const std::string admin = "/api/v1/admin/tsdb/";
  const auto error = [&](const std::string& path) {
    const auto body = ParseJson(f.Send("POST", admin + path).body).value();
    return body["errorType"].AsString() + ": " + body["error"].AsString();
  };
  CHECK(f.Data("status/tsdb/blocks") == R"({"blocks":[{"ulid":"a"},{"ulid":"b"}]})");
  CHECK(f.Send("POST", admin + "snapshot").body == R"({"status":"success","data":{"name":"all"}})");
  CHECK(f.Send("PUT", admin + "snapshot?skip_head=T").body ==
        R"({"status":"success","data":{"name":"blocks"}})");
  CHECK(error("snapshot?skip_head=maybe") ==
        "bad_data: invalid parameter \"skip_head\": unable to parse boolean: "
        "strconv.ParseBool: parsing \"maybe\": invalid syntax");
  CHECK(error("delete_series") == "bad_data: no match[] parameter provided");
  CHECK(error("delete_series?match[]=up&start=x")
            .starts_with("bad_data: invalid parameter \"start\""));
  CHECK(error("delete_series?match[]=up{").starts_with("bad_data: invalid parameter \"match[]\""));
  const auto cleaned = f.Send("POST", admin + "clean_tombstones");
  CHECK(cleaned.status == 204);
  CHECK(cleaned.body.empty());

  auto appender = f.db->NewAppender();
  for (const char* name : {"goes", "stays"}) {
    for (int64_t t = 0; t < 3; ++t) {
      REQUIRE(appender->Append(Labels{{"__name__", name}}, kNow - 3000 + t * 1000, 1).ok());
    }
  }
  REQUIRE(appender->Commit().ok());
  const std::string end = std::to_string(kNow / 1000 - 2);
  CHECK(f.Send("POST", admin + "delete_series?match[]=goes&end=" + end).status == 204);
  CHECK(f.Data("query?query=count_over_time(goes[10s])").find("\"1\"") != std::string::npos);
  CHECK(f.Data("query?query=count_over_time(stays[10s])").find("\"3\"") != std::string::npos);
  f.admin_status = ResourceExhausted("no space left");
  CHECK(error("clean_tombstones") == "internal: no space left");
  CHECK(error("snapshot") == "internal: no space left");
}

}  // namespace
}  // namespace narthex::api
