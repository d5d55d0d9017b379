#include "server/storage/tsdb/wal/sample_records.h"

#include <random>

#include "server/storage/tsdb/chunkenc/histogram_corpus.h"
#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

const char* const kCorpus = "../chunkenc/testdata/histogram_chunks.txt";

TEST_CASE("Samples of all kinds come back in their order") {
  std::vector<CorpusSample> samples;
  for (const CorpusSeries& series : ReadCorpus(kCorpus)) {
    samples.insert(samples.end(), series.samples.begin(), series.samples.end());
  }
  REQUIRE(samples.size() > 500);
  SampleRecords records;
  for (size_t i = 0; i < samples.size(); ++i) {
    const CorpusSample& s = samples[i];
    const uint64_t ref = i * 7919 % 1000;
    if (s.kind == SampleKind::kFloat) records.Add(ref, s.time, s.bits);
    if (s.kind == SampleKind::kHistogram) records.Add(ref, s.time, s.histogram);
    if (s.kind == SampleKind::kFloatHistogram) records.Add(ref, s.time, s.floats);
  }
  size_t i = 0;
  for (const auto& [type, payload] : records.Take()) {
    for (SampleReader in(type, payload); in.Next(); ++i) {
      REQUIRE(i < samples.size());
      const CorpusSample& s = samples[i];
      INFO("sample " << i);
      REQUIRE(in.ref() == i * 7919 % 1000);
      REQUIRE(in.time() == s.time);
      if (type == RecordType::kHistograms) {
        REQUIRE(s.kind == SampleKind::kHistogram);
        REQUIRE(SameBits(in.histogram(), s.histogram));
      } else if (type == RecordType::kFloatHistograms) {
        REQUIRE(s.kind == SampleKind::kFloatHistogram);
        REQUIRE(SameBits(in.float_histogram(), s.floats));
      } else {
        REQUIRE(s.kind == SampleKind::kFloat);
        REQUIRE(in.bits() == s.bits);
      }
    }
  }
  CHECK(i == samples.size());
  CHECK(records.Take().empty());
}

TEST_CASE("Damaged records give valid histograms or none") {
  std::mt19937_64 random(23);
  SampleRecords records;
  for (const CorpusSeries& series : ReadCorpus(kCorpus)) {
    for (const CorpusSample& s : series.samples) {
      if (s.kind == SampleKind::kHistogram) records.Add(1, s.time, s.histogram);
      if (s.kind == SampleKind::kFloatHistogram) records.Add(1, s.time, s.floats);
    }
  }
  const auto all = records.Take();
  size_t read = 0;
  for (int round = 0; round < 500; ++round) {
    auto [type, payload] = all[random() % all.size()];
    for (int k = 0; k < 20; ++k) payload[random() % payload.size()] ^= static_cast<char>(random());
    for (SampleReader in(type, payload); in.Next(); ++read) {
      const bool stale = storage::IsStaleNaN(
          type == RecordType::kHistograms ? in.histogram().sum : in.float_histogram().sum);
      const Status status = type == RecordType::kHistograms ? Validate(in.histogram())
                                                            : Validate(in.float_histogram());
      if (!stale && !status.ok()) FAIL(std::string(MessageOf(status)));
    }
  }
  CHECK(read > 100);
}

}  // namespace
}  // namespace narthex::tsdb
