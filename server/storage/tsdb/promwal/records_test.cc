// Records against bytes laid out by hand, against each other, and cut at every place. The bytes of
// a real server are read by tests/differential/data_directory.py.
#include "server/storage/tsdb/promwal/records.h"

#include "core/base/bytes.h"
#include "tests/catch.h"

namespace narthex::tsdb::promwal {
namespace {

using namespace std::string_literals;

struct Seen final : RecordSink {
  void OnSeries(uint64_t ref, Labels labels) override {
    lines.push_back(fmt::format("series {} {}", ref, labels.ToString()));
  }
  void OnSample(const SampleRecord& s) override {
    lines.push_back(fmt::format("sample {} {} {:x}", s.ref, s.time, s.bits));
  }
  void OnHistogram(uint64_t ref, int64_t t, const IntHistogram& h) override {
    lines.push_back(fmt::format("int {} {}", ref, t));
    integers.push_back(h);
  }
  void OnHistogram(uint64_t ref, int64_t t, const FloatHistogram& h) override {
    lines.push_back(fmt::format("float {} {}", ref, t));
    floats.push_back(h);
  }
  bool WantsHistogram(uint64_t ref, int64_t) override { return ref != 13; }
  void OnTombstone(const TombstoneRecord& t) override {
    lines.push_back(fmt::format("tombstone {} {} {}", t.ref, t.mint, t.maxt));
  }
  void OnExemplar(const ExemplarRecord& e) override {
    lines.push_back(
        fmt::format("exemplar {} {} {} {}", e.ref, e.time, e.value, e.labels.ToString()));
  }
  void OnMetadata(const MetadataRecord& m) override {
    lines.push_back(fmt::format("metadata {} {} {} {}", m.ref, m.type, m.unit, m.help));
  }
  void OnUnknown(uint8_t type) override { lines.push_back(fmt::format("unknown {}", type)); }

