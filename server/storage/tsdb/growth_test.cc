// What is refused when the head is full or memory is short, and what goes on.

#include <atomic>

#include "server/storage/tsdb/testing.h"

namespace narthex::tsdb {
namespace {

constexpr int64_t kT0 = 1'700'000'000'000;

Labels LabelsOf(int i) { return Labels{{"__name__", "m"}, {"i", std::to_string(i)}}; }

TEST_CASE("The limit on series drops new ones of a target and keeps those it has") {
  TempDir dir;
  Options options = TestOptions(dir.path());
  options.max_series = 10;
  auto db = OpenDb(options);
  auto group = db->NewGroup();
  bool created = false;
  for (int i = 0; i < 10; ++i) REQUIRE(group->AddMember(LabelsOf(i), &created).ok());
  for (int i = 10; i < 15; ++i) {
    REQUIRE(group->AddMember(LabelsOf(i), &created).status().code() ==
            StatusCode::kResourceExhausted);
  }
  REQUIRE(db->series_count() == 10);
  REQUIRE(group->CommitTick(kT0, std::vector<double>(10, 1)).appended == 10);
  // A second source finds what is there.
  auto other = db->NewGroup();
  REQUIRE(other->AddMember(LabelsOf(3), &created).ok());
  REQUIRE_FALSE(created);
  // The limit does not lose what is on the disk.
  group.reset();
  other.reset();
  db.reset();
  options.max_series = 4;
  db = OpenDb(options);
  REQUIRE(db->series_count() == 10);
  REQUIRE(Dump(*db).size() == 10);
}

TEST_CASE("Without memory no series is created, with it again they are") {
  TempDir dir;
  std::atomic<bool> full{false};
  Options options = TestOptions(dir.path());
  options.refuse_growth = [&full] { return full.load(); };
  auto db = OpenDb(options);
  auto group = db->NewGroup();
  bool created = false;
  REQUIRE(group->AddMember(LabelsOf(0), &created).ok());
  full = true;
  REQUIRE_FALSE(group->AddMember(LabelsOf(1), &created).ok());
  REQUIRE(group->AddMember(LabelsOf(0), &created).ok());
  REQUIRE(group->CommitTick(kT0, std::vector<double>(1, 1)).appended == 1);
  full = false;
  REQUIRE(group->AddMember(LabelsOf(1), &created).ok());
}

}  // namespace
}  // namespace narthex::tsdb
