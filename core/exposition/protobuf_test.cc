#include <cmath>

#include "core/base/bytes.h"
#include "core/exposition/families.h"
#include "core/exposition/scrape_oracle.h"
#include "core/exposition/writer.h"
#include "proto/client_metrics.pb.h"
#include "tests/catch.h"

namespace narthex {
namespace {

namespace pb = io::prometheus::client;

constexpr OutputFormat kDelimited{ExpositionFormat::kProtobuf, NameEscaping::kAllowUtf8};

std::string Delimited(const pb::MetricFamily& family) {
  std::string out;
  ByteWriter(&out).UvarintString(family.SerializeAsString());
  return out;
}

pb::MetricFamily FirstOf(const std::string& body) {
  ByteReader reader(body);
  pb::MetricFamily family;
  REQUIRE(family.ParseFromString(std::string(reader.UvarintString())));
  return family;
}

void AddLabel(pb::Metric* metric, const char* name, const char* value) {
  auto* label = metric->add_label();
  label->set_name(name);
  label->set_value(value);
}

pb::MetricFamily CounterFamily() {
  pb::MetricFamily family;
  family.set_name("c_things_total");
  family.set_help("C");
  family.set_unit("things");
  family.set_type(pb::COUNTER);
  auto* metric = family.add_metric();
  AddLabel(metric, "z", "1");
  AddLabel(metric, "a", "2");
  metric->set_timestamp_ms(1234);
  metric->mutable_counter()->set_value(7);
  metric->mutable_counter()->mutable_created_timestamp()->set_seconds(100);
  auto* exemplar = metric->mutable_counter()->mutable_exemplar();
  exemplar->set_value(0.5);
  exemplar->mutable_timestamp()->set_seconds(-2);
  exemplar->mutable_timestamp()->set_nanos(500'000'000);
  auto* label = exemplar->add_label();
  label->set_name("id");
  label->set_value("x");
  return family;
}

pb::MetricFamily HistogramFamily(bool native) {
  pb::MetricFamily family;
  family.set_name("h");
  family.set_type(pb::HISTOGRAM);
  auto* h = family.add_metric()->mutable_histogram();
  h->set_sample_count(5);
  h->set_sample_sum(1.5);
  auto* bucket = h->add_bucket();
  bucket->set_upper_bound(1);
  bucket->set_cumulative_count(3);
  bucket->mutable_exemplar()->set_value(0.25);
  if (!native) return family;
  h->set_schema(3);
  h->set_zero_threshold(1e-128);
  h->set_zero_count(2);
  auto* span = h->add_positive_span();
  span->set_offset(-4);
  span->set_length(2);
  h->add_positive_delta(1);
  h->add_positive_delta(-1);
  auto* exemplar = h->add_exemplars();
  exemplar->set_value(0.75);
  exemplar->mutable_timestamp()->set_seconds(9);
  h->add_exemplars()->set_value(0.5);  // without a timestamp
  return family;
}

TEST_CASE("What the generated classes write, we read") {
  pb::MetricFamily counter = CounterFamily();
  auto families = ParseProtobufFamilies(Delimited(counter) + Delimited(HistogramFamily(true)));
  REQUIRE(families.ok());
  REQUIRE(families->size() == 2);
  const MetricFamily& c = (*families)[0];
  CHECK(c.name == "c_things_total");
  CHECK(c.help == "C");
  CHECK(c.unit == "things");
  CHECK(c.type == MetricType::kCounter);
  REQUIRE(c.samples.size() == 1);
  CHECK(c.samples[0].labels == std::vector<MetricLabel>{{"z", "1"}, {"a", "2"}});
  CHECK(c.samples[0].value == 7);
  CHECK(c.samples[0].timestamp_ms == 1234);
  CHECK(c.samples[0].created_ms == 100'000);
  CHECK(c.samples[0].exemplar->timestamp_ms == -1500);
  const MetricSample& h = (*families)[1].samples[0];
  CHECK(h.sample_count == 5);
  REQUIRE(h.native != nullptr);
  CHECK(h.native->schema == 3);
  CHECK(h.native->zero_count == 2);
  CHECK(h.native->positive_spans[0].offset == -4);
  CHECK(h.native->positive_deltas == std::vector<int64_t>{1, -1});
  CHECK_FALSE(h.native->is_float);
  REQUIRE(h.native->exemplars.size() == 2);
  CHECK(h.native->exemplars[0].value == 0.75);
  CHECK(h.native->exemplars[0].timestamp_ms == 9000);
}

TEST_CASE("What we write, the generated classes read") {
  for (const pb::MetricFamily& family :
       {CounterFamily(), HistogramFamily(false), HistogramFamily(true)}) {
    auto families = ParseProtobufFamilies(Delimited(family));
    REQUIRE(families.ok());
    CHECK(FirstOf(WriteFamilies(*families, kDelimited)).SerializeAsString() ==
          family.SerializeAsString());
  }
}

TEST_CASE("Float histograms and packed fields") {
  pb::MetricFamily family;
  family.set_name("f");
  family.set_type(pb::GAUGE_HISTOGRAM);
  auto* h = family.add_metric()->mutable_histogram();
  h->set_sample_count_float(1.5);
  h->set_sample_sum(1);
  h->set_schema(0);
  h->set_zero_threshold(0.001);
  h->set_zero_count_float(0.5);
  h->add_negative_span()->set_length(1);
  h->add_negative_count(1);
  auto families = ParseProtobufFamilies(Delimited(family));
  REQUIRE(families.ok());
  CHECK((*families)[0].samples[0].native->is_float);
  CHECK((*families)[0].samples[0].sample_count == 1.5);
  CHECK((*families)[0].samples[0].native->negative_counts == std::vector<double>{1});
  // proto3 writers pack: field 13, length 3, three zigzag varints.
  std::string packed("\x6a\x03\x02\x01\x04", 5), metric, message;
  ByteWriter(&metric).U8(7 << 3 | 2);
  ByteWriter(&metric).UvarintString(packed + std::string("\x62\x02\x10\x03", 4));
  ByteWriter(&message).U8(3 << 3);
  ByteWriter(&message).U8(4);
  ByteWriter(&message).U8(4 << 3 | 2);
  ByteWriter(&message).UvarintString(metric);
  std::string body;
  ByteWriter(&body).UvarintString(message);
  families = ParseProtobufFamilies(body);
  REQUIRE(families.ok());
  CHECK((*families)[0].samples[0].native->positive_deltas == std::vector<int64_t>{1, -1, 2});
}

TEST_CASE("Damaged protobuf") {
  std::string body = Delimited(HistogramFamily(true));
  CHECK(MessageOf(ParseProtobufFamilies(body.substr(0, body.size() - 1)).status()) ==
        "unexpected EOF");
  for (size_t i = 1; i < body.size(); ++i) {
    std::string bad = body;
    bad[i] = static_cast<char>(bad[i] ^ 0x87);
    (void)ParseProtobufFamilies(bad);
  }
  CHECK_FALSE(ParseProtobufFamilies("\x02\x0a\x05").ok());
  CHECK(MessageOf(ParseProtobufFamilies(std::string("\x02\x18\x09", 3)).status()) ==
        "unknown metric type 9");
}

std::string Samples(const ScrapeResult& result, const RecordingSink& sink) {
  std::string out;
  for (const auto& s : result.samples) out += fmt::format("{} {}\n", sink.names[s.slot], s.value);
  return out;
}

TEST_CASE("Protobuf scrapes: series, metadata, exemplars, prediction") {
  pb::MetricFamily summary;
  summary.set_name("s");
  summary.set_type(pb::SUMMARY);
  auto* s = summary.add_metric()->mutable_summary();
  s->set_sample_count(2);
  s->set_sample_sum(3);
  auto* q = s->add_quantile();
  q->set_quantile(1);
  q->set_value(NAN);
  std::string body =
      Delimited(CounterFamily()) + Delimited(HistogramFamily(true)) + Delimited(summary);
  ScrapeTable table(3);
  RecordingSink sink;
  ScrapeResult result;
  ScrapeOptions options{.grammar = ScrapeGrammar::kProtobuf};
  for (int i = 0; i < 3; ++i) {
    REQUIRE(ParseScrape(body, options, &table, &sink, &result).ok());
    CHECK(Samples(result, sink) ==
          "{__name__=\"c_things_total\", a=\"2\", z=\"1\"} 7\n{__name__=\"h_count\"} 5\n"
          "{__name__=\"h_sum\"} 1.5\n{__name__=\"h_bucket\", le=\"1.0\"} 3\n"
          "{__name__=\"h_bucket\", le=\"+Inf\"} 5\n{__name__=\"s_count\"} 2\n"
          "{__name__=\"s_sum\"} 3\n{__name__=\"s\", quantile=\"1.0\"} nan\n");
    CHECK(result.samples[0].timestamp_ms == 1234);
    CHECK(result.exemplars.size() == 2);
    CHECK(result.predicted == (i == 0 ? 0 : 11));
    CHECK(result.vanished.empty());
  }
  CHECK(sink.metadata.size() == 3);
  CHECK(sink.metadata[0] == "0 c_things_total C;1 c_things_total counter;2 c_things_total things;");
}

TEST_CASE("Protobuf scrapes: native histograms") {
  std::string body = Delimited(HistogramFamily(true)) + Delimited(HistogramFamily(false));
  ScrapeOptions options{.grammar = ScrapeGrammar::kProtobuf};
  options.native_histograms = true;
  ScrapeTable table(3);
  RecordingSink sink;
  ScrapeResult result;
  REQUIRE(ParseScrape(body, options, &table, &sink, &result).ok());
  REQUIRE(result.histograms.size() == 1);
  CHECK(sink.names[result.histograms[0].slot] == "{__name__=\"h\"}");
  CHECK(result.histograms[0].sample->native->schema == 3);
  CHECK(result.samples.size() == 4);  // the classic one of the second family
  // The native part's own exemplar with a timestamp, then that of the second family's bucket.
  REQUIRE(result.exemplars.size() == 2);
  CHECK(result.exemplars[0].slot == result.histograms[0].slot);
  CHECK(result.exemplars[0].exemplar.value == 0.75);
  CHECK(result.exemplars[1].exemplar.value == 0.25);
  options.always_classic = true;
  ScrapeTable other(3);
  REQUIRE(ParseScrape(body, options, &other, &sink, &result).ok());
  CHECK(result.samples.size() == 8);
  CHECK(result.samples[5].repeated);
}

TEST_CASE("Protobuf scrapes: when series began, if asked for") {
  pb::MetricFamily histogram = HistogramFamily(true);
  histogram.mutable_metric(0)->mutable_histogram()->mutable_created_timestamp()->set_seconds(7);
  const std::string body = Delimited(CounterFamily()) + Delimited(histogram);
  for (const bool starts : {false, true}) {
    ScrapeOptions options{.grammar = ScrapeGrammar::kProtobuf};
    options.native_histograms = options.always_classic = true;
    options.starts = starts;
    ScrapeTable table(3);
    RecordingSink sink;
    ScrapeResult result;
    for (int i = 0; i < 2; ++i) {
      REQUIRE(ParseScrape(body, options, &table, &sink, &result).ok());
      REQUIRE(result.histograms.size() == 1);
      CHECK(result.histograms[0].start_ms == (starts ? 7000 : kNoStart));
      // The counter; count, sum and two buckets.
      REQUIRE(result.starts.size() == (starts ? 5 : 0));
      if (!starts) continue;
      CHECK(result.starts[0].slot == result.samples[0].slot);
      CHECK(result.starts[0].start_ms == 100'000);
      CHECK(result.starts[4].start_ms == 7000);
    }
  }
}

TEST_CASE("Protobuf scrapes: without exemplars of its own a native histogram has its buckets'") {
  pb::MetricFamily family = HistogramFamily(true);
  auto* h = family.mutable_metric(0)->mutable_histogram();
  h->clear_exemplars();
  ScrapeOptions options{.grammar = ScrapeGrammar::kProtobuf};
  options.native_histograms = true;
  for (const bool stamped : {false, true}) {
    if (stamped) h->mutable_bucket(0)->mutable_exemplar()->mutable_timestamp()->set_seconds(3);
    ScrapeTable table(3);
    RecordingSink sink;
    ScrapeResult result;
    REQUIRE(ParseScrape(Delimited(family), options, &table, &sink, &result).ok());
    CHECK(result.exemplars.size() == (stamped ? 1 : 0));
  }
}

TEST_CASE("Metrics without a value of their family's type") {
  pb::MetricFamily family = CounterFamily();
  family.mutable_metric(0)->clear_counter();
  family.mutable_metric(0)->mutable_gauge()->set_value(3);
  auto families = ParseProtobufFamilies(Delimited(family));
  CHECK(MessageOf(families.status()) == "collected metric \"c_things_total\" is not a COUNTER");
  family.set_type(pb::HISTOGRAM);
  families = ParseProtobufFamilies(Delimited(family));
  CHECK(MessageOf(families.status()) == "collected metric \"c_things_total\" is not a HISTOGRAM");
  family.set_type(pb::GAUGE);
  CHECK(ParseProtobufFamilies(Delimited(family)).ok());
  // A count of another wire type is an error, not zero: field 1 of the histogram as a double.
  std::string body = Delimited(HistogramFamily(false));
  const size_t count = body.find("\x3a") + 2;
  REQUIRE(body[count] == 0x08);
  body[count] = 0x09;
  CHECK_FALSE(ParseProtobufFamilies(body).ok());
}

TEST_CASE("Protobuf scrapes refuse bad names and values") {
  ScrapeOptions options{.grammar = ScrapeGrammar::kProtobuf};
  auto error_of = [&](const std::string& body) {
    ScrapeTable table(3);
    RecordingSink sink;
    ScrapeResult result;
    return std::string(MessageOf(ParseScrape(body, options, &table, &sink, &result)));
  };
  auto error = [&](const pb::MetricFamily& family) { return error_of(Delimited(family)); };
  pb::MetricFamily family = CounterFamily();
  family.set_name("");
  CHECK(error(family) == "invalid metric name: \"\"");
  family = CounterFamily();
  family = CounterFamily();
  family.mutable_metric(0)->mutable_label(0)->set_value("@");
  std::string body = Delimited(family);
  body[body.find('@')] = '\xff';
  CHECK(error_of(body) == "invalid label value: \"\\xff\"");
  family = CounterFamily();
  family.mutable_metric(0)->mutable_label(0)->set_name("a");
  CHECK(error(family) == "label name \"a\" is not unique: invalid sample");
}

}  // namespace
}  // namespace narthex
