#include "core/exposition/families.h"
#include "server/api/api_rig.h"

namespace narthex::api {
namespace {

TEST_CASE("federation: the newest samples, with the server's labels where there are none") {
  Fixture f;
  f.Fill();
  auto appender = f.db->NewAppender();
  const auto append = [&](const char* name, const char* job, TimestampMs t, double v) {
    REQUIRE(appender->Append({{"__name__", name}, {"instance", "i"}, {"job", job}}, t, v).ok());
  };
  append("up", "gone", kNow - 1000, 1);
  append("up", "gone", kNow, storage::StaleNaN());
  append("up", "old", kNow - 301'000, 1);
  append("a", "new", kNow - 299'000, 7);
  append("a", "future", kNow + 1000, 7);
  REQUIRE(appender->Commit().ok());
  const auto answer =
      f.Get("/federate?match%5B%5D=up&match%5B%5D=a&match%5B%5D=up%7Bjob=%22a%22%7D");
  CHECK(answer.status == 200);
  CHECK(answer.headers.Get("Content-Type") ==
        "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
  CHECK(answer.body ==
        "# TYPE a untyped\na{instance=\"i\",job=\"new\",zone=\"z\"} 7 1699999701000\n"
        "# TYPE up untyped\nup{job=\"a\",instance=\"\",zone=\"z\"} 4.5 1700000000000\n"
        "up{job=\"b<\",instance=\"\",zone=\"z\"} 4.5 1700000000000\n");
  CHECK(f.Get("/federate").body.empty());
  CHECK(f.Get("/federate?match%5B%5D=%7B%7D").body.empty());
  const auto bad = f.Get("/federate?match%5B%5D=up%7B");
  CHECK(bad.status == 400);
  CHECK(bad.body == "1:4: parse error: unexpected end of input inside braces\n");
  CHECK(f.Send("POST", "/federate?match%5B%5D=up", "").status == 405);
  CHECK(Fixture({}, false).Get("/federate?match%5B%5D=up").status == 503);
}

TEST_CASE("federation of native histograms: in protobuf alone, custom buckets as classic ones") {
  Fixture f;
  auto appender = f.db->NewAppender();
  const IntHistogram integer{.schema = 3,
                             .zero_threshold = 0.001,
                             .zero_count = 2,
                             .count = 7,
                             .sum = 1.5,
                             .positive_spans = {{-1, 2}},
                             .negative_spans = {{4, 1}},
                             .positive_deltas = {1, 2},
                             .negative_deltas = {1}};
  FloatHistogram gauge = ToFloat(integer);
  gauge.reset = CounterResetHint::kGauge;
  const IntHistogram custom{.schema = kCustomBucketsSchema,
                            .count = 6,
                            .sum = 9,
                            .positive_spans = {{0, 1}, {1, 1}},
                            .positive_deltas = {4, -2},
                            .custom_values = {0.5, 1}};
  REQUIRE(appender->AppendHistogram({{"__name__", "h"}, {"i", "1"}}, kNow, integer).ok());
  REQUIRE(appender->AppendHistogram({{"__name__", "h"}, {"i", "2"}}, kNow, gauge).ok());
  REQUIRE(appender->AppendHistogram({{"__name__", "n"}}, kNow, custom).ok());
  REQUIRE(appender->AppendHistogram({{"__name__", "gone"}}, kNow - 1000, integer).ok());
  REQUIRE(appender->Append({{"__name__", "gone"}}, kNow, storage::StaleNaN()).ok());
  REQUIRE(appender->Append({{"__name__", "h"}, {"i", "3"}}, kNow, 4).ok());
  REQUIRE(appender->Commit().ok());
  const std::string path = "/federate?match%5B%5D=%7B__name__=~%22.%2B%22%7D";
  CHECK(f.Get(path).body ==
        "# TYPE h untyped\nh{i=\"3\",instance=\"\",job=\"ext\",zone=\"z\"} 4 1700000000000\n");

  const auto answer =
      f.Get(path, {{"Accept",
                    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
                    "encoding=delimited"}});
  const auto families = ParseProtobufFamilies(answer.body);
  REQUIRE(families.ok());
  REQUIRE(families->size() == 4);
  CHECK((*families)[0].type == MetricType::kHistogram);
  CHECK((*families)[1].type == MetricType::kGaugeHistogram);
  CHECK((*families)[2].type == MetricType::kUntyped);
  const MetricSample& native = (*families)[0].samples.at(0);
  CHECK(native.timestamp_ms == kNow);
  CHECK(native.sample_count == 7);
  CHECK(native.sample_sum == 1.5);
  REQUIRE(native.native != nullptr);
  CHECK(native.native->is_float);
  CHECK(native.native->schema == 3);
  CHECK(native.native->zero_count == 2);
  CHECK(native.native->positive_counts == std::vector<double>{1, 3});
  CHECK(native.native->negative_counts == std::vector<double>{1});
  CHECK((*families)[3].name == "n");
  const MetricSample& classic = (*families)[3].samples.at(0);
  CHECK(classic.native == nullptr);
  REQUIRE(classic.buckets.size() == 3);
  CHECK(classic.buckets[0].cumulative_count == 4);
  CHECK(classic.buckets[1].cumulative_count == 4);
  CHECK(classic.buckets[2].cumulative_count == 6);
}

TEST_CASE("a federated family of many series says its type once") {
  Fixture f;
  auto appender = f.db->NewAppender();
  std::string want = "# TYPE many untyped\n";
  for (int i = 1000; i < 4000; ++i) {
    const std::string number = std::to_string(i);
    REQUIRE(
        appender->Append(Labels{{"__name__", "many"}, {"i", number}, {"job", "j"}}, kNow, i).ok());
    want +=
        fmt::format("many{{i=\"{0}\",job=\"j\",instance=\"\",zone=\"z\"}} {0} 1700000000000\n", i);
  }
  REQUIRE(appender->Append({{"__name__", "next"}, {"job", "j"}}, kNow, 1).ok());
  REQUIRE(appender->Commit().ok());
  want += "# TYPE next untyped\nnext{job=\"j\",instance=\"\",zone=\"z\"} 1 1700000000000\n";
  CHECK(f.Get("/federate?match%5B%5D=%7B__name__=~%22.%2B%22%7D").body == want);
}

TEST_CASE("what federation holds counts against the memory of queries") {
  promql::EngineOptions limits;
  limits.memory_limit = 800'000;
  Fixture f({}, true, limits);
  auto appender = f.db->NewAppender();
  for (int i = 0; i < 1500; ++i) {
    REQUIRE(appender->Append(Labels{{"__name__", "many"}, {"i", std::to_string(i)}}, kNow, i).ok());
  }
  REQUIRE(appender->Commit().ok());
  // In pieces where the format allows it; a message of protobuf has the whole family.
  CHECK(f.Get("/federate?match%5B%5D=many").status == 200);
  const auto whole =
      f.Get("/federate?match%5B%5D=many",
            {{"Accept",
              "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
              "encoding=delimited"}});
  CHECK(whole.status == 503);
  CHECK(whole.body.find("--query.memory-limit") != std::string::npos);
  appender = f.db->NewAppender();
  for (int i = 0; i < 12'000; ++i) {
    REQUIRE(appender->Append(Labels{{"__name__", "more"}, {"i", std::to_string(i)}}, kNow, i).ok());
  }
  REQUIRE(appender->Commit().ok());
  CHECK(f.Get("/federate?match%5B%5D=more").status == 503);
  CHECK(f.Get("/federate?match%5B%5D=many").status == 200);
}

}  // namespace
}  // namespace narthex::api
