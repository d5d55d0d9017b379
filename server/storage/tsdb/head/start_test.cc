// Zeros at start timestamps.

#include "server/storage/tsdb/testing.h"

namespace narthex::tsdb {
namespace {

using storage::AppendResult;

constexpr int64_t kT0 = 1'700'000'000'000;
constexpr int64_t kStep = 15'000;

Labels Named(const std::string& name) { return Labels{{"__name__", name}}; }

AppendResult Start(Db* db, const Labels& labels, int64_t t, int64_t start) {
  const auto appender = db->NewAppender();
  const auto result = appender->AppendStart(labels, t, start);
  REQUIRE(result.ok());
  REQUIRE(appender->Commit().ok());
  return *result;
}

TEST_CASE("Members of a group begin with a zero, and again later") {
  TempDir dir;
  auto db = OpenDb(TestOptions(dir.path()));
  const Labels a = Named("a"), b = Named("b");
  Contents want;
  want[a.ToString()] = {{kT0 - 7, Bits(0)}};
  {
    auto group = db->NewGroup();
    REQUIRE(Start(db.get(), a, kT0, kT0 - 7) == AppendResult::kOk);
    bool created = false;
    const auto ma = group->AddMember(a, &created), mb = group->AddMember(b, &created);
    REQUIRE(ma.ok());
    REQUIRE(mb.ok());
    for (int i = 0; i < 400; ++i) {
      const int64_t t = kT0 + i * kStep;
      // In a chunk of its own, when it has come back into the group, and where it never left.
      if (i == 50 || i == 300) {
        for (const Labels& labels : {a, b}) {
          REQUIRE(Start(db.get(), labels, t, t - 500) == AppendResult::kOk);
          want[labels.ToString()].emplace_back(t - 500, Bits(0));
        }
      }
      // Old news changes nothing.
      if (i > 0) {
        CHECK(Start(db.get(), b, t, t - kStep - 1) == AppendResult::kOutOfOrder);
        CHECK(Start(db.get(), a, t, t) == AppendResult::kOutOfOrder);
      }
      std::vector<double> values(group->member_count());
      values[*ma] = i;
      values[*mb] = i * 0.5;
      REQUIRE(group->CommitTick(t, values).appended == 2);
      want[a.ToString()].emplace_back(t, Bits(i));
      want[b.ToString()].emplace_back(t, Bits(i * 0.5));
    }
    CheckSame(Dump(*db), want);
  }
  db.reset();
  db = OpenDb(TestOptions(dir.path()));
  CheckSame(Dump(*db), want);
}

TEST_CASE("A start is newer than all the series has, whatever the out-of-order window") {
  for (const int64_t window : {0, 3600'000}) {
    TempDir dir;
    Options options = TestOptions(dir.path());
    options.out_of_order_window_ms = window;
    auto db = OpenDb(options);
    const Labels labels = Named("c");
    // An empty head is bounded by the sample.
    CHECK(Start(db.get(), labels, kT0, 1000) == AppendResult::kOutOfBounds);
    CHECK(Start(db.get(), labels, kT0, INT64_MIN + 1) == AppendResult::kOutOfBounds);
    CHECK(Start(db.get(), labels, kT0, kT0 + 1) == AppendResult::kOutOfOrder);
    CHECK(db->series_count() == 0);
    CHECK(Start(db.get(), labels, kT0, kT0 - 1000) == AppendResult::kOk);
    CHECK(Start(db.get(), labels, kT0, kT0 - 1000) == AppendResult::kOk);  // it is there
    auto appender = db->NewAppender();
    REQUIRE(*appender->Append(labels, kT0, 5) == AppendResult::kOk);
    REQUIRE(appender->Commit().ok());
    CHECK(Start(db.get(), labels, kT0 + 1, kT0 - 500) == AppendResult::kOutOfOrder);
    CHECK(Start(db.get(), labels, kT0 + 1, kT0) == AppendResult::kDuplicate);
    CHECK(Start(db.get(), labels, kT0 + 1, kT0 - 7200'000) == AppendResult::kOutOfBounds);
    CHECK(Start(db.get(), labels, kT0 + 9, kT0 + 7) == AppendResult::kOk);
    // One that is rolled back leaves nothing.
    appender = db->NewAppender();
    REQUIRE(*appender->AppendStart(labels, kT0 + 99, kT0 + 90) == AppendResult::kOk);
    appender->Rollback();
    CheckSame(Dump(*db),
              {{labels.ToString(), {{kT0 - 1000, Bits(0)}, {kT0, Bits(5)}, {kT0 + 7, Bits(0)}}}});
  }
}

TEST_CASE("Histograms begin with an empty one of their buckets") {
  TempDir dir;
  auto db = OpenDb(TestOptions(dir.path()));
  IntHistogram plain{.schema = 2, .zero_threshold = 0.25, .zero_count = 3, .count = 3, .sum = 1};
  IntHistogram custom{.schema = kCustomBucketsSchema, .count = 2, .sum = 1};
  custom.positive_spans = {{0, 1}};
  custom.positive_deltas = {2};
  custom.custom_values = {1, 2};
  Contents want;
  const auto check = [&](const std::string& name, const auto& h) {
    const Labels labels = Named(name);
    for (const int64_t t : {kT0, kT0 + 100}) {
      auto appender = db->NewAppender();
      REQUIRE(*appender->AppendStart(labels, t, t - 10, h) == AppendResult::kOk);
      REQUIRE(*appender->AppendHistogram(labels, t, h) == AppendResult::kOk);
      CHECK(*appender->AppendStart(labels, t + 1, t - 5, h) == AppendResult::kOutOfOrder);
      REQUIRE(appender->Commit().ok());
      CHECK(*appender->AppendStart(labels, t + 1, t - 10, h) == AppendResult::kOutOfOrder);
      FloatHistogram zero;
      zero.schema = h.schema;
      zero.zero_threshold = h.zero_threshold;
      zero.custom_values = h.custom_values;
      want[labels.ToString()].emplace_back(t - 10, HistogramBits(zero));
      if constexpr (std::is_same_v<decltype(h), const IntHistogram&>) {
        want[labels.ToString()].emplace_back(t, HistogramBits(ToFloat(h)));
      } else {
        want[labels.ToString()].emplace_back(t, HistogramBits(h));
      }
    }
  };
  check("int", plain);
  check("float", ToFloat(plain));
  check("custom", custom);
  CheckSame(Dump(*db), want);
  db.reset();
  db = OpenDb(TestOptions(dir.path()));
  CheckSame(Dump(*db), want);
}

}  // namespace
}  // namespace narthex::tsdb
