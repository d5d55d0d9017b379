// The reader against the generated classes, and its errors against Go's texts (those of a 3.5
// server; tests/differential/remote_write.py compares more of them).
#include "server/remote/write_message.h"

#include "proto/remote.pb.h"
#include "tests/catch.h"

namespace narthex::remote {
namespace {

using namespace std::string_literals;

std::string Sized(int field, const std::string& inner) {
  std::string out(1, static_cast<char>(field << 3 | 2));
  ByteWriter writer(&out);
  writer.UvarintString(inner);
  return out;
}

std::string ErrorOf(std::string_view message) {
  return std::string(MessageOf(CheckWriteRequest(message)));
}

TEST_CASE("damage is told in the words of Go's reader") {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},
      {"\x80", "unexpected EOF"},
      {"\x0a\x7f"s + "abc", "unexpected EOF"},
      {std::string(10, '\x80') + "\x01", "proto: integer overflow"},
      {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
       "proto: negative length found during unmarshaling"},
      {"\x08\x05", "proto: wrong wireType = 0 for field Timeseries"},
      {"\x18\x05", "proto: wrong wireType = 0 for field Metadata"},
      {"\x02\0"s, "proto: WriteRequest: illegal tag 0 (wire type 2)"},
      {"\x7f\0"s, "proto: illegal wireType 7"},
      {"\x0c", "proto: WriteRequest: wiretype end group for non-group"},
      {Sized(1, "\x0c"), "proto: TimeSeries: wiretype end group for non-group"},
      {"\x53\x08\x01\x54", ""},
      {"\x53\x08\x01", "unexpected EOF"},
      {"\x53\x5b\x5c\x54", ""},
      {Sized(1, "\x08\x01"), "proto: wrong wireType = 0 for field Labels"},
      {Sized(1, Sized(1, "\x08\x01")), "proto: wrong wireType = 0 for field Name"},
      {Sized(1, Sized(2, "\x08\x01")), "proto: wrong wireType = 0 for field Value"},
      {Sized(1, Sized(3,
                      "\x19"
                      "12345678")),
       "proto: wrong wireType = 1 for field Timestamp"},
      {Sized(1, Sized(4,
                      "\x4d"
                      "1234")),
       "proto: wrong wireType = 5 for field NegativeDeltas"},
      {Sized(1, Sized(4, Sized(9, "\x80"))), "unexpected EOF"},
      {Sized(1, Sized(4, Sized(10, "1234567"))), "unexpected EOF"},
      {Sized(1, Sized(4, Sized(8,
                               "\x09"
                               "12345678"))),
       "proto: wrong wireType = 1 for field Offset"},
      {Sized(3, "\x10\x01"), "proto: wrong wireType = 0 for field MetricFamilyName"},
  };
  for (const auto& [message, text] : cases) {
    INFO(text);
    CHECK(ErrorOf(message) == text);
  }
}

TEST_CASE("every prefix of a sound message is sound or cut") {
  prometheus::WriteRequest request;
  auto* series = request.add_timeseries();
  auto* label = series->add_labels();
  label->set_name("__name__");
  label->set_value("m");
  series->add_samples()->set_value(3);
  auto* h = series->add_histograms();
  h->set_count_int(300);
  h->add_positive_deltas(-700);
  h->add_positive_spans()->set_offset(-3);
  h->add_custom_values(1.5);
  const std::string whole = request.SerializeAsString();
  CHECK(ErrorOf(whole).empty());
  for (size_t n = 0; n < whole.size(); ++n) {
    const std::string error = ErrorOf(std::string_view(whole).substr(0, n));
    CHECK((error.empty() || error == "unexpected EOF"));
  }
}

