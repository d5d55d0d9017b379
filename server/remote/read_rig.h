#pragma once
// Remote read in tests: a storage, requests made of generated messages, answers taken apart.

#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/compress/snappy.h"
#include "core/http/recorded_response.h"
#include "proto/remote.pb.h"
#include "server/remote/read_handler.h"
#include "server/storage/tsdb/testing.h"
#include "tests/catch.h"

namespace narthex::remote {

inline constexpr TimestampMs kReadStart = 1'700'000'000'000;
inline constexpr TimestampMs kReadStep = 15'000;

inline prometheus::Query* AddQuery(
    prometheus::ReadRequest* request, TimestampMs from, TimestampMs to, const std::string& name,
    const std::string& value, prometheus::LabelMatcher::Type type = prometheus::LabelMatcher::EQ) {
  prometheus::Query* query = request->add_queries();
  query->set_start_timestamp_ms(from);
  query->set_end_timestamp_ms(to);
  prometheus::LabelMatcher* matcher = query->add_matchers();
  matcher->set_type(type);
  matcher->set_name(name);
  matcher->set_value(value);
  return query;
}

inline std::string LabelText(const auto& labels) {
  std::string out;
  for (const prometheus::Label& label : labels) {
    out += fmt::format("{}{}={}", out.empty() ? "" : ",", label.name(), label.value());
  }
  return out;
}

// The frames of a streamed answer; fails the test when one is damaged.
inline std::vector<prometheus::ChunkedReadResponse> Frames(std::string_view body) {
  std::vector<prometheus::ChunkedReadResponse> out;
  ByteReader reader(body);
  while (!reader.empty()) {
    const uint64_t length = reader.Uvarint();
    const uint32_t crc = reader.Be32();
    const std::string_view message = reader.Bytes(length);
    REQUIRE(reader.ok());
    REQUIRE(Crc32c(message) == crc);
    out.emplace_back();
    REQUIRE(out.back().ParseFromArray(message.data(), static_cast<int>(message.size())));
  }
  return out;
}

inline tsdb::Samples SamplesOf(const prometheus::ChunkedReadResponse& frame) {
  storage::SampleColumns columns;
  for (const auto& series : frame.chunked_series()) {
    for (const auto& chunk : series.chunks()) {
      REQUIRE(tsdb::DecodeChunk(static_cast<tsdb::Encoding>(chunk.type()), chunk.data(), INT64_MIN,
                                INT64_MAX, &columns)
                  .ok());
    }
  }
  return tsdb::ToSamples(columns);
}

inline prometheus::ReadResponse ParseSamples(std::string_view body) {
  std::string message;
  REQUIRE(SnappyDecompress(body, size_t{1} << 30, &message).ok());
  prometheus::ReadResponse out;
  REQUIRE(out.ParseFromString(message));
  return out;
}

struct ReadRig {
  explicit ReadRig(ReadOptions options = {}) {
    options.external_labels = [this] { return external; };
    handler.emplace(std::move(options), db.get(), &registry);
  }

  TempDir dir;
  std::unique_ptr<tsdb::Db> db = tsdb::OpenDb(tsdb::TestOptions(dir.path()));
  Registry registry;
  Labels external;
  std::optional<ReadHandler> handler;

  // `count` floats of a series: 0, 1, 2, …
  void Write(const Labels& labels, int count) {
    auto appender = db->NewAppender();
    for (int i = 0; i < count; ++i) {
      const auto appended = appender->Append(labels, kReadStart + i * kReadStep, i);
      REQUIRE((appended.ok() && *appended == storage::AppendResult::kOk));
    }
    REQUIRE(appender->Commit().ok());
  }

  http::RecordedResponse Ask(const prometheus::ReadRequest& request) {
    return AskRaw(SnappyCompress(request.SerializeAsString()));
  }
  http::RecordedResponse AskRaw(std::string body, std::function<bool()> gone = {}) {
    http::Request request;
    request.method = "POST";
    request.body = std::move(body);
    request.cancelled = std::move(gone);
    http::RecordedResponse response;
    handler->Serve(request, response);
    return response;
  }
};

}  // namespace narthex::remote
