// Histograms in the head: what goes in comes out, also of the log and of checkpoints.

#include "server/storage/tsdb/chunkenc/histogram_corpus.h"
#include "server/storage/tsdb/head/chunk_files.h"
#include "server/storage/tsdb/head/core.h"
#include "server/storage/tsdb/testing.h"

namespace narthex::tsdb {
namespace {

using storage::AppendResult;
using storage::SampleColumns;

constexpr int64_t kT0 = 1'700'000'000'000;
const char* const kCorpus = "../chunkenc/testdata/histogram_chunks.txt";

Labels Named(const std::string& name) { return Labels{{"__name__", name}}; }

AppendResult Append(storage::Appender* appender, const Labels& labels, const CorpusSample& s) {
  const auto result =
      s.kind == SampleKind::kFloat ? appender->Append(labels, s.time, std::bit_cast<double>(s.bits))
      : s.kind == SampleKind::kHistogram ? appender->AppendHistogram(labels, s.time, s.histogram)
                                         : appender->AppendHistogram(labels, s.time, s.floats);
  if (!result.ok()) FAIL(std::string(MessageOf(result.status())));
  return *result;
}

uint64_t BitsOf(const CorpusSample& s) {
  return s.kind == SampleKind::kFloat ? s.bits : HistogramBits(s.AsFloat());
}

void AppendCorpus(Db* db, const std::vector<CorpusSeries>& corpus) {
  for (const CorpusSeries& series : corpus) {
    auto appender = db->NewAppender();
    for (size_t i = 0; i < series.samples.size(); ++i) {
      REQUIRE(Append(appender.get(), Named(series.name), series.samples[i]) == AppendResult::kOk);
      if (i % 3 == 0) REQUIRE(appender->Commit(false).ok());
    }
    REQUIRE(appender->Commit(true).ok());
  }
}

Contents ContentsOf(const std::vector<CorpusSeries>& corpus) {
  Contents out;
  for (const CorpusSeries& series : corpus) {
    for (const CorpusSample& s : series.samples) {
      out[Named(series.name).ToString()].emplace_back(s.time, BitsOf(s));
    }
  }
  return out;
}

// The reset hints a reader may rely on follow from the chunks.
void CheckHints(const Db& db, const std::vector<CorpusSeries>& corpus) {
  auto querier = db.NewQuerier(INT64_MIN, INT64_MAX);
  for (const CorpusSeries& series : corpus) {
    INFO(series.name);
    auto list =
        (*querier)->Select({}, std::vector<Matcher>{Matcher::Equal("__name__", series.name)});
    REQUIRE((*list)->size() == 1);
    SampleColumns got, want;
    REQUIRE((*list)->Read(0, INT64_MIN, INT64_MAX, &got).ok());
    for (const EncodedChunk& chunk : series.chunks) {
      REQUIRE(DecodeChunk(chunk.encoding, chunk.data, INT64_MIN, INT64_MAX, &want).ok());
    }
    REQUIRE(got.size() == want.size());
    REQUIRE(got.histograms.size() == want.histograms.size());
    for (size_t i = 0; i < got.histograms.size(); ++i) {
      INFO("histogram " << i);
      CHECK(SameBits(got.histograms[i], want.histograms[i]));
    }
  }
}

TEST_CASE("Histograms are read back, from memory, the log and a checkpoint") {
  const std::vector<CorpusSeries> corpus = ReadCorpus(kCorpus);
  REQUIRE(corpus.size() > 30);
  TempDir dir;
  auto db = OpenDb(TestOptions(dir.path()));
  AppendCorpus(db.get(), corpus);
  CheckSame(Dump(*db), ContentsOf(corpus));
  CheckHints(*db, corpus);
  SECTION("log") { REQUIRE(db->Close().ok()); }
  SECTION("a log that was not closed") { REQUIRE(db->Flush(true).ok()); }
  SECTION("checkpoint") {
    REQUIRE(db->Checkpoint().ok());
    REQUIRE(db->Close().ok());
  }
  db.reset();
  db = OpenDb(TestOptions(dir.path()));
  CheckSame(Dump(*db), ContentsOf(corpus));
  CheckHints(*db, corpus);
}

TEST_CASE("Chunk files have Prometheus' chunks") {
  const std::vector<CorpusSeries> corpus = ReadCorpus(kCorpus);
  TempDir dir;
  auto db = OpenDb(TestOptions(dir.path()));
  AppendCorpus(db.get(), corpus);
  db.reset();
  // References are given in the order of creation.
  std::map<uint64_t, std::vector<std::string>> by_ref;
  Epochs epochs;
  ChunkFiles files(dir.path() + "/head/chunks_head", &epochs);
  REQUIRE(files
              .Open({},
                    [&](const HeadChunk& chunk, const ChunkRef&) {
                      by_ref[chunk.ref].push_back(
                          fmt::format("{} {} {} {}", static_cast<int>(chunk.encoding), chunk.mint,
                                      chunk.maxt, Hex(chunk.data)));
                    })
              .ok());
  size_t compared = 0;
  for (size_t s = 0; s < corpus.size(); ++s) {
    INFO(corpus[s].name);
    std::vector<std::string> want;
    for (const EncodedChunk& c : corpus[s].chunks) {
      want.push_back(
          fmt::format("{} {} {} {}", static_cast<int>(c.encoding), c.mint, c.maxt, Hex(c.data)));
    }
    want.pop_back();  // open
    CHECK(by_ref[kFirstRef + s] == want);
    compared += want.size();
  }
  CHECK(compared > 50);
}

IntHistogram Simple(uint64_t zeros) {
  return {.zero_threshold = 0.001, .zero_count = zeros, .count = zeros, .sum = 1.5};
}

TEST_CASE("The rules of order hold for histograms") {
  TempDir dir;
  auto db = OpenDb(TestOptions(dir.path()));
  const Labels labels = Named("h");
  auto appender = db->NewAppender();
  REQUIRE(*appender->AppendHistogram(labels, kT0, Simple(1)) == AppendResult::kOk);
  // Against what waits in the same appender.
  CHECK(*appender->AppendHistogram(labels, kT0, Simple(1)) == AppendResult::kOk);
  CHECK(*appender->AppendHistogram(labels, kT0, Simple(2)) == AppendResult::kDuplicate);
  CHECK(appender->conflict().pending);
  CHECK_FALSE(appender->conflict().value.has_value());
  CHECK(*appender->AppendHistogram(labels, kT0 - 1, Simple(2)) == AppendResult::kOutOfOrder);
  REQUIRE(appender->Commit().ok());
  // Against what is stored.
  CHECK(*appender->AppendHistogram(labels, kT0, Simple(1)) == AppendResult::kOk);
  IntHistogram with_empty_bucket = Simple(1);
  with_empty_bucket.positive_spans = {{3, 1}};
  with_empty_bucket.positive_deltas = {0};
  CHECK(*appender->AppendHistogram(labels, kT0, with_empty_bucket) == AppendResult::kOk);
  CHECK(*appender->AppendHistogram(labels, kT0, Simple(2)) == AppendResult::kDuplicate);
  CHECK(*appender->AppendHistogram(labels, kT0, ToFloat(Simple(1))) == AppendResult::kDuplicate);
  CHECK(*appender->Append(labels, kT0, 1.5) == AppendResult::kDuplicate);
  CHECK_FALSE(appender->conflict().value.has_value());
  CHECK(*appender->AppendHistogram(labels, kT0 - 1, Simple(1)) == AppendResult::kOutOfOrder);
  CHECK(*appender->AppendHistogram(labels, kT0 - 4000'000, Simple(1)) ==
        AppendResult::kOutOfBounds);
  REQUIRE(*appender->Append(labels, kT0 + 1, 7) == AppendResult::kOk);
  REQUIRE(appender->Commit().ok());
  CHECK(*appender->AppendHistogram(labels, kT0 + 1, Simple(1)) == AppendResult::kDuplicate);
  CHECK(appender->conflict().value == 7.0);
  IntHistogram invalid = Simple(3);
  invalid.count = 4;
  CHECK_FALSE(appender->AppendHistogram(labels, kT0 + 2, invalid).ok());
  REQUIRE(appender->Commit().ok());
  CheckSame(Dump(*db),
            {{labels.ToString(), {{kT0, HistogramBits(ToFloat(Simple(1)))}, {kT0 + 1, Bits(7)}}}});
}

TEST_CASE("A stale marker behind a histogram is a histogram") {
  TempDir dir;
  auto db = OpenDb(TestOptions(dir.path()));
  const Labels labels = Named("h");
  auto appender = db->NewAppender();
  REQUIRE(appender->AppendHistogram(labels, kT0, ToFloat(Simple(1))).ok());
  REQUIRE(appender->Append(labels, kT0 + 10, storage::StaleNaN()).ok());
  REQUIRE(appender->Commit(true).ok());
  for (const bool restarted : {false, true}) {
    if (restarted) {
      appender.reset();
      db.reset();
      db = OpenDb(TestOptions(dir.path()));
    }
    auto querier = db->NewQuerier(INT64_MIN, INT64_MAX);
    auto list = (*querier)->Select({}, std::vector<Matcher>{Matcher::Equal("__name__", "h")});
    SampleColumns columns;
    REQUIRE((*list)->Read(0, INT64_MIN, INT64_MAX, &columns).ok());
    REQUIRE(columns.size() == 2);
    CHECK(columns.IsHistogram(1));
    CHECK(storage::IsStaleNaN(columns.values[1]));
    CHECK(storage::IsStaleNaN(columns.histograms[1].sum));
    int64_t t = 0;
    double v = 0;
    REQUIRE((*list)->Last(0, INT64_MIN, INT64_MAX, &t, &v));
    CHECK(storage::IsStaleNaN(v));
    REQUIRE((*list)->Last(0, INT64_MIN, kT0, &t, &v));
    CHECK(t == kT0);
    CHECK(storage::IsHistogramNaN(v));
  }
}

TEST_CASE("A group and an appender share a series of histograms") {
  TempDir dir;
  auto db = OpenDb(TestOptions(dir.path()));
  const Labels labels = Named("h");
  auto appender = db->NewAppender();
  REQUIRE(appender->AppendHistogram(labels, kT0, Simple(1)).ok());
  REQUIRE(appender->Commit().ok());
  auto group = db->NewGroup();
  bool created = false;
  const auto member = group->AddMember(labels, &created);
  REQUIRE(member.ok());
  CHECK(group->CommitTick(kT0 + 10, std::vector<double>{storage::StaleNaN()}).appended == 1);
  CHECK(group->CommitTick(kT0 + 20, std::vector<double>{storage::StaleNaN()}).appended == 0);
  CHECK(group->CommitTick(kT0 + 30, std::vector<double>{5}).appended == 1);
  const Contents want = {{labels.ToString(),
                          {{kT0, HistogramBits(ToFloat(Simple(1)))},
                           {kT0 + 10, storage::kStaleNaNBits},
                           {kT0 + 30, Bits(5)}}}};
  CheckSame(Dump(*db), want);
  group.reset();
  appender.reset();
  REQUIRE(db->Close().ok());
  db.reset();
  db = OpenDb(TestOptions(dir.path()));
  CheckSame(Dump(*db), want);
}

}  // namespace
}  // namespace narthex::tsdb
