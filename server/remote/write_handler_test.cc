// The handler behind a real HTTP server, over the real storage and over one that answers as told.
#include "server/remote/write_handler.h"

#include <filesystem>

#include "core/compress/snappy.h"
#include "core/http/client.h"
#include "proto/remote.pb.h"
#include "server/storage/tsdb/testing.h"
#include "tests/catch.h"

namespace narthex::remote {
namespace {

using storage::AppendResult;
using tsdb::Bits;

constexpr TimestampMs kNow = 1'700'000'000'000;

using Pairs = std::vector<std::pair<std::string, std::string>>;
using Points = std::vector<std::pair<TimestampMs, double>>;

void Add(prometheus::WriteRequest* request, const Pairs& labels, const Points& points) {
  auto* series = request->add_timeseries();
  for (const auto& [name, value] : labels) {
    auto* label = series->add_labels();
    label->set_name(name);
    label->set_value(value);
  }
  for (const auto& [t, v] : points) {
    auto* sample = series->add_samples();
    sample->set_timestamp(t);
    sample->set_value(v);
  }
}

std::string Message(const Pairs& labels, const Points& points) {
  prometheus::WriteRequest request;
  Add(&request, labels, points);
  return request.SerializeAsString();
}

struct RealStorage {
  TempDir dir;
  std::unique_ptr<tsdb::Db> db = tsdb::OpenDb(tsdb::TestOptions(dir.path()));
  Registry registry;
  FakeClock clock{kNow};
  WriteHandler handler{db.get(), &registry, &clock};