  std::vector<std::string> lines;
  std::vector<IntHistogram> integers;
  std::vector<FloatHistogram> floats;
};

using Lines = std::vector<std::string>;

Lines Decode(std::string_view record, bool sound = true) {
  Seen seen;
  CHECK(DecodeRecord(record, &seen).ok() == sound);
  return seen.lines;
}

TEST_CASE("a series record") {
  const std::string record = "\x01\0\0\0\0\0\0\0\x07\x02\x08__name__\x02up\x03job\x01x"s +
                             "\0\0\0\0\0\0\0\x08\x01\x01"s + "a\x01" + "b";
  CHECK(Decode(record) == Lines{R"(series 7 {__name__="up", job="x"})", R"(series 8 {a="b"})"});
}

TEST_CASE("labels out of order are damage") {
  CHECK(Decode("\x01\0\0\0\0\0\0\0\x07\x02\x01"s + "b\x01x\x01" + "a\x01y", false).empty());
  CHECK(Decode("\x01\0\0\0\0\0\0\0\x07\x02\x01"s + "a\x01x\x01" + "a\x01y", false).empty());
}

TEST_CASE("a sample record") {
  std::string record = "\x02";
  ByteWriter out(&record);
  out.Be64(5);
  out.Be64(1000);
  for (const auto& [dref, dt, bits] : {std::tuple{0, 0, 1ULL}, {3, -500, 2ULL}, {-2, 7, 3ULL}}) {
    out.Varint(dref);
    out.Varint(dt);
    out.Be64(bits);
  }
  CHECK(Decode(record) == Lines{"sample 5 1000 1", "sample 8 500 2", "sample 3 1007 3"});
  CHECK(Decode("\x02").empty());
}

TEST_CASE("tombstones, exemplars, metadata, markers") {
  std::string record = "\x03";
  ByteWriter tombstone(&record);
  tombstone.Be64(9);
  tombstone.Varint(-5);
  tombstone.Varint(500);
  CHECK(Decode(record) == Lines{"tombstone 9 -5 500"});

  std::string metadata = "\x06";
  ByteWriter out(&metadata);
  out.Uvarint(300);
  out.U8(2);
  out.Uvarint(3);
  for (const char* s : {"UNIT", "seconds", "NEW", "x", "HELP", "Help."}) out.UvarintString(s);
  CHECK(Decode(metadata) == Lines{"metadata 300 2 seconds Help."});
  std::string encoded;
  RecordEncoder().Metadata({300, MetricTypeNumber("gauge"), "seconds", "Help."}, &encoded);
  CHECK(Decode(encoded) == Lines{"metadata 300 2 seconds Help."});
  for (uint8_t type = 0; type < 8; ++type) {
    CHECK(MetricTypeNumber(MetricTypeName(type)) == type);
  }
  CHECK(MetricTypeName(200) == "unknown");
  CHECK(MetricTypeNumber("new") == 0);

  CHECK(Decode("\x05" + std::string(32, '\x01')).empty());
  CHECK(Decode("\x05" + std::string(31, '\x01'), false).empty());

  std::string exemplars;
  RecordEncoder encoder;
  const std::vector<ExemplarRecord> two = {{4, 100, 1.5, Labels{{"trace_id", "a"}}},
                                           {3, 50, 2, Labels{}}};
  encoder.Exemplars(two, &exemplars);
  CHECK(Decode(exemplars) == Lines{R"(exemplar 4 100 1.5 {trace_id="a"})", "exemplar 3 50 2 {}"});
}

TEST_CASE("unknown types are told, start timestamps among them") {
  CHECK(Decode("\x0b"
               "abc") == Lines{"unknown 11"});
  CHECK(Decode("\x63"
               "abc") == Lines{"unknown 99"});
  CHECK(Decode("", false).empty());
}

IntHistogram SomeInt() {
  return {.reset = CounterResetHint::kGauge,
          .schema = -3,
          .zero_threshold = 0.5,
          .zero_count = 300,
          .count = 1ULL << 63,
          .sum = -0.0,
          .positive_spans = {{-7, 2}, {3, 1}},
          .negative_spans = {{1, 1}},
          .positive_deltas = {1, -200, INT64_MAX},
          .negative_deltas = {5}};
}

FloatHistogram SomeCustom() {
  FloatHistogram h;
  h.schema = kCustomBucketsSchema;
  h.count = 2.5;
  h.sum = 1e300;
  h.positive_spans = {{0, 2}};
  h.positive_buckets = {1, 1.5};
  h.custom_values = {0.1, 7};
  return h;
}

TEST_CASE("histograms come back bit by bit") {
  RecordEncoder encoder;
  std::string record;
  encoder.BeginHistograms(RecordType::kHistograms, 10, 1000, &record);
  encoder.Histogram(10, 1000, SomeInt(), &record);
  encoder.Histogram(13, 1001, SomeInt(), &record);  // not wanted
  encoder.Histogram(9, 900, IntHistogram{}, &record);
  Seen seen;
  REQUIRE(DecodeRecord(record, &seen).ok());
  CHECK(seen.lines == Lines{"int 10 1000", "int 9 900"});
  CHECK(SameBits(seen.integers[0], SomeInt()));
  CHECK(SameBits(seen.integers[1], IntHistogram{}));

  encoder.BeginHistograms(RecordType::kCustomFloatHistograms, 10, 1000, &record);
  encoder.Histogram(10, 1000, SomeCustom(), &record);
  REQUIRE(DecodeRecord(record, &seen).ok());
  REQUIRE(seen.floats.size() == 1);
  CHECK(SameBits(seen.floats[0], SomeCustom()));
}

TEST_CASE("a record cut anywhere fails or gives fewer entries, never others") {
  RecordEncoder encoder;
  std::vector<std::string> records(5);
  const std::vector<std::pair<uint64_t, Labels>> series = {{1, Labels{{"a", "b"}}},
                                                           {2, Labels{{"c", "d"}}}};
  const std::vector<SampleRecord> samples = {{1, 5, 6}, {2, 7, 8}};
  encoder.Series(series, &records[0]);
  encoder.Samples(samples, &records[1]);
  encoder.BeginHistograms(RecordType::kHistograms, 1, 2, &records[2]);
  encoder.Histogram(1, 2, SomeInt(), &records[2]);
  encoder.BeginHistograms(RecordType::kCustomFloatHistograms, 1, 2, &records[3]);
  encoder.Histogram(1, 2, SomeCustom(), &records[3]);
  encoder.Tombstones(std::vector<TombstoneRecord>{{1, 2, 3}, {4, 5, 6}}, &records[4]);
  for (const std::string& record : records) {
    const Lines whole = Decode(record);
    for (size_t n = 1; n < record.size(); ++n) {
      Seen seen;
      (void)DecodeRecord(std::string_view(record).substr(0, n), &seen);
      REQUIRE(seen.lines.size() <= whole.size());
      CHECK(std::equal(seen.lines.begin(), seen.lines.end(), whole.begin()));
    }
  }
}

TEST_CASE("spans that do not fit their buckets are damage") {
  IntHistogram h = SomeInt();
  h.positive_deltas.pop_back();
  RecordEncoder encoder;
  std::string record;
  encoder.BeginHistograms(RecordType::kHistograms, 1, 2, &record);
  encoder.Histogram(1, 2, h, &record);
  CHECK(Decode(record, false).empty());
}

}  // namespace
}  // namespace narthex::tsdb::promwal
