// The parts by themselves, and dumps of a directory that our own storage is writing to. What is
// compared with upstream's promtool is in tests/differential/blocks_test.cc.

#include <cmath>
#include <filesystem>
#include <set>
#include <sstream>

#include "core/base/file.h"
#include "server/cmd/promtool/backfill_openmetrics.h"
#include "server/cmd/promtool/openmetrics_input.h"
#include "server/cmd/promtool/range_query.h"
#include "server/cmd/promtool/sample_block.h"
#include "server/cmd/promtool/tsdb_list.h"
#include "server/storage/tsdb/block/testing.h"
#include "server/storage/tsdb/db.h"
#include "tests/catch.h"
#include "tests/support/process.h"

namespace narthex::promtool {
namespace {

constexpr int64_t kHour = 3'600'000;

TEST_CASE("Block durations grow threefold") {
  CHECK(CompatibleBlockDuration(0) == 2 * kHour);
  CHECK(CompatibleBlockDuration(2 * kHour) == 2 * kHour);
  CHECK(CompatibleBlockDuration(6 * kHour - 1) == 2 * kHour);
  CHECK(CompatibleBlockDuration(6 * kHour) == 6 * kHour);
  CHECK(CompatibleBlockDuration(24 * kHour) == 18 * kHour);
  CHECK(CompatibleBlockDuration(INT64_MAX) == 19683 * 2 * kHour);
}

TEST_CASE("Samples of a text are visited in order, errors end it") {
  const auto visit = [](std::string_view text, std::string* out) {
    return OpenMetricsInput::FromText(text).ForEachSample([&](TextReader& sample) {
      *out += fmt::format("{}@{}={} ", sample.series(), sample.timestamp_ms().value_or(-1),
                          sample.value());
      return sample.value() == 13 ? InvalidArgument("unlucky") : OkStatus();
    });
  };
  std::string seen;
  CHECK(visit("# TYPE a gauge\na 1 2\na{b=\"c\"} 3\n# EOF\n", &seen).ok());
  CHECK(seen == "a@2000=1 a{b=\"c\"}@-1=3 ");
  seen.clear();
  CHECK(MessageOf(visit("a 13 1\na 14 2\n# EOF\n", &seen)) == "unlucky");
  CHECK(seen == "a@1000=13 ");
  CHECK_FALSE(visit("a 1 2\n", &seen).ok());
  CHECK_FALSE(visit("", &seen).ok());
}

TEST_CASE("A sample that is not newer is dropped in its batch and an error later") {
  const TempDir dir;
  SeriesNumbers numbers;
  SampleBlock block(&numbers);
  const uint32_t a = numbers.Of(Labels{{"__name__", "a"}}),
                 b = numbers.Of(Labels{{"__name__", "b"}});
  CHECK(numbers.Of(Labels{{"__name__", "a"}}) == a);
  CHECK(block.empty());
  CHECK(block.Add(a, 100, 1).ok());
  CHECK(block.Add(a, 100, 1).ok());  // the same again
  CHECK(block.dropped() == 0);
  CHECK(block.Add(a, 100, 2).ok());
  CHECK(block.Add(a, 50, 2).ok());
  CHECK(block.dropped() == 2);
  for (int64_t t = 0; t < 5000; ++t) REQUIRE(block.Add(b, t, 1).ok());
  CHECK(MessageOf(block.Add(a, 99, 1)) == "add sample: out of order sample");
  CHECK(MessageOf(block.Add(a, 100, 7)) == "add sample: duplicate sample for timestamp");
  CHECK(block.Add(a, 100, 1).ok());
  CHECK(block.Add(a, 101, std::nan("")).ok());
  const auto meta = block.Write(dir.path());
  REQUIRE(meta.ok());
  CHECK(meta->min_time == 0);
  CHECK(meta->max_time == 5000);
  CHECK(meta->stats.samples == 5002);
  CHECK(meta->stats.series == 2);
}

TEST_CASE("The table of blocks") {
  const TempDir dir;
  CHECK(
      BlockTable({}, true, false) ==
      "BLOCK ULID   MIN TIME     MAX TIME     DURATION     NUM SAMPLES  NUM CHUNKS   NUM SERIES   "
      "SIZE\n");
  CHECK(BlockTable({}, false, false).empty());
  const tsdb::block_testing::Contents contents{{Labels{{"a", "b"}}, {{0, 1}, {90'061'001, 2}}}};
  const BlockPtr block = tsdb::block_testing::WriteAndOpen(dir.path(), contents, 0, 90'061'002);
  const std::string id = block->ulid().ToString();
  CHECK(BlockTable({&block, 1}, false, false) ==
        id + "  0            90061002     25h1m1.002s  2            1            1            " +
            std::to_string(block->bytes()) + "\n");
  CHECK(BlockTable({&block, 1}, false, true)
            .starts_with(
                id +
                "  1970-01-01 00:00:00 +0000 UTC  1970-01-02 01:01:01 +0000 UTC  25h1m1.002s  2 "));
}

TEST_CASE("Answers of range queries") {
  const auto parsed = ParseRangeAnswer(
      R"({"status":"success","data":{"resultType":"matrix","result":[
        {"metric":{"__name__":"a","b":"c"},"values":[[1.001,"2.5"],[1609954694.891,"+Inf"]]},
        {"metric":{},"values":[[3,"NaN"]]}]}})");
  REQUIRE(parsed.ok());
  REQUIRE(parsed->size() == 2);
  CHECK((*parsed)[0].labels.ToString() == "{__name__=\"a\", b=\"c\"}");
  CHECK((*parsed)[0].samples ==
        std::vector<std::pair<int64_t, double>>{{1001, 2.5}, {1609954694891, INFINITY}});
  CHECK((*parsed)[1].samples[0].first == 3000);
  CHECK(MessageOf(ParseRangeAnswer(R"({"status":"error","errorType":"bad_data","error":"no"})")
                      .status()) == "bad_data: no");
  for (const char* bad :
       {"", "[]", "<html>", R"({"status":"success","data":{"resultType":"vector","result":[]}})",
        R"({"status":"success","data":{"resultType":"matrix","result":[{"values":[[1]]}]}})",
        R"({"status":"success","data":{"resultType":"matrix","result":[{"values":[[1,"x"]]}]}})"}) {
    CHECK_FALSE(ParseRangeAnswer(bad).ok());
  }
}