TEST_CASE("what the generated writer wrote is read back") {
  prometheus::WriteRequest request;
  auto* series = request.add_timeseries();
  for (const auto& [name, value] : {std::pair{"__name__", "up"}, {"job", ""}}) {
    auto* label = series->add_labels();
    label->set_name(name);
    label->set_value(value);
  }
  auto* sample = series->add_samples();
  sample->set_value(-0.0);
  sample->set_timestamp(-7);
  auto* exemplar = series->add_exemplars();
  exemplar->set_value(2);
  exemplar->set_timestamp(9);
  const std::string message = request.SerializeAsString();
  REQUIRE(CheckWriteRequest(message).ok());
  int seen = 0;
  ForEachSeries(message, [&](std::string_view one) {
    std::vector<std::pair<std::string, std::string>> labels;
    ForEachField(one, TimeSeriesField::kLabel, [&](std::string_view m) {
      const Label read = ReadLabel(m);
      labels.emplace_back(read.name, read.value);
      return true;
    });
    CHECK(labels ==
          std::vector<std::pair<std::string, std::string>>{{"__name__", "up"}, {"job", ""}});
    ForEachField(one, TimeSeriesField::kSample, [&](std::string_view m) {
      CHECK(ReadSample(m).timestamp == -7);
      CHECK(std::signbit(ReadSample(m).value));
      return ++seen, true;
    });
    ForEachField(one, TimeSeriesField::kExemplar, [&](std::string_view m) {
      CHECK(ReadExemplar(m).timestamp == 9);
      CHECK(ReadExemplar(m).value == 2);
      return ++seen, true;
    });
    return true;
  });
  CHECK(seen == 2);
}

TEST_CASE("a walk stops when it is told to") {
  prometheus::WriteRequest request;
  for (int i = 0; i < 3; ++i) request.add_timeseries()->add_samples();
  int n = 0;
  CHECK_FALSE(
      ForEachSeries(request.SerializeAsString(), [&](std::string_view) { return ++n < 2; }));
  CHECK(n == 2);
}

prometheus::Histogram Common() {
  prometheus::Histogram h;
  h.set_sum(18.4);
  h.set_schema(-2);
  h.set_zero_threshold(0.001);
  h.set_reset_hint(prometheus::Histogram::GAUGE);
  h.set_timestamp(77);
  auto* span = h.add_positive_spans();
  span->set_offset(-5);
  span->set_length(2);
  h.add_negative_spans()->set_length(1);
  return h;
}

TEST_CASE("an integer histogram") {
  prometheus::Histogram h = Common();
  h.set_count_int(1ULL << 60);
  h.set_zero_count_int(4);
  for (int64_t d : {3, -1}) h.add_positive_deltas(d);
  h.add_negative_deltas(INT64_MIN);
  h.add_positive_counts(9);  // belongs to the other form
  HistogramMessage out;
  out.timestamp = 1;
  REQUIRE(ReadHistogram(h.SerializeAsString(), &out).ok());
  CHECK_FALSE(out.is_float);
  CHECK(out.timestamp == 77);
  CHECK(out.integer.count == 1ULL << 60);
  CHECK(out.integer.zero_count == 4);
  CHECK(out.integer.sum == 18.4);
  CHECK(out.integer.schema == -2);
  CHECK(out.integer.zero_threshold == 0.001);
  CHECK(out.integer.reset == CounterResetHint::kGauge);
  CHECK(out.integer.positive_spans == std::vector<BucketSpan>{{-5, 2}});
  CHECK(out.integer.negative_spans == std::vector<BucketSpan>{{0, 1}});
  CHECK(out.integer.positive_deltas == std::vector<int64_t>{3, -1});
  CHECK(out.integer.negative_deltas == std::vector<int64_t>{INT64_MIN});
}

TEST_CASE("a float histogram with custom buckets") {
  prometheus::Histogram h = Common();
  h.set_schema(-53);
  h.set_count_float(2.5);
  h.set_zero_count_float(0.5);
  h.add_positive_counts(1.5);
  h.add_negative_counts(0.5);
  for (double bound : {1.0, 2.0}) h.add_custom_values(bound);
  HistogramMessage out;
  REQUIRE(ReadHistogram(h.SerializeAsString(), &out).ok());
  REQUIRE(out.is_float);
  CHECK(out.floating.count == 2.5);
  CHECK(out.floating.zero_count == 0.5);
  CHECK(out.floating.positive_buckets == std::vector<double>{1.5});
  CHECK(out.floating.negative_buckets == std::vector<double>{0.5});
  CHECK(out.floating.custom_values == std::vector<double>{1, 2});
}

TEST_CASE("a histogram without end is refused") {
  const std::string message = Sized(12, std::string((1 << 20) + 1, '\x02'));
  HistogramMessage out;
  CHECK(ReadHistogram(message, &out).code() == StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace narthex::remote
