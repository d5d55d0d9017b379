// Any bytes as a remote read request over a real storage: no harm, and what is understood of the
// request and what comes back agree with the generated messages and with matching every series one
// by one. The first byte chooses: bit 0 a body as it comes or a message to be put into one, bits 1
// and 2 the size of frames, bit 3 a limit of samples, bit 4 external labels.
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/base/crc32c.h"
#include "core/compress/snappy.h"
#include "core/http/recorded_response.h"
#include "core/log/log.h"
#include "proto/remote.pb.h"
#include "server/remote/message_body.h"
#include "server/remote/read_handler.h"
#include "server/remote/read_message.h"
#include "server/storage/tsdb/chunkenc/chunk_iterator.h"
#include "server/storage/tsdb/db.h"

namespace narthex::remote {
namespace {

constexpr size_t kMaxInput = 2048;  // a few bytes of it may ask for every sample
constexpr size_t kSampleLimit = 150;
constexpr std::array<int64_t, 4> kFrameBytes = {1 << 20, 1, 200, 0};

struct Series {
  Labels labels;
  std::vector<TimestampMs> times;
};

// Small timestamps, which take few bytes in a request.
std::vector<Series> MakeSeries() {
  std::vector<Series> out = {
      {Labels{{"__name__", "m"}}, {}},
      {Labels{{"__name__", "m"}, {"a", "1"}}, {}},
      {Labels{{"__name__", "m"}, {"a", "2"}, {"b", "ü"}}, {}},
      {Labels{{"__name__", "n"}, {"a", "1"}, {"zone", "own"}}, {}},
      {Labels{{"a", "1\n"}}, {}},
  };
  for (size_t i = 0; i < out.size(); ++i) {
    const TimestampMs count = i == 0 ? 130 : 3;
    for (TimestampMs k = 0; k < count; ++k) out[i].times.push_back(static_cast<int>(i) + k * 2);
  }
  std::ranges::sort(out, {}, &Series::labels);
  return out;
}

class World {
 public:
  World() {
    SetLogLevel(LogLevel::kError);
    google::protobuf::SetLogHandler(nullptr);  // it tells of each name that is not UTF-8
    std::string pattern = (std::filesystem::temp_directory_path() / "read-fuzz-XXXXXX").string();
    tsdb::Options options;
    options.dir = ::mkdtemp(pattern.data());
    options.maintenance_interval = std::chrono::milliseconds(0);
    db_ = *tsdb::Db::Open(options);
    auto appender = db_->NewAppender();
    for (const Series& one : series_) {
      for (const TimestampMs t : one.times) {
        NX_CHECK(*appender->Append(one.labels, t, static_cast<double>(t)) ==
                 storage::AppendResult::kOk);
      }
    }
    NX_CHECK(appender->Commit(true).ok());
    std::filesystem::remove_all(options.dir);
  }

  const storage::Queryable& storage() const { return *db_; }
  const std::vector<Series>& series() const { return series_; }

 private:
  const std::vector<Series> series_ = MakeSeries();
  std::unique_ptr<tsdb::Db> db_;
};

bool SameLabels(const auto& got, const Labels& want) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const prometheus::Label& label : got) pairs.emplace_back(label.name(), label.value());
  return std::ranges::is_sorted(pairs) && pairs.size() == want.size() &&
         Labels::FromPairs(pairs) == want;
}

Labels Outside(const Labels& own, const Labels& external) {
  LabelsBuilder builder(external);
  for (const Label& label : own) builder.Set(label.name, label.value);
  return builder.Build();
}

// What the message says, by the classes that protoc makes; nullopt when these refuse it: they want
// UTF-8, and groups of no great depth.
std::optional<prometheus::ReadRequest> Generated(std::string_view message) {
  prometheus::ReadRequest out;
  if (!out.ParseFromArray(message.data(), static_cast<int>(message.size()))) return std::nullopt;
  return out;
}

// Which samples a query is to find; nullopt when one of its matchers is refused.
struct Wanted {
  const Series* series;
  std::vector<TimestampMs> times;
};
std::optional<std::vector<Wanted>> WantedOf(const prometheus::Query& query,
                                            const std::vector<Series>& all,
                                            const Labels& external) {
  std::vector<Matcher> matchers;
  for (const prometheus::LabelMatcher& m : query.matchers()) {
    const int type = m.type();
    if (type < 0 || type > 3) return std::nullopt;
    const bool ours = type == 0 && external.Get(m.name()) == m.value();
    auto made =
        Matcher::Create(std::array{MatchType::kEqual, MatchType::kNotEqual, MatchType::kRegex,
                                   MatchType::kNotRegex}[static_cast<size_t>(type)],
                        m.name(), ours ? std::string() : m.value());
    if (!made.ok()) return std::nullopt;
    matchers.push_back(*std::move(made));
  }
  std::vector<Wanted> out;
  const bool hinted = query.has_hints();
  const TimestampMs mint = hinted ? query.hints().start_ms() : query.start_timestamp_ms();
  const TimestampMs maxt = hinted ? query.hints().end_ms() : query.end_timestamp_ms();
  if (matchers.empty() || query.start_timestamp_ms() > query.end_timestamp_ms()) return out;
  for (const Series& one : all) {
    const auto matches = [&](const Matcher& m) { return m.Matches(one.labels); };
    if (!std::ranges::all_of(matchers, matches)) continue;
    Wanted wanted{&one, {}};
    for (const TimestampMs t : one.times) {
      if (t >= mint && t <= maxt) wanted.times.push_back(t);
    }
    if (!wanted.times.empty()) out.push_back(std::move(wanted));
  }
  return out;
}