std::set<std::string> FilesOf(const std::string& dir) {
  std::set<std::string> files;
  for (const auto& f : std::filesystem::recursive_directory_iterator(dir)) files.insert(f.path());
  return files;
}

std::set<std::string> LinesOf(const testing::RunResult& result) {
  std::set<std::string> lines;
  std::istringstream stream(result.output);
  for (std::string line; std::getline(stream, line);) CHECK(lines.insert(line).second);
  return lines;
}

TEST_CASE("A directory in use is dumped whole, blocks and head, and left as it is") {
  const TempDir dir;
  tsdb::Options options;
  options.dir = dir.path();
  options.maintenance_interval = std::chrono::milliseconds(0);
  options.wal_flush_window = std::chrono::milliseconds(0);
  auto db = tsdb::Db::Open(options);
  REQUIRE(db.ok());
  const auto group = (*db)->NewGroup();
  std::vector<double> values(50);
  std::vector<std::string> names;
  for (int i = 0; i < 50; ++i) {
    bool created = false;
    names.push_back("{__name__=\"m\", i=\"" + std::to_string(i) + "\"}");
    REQUIRE(group->AddMember(Labels{{"__name__", "m"}, {"i", std::to_string(i)}}, &created).ok());
  }
  std::set<std::string> expected;
  for (int64_t t = 1'700'000'000'000; t < 1'700'000'000'000 + 7 * kHour; t += 60'000) {
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<double>(t / 60'000 % 100 + static_cast<int64_t>(i));
      expected.insert(fmt::format("{} {} {}", names[i], values[i], t));
    }
    REQUIRE(group->CommitTick(t, values).appended == values.size());
  }
  REQUIRE((*db)->CompactNow().ok());
  REQUIRE((*db)->Blocks().size() >= 2);
  // In the head alone: a histogram of integers stays one, what came late is there.
  (*db)->SetOutOfOrderWindow(kHour);
  const int64_t newest = 1'700'000'000'000 + 7 * kHour;
  auto appender = (*db)->NewAppender();
  const IntHistogram histogram{
      .count = 3, .sum = 2.5, .positive_spans = {{0, 2}}, .positive_deltas = {1, 1}};
  REQUIRE(appender->AppendHistogram({{"__name__", "h"}}, newest, histogram).ok());
  REQUIRE(appender->AppendHistogram({{"__name__", "h"}}, newest - 5000, histogram).ok());
  REQUIRE(appender->Commit(true).ok());
  for (const int64_t t : {newest, newest - 5000}) {
    expected.insert(fmt::format("{{__name__=\"h\"}} {} {}", ToString(histogram), t));
  }
  REQUIRE((*db)->Flush(false).ok());

  const std::set<std::string> before = FilesOf(dir.path());
  const auto dump = [&] {
    return testing::RunToEnd({testing::Binary("promtool"), "tsdb", "dump", dir.path()},
                             std::chrono::seconds(60));
  };
  const testing::RunResult result = dump();
  CHECK(result.exit_code == 0);
  CHECK(FilesOf(dir.path()) == before);
  const std::set<std::string> lines = LinesOf(result);
  CHECK(lines.size() == expected.size());
  CHECK((lines == expected));

  const testing::RunResult series =
      testing::RunToEnd({testing::Binary("promtool"), "tsdb", "dump", "--format=seriesjson",
                         "--match=m{i=~\"1.?\"}", dir.path()});
  CHECK(series.exit_code == 0);
  CHECK(series.output.starts_with(
      "{\"__name__\":\"m\",\"i\":\"1\"}\n{\"__name__\":\"m\",\"i\":\"10\"}\n"));
  CHECK(std::count(series.output.begin(), series.output.end(), '\n') == 11);

  // The way back to Prometheus: not while it is in use.
  const std::vector<std::string> wal_export{testing::Binary("promtool"), "tsdb", "wal-export",
                                            dir.path()};
  CHECK(testing::RunToEnd(wal_export).exit_code == 1);
  CHECK_FALSE(FileExists(dir.path() + "/wal"));
  REQUIRE((*db)->Close().ok());
  const testing::RunResult exported = testing::RunToEnd(wal_export);
  INFO(exported.output);
  CHECK(exported.exit_code == 0);
  CHECK(FileExists(dir.path() + "/wal"));
  // Prometheus went on from it: what our head says does not count any more.
  std::filesystem::copy(dir.path() + "/wal/00000000", dir.path() + "/wal/00000001");
  for (const std::string& file : FilesOf(dir.path() + "/head")) {
    if (!file.ends_with("/exported")) std::filesystem::remove(file);
  }
  CHECK((LinesOf(dump()) == expected));
  CHECK(testing::RunToEnd({testing::Binary("promtool"), "tsdb", "wal-export", dir.path() + "/none"})
            .exit_code == 1);
}

}  // namespace
}  // namespace narthex::promtool