  WriteHandler::Result Write(const Pairs& labels, const Points& points) {
    return handler.Store(Message(labels, points));
  }
  tsdb::Contents All() { return tsdb::Dump(*db); }
};

TEST_CASE("an empty head takes any time from the epoch on; what is stored is seen at once") {
  RealStorage s;
  CHECK(s.Write({{"__name__", "m"}}, {{0, 1}, {15000, 2}}).code == 204);
  CHECK(s.All()[R"({__name__="m"})"] == tsdb::Samples{{0, Bits(1)}, {15000, Bits(2)}});
  CHECK(s.Write({{"__name__", "m"}}, {{30000, storage::StaleNaN()}}).code == 204);
  CHECK(s.All()[R"({__name__="m"})"].back() == std::pair{int64_t{30000}, storage::kStaleNaNBits});
}

TEST_CASE("what is refused, and in which words") {
  RealStorage s;
  REQUIRE(s.Write({{"__name__", "m"}}, {{kNow - 15000, 1}, {kNow, 2.5}}).code == 204);
  struct Case {
    Points points;
    int code;
    std::string text;
  };
  const Case cases[] = {
      {{{kNow, 2.5}}, 204, ""},
      {{{kNow - 1000, 1}}, 400, "out of order sample"},
      {{{kNow, 1234567}},
       400,
       "duplicate sample for timestamp 1700000000000; overrides not allowed: existing 2.5, new "
       "value "
       "1.234567e+06"},
      {{{kNow - 7'200'000, 1}}, 400, "out of bounds"},
      {{{kNow + 600'001, 1}}, 400, "out of bounds: timestamp is too far in the future"},
      {{{kNow + 1, 3}, {kNow - 1000, 1}}, 400, "out of order sample"},
  };
  for (const Case& c : cases) {
    const WriteHandler::Result result = s.Write({{"__name__", "m"}}, c.points);
    CHECK(result.code == c.code);
    CHECK(result.message == c.text);
  }
  CHECK(s.All()[R"({__name__="m"})"].size() == 2);
  CHECK(s.Write({{"__name__", "m"}}, {{kNow + 600'000, 1}}).code == 204);
}

TEST_CASE("one refused sample takes the whole request with it") {
  RealStorage s;
  REQUIRE(s.Write({{"__name__", "m"}}, {{kNow, 1}}).code == 204);
  prometheus::WriteRequest request;
  Add(&request, {{"__name__", "beside"}}, {{kNow, 1}});
  Add(&request, {{"__name__", "m"}}, {{kNow - 1, 1}});
  CHECK(s.handler.Store(request.SerializeAsString()).code == 400);
  CHECK(s.All().size() == 1);
}

TEST_CASE("a sample that collides within its request falls silently") {
  RealStorage s;
  CHECK(
      s.Write({{"__name__", "m"}}, {{kNow, 1}, {kNow - 1000, 2}, {kNow, 3}, {kNow + 1, 4}}).code ==
      204);
  CHECK(s.All()[R"({__name__="m"})"] == tsdb::Samples{{kNow, Bits(1)}, {kNow + 1, Bits(4)}});
}

TEST_CASE("series with invalid labels are left out and counted") {
  RealStorage s;
  prometheus::WriteRequest request;
  Add(&request, {{"a", "1"}}, {{kNow, 1}, {kNow + 1, 1}});
  Add(&request, {{"__name__", "m"}, {"a", "1"}, {"a", "2"}}, {{kNow, 1}});
  Add(&request, {{"__name__", "m"}}, {{kNow, 1}});
  CHECK(s.handler.Store(request.SerializeAsString()).code == 204);
  CHECK(s.All().size() == 1);
  CHECK(s.registry
            .AddCounter("prometheus_api_remote_write_invalid_labels_samples_total",
                        "The total number of received remote write samples and histogram "
                        "samples which were rejected due to invalid labels.")
            .value() == 2);
}

TEST_CASE("what was answered survives reopening") {
  RealStorage s;
  REQUIRE(s.Write({{"__name__", "m"}}, {{kNow, 1}}).code == 204);
  tsdb::Contents before = s.All();
  REQUIRE(s.db->Close().ok());
  s.db.reset();
  s.db = tsdb::OpenDb(tsdb::TestOptions(s.dir.path()));
  CHECK(s.All() == before);
}

TEST_CASE("a full head keeps the samples of the series it has") {
  TempDir dir;
  tsdb::Options options = tsdb::TestOptions(dir.path());
  options.max_series = 1;
  auto db = tsdb::OpenDb(options);
  Registry registry;
  FakeClock clock(kNow);
  WriteHandler handler(db.get(), &registry, &clock);
  REQUIRE(handler.Store(Message({{"__name__", "m"}}, {{kNow, 1}})).code == 204);
  prometheus::WriteRequest request;
  Add(&request, {{"__name__", "new"}}, {{kNow, 1}});
  Add(&request, {{"__name__", "m"}}, {{kNow + 1, 2}});
  const WriteHandler::Result result = handler.Store(request.SerializeAsString());
  CHECK(result.code == 400);
  CHECK(result.message.find("1 samples of new series refused") == 0);
  CHECK(tsdb::Dump(*db)[R"({__name__="m"})"].size() == 2);
}

TEST_CASE("histograms of finer schemas are reduced to the finest that is stored") {
  RealStorage s;
  prometheus::WriteRequest request;
  Add(&request, {{"__name__", "m"}}, {});
  auto* h = request.mutable_timeseries(0)->add_histograms();
  h->set_timestamp(kNow);
  h->set_schema(10);
  h->set_count_int(6);
  h->set_sum(3);
  auto* span = h->add_positive_spans();
  span->set_offset(1);
  span->set_length(6);  // buckets 1 to 6: four and two of schema 8
  for (const int delta : {1, 0, 0, 0, 0, 0}) h->add_positive_deltas(delta);
  REQUIRE(s.handler.Store(request.SerializeAsString()).code == 204);
  const FloatHistogram want{
      .schema = 8, .count = 6, .sum = 3, .positive_spans = {{1, 2}}, .positive_buckets = {4, 2}};
  CHECK(s.All()[R"({__name__="m"})"] == tsdb::Samples{{kNow, tsdb::HistogramBits(want)}});
  // Those that are wrong stay wrong.
  h->set_timestamp(kNow + 1);
  span->set_length(7);
  CHECK(s.handler.Store(request.SerializeAsString()).code == 400);
  span->set_length(6);
  h->set_schema(53);
  CHECK(s.handler.Store(request.SerializeAsString()).code == 400);
}

// ---- A storage that answers as told ----

struct Script {
  StatusOr<AppendResult> sample = AppendResult::kOk;
  StatusOr<AppendResult> histogram = AppendResult::kOk;
  StatusOr<AppendResult> exemplar = AppendResult::kOk;
  storage::Appender::Conflict conflict;
  Status commit;
  std::vector<std::string> calls;
  std::vector<storage::Exemplar> exemplars;
};

class ScriptedAppender final : public storage::Appender {
 public:
  explicit ScriptedAppender(Script* script) : script_(*script) {}
  StatusOr<AppendResult> Append(const Labels&, TimestampMs, double) override {
    script_.calls.push_back("sample");
    return script_.sample;
  }
  StatusOr<AppendResult> AppendHistogram(const Labels&, TimestampMs, const IntHistogram&) override {
    script_.calls.push_back("int");
    return script_.histogram;
  }
  StatusOr<AppendResult> AppendHistogram(const Labels&, TimestampMs,
                                         const FloatHistogram&) override {
    script_.calls.push_back("float");
    return script_.histogram;
  }
  StatusOr<AppendResult> AppendExemplar(const Labels&, const storage::Exemplar& e) override {
    script_.calls.push_back("exemplar");
    script_.exemplars.push_back(e);
    return script_.exemplar;
  }
  Conflict conflict() const override { return script_.conflict; }
  Status Commit(bool durable) override {
    script_.calls.push_back(durable ? "durable commit" : "commit");
    return script_.commit;
  }
  void Rollback() override { script_.calls.push_back("rollback"); }

 private:
  Script& script_;
};

struct ScriptedStorage final : storage::Appendable {
  std::unique_ptr<storage::GroupWriter> NewGroup() override { return nullptr; }
  std::unique_ptr<storage::Appender> NewAppender() override {
    return std::make_unique<ScriptedAppender>(&script);
  }
  Script script;
};

std::string Everything() {
  prometheus::WriteRequest request;
  Add(&request, {{"__name__", "m"}}, {{kNow, 1}});
  auto* series = request.mutable_timeseries(0);
  auto* exemplar = series->add_exemplars();
  exemplar->set_value(5);
  exemplar->set_timestamp(kNow);
  auto* label = exemplar->add_labels();
  label->set_name("trace_id");
  label->set_value("abc");
  auto* too_long = series->add_exemplars();
  label = too_long->add_labels();
  label->set_name("trace_id");
  label->set_value(std::string(200, 'x'));
  auto* integer = series->add_histograms();
  integer->set_count_int(0);
  integer->set_timestamp(kNow);
  auto* floating = series->add_histograms();
  floating->set_count_float(0);
  floating->set_timestamp(kNow + 1);
  request.add_metadata()->set_metric_family_name("m");
  return request.SerializeAsString();
}

TEST_CASE("samples, exemplars and histograms go in that order into one durable commit") {
  ScriptedStorage s;
  Registry registry;
  FakeClock clock(kNow);
  WriteHandler handler(&s, &registry, &clock);
  CHECK(handler.Store(Everything()).code == 204);
  CHECK(s.script.calls ==
        std::vector<std::string>{"sample", "exemplar", "int", "float", "durable commit"});
  REQUIRE(s.script.exemplars.size() == 1);
  CHECK(s.script.exemplars[0].labels == Labels{{"trace_id", "abc"}});
  CHECK(s.script.exemplars[0].timestamp == kNow);
}

TEST_CASE("what the storage says becomes a status") {
  struct Case {
    std::function<void(Script&)> set;
    int code;
    std::string text;
  };
  const Case cases[] = {
      {[](Script& s) { s.sample = AppendResult::kTooOld; }, 400, "too old sample"},
      {[](Script& s) { s.sample = AppendResult::kRefused; }, 503,
       "the storage takes no samples now"},
      {[](Script& s) { s.sample = Unavailable("closed"); }, 503, "closed"},
      {[](Script& s) { s.sample = AppendResult::kDuplicate; }, 400,
       "duplicate sample for timestamp 1700000000000; overrides not allowed: existing is a "
       "histogram, new value 1"},
      {[](Script& s) { s.histogram = AppendResult::kDuplicate; }, 400,
       "duplicate sample for timestamp"},
      {[](Script& s) { s.histogram = Unimplemented("no histograms"); }, 501, "no histograms"},
      {[](Script& s) { s.exemplar = Unimplemented("no exemplars"); }, 204, ""},
      {[](Script& s) { s.exemplar = AppendResult::kOutOfOrder; }, 204, ""},
      {[](Script& s) { s.commit = Unavailable("no writes"); }, 503, "no writes"},
      {[](Script& s) { s.commit = Internal("broken"); }, 500, "broken"},
  };
  for (const Case& c : cases) {
    ScriptedStorage s;
    c.set(s.script);
    Registry registry;
    FakeClock clock(kNow);
    WriteHandler handler(&s, &registry, &clock);
    const WriteHandler::Result result = handler.Store(Everything());
    INFO(c.text);
    CHECK(result.code == c.code);
    CHECK(result.message == c.text);
    const std::string& last = s.script.calls.back();
    CHECK(last == (c.code == 204 || !s.script.commit.ok() ? "durable commit" : "rollback"));
  }
}

TEST_CASE("an invalid histogram is refused before the storage sees it") {
  prometheus::WriteRequest request;
  Add(&request, {{"__name__", "m"}}, {});
  auto* h = request.mutable_timeseries(0)->add_histograms();
  h->set_timestamp(kNow);
  h->set_count_int(5);
  ScriptedStorage s;
  Registry registry;
  FakeClock clock(kNow);
  WriteHandler handler(&s, &registry, &clock);
  const WriteHandler::Result result = handler.Store(request.SerializeAsString());
  CHECK(result.code == 400);
  CHECK(result.message.find("0 observations found in buckets, but the Count field is 5") == 0);
  CHECK(s.script.calls == std::vector<std::string>{"rollback"});
}

// ---- Over HTTP ----

struct Web {
  ScriptedStorage storage;
  Registry registry;
  FakeClock clock{kNow};
  WriteHandler handler{&storage, &registry, &clock};
  http::Router router;
  std::unique_ptr<http::Server> server;
  http::ClientRuntime runtime{1, "test"};
  std::shared_ptr<http::Client> client;

  Web() {
    router.Handle("POST", "/api/v1/write",
                  [this](const http::Request& request, http::ResponseWriter& response) {
                    handler.Serve(request, response);
                  });
    server =
        http::Server::Create({.listen_addresses = {"127.0.0.1:0"}}, router.AsHandler()).value();
    REQUIRE(server->Start().ok());
    client = http::Client::Create(runtime, {}).value();
  }
  ~Web() { server->Stop(); }

  http::ClientResponse Post(std::string body, const std::string& type,
                            const std::string& encoding) {
    http::ClientRequest request;
    request.method = "POST";
    request.url = fmt::format("http://127.0.0.1:{}/api/v1/write", server->ports()[0]);
    if (!type.empty()) request.headers.Set("Content-Type", type);
    if (!encoding.empty()) request.headers.Set("Content-Encoding", encoding);
    request.body = std::move(body);
    return client->DoBlocking(request).value();
  }
};

TEST_CASE("headers are read as upstream reads them") {
  Web web;
  const std::string body = SnappyCompress(Everything());
  struct Case {
    std::string type, encoding;
    int code;
    std::string text;
  };
  const std::string pb = "application/x-protobuf";
  const Case cases[] = {
      {"", "", 204, ""},
      {pb, "snappy", 204, ""},
      {pb, "Snappy", 204, ""},
      {pb + ";proto=prometheus.WriteRequest", "snappy", 204, ""},
      {pb + "; proto=prometheus.WriteRequest", "snappy", 204, ""},
      {pb + ";charset=utf-8", "snappy", 204, ""},
      {pb, "gzip", 415,
       "gzip encoding (compression) is not accepted by this server; only snappy is acceptable\n"},
      {"application/json", "snappy", 415,
       "expected application/x-protobuf as the first (media) part, got application/json "
       "content-type\n"},
      {pb + ";x", "snappy", 415,
       "as per https://www.rfc-editor.org/rfc/rfc9110#parameter expected parameters to be "
       "key-values, got x in application/x-protobuf;x content-type\n"},
      {pb + ";proto=foo", "snappy", 415,
       "got application/x-protobuf;proto=foo content type; unknown remote write protobuf message "
       "foo, supported: prometheus.WriteRequest, io.prometheus.write.v2.Request\n"},
      {pb + ";proto=io.prometheus.write.v2.Request", "snappy", 415,
       "io.prometheus.write.v2.Request protobuf message is not accepted by this server; accepted "
       "[prometheus.WriteRequest]\n"},
      {pb + "; proto=io.prometheus.write.v2.Request", "snappy", 415,
       "io.prometheus.write.v2.Request protobuf message is not accepted by this server; accepted "
       "[prometheus.WriteRequest]\n"},
  };
  for (const Case& c : cases) {
    INFO(c.type << " " << c.encoding);
    const http::ClientResponse response = web.Post(body, c.type, c.encoding);
    CHECK(response.status == c.code);
    CHECK(response.body == c.text);
  }
}

TEST_CASE("bodies that are no snappy block are refused") {
  Web web;
  const std::pair<std::string, std::string> cases[] = {
      {"", "snappy: corrupt input\n"},
      {"hello, this is not snappy", "snappy: corrupt input\n"},
      {"\xff\xff\xff\xff\x0f"
       "abc",
       "snappy: decoded length 4294967295 exceeds limit 33554432\n"},
      {"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
       "abc",
       "snappy: corrupt input\n"},
  };
  for (const auto& [body, text] : cases) {
    const http::ClientResponse response = web.Post(body, "application/x-protobuf", "snappy");
    CHECK(response.status == 400);
    CHECK(response.body == text);
  }
  CHECK(web.storage.script.calls.empty());
}

}  // namespace
}  // namespace narthex::remote
