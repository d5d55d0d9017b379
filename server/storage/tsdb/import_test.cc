// A directory on its way between Prometheus and us.
#include <filesystem>

#include "server/storage/tsdb/promwal/log_writer.h"
#include "server/storage/tsdb/promwal/records.h"
#include "server/storage/tsdb/testing.h"
#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kStart = 1'700'000'000'000;

// A log as Prometheus leaves it: one series, samples a second apart.
void WriteForeignLog(const std::string& dir, const std::string& name, int64_t from, int count,
                     uint64_t ref = 1) {
  promwal::LogWriter log(dir);
  promwal::RecordEncoder encoder;
  std::string record;
  const std::vector<std::pair<uint64_t, Labels>> series = {{ref, Labels{{"__name__", name}}}};
  encoder.Series(series, &record);
  REQUIRE(log.Append(record).ok());
  for (int i = 0; i < count; ++i) {
    const promwal::SampleRecord sample[] = {{ref, from + i * 1000, Bits(i)}};
    encoder.Samples(sample, &record);
    REQUIRE(log.Append(record).ok());
  }
  REQUIRE(log.Close().ok());
}

void Append(Db* db, const std::string& name, int64_t from, int count) {
  auto appender = db->NewAppender();
  for (int i = 0; i < count; ++i) {
    const auto result = appender->Append(Labels{{"__name__", name}}, from + i * 1000, i);
    REQUIRE(result.ok());
    REQUIRE(*result == storage::AppendResult::kOk);
  }
  REQUIRE(appender->Commit(true).ok());
}

