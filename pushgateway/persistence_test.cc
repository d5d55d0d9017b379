#include "pushgateway/persistence.h"

#include <chrono>

#include "core/base/file.h"
#include "pushgateway/testing.h"
#include "tests/temp_dir.h"

namespace narthex::pushgateway {
namespace {

TEST_CASE("groups survive a restart") {
  TempDir dir;
  const std::string path = dir.path() + "/store";
  std::string before, api;
  {
    auto persistence = Persistence::Open(path, std::chrono::hours(1));
    REQUIRE(persistence.ok());
    Gateway gateway({.persistence = persistence->get()});
    REQUIRE(gateway.Load().ok());
    Call(gateway, "PUT", "/metrics/job/a", "# HELP m M.\n# TYPE m gauge\nm{x=\"1\"} 1\nold 1\n");
    Call(gateway, "POST", "/metrics/job/a/l@base64/L2E_", "# TYPE c counter\nc 5\n");
    Call(gateway, "PUT", "/metrics/job/a", "# HELP m M.\n# TYPE m gauge\nm{x=\"2\"} 1\n");
    Call(gateway, "PUT", "/metrics/job/gone", "g 1\n");
    Call(gateway, "DELETE", "/metrics/job/gone");
    Call(gateway, "POST", "/metrics/job/failed", "f 1 1\n");
    before = Series(gateway);
    api = Call(gateway, "GET", "/api/v1/metrics").body;
    // One process at a time.
    CHECK_FALSE(Persistence::Open(path, std::chrono::hours(1)).ok());
  }
  auto persistence = Persistence::Open(path, std::chrono::milliseconds(1));
  REQUIRE(persistence.ok());
  Gateway gateway({.persistence = persistence->get()});
  REQUIRE(gateway.Load().ok());
  CHECK(Series(gateway) == before);
  CHECK(Contains(before, "m{instance=\"\",job=\"a\",x=\"2\"} 1\n"));
  CHECK(Contains(before, "c{instance=\"\",job=\"a\",l=\"/a?\"} 5\n"));
  CHECK_FALSE(Contains(before, "old"));
  CHECK(Call(gateway, "GET", "/api/v1/metrics").body == api);
  // The index is back too.
  CHECK(Call(gateway, "PUT", "/metrics/job/new", "# TYPE m counter\nm 1\n").status == 400);
  CHECK(Call(gateway, "PUT", "/metrics/job/new", "# TYPE m gauge\nm 1\n").status == 200);
}

TEST_CASE("a file of an upstream pushgateway is not overwritten") {
  TempDir dir;
  const std::string path = dir.Write("metrics.store", "gob");
  auto persistence = Persistence::Open(path, std::chrono::hours(1));
  REQUIRE_FALSE(persistence.ok());
  CHECK(Contains(MessageOf(persistence.status()), path));
  CHECK(*ReadFile(path) == "gob");
}

}  // namespace
}  // namespace narthex::pushgateway