void CheckSamples(std::string_view body, const std::vector<std::vector<Wanted>>& wanted,
                  const prometheus::ReadRequest& request, const Labels& external) {
  std::string message;
  NX_CHECK(SnappyDecompress(body, size_t{1} << 30, &message).ok());
  prometheus::ReadResponse response;
  NX_CHECK(response.ParseFromString(message));
  NX_CHECK(static_cast<size_t>(response.results_size()) == wanted.size());
  for (size_t q = 0; q < wanted.size(); ++q) {
    const auto& found = response.results(static_cast<int>(q)).timeseries();
    if (request.queries(static_cast<int>(q)).hints().func() == "series") {
      for (const auto& series : found) NX_CHECK(series.samples_size() == 0);
      continue;
    }
    NX_CHECK(static_cast<size_t>(found.size()) == wanted[q].size());
    for (size_t i = 0; i < wanted[q].size(); ++i) {
      const auto& series = found.Get(static_cast<int>(i));
      NX_CHECK(SameLabels(series.labels(), Outside(wanted[q][i].series->labels, external)));
      const auto same = [](const prometheus::Sample& s, TimestampMs t) {
        return s.timestamp() == t && s.value() == static_cast<double>(t);
      };
      NX_CHECK(std::ranges::equal(series.samples(), wanted[q][i].times, same));
    }
  }
}

// The frames of one series follow each other; together they hold its samples.
void CheckChunks(std::string_view body, const std::vector<std::vector<Wanted>>& wanted,
                 const Labels& external) {
  ByteReader reader(body);
  for (size_t q = 0; q < wanted.size(); ++q) {
    for (const Wanted& one : wanted[q]) {
      const Labels labels = Outside(one.series->labels, external);
      storage::SampleColumns columns;
      while (columns.size() < one.times.size()) {
        const uint64_t length = reader.Uvarint();
        const uint32_t crc = reader.Be32();
        const std::string_view message = reader.Bytes(length);
        prometheus::ChunkedReadResponse frame;
        NX_CHECK(reader.ok() && Crc32c(message) == crc);
        NX_CHECK(frame.ParseFromArray(message.data(), static_cast<int>(length)));
        NX_CHECK(frame.query_index() == static_cast<int64_t>(q));
        NX_CHECK(frame.chunked_series_size() == 1);
        NX_CHECK(SameLabels(frame.chunked_series(0).labels(), labels));
        for (const auto& chunk : frame.chunked_series(0).chunks()) {
          NX_CHECK(tsdb::DecodeChunk(static_cast<tsdb::Encoding>(chunk.type()), chunk.data(),
                                     INT64_MIN, INT64_MAX, &columns)
                       .ok());
        }
      }
      NX_CHECK(columns.timestamps == one.times);
    }
  }
  NX_CHECK(reader.empty());
}

// What each query is to find; nullopt when the request is refused.
std::optional<std::vector<std::vector<Wanted>>> WantedOf(const prometheus::ReadRequest& request,
                                                         const std::vector<Series>& all,
                                                         const Labels& external,
                                                         size_t sample_limit) {
  std::vector<std::vector<Wanted>> out;
  for (const prometheus::Query& query : request.queries()) {
    auto found = WantedOf(query, all, external);
    if (!found.has_value()) return std::nullopt;
    size_t samples = 0;
    for (const Wanted& one : *found) samples += one.times.size();
    if (query.hints().func() == "series") samples = 0;
    if (sample_limit != 0 && samples > sample_limit) return std::nullopt;
    out.push_back(*std::move(found));
  }
  return out;
}

// Of a message of the right shape.
void CheckAnswer(const http::RecordedResponse& answer, std::string_view message, const World& world,
                 const Labels& external, size_t sample_limit) {
  const auto type = NegotiateResponseType(message);
  NX_CHECK(type.ok() || answer.status == 400);
  const auto request = Generated(message);
  if (!type.ok() || !request.has_value()) return;
  const bool streamed = *type == ReadResponseType::kChunks;
  const auto wanted = WantedOf(*request, world.series(), external, streamed ? 0 : sample_limit);
  NX_CHECK(wanted.has_value() == (answer.status == 200 && !answer.aborted));
  if (!wanted.has_value()) return;
  if (streamed) {
    CheckChunks(answer.body, *wanted, external);
  } else {
    CheckSamples(answer.body, *wanted, *request, external);
  }
}

}  // namespace
}  // namespace narthex::remote

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace narthex;
  using namespace narthex::remote;
  if (size == 0 || size > kMaxInput) return 0;
  static const auto* const world = new World;
  const std::string input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool raw = (data[0] & 1) != 0;
  const Labels external = (data[0] & 16) != 0 ? Labels{{"a", "1"}, {"zone", "eu"}} : Labels();

  ReadOptions options;
  options.max_frame_bytes = kFrameBytes[(data[0] >> 1) & 3];
  options.sample_limit = (data[0] & 8) != 0 ? kSampleLimit : 0;
  options.external_labels = [&external] { return external; };
  const auto limit = static_cast<size_t>(options.sample_limit);
  Registry registry;
  ReadHandler handler(std::move(options), &world->storage(), &registry);
  http::Request request;
  request.method = "POST";
  request.body = raw ? input : SnappyCompress(input);
  http::RecordedResponse answer;
  handler.Serve(request, answer);

  std::string message;
  const bool sound = DecodeBody(request.body, &message).ok() && CheckReadRequest(message).ok();
  NX_CHECK(raw || message == input);
  if (!sound) {
    NX_CHECK(answer.status == 400);
  } else {
    CheckAnswer(answer, message, *world, external, limit);
  }
  return 0;
}