TEST_CASE("a directory of Prometheus opens with its samples, and takes new ones") {
  TempDir dir;
  WriteForeignLog(dir.path() + "/wal", "theirs", kStart, 300);
  Contents all;
  {
    auto db = OpenDb(TestOptions(dir.path()));
    CHECK(Dump(*db)[R"({__name__="theirs"})"].size() == 300);
    Append(db.get(), "theirs", kStart + 300'000, 10);
    Append(db.get(), "late", kStart + 100'000, 10);
    all = Dump(*db);
    CHECK(all.size() == 2);
    CHECK(all[R"({__name__="theirs"})"].size() == 310);
  }
  CHECK_FALSE(fs::exists(dir.path() + "/wal"));
  CheckSame(Dump(*OpenDb(TestOptions(dir.path()))), all);
}

TEST_CASE("of an imported series the head knows what comes again and what comes late") {
  using storage::AppendResult;
  const bool restart = GENERATE(false, true);
  TempDir dir;
  WriteForeignLog(dir.path() + "/wal", "theirs", kStart, 300);
  auto db = OpenDb(TestOptions(dir.path()));
  Contents all = Dump(*db);
  if (restart) {
    db = nullptr;
    db = OpenDb(TestOptions(dir.path()));
  }
  CheckSame(Dump(*db), all);
  CHECK(db->series_count() == 1);
  const Labels labels{{"__name__", "theirs"}};
  const int64_t newest = kStart + 299'000;
  auto appender = db->NewAppender();
  CHECK(appender->Append(labels, newest, 299).value() == AppendResult::kOk);
  CHECK(appender->Append(labels, newest, 5).value() == AppendResult::kDuplicate);
  CHECK(appender->Append(labels, newest - 500, 5).value() == AppendResult::kOutOfOrder);
  REQUIRE(appender->Commit(true).ok());
  CheckSame(Dump(*db), all);
  auto group = db->NewGroup();
  bool created = true;
  REQUIRE(group->AddMember(labels, &created).ok());
  CHECK_FALSE(created);
  CHECK(group->CommitTick(newest, std::vector<double>{5}).appended == 0);
  CHECK(group->CommitTick(newest + 1000, std::vector<double>{5}).appended == 1);
  CHECK(Dump(*db)[R"({__name__="theirs"})"].size() == 301);
}

TEST_CASE("an export that nobody used changes nothing") {
  TempDir dir;
  Contents all;
  {
    auto db = OpenDb(TestOptions(dir.path()));
    Append(db.get(), "ours", kStart, 500);
    all = Dump(*db);
    REQUIRE(db->ExportLog().ok());
    CHECK(fs::exists(dir.path() + "/wal/00000000"));
    REQUIRE(db->Close().ok());
  }
  // Prometheus finds none of our chunk files, which may have gaps.
  CHECK_FALSE(fs::exists(dir.path() + "/chunks_head"));
  if (GENERATE(false, true)) fs::create_directory(dir.path() + "/chunks_head");
  auto db = OpenDb(TestOptions(dir.path()));
  CHECK_FALSE(fs::exists(dir.path() + "/wal"));
  CheckSame(Dump(*db), all);
  Append(db.get(), "ours", kStart + 500'000, 5);
}

TEST_CASE("an export that Prometheus went on with comes back with what it added") {
  TempDir dir;
  {
    auto db = OpenDb(TestOptions(dir.path()));
    Append(db.get(), "ours", kStart, 500);
    REQUIRE(db->ExportLog().ok());
  }
  WriteForeignLog(dir.path() + "/added", "theirs", kStart + 100'000, 50, 9);
  fs::rename(dir.path() + "/added/00000000", dir.path() + "/wal/00000001");
  fs::remove(dir.path() + "/added");
  auto db = OpenDb(TestOptions(dir.path()));
  Contents all = Dump(*db);
  CHECK(all.size() == 2);
  CHECK(all[R"({__name__="ours"})"].size() == 500);
}

TEST_CASE("chunk files where earlier versions had them are found") {
  TempDir dir;
  Contents all;
  {
    auto db = OpenDb(TestOptions(dir.path()));
    Append(db.get(), "ours", kStart, 500);
    REQUIRE(db->Checkpoint().ok());
    all = Dump(*db);
  }
  fs::rename(dir.path() + "/head/chunks_head", dir.path() + "/chunks_head");
  CheckSame(Dump(*OpenDb(TestOptions(dir.path()))), all);
  CHECK_FALSE(fs::exists(dir.path() + "/chunks_head"));
}

TEST_CASE("exemplars go both ways, also when the head has no sample of their series") {
  const bool checkpoint = GENERATE(false, true);
  TempDir dir;
  {
    promwal::LogWriter log(dir.path() + "/wal");
    promwal::RecordEncoder encoder;
    std::string record;
    const std::vector<std::pair<uint64_t, Labels>> series = {{4, Labels{{"__name__", "a"}}}};
    encoder.Series(series, &record);
    REQUIRE(log.Append(record).ok());
    const promwal::SampleRecord sample[] = {{4, kStart, Bits(1)}};
    encoder.Samples(sample, &record);
    REQUIRE(log.Append(record).ok());
    const std::vector<promwal::ExemplarRecord> exemplars = {
        {4, kStart, 1, Labels{{"trace_id", "x"}}}, {4, kStart + 1, 2, Labels{{"trace_id", "y"}}}};
    encoder.Exemplars(exemplars, &record);
    REQUIRE(log.Append(record).ok());
    REQUIRE(log.Close().ok());
  }
  Options options = TestOptions(dir.path());
  options.max_exemplars = 10;
  const std::vector<Matcher> every_series;
  const auto count = [&](const Db& db) {
    const auto found = db.SelectExemplars(INT64_MIN, INT64_MAX, std::span(&every_series, 1));
    REQUIRE(found.ok());
    if (found->empty()) return size_t{0};
    CHECK(found->front().series == Labels{{"__name__", "a"}});
    return found->front().exemplars.size();
  };
  {
    auto db = OpenDb(options);
    CHECK(count(*db) == 2);
    if (checkpoint) REQUIRE(db->Checkpoint().ok());
  }
  {
    auto db = OpenDb(options);
    CHECK(count(*db) == 2);
    REQUIRE(db->ExportLog().ok());
  }
  fs::remove(dir.path() + "/head/exported");
  fs::remove_all(dir.path() + "/head");
  CHECK(count(*OpenDb(options)) == 2);  // from the export
}

TEST_CASE("after an export no sample is taken") {
  TempDir dir;
  auto db = OpenDb(TestOptions(dir.path()));
  Append(db.get(), "ours", kStart, 5);
  REQUIRE(db->ExportLog().ok());
  auto appender = db->NewAppender();
  const auto result = appender->Append(Labels{{"__name__", "ours"}}, kStart + 10'000, 1);
  CHECK((!result.ok() || *result == storage::AppendResult::kRefused));
}

TEST_CASE("samples that newer blocks would hide from Prometheus are exported as a block") {
  TempDir dir;
  {
    auto db = OpenDb(TestOptions(dir.path()));
    Append(db.get(), "early", kStart, 5);
    Append(db.get(), "ours", kStart + 1'000'000, 5);
    REQUIRE(db->Close().ok());
  }
  // A backfilled block that ends between them.
  BlockMeta meta;
  {
    TempDir other;
    WriteForeignLog(other.path() + "/wal", "backfilled", kStart + 100'000, 3);
    auto db = OpenDb(TestOptions(other.path()));
    REQUIRE(db->Blocks().size() == 1);
    meta = db->Blocks()[0];
    REQUIRE(db->Close().ok());
    fs::rename(other.path() + "/" + meta.ulid.ToString(), dir.path() + "/" + meta.ulid.ToString());
    meta.compaction.hints.clear();
    REQUIRE(WriteMetaFile(dir.path() + "/" + meta.ulid.ToString(), meta).ok());
  }
  Contents all;
  {
    auto db = OpenDb(TestOptions(dir.path()));
    all = Dump(*db);
    CHECK(all.size() == 3);
    REQUIRE(db->ExportLog().ok());
  }
  // As Prometheus sees it: blocks, and of the log what is newer than they are.
  fs::remove_all(dir.path() + "/head");
  CheckSame(Dump(*OpenDb(TestOptions(dir.path()))), all);
}

}  // namespace
}  // namespace narthex::tsdb
