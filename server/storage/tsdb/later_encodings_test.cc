// Blocks with chunks of encodings that later releases of Prometheus have.

#include "core/log/log.h"
#include "server/storage/tsdb/block/testing.h"
#include "server/storage/tsdb/db.h"

namespace narthex::tsdb {
namespace {

using block_testing::Contents;
using block_testing::Samples;
using block_testing::SampleSet;

constexpr int64_t kHour = 3600'000;
constexpr int64_t kT0 = 1'700'006'400'000;

// The chunks of one series say that they are of another encoding.
class Foreign final : public ChunkSeriesSet {
 public:
  Foreign(const Contents& contents, std::string name, Encoding encoding)
      : inner_(contents), name_(std::move(name)), encoding_(encoding) {}
  StatusOr<std::vector<std::string>> Symbols() override { return inner_.Symbols(); }
  bool Next() override {
    if (!inner_.Next()) return false;
    chunks_.assign(inner_.chunks().begin(), inner_.chunks().end());
    if (inner_.labels().metric_name() != name_) return true;
    for (ChunkView& chunk : chunks_) chunk.encoding = encoding_;
    return true;
  }
  const Labels& labels() const override { return inner_.labels(); }
  std::span<const ChunkView> chunks() const override { return chunks_; }
  Status status() const override { return inner_.status(); }

 private:
  SampleSet inner_;
  const std::string name_;
  const Encoding encoding_;
  std::vector<ChunkView> chunks_;
};

Options OptionsOf(const std::string& dir) {
  Options options;
  options.dir = dir;
  options.maintenance_interval = std::chrono::milliseconds(0);
  options.chunk_range_ms = kHour;
  options.max_block_ms = 3 * kHour;
  options.retention_ms = 0;
  return options;
}

Samples Hour(int64_t hour) {
  Samples out;
  for (int64_t t = kT0 + hour * kHour; t < kT0 + (hour + 1) * kHour; t += 60'000) {
    out.emplace_back(t, std::bit_cast<uint64_t>(static_cast<double>(t % 1000'000)));
  }
  return out;
}

const Labels kOurs{{"__name__", "ours"}}, kTheirs{{"__name__", "theirs"}};

void WriteHours(const std::string& dir, int hours, Encoding encoding) {
  for (int hour = 0; hour < hours; ++hour) {
    const Contents contents{{kOurs, Hour(hour)}, {kTheirs, Hour(hour)}};
    BlockMeta meta;
    meta.min_time = kT0 + hour * kHour;
    meta.max_time = kT0 + (hour + 1) * kHour;
    Foreign set(contents, "theirs", hour == 1 ? encoding : Encoding::kXor);
    REQUIRE(BlockWriter(dir, {}).Write(meta, &set).ok());
  }
}

// The samples of a series, or what is wrong with it.
std::string Read(const Db& db, const Labels& series, int64_t mint, int64_t maxt, Samples* out) {
  auto querier = db.NewQuerier(mint, maxt);
  REQUIRE(querier.ok());
  const std::vector<Matcher> matchers{
      Matcher::Equal("__name__", std::string(series.metric_name()))};
  auto list = (*querier)->Select({}, matchers);
  REQUIRE(list.ok());
  REQUIRE((*list)->size() == 1);
  storage::SampleColumns columns;
  const Status status = (*list)->Read(0, mint, maxt, &columns);
  if (!status.ok()) return std::string(MessageOf(status));
  out->clear();
  for (size_t k = 0; k < columns.size(); ++k) {
    out->emplace_back(columns.timestamps[k], std::bit_cast<uint64_t>(columns.values[k]));
  }
  return "";
}

TEST_CASE("Chunks of later encodings are refused by name, what is beside them is served") {
  SetLogLevel(LogLevel::kError);
  for (const int encoding : {4, 5, 6}) {
    INFO("encoding " << encoding);
    TempDir dir;
    WriteHours(dir.path(), 4, static_cast<Encoding>(encoding));
    auto db = Db::Open(OptionsOf(dir.path()));
    REQUIRE(db.ok());
    REQUIRE((*db)->Blocks().size() == 4);
    const auto check = [&] {
      Samples samples, want;
      CHECK(Read(**db, kOurs, kT0, kT0 + 4 * kHour, &samples).empty());
      for (int hour = 0; hour < 4; ++hour) {
        for (const auto& sample : Hour(hour)) want.push_back(sample);
      }
      CHECK(samples == want);
      CHECK(Read(**db, kTheirs, kT0, kT0 + kHour - 1, &samples).empty());
      CHECK(samples == Hour(0));
      const std::string error = Read(**db, kTheirs, kT0 + kHour, kT0 + 2 * kHour - 1, &samples);
      INFO(error);
      CHECK(error.find(fmt::format("encoding {}", encoding)) != std::string::npos);
    };
    check();
    // A merge hands such chunks on.
    REQUIRE((*db)->Maintain().ok());
    CHECK((*db)->Blocks().size() < 4);
    check();
    REQUIRE((*db)->Close().ok());
  }
}

TEST_CASE(
    "Merging overlapping chunks of later encodings fails once and leaves the blocks as they are") {
  SetLogLevel(LogLevel::kError);
  TempDir dir;
  WriteHours(dir.path(), 2, Encoding::kXor2);
  WriteHours(dir.path(), 2, Encoding::kXor);
  auto db = Db::Open(OptionsOf(dir.path()));
  REQUIRE(db.ok());
  (void)(*db)->Maintain();
  (void)(*db)->Maintain();
  Samples samples;
  CHECK(Read(**db, kOurs, kT0, kT0 + 2 * kHour - 1, &samples).empty());
  CHECK(samples.size() == 120);
  CHECK((*db)->Blocks().size() >= 2);
  REQUIRE((*db)->Close().ok());
}

}  // namespace
}  // namespace narthex::tsdb
