#include "server/storage/tsdb/head/series_metadata.h"

#include "server/storage/family_metadata.h"
#include "server/storage/tsdb/promwal/log_reader.h"
#include "server/storage/tsdb/promwal/records.h"
#include "server/storage/tsdb/testing.h"

namespace narthex::tsdb {
namespace {

using storage::MetricMetadata;

constexpr int64_t kT0 = 1'700'000'000'000;

Labels Named(const std::string& name) { return Labels{{"__name__", name}}; }
MetricMetadata Counter(const std::string& help) {
  return {.type = "counter", .help = help, .unit = ""};
}
std::string Text(const std::optional<MetricMetadata>& m) {
  return m ? m->type + "|" + m->help + "|" + m->unit : "-";
}

TEST_CASE("Metadata is set once, changed, forgotten") {
  SeriesMetadata all;
  CHECK_FALSE(all.any());
  CHECK(all.Set(1, Counter("a")));
  CHECK_FALSE(all.Set(1, Counter("a")));
  CHECK(all.Set(2, Counter("a")));
  CHECK(all.Set(1, Counter("b")));
  CHECK(Text(all.Get(1)) == "counter|b|");
  CHECK(Text(all.Get(2)) == "counter|a|");
  CHECK(Text(all.Get(3)) == "-");
  CHECK(all.Refs() == std::vector<uint64_t>{1, 2});
  all.Forget(2);
  all.Forget(7);
  CHECK(all.Set(2, Counter("c")));  // in the place of "a"
  CHECK(Text(all.Get(1)) == "counter|b|");
  CHECK(Text(all.Get(2)) == "counter|c|");
  all.Forget(1);
  all.Forget(2);
  CHECK_FALSE(all.any());
  CHECK(all.Set(1, Counter(std::string(1 << 20, 'x'))));
  CHECK(all.Get(1)->help.size() == 64 << 10);
}

TEST_CASE("A record of metadata reads back; any bytes are safe") {
  const std::vector<LoggedMetadata> entries = {
      {5, Counter("a")}, {9, Counter("a")}, {7, {"gauge", "b", "bytes"}}, {1, Counter("a")}};
  const std::string payload = EncodeMetadata(entries);
  const auto read = [](std::string_view bytes) {
    std::vector<std::string> out;
    DecodeMetadata(bytes, [&](uint64_t ref, const MetricMetadata& m) {
      out.push_back(fmt::format("{} {}|{}|{}", ref, m.type, m.help, m.unit));
    });
    return out;
  };
  const std::vector<std::string> want = {"5 counter|a|", "9 counter|a|", "7 gauge|b|bytes",
                                         "1 counter|a|"};
  CHECK(read(payload) == want);
  for (size_t n = 0; n < payload.size(); ++n) {
    const auto part = read(payload.substr(0, n));
    REQUIRE(part.size() < want.size());
    CHECK(std::equal(part.begin(), part.end(), want.begin()));
  }
}

TEST_CASE("A series belongs to the family of its name, or of its name without a suffix") {
  const std::vector<storage::FamilyMetadata> families = {
      {"c", {.type = "counter"}},        {"g", {.type = "gauge"}}, {"h", {.type = "histogram"}},
      {"h_sum", {.type = "gauge"}},      {"i", {.type = "info"}},  {"s", {.type = "summary"}},
      {"w", {.type = "gaugehistogram"}},
  };
  const auto type = [&](std::string_view name) {
    const MetricMetadata* m = storage::FindMetadata(families, name);
    return m == nullptr ? std::string() : m->type;
  };
  CHECK(type("c") == "counter");
  CHECK(type("c_total") == "counter");
  CHECK(type("c_created") == "counter");
  CHECK(type("c_sum").empty());
  CHECK(type("g") == "gauge");
  CHECK(type("g_total").empty());
  CHECK(type("h_bucket") == "histogram");
  CHECK(type("h_count") == "histogram");
  CHECK(type("h_sum") == "gauge");  // a family of that very name
  CHECK(type("h_gsum").empty());
  CHECK(type("h_info").empty());
  CHECK(type("i_info") == "info");
  CHECK(type("s_count") == "summary");
  CHECK(type("s_bucket").empty());
  CHECK(type("w_gcount") == "gaugehistogram");
  CHECK(type("_total").empty());
  CHECK(type("").empty());
}

void Tick(Db* db, storage::GroupWriter* group, int64_t t, size_t n) {
  (void)db;
  const std::vector<double> values(n, static_cast<double>(t - kT0));
  REQUIRE(group->CommitTick(t, values).appended == n);
}

TEST_CASE("Metadata outlives restarts, by the log and by a checkpoint, and goes with its series") {
  TempDir dir;
  Options options = TestOptions(dir.path());
  const auto check = [](const Db& db) {
    CHECK(Text(db.MetadataOf(Named("c_total"))) == "counter|new|");
    CHECK(Text(db.MetadataOf(Named("g"))) == "gauge||bytes");
    CHECK(Text(db.MetadataOf(Named("none"))) == "-");
    CHECK(Text(db.MetadataOf(Named("single"))) == "counter|s|");
  };
  {
    auto db = OpenDb(options);
    auto group = db->NewGroup();
    bool created = false;
    for (const char* name : {"c_total", "g", "none"}) {
      REQUIRE(group->AddMember(Named(name), &created).ok());
    }
    Tick(db.get(), group.get(), kT0, 3);
    std::vector<storage::FamilyMetadata> families = {{"c", Counter("old")},
                                                     {"g", {"gauge", "", "bytes"}}};
    group->UpdateMetadata(families);
    families[0].metadata.help = "new";
    group->UpdateMetadata(families);

    auto appender = db->NewAppender();
    CHECK(appender->UpdateMetadata(Named("single"), Counter("s")).code() == StatusCode::kNotFound);
    REQUIRE(appender->Append(Named("single"), kT0, 1).ok());
    REQUIRE(appender->UpdateMetadata(Named("single"), Counter("s")).ok());
    CHECK(Text(db->MetadataOf(Named("single"))) == "-");
    REQUIRE(appender->Commit(true).ok());
    REQUIRE(appender->UpdateMetadata(Named("single"), Counter("rolled back")).ok());
    appender->Rollback();
    REQUIRE(appender->Commit(true).ok());
    check(*db);
  }
  {
    auto db = OpenDb(options);
    check(*db);
    REQUIRE(db->Checkpoint().ok());
    REQUIRE(db->Checkpoint().ok());  // the first one's log goes
  }
  auto db = OpenDb(options);
  check(*db);
  auto appender = db->NewAppender();
  REQUIRE(appender->Append(Named("g"), kT0 + 7'200'000, 1).ok());
  REQUIRE(appender->Commit(true).ok());
  REQUIRE(db->Truncate(kT0 + 7'200'000).ok());
  CHECK(Text(db->MetadataOf(Named("g"))) == "gauge||bytes");
  CHECK(Text(db->MetadataOf(Named("single"))) == "-");
}

// What a log of Prometheus says of metadata, by labels.
struct Seen final : promwal::RecordSink {
  void OnSeries(uint64_t ref, Labels labels) override { series[ref] = labels.ToString(); }
  void OnMetadata(const promwal::MetadataRecord& m) override {
    found[series.at(m.ref)] =
        fmt::format("{}|{}|{}", promwal::MetricTypeName(m.type), m.help, m.unit);
  }
  std::map<uint64_t, std::string> series;
  std::map<std::string, std::string> found;
};

TEST_CASE("Metadata goes to a log of Prometheus and comes back from it") {
  TempDir dir;
  const Options options = TestOptions(dir.path());
  const std::map<std::string, std::string> want = {{R"({__name__="a"})", "counter|h|"},
                                                   {R"({__name__="b"})", "stateset||u"}};
  const auto read = [&] {
    Seen seen;
    const auto files = promwal::FindLog(dir.path() + "/wal");
    REQUIRE(files.ok());
    promwal::LogScan scan;
    const auto on_record = [&](std::string_view r) { REQUIRE(DecodeRecord(r, &seen).ok()); };
    REQUIRE(promwal::ScanLog(*files, on_record, &scan).ok());
    return seen.found;
  };
  {
    auto db = OpenDb(options);
    auto appender = db->NewAppender();
    for (const char* name : {"a", "b", "c"}) REQUIRE(appender->Append(Named(name), kT0, 1).ok());
    REQUIRE(appender->UpdateMetadata(Named("a"), Counter("h")).ok());
    REQUIRE(appender->UpdateMetadata(Named("b"), {"stateset", "", "u"}).ok());
    REQUIRE(appender->Commit(true).ok());
    REQUIRE(db->ExportLog().ok());
  }
  CHECK(read() == want);
  // As if Prometheus had gone on with it.
  std::filesystem::remove_all(dir.path() + "/head");
  for (int restart = 0; restart < 2; ++restart) {
    auto db = OpenDb(options);
    CHECK(Text(db->MetadataOf(Named("a"))) == "counter|h|");
    CHECK(Text(db->MetadataOf(Named("b"))) == "stateset||u");
    CHECK(Text(db->MetadataOf(Named("c"))) == "-");
    CHECK(Dump(*db).size() == 3);
    if (restart == 1) REQUIRE(db->ExportLog().ok());
  }
  CHECK(read() == want);  // of series that have their samples in blocks
}

}  // namespace
}  // namespace narthex::tsdb
