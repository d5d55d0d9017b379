// Remote read over the real storage.
#include "server/remote/read_handler.h"

#include <thread>

#include "core/http/client.h"
#include "core/http/test_util.h"
#include "server/remote/pb_writer.h"
#include "server/remote/read_rig.h"
#include "tests/eventually.h"

namespace narthex::remote {
namespace {

using prometheus::LabelMatcher;
using prometheus::ReadRequest;

ReadRequest Streamed(ReadRequest request) {
  request.add_accepted_response_types(ReadRequest::STREAMED_XOR_CHUNKS);
  return request;
}

TEST_CASE("samples of several queries, external labels added to them") {
  ReadRig rig;
  rig.external = Labels{{"a", "theirs"}, {"zone", "eu"}};
  rig.Write(Labels{{"__name__", "m"}, {"a", "own"}}, 3);
  rig.Write(Labels{{"__name__", "m"}}, 2);
  ReadRequest request;
  AddQuery(&request, kReadStart + 1, kReadStart + 10 * kReadStep, "__name__", "m");
  AddQuery(&request, 0, 1, "__name__", "m");
  AddQuery(&request, kReadStart, kReadStart, "zone", "eu");
  AddQuery(&request, kReadStart, kReadStart, "zone", "eu", LabelMatcher::RE);
  http::RecordedResponse answer = rig.Ask(request);
  CHECK(answer.status == 200);
  CHECK(answer.headers().Get("Content-Type") == "application/x-protobuf");
  CHECK(answer.headers().Get("Content-Encoding") == "snappy");
  const prometheus::ReadResponse response = ParseSamples(answer.body);
  REQUIRE(response.results_size() == 4);
  const auto& first = response.results(0);
  REQUIRE(first.timeseries_size() == 2);
  CHECK(LabelText(first.timeseries(0).labels()) == "__name__=m,a=theirs,zone=eu");
  CHECK(LabelText(first.timeseries(1).labels()) == "__name__=m,a=own,zone=eu");
  REQUIRE(first.timeseries(0).samples_size() == 1);
  REQUIRE(first.timeseries(1).samples_size() == 2);
  CHECK(first.timeseries(1).samples(1).value() == 2);
  CHECK(first.timeseries(1).samples(1).timestamp() == kReadStart + 2 * kReadStep);
  CHECK(response.results(1).timeseries_size() == 0);
  CHECK(response.results(2).timeseries_size() == 2);  // the very value of an external label
  CHECK(response.results(3).timeseries_size() == 0);  // no other matcher knows of them
}

TEST_CASE("streams: sorted by their own labels, one series a frame, cut to the range") {
  ReadRig rig;
  rig.external = Labels{{"zone", "eu"}};
  rig.Write(Labels{{"__name__", "m"}, {"b", "2"}}, 230);
  rig.Write(Labels{{"__name__", "m"}, {"b", "1"}}, 230);
  ReadRequest request;
  AddQuery(&request, kReadStart + 1, kReadStart + 200 * kReadStep, "__name__", "m");
  AddQuery(&request, kReadStart, kReadStart, "b", "2");
  http::RecordedResponse answer = rig.Ask(Streamed(request));
  CHECK(answer.status == 200);
  CHECK(answer.headers().Get("Content-Type") ==
        "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse");
  const auto frames = Frames(answer.body);
  REQUIRE(frames.size() == 3);
  const char* const labels[] = {"__name__=m,b=1,zone=eu", "__name__=m,b=2,zone=eu",
                                "__name__=m,b=2,zone=eu"};
  for (size_t i = 0; i < frames.size(); ++i) {
    REQUIRE(frames[i].chunked_series_size() == 1);
    CHECK(LabelText(frames[i].chunked_series(0).labels()) == labels[i]);
    CHECK(frames[i].query_index() == (i == 2 ? 1 : 0));
  }
  const auto& chunks = frames[0].chunked_series(0).chunks();
  REQUIRE(chunks.size() > 1);
  CHECK(chunks.Get(0).min_time_ms() == kReadStart + kReadStep);
  CHECK(chunks.Get(chunks.size() - 1).max_time_ms() == kReadStart + 200 * kReadStep);
  const tsdb::Samples samples = SamplesOf(frames[0]);
  REQUIRE(samples.size() == 200);
  CHECK(samples[0] == std::pair(kReadStart + kReadStep, tsdb::Bits(1)));
  CHECK(SamplesOf(frames[2]).size() == 1);
}

TEST_CASE("a frame ends behind the chunk that fills it") {
  for (const auto& [limit, wanted] :
       std::vector<std::pair<int64_t, size_t>>{{1 << 20, 1}, {1, 3}, {0, 3}, {-5, 3}, {300, 2}}) {
    INFO(limit);
    ReadOptions options;
    options.max_frame_bytes = limit;
    ReadRig rig(options);
    rig.Write(Labels{{"__name__", "m"}}, 360);
    ReadRequest request;
    AddQuery(&request, kReadStart, kReadStart + 1000 * kReadStep, "__name__", "m");
    const auto frames = Frames(rig.Ask(Streamed(request)).body);
    CHECK(frames.size() == wanted);
    size_t samples = 0;
    for (const auto& frame : frames) {
      CHECK(LabelText(frame.chunked_series(0).labels()) == "__name__=m");
      samples += SamplesOf(frame).size();
    }
    CHECK(samples == 360);
  }
}

TEST_CASE("histograms of both kinds, with what they say of resets; deleted samples are left out") {
  ReadRig rig;
  IntHistogram integer;
  integer.count = 7;
  integer.sum = 18.5;
  integer.zero_count = 2;
  integer.zero_threshold = 0.001;
  integer.positive_spans = {{0, 2}, {1, 2}};
  integer.positive_deltas = {1, 1, -1, 0};
  FloatHistogram custom;
  custom.schema = kCustomBucketsSchema;
  custom.count = 5;
  custom.sum = 4;
  custom.custom_values = {1, 2.5};
  custom.positive_spans = {{0, 3}};
  custom.positive_buckets = {1, 1.5, 2.5};
  custom.reset = CounterResetHint::kGauge;
  auto appender = rig.db->NewAppender();
  for (int i = 0; i < 4; ++i) {
    const TimestampMs t = kReadStart + i * kReadStep;
    REQUIRE(appender->AppendHistogram(Labels{{"__name__", "h"}}, t, integer).ok());
    REQUIRE(appender->AppendHistogram(Labels{{"__name__", "c"}}, t, custom).ok());
  }
  REQUIRE(appender->Commit().ok());
  const Matcher all = tsdb::Match(MatchType::kRegex, "__name__", ".+");
  REQUIRE(rig.db->Delete(kReadStart, kReadStart, std::span(&all, 1)).ok());

  ReadRequest request;
  AddQuery(&request, 0, kReadStart + 10 * kReadStep, "__name__", ".+", LabelMatcher::RE);
  const prometheus::ReadResponse response = ParseSamples(rig.Ask(request).body);
  REQUIRE(response.results(0).timeseries_size() == 2);
  const auto& c = response.results(0).timeseries(0).histograms();
  const auto& h = response.results(0).timeseries(1).histograms();
  REQUIRE((c.size() == 3 && h.size() == 3));
  CHECK(h.Get(0).timestamp() == kReadStart + kReadStep);
  CHECK(h.Get(0).reset_hint() == prometheus::Histogram::NO);
  CHECK(h.Get(0).count_int() == 7);
  CHECK(h.Get(0).sum() == 18.5);
  CHECK(h.Get(0).zero_count_int() == 2);
  CHECK(h.Get(0).positive_spans(1).offset() == 1);
  CHECK(h.Get(0).positive_deltas(2) == -1);
  CHECK(c.Get(2).schema() == -53);
  CHECK(c.Get(2).reset_hint() == prometheus::Histogram::GAUGE);
  CHECK(c.Get(2).count_float() == 5);
  CHECK(c.Get(2).positive_counts(1) == 1.5);
  CHECK(c.Get(2).custom_values(1) == 2.5);

  const auto frames = Frames(rig.Ask(Streamed(request)).body);
  REQUIRE(frames.size() == 2);
  CHECK(frames[0].chunked_series(0).chunks(0).type() == prometheus::Chunk::FLOAT_HISTOGRAM);
  CHECK(frames[1].chunked_series(0).chunks(0).type() == prometheus::Chunk::HISTOGRAM);
  CHECK(SamplesOf(frames[1]).size() == 3);
}

TEST_CASE("hints replace the range; a look for series alone gets no samples") {
  ReadRig rig;
  rig.Write(Labels{{"__name__", "m"}}, 10);
  ReadRequest request;
  auto* hints = AddQuery(&request, 0, kReadStart + 9 * kReadStep, "__name__", "m")->mutable_hints();
  hints->set_start_ms(kReadStart + 2 * kReadStep);
  hints->set_end_ms(kReadStart + 3 * kReadStep);
  CHECK(ParseSamples(rig.Ask(request).body).results(0).timeseries(0).samples_size() == 2);
  hints->set_func("series");
  const auto response = ParseSamples(rig.Ask(request).body);
  REQUIRE(response.results(0).timeseries_size() == 1);
  CHECK(response.results(0).timeseries(0).samples_size() == 0);
  hints->Clear();  // there, but empty: of time zero
  CHECK(ParseSamples(rig.Ask(request).body).results(0).timeseries_size() == 0);
}

TEST_CASE("hints in several pieces are one") {
  ReadRig rig;
  rig.Write(Labels{{"__name__", "m"}}, 10);
  ReadRequest request;
  AddQuery(&request, 0, kReadStart + 9 * kReadStep, "__name__", "m")
      ->mutable_hints()
      ->set_start_ms(kReadStart + 2 * kReadStep);
  prometheus::Query more;
  more.mutable_hints()->set_end_ms(kReadStart + 5 * kReadStep);
  const std::string query = request.queries(0).SerializeAsString() + more.SerializeAsString();
  std::string message;
  PutBytesField(1, query, &message);
  const auto response = ParseSamples(rig.AskRaw(SnappyCompress(message)).body);
  REQUIRE(response.results(0).timeseries_size() == 1);
  CHECK(response.results(0).timeseries(0).samples_size() == 4);
}

TEST_CASE("the limit of samples is one of a query, and not of streams") {
  ReadOptions options;
  options.sample_limit = 10;
  ReadRig rig(options);
  rig.Write(Labels{{"__name__", "m"}}, 6);
  rig.Write(Labels{{"__name__", "n"}}, 5);
  ReadRequest request;
  AddQuery(&request, 0, INT64_MAX, "__name__", "m");
  AddQuery(&request, 0, INT64_MAX, "__name__", "m");
  CHECK(rig.Ask(request).status == 200);
  AddQuery(&request, 0, INT64_MAX, "__name__", "m|n", LabelMatcher::RE);
  http::RecordedResponse refused = rig.Ask(request);
  CHECK(refused.status == 400);
  CHECK(refused.body == "exceeded sample limit (10)\n");
  CHECK(!refused.headers().Has("Content-Encoding"));
  CHECK(Frames(rig.Ask(Streamed(request)).body).size() == 4);
}

TEST_CASE("answers that would need more memory than there is for them are refused") {
  ReadOptions options;
  options.memory_limit = 4096;
  ReadRig rig(options);
  for (int i = 0; i < 20; ++i) {
    rig.Write(Labels{{"__name__", "m"}, {"i", fmt::format("{}", i)}}, 200);
  }
  ReadRequest request;
  AddQuery(&request, 0, INT64_MAX, "__name__", "m");
  http::RecordedResponse refused = rig.Ask(request);
  CHECK(refused.status == 503);
  CHECK_THAT(refused.body, Catch::Contains("remote read"));
  CHECK(Frames(rig.Ask(Streamed(request)).body).size() == 20);
}

TEST_CASE("what is wrong with a request, and in which words") {
  ReadRig rig;
  rig.Write(Labels{{"__name__", "m"}}, 1);
  struct Case {
    std::string message;
    int code;
    std::string text;
  };
  ReadRequest bad_type, bad_regex;
  AddQuery(&bad_type, 0, 1, "a", "b", static_cast<LabelMatcher::Type>(9));
  AddQuery(&bad_regex, 0, 1, "a", "(", LabelMatcher::RE);
  const Case cases[] = {
      {"", 200, ""},
      {std::string("\x10\x07", 2), 400,
       "server does not support any of the requested response types: [7]; supported: "
       "map[SAMPLES:{} "
       "STREAMED_XOR_CHUNKS:{}]\n"},
      {std::string("\x12\x02\x07\x09", 4), 400,
       "server does not support any of the requested response types: [7 9]; supported: "
       "map[SAMPLES:{} STREAMED_XOR_CHUNKS:{}]\n"},
      {"\x0a", 400, "unexpected EOF\n"},
      {std::string("\x08\x01", 2), 400, "proto: wrong wireType = 0 for field Queries\n"},
      {std::string("\x0a\x02\x0a\x00", 4), 400,
       "proto: wrong wireType = 2 for field StartTimestampMs\n"},
      {bad_type.SerializeAsString(), 500, "invalid matcher type\n"},
      {bad_regex.SerializeAsString(), 500, "error parsing regexp: missing closing ): `(`\n"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const http::RecordedResponse answer = rig.AskRaw(SnappyCompress(c.message));
    CHECK(answer.status == c.code);
    if (c.code != 200) CHECK(answer.body == c.text);
  }
  CHECK(rig.AskRaw("no snappy").status == 400);
  CHECK(rig.AskRaw("\xff\xff\xff\xff\x0f...").status == 400);
  // Of several kinds the first that there is; no matchers select nothing.
  ReadRequest order;
  order.add_queries()->set_end_timestamp_ms(INT64_MAX);
  order.add_accepted_response_types(static_cast<ReadRequest::ResponseType>(7));
  order.add_accepted_response_types(ReadRequest::SAMPLES);
  order.add_accepted_response_types(ReadRequest::STREAMED_XOR_CHUNKS);
  CHECK(ParseSamples(rig.Ask(order).body).results(0).timeseries_size() == 0);
}

TEST_CASE("reads wait for their turn, and leave when the client goes or the server stops") {
  ReadGate gate(1);
  REQUIRE(gate.Enter([] { return false; }));
  CHECK(!gate.Enter([] { return true; }));
  std::atomic<int> entered{0};
  std::thread waiting([&] { entered = gate.Enter([] { return false; }) ? 1 : -1; });
  gate.Leave();
  CHECK(Eventually([&] { return entered == 1; }));
  waiting.join();
  std::thread stopped([&] { entered = gate.Enter([] { return false; }) ? 1 : -1; });
  gate.Stop();
  CHECK(Eventually([&] { return entered == -1; }));
  stopped.join();
  ReadGate open(0);
  for (int i = 0; i < 100; ++i) CHECK(open.Enter([] { return true; }));
}

TEST_CASE("a client that is gone ends a read; so does the end of the server") {
  ReadRig rig;
  rig.Write(Labels{{"__name__", "m"}}, 10);
  ReadRequest request;
  AddQuery(&request, 0, INT64_MAX, "__name__", "m");
  const std::string body = SnappyCompress(Streamed(request).SerializeAsString());
  CHECK(rig.AskRaw(body, [] { return true; }).status == 503);
  CHECK(rig.AskRaw(body).status == 200);
  rig.handler->Stop();
  CHECK(rig.AskRaw(body).status == 503);
}

// Chunks of 40 KB for some series, then an error.
class BreakingStorage final : public storage::Queryable {
 public:
  explicit BreakingStorage(size_t sound) : sound_(sound) {}
  StatusOr<std::unique_ptr<storage::Querier>> NewQuerier(TimestampMs, TimestampMs) const override {
    return std::make_unique<BreakingQuerier>(sound_);
  }

 private:
  class BreakingList final : public storage::SeriesList {
   public:
    explicit BreakingList(size_t sound) : sound_(sound) {}
    size_t size() const override { return sound_ + 1; }
    Labels labels(size_t) const override { return Labels{{"a", "b"}}; }
    Status Read(size_t, TimestampMs, TimestampMs, storage::SampleColumns*) const override {
      return Unimplemented("not here");
    }
    bool Last(size_t, TimestampMs, TimestampMs, TimestampMs*, double*) const override {
      return false;
    }
    Status ReadChunks(size_t index, TimestampMs, TimestampMs,
                      storage::ChunkList* out) const override {
      if (index == sound_) return DataLoss("the disk is broken");
      out->chunks.push_back({1, 2, 1, data_});
      return OkStatus();
    }

   private:
    const size_t sound_;
    const std::string data_ = std::string(40'000, 'x');
  };
  class BreakingQuerier final : public storage::Querier {
   public:
    explicit BreakingQuerier(size_t sound) : sound_(sound) {}
    StatusOr<std::unique_ptr<storage::SeriesList>> Select(const storage::SelectHints&,
                                                          std::span<const Matcher>) const override {
      return std::make_unique<BreakingList>(sound_);
    }
    StatusOr<std::vector<std::string>> LabelNames(std::span<const Matcher>, size_t,
                                                  bool*) const override {
      return Unimplemented("not here");
    }
    StatusOr<std::vector<std::string>> LabelValues(const std::string&, std::span<const Matcher>,
                                                   size_t, bool*) const override {
      return Unimplemented("not here");
    }

   private:
    const size_t sound_;
  };
  const size_t sound_;
};

TEST_CASE("an error is told while it can be, and breaks a stream off that has begun") {
  ReadRequest request;
  AddQuery(&request, 0, 1, "a", "b");
  http::Request post;
  post.body = SnappyCompress(Streamed(request).SerializeAsString());
  for (const size_t sound : {0, 1, 3}) {
    Registry registry;
    const BreakingStorage storage(sound);
    ReadHandler handler({}, &storage, &registry);
    http::RecordedResponse answer;
    handler.Serve(post, answer);
    CHECK(answer.aborted == (sound == 3));
    CHECK(answer.status == (sound == 3 ? 200 : 500));
    if (sound == 3) {
      CHECK(Frames(answer.body).size() == 2);
    } else {
      CHECK(answer.body == "the disk is broken\n");
    }
  }
}

// Behind a real server.
struct ReadWeb : ReadRig {
  explicit ReadWeb(ReadOptions options = {}) : ReadRig(std::move(options)) {
    server = http::Server::Create({.listen_addresses = {"127.0.0.1:0"}},
                                  [this](const http::Request& request, http::ResponseWriter& r) {
                                    handler->Serve(request, r);
                                  })
                 .value();
    REQUIRE(server->Start().ok());
  }
  ~ReadWeb() {
    handler->Stop();
    server->Stop();
  }

  // Noisy floats, so that chunks are large: some 130 KB a series.
  void WriteMuch(int series) {
    auto appender = db->NewAppender();
    for (int s = 0; s < series; ++s) {
      const Labels labels{{"__name__", "m"}, {"s", fmt::format("{:03}", s)}};
      for (int i = 0; i < 14'000; ++i) {
        REQUIRE(appender->Append(labels, kReadStart + i * 200, 1e300 / (i * 7919 % 9973 + 1)).ok());
      }
    }
    REQUIRE(appender->Commit().ok());
  }

  std::string Post(const ReadRequest& request) const {
    const std::string body = SnappyCompress(request.SerializeAsString());
    return fmt::format(
               "POST / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
               body.size()) +
           body;
  }
  double running() {
    return registry
        .AddGauge(
            "prometheus_remote_read_handler_queries",
            "The current number of remote read queries that are either in execution or queued "
            "on the handler.")
        .value();
  }

  std::unique_ptr<http::Server> server;
};

TEST_CASE("a stream waits for its client, and ends when that goes away") {
  ReadWeb web;
  web.WriteMuch(40);
  ReadRequest request;
  AddQuery(&request, 0, INT64_MAX, "__name__", "m");
  const std::string post = web.Post(Streamed(request));
  {
    http::RawSocket slow(web.server->ports()[0], 4096);
    REQUIRE(slow.Send(post));
    std::string begin;
    REQUIRE(slow.ReadSome(&begin));
    CHECK_THAT(begin, Catch::StartsWith("HTTP/1.1 200 OK\r\n"));
    CHECK(begin.find("Content-Encoding") == std::string::npos);
    CHECK(web.running() == 1);  // held up: it is far more than the sockets take
  }
  CHECK(Eventually([&] { return web.running() == 0; }));
}

TEST_CASE("answers of both forms arrive whole") {
  ReadWeb web;
  web.WriteMuch(3);
  http::ClientRuntime runtime{1, "test"};
  const auto client = http::Client::Create(runtime, {}).value();
  ReadRequest request;
  AddQuery(&request, 0, INT64_MAX, "__name__", "m");
  http::ClientRequest post;
  post.method = "POST";
  post.url = fmt::format("http://127.0.0.1:{}/", web.server->ports()[0]);
  post.body = SnappyCompress(request.SerializeAsString());
  const auto samples = client->DoBlocking(post).value();
  CHECK(samples.status == 200);
  const prometheus::ReadResponse response = ParseSamples(samples.body);
  REQUIRE(response.results(0).timeseries_size() == 3);
  CHECK(response.results(0).timeseries(2).samples_size() == 14'000);
  post.body = SnappyCompress(Streamed(request).SerializeAsString());
  const auto streamed = client->DoBlocking(post).value();
  CHECK(streamed.status == 200);
  const auto frames = Frames(streamed.body);
  CHECK(frames.size() == 3);
  for (const auto& frame : frames) CHECK(SamplesOf(frame).size() == 14'000);
}

}  // namespace
}  // namespace narthex::remote
