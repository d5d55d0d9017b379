#pragma once
// Helpers of the tests of this folder.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/labels/labels.h"
#include "core/log/log.h"
#include "core/metrics/registry.h"
#include "server/storage/tsdb/chunkenc/chunk_iterator.h"
#include "server/storage/tsdb/db.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

namespace narthex::tsdb {

// No log but of errors while it lives.
class Quiet {
 public:
  Quiet() { SetLogLevel(LogLevel::kError); }
  ~Quiet() { SetLogLevel(LogLevel::kInfo); }
};

// Samples by bits, so that NaN compares.
using Samples = std::vector<std::pair<int64_t, uint64_t>>;
using Contents = std::map<std::string, Samples>;

inline Options TestOptions(const std::string& dir) {
  Options options;
  options.dir = dir;
  options.maintenance_interval = std::chrono::milliseconds(0);
  options.wal_flush_window = std::chrono::milliseconds(0);
  options.wal_sync_interval = std::chrono::milliseconds(0);
  return options;
}

inline std::unique_ptr<Db> OpenDb(const Options& options) {
  auto db = Db::Open(options);
  if (!db.ok()) FAIL(std::string(MessageOf(db.status())));
  return *std::move(db);
}

inline Matcher Match(MatchType type, std::string name, std::string value) {
  auto matcher = Matcher::Create(type, std::move(name), std::move(value));
  REQUIRE(matcher.ok());
  return *matcher;
}

// A number for what a histogram counts, so that histograms are told apart like floats.
inline uint64_t HistogramBits(const FloatHistogram& h) {
  if (storage::IsStaleNaN(h.sum)) return storage::kStaleNaNBits;
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](auto v) {
    hash = (hash ^ std::bit_cast<uint64_t>(v)) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  };
  add(int64_t{h.schema});
  for (const double v : {h.zero_threshold, h.zero_count, h.count, h.sum}) add(v);
  for (const double v : h.custom_values) add(v);
  // Empty buckets count for nothing.
  const auto add_side = [&add](const auto& spans, const auto& buckets) {
    int64_t index = 0;
    auto bucket = buckets.begin();
    for (const BucketSpan& span : spans) {
      index += span.offset;
      for (uint32_t i = 0; i < span.length; ++i, ++index, ++bucket) {
        if (*bucket != 0) add(index), add(*bucket);
      }
    }
    add(int64_t{-1});
  };
  add_side(h.positive_spans, h.positive_buckets);
  add_side(h.negative_spans, h.negative_buckets);
  return hash;
}

inline Samples ToSamples(const storage::SampleColumns& columns) {
  Samples out;
  for (size_t k = 0; k < columns.size(); ++k) {
    out.emplace_back(columns.timestamps[k],
                     columns.IsHistogram(k)
                         ? HistogramBits(columns.histograms[columns.histogram_index[k]])
                         : std::bit_cast<uint64_t>(columns.values[k]));
  }
  return out;
}

inline Samples ReadSeries(const storage::SeriesList& list, size_t i, int64_t mint = INT64_MIN,
                          int64_t maxt = INT64_MAX) {
  storage::SampleColumns columns;
  const Status status = list.Read(i, mint, maxt, &columns);
  if (!status.ok()) FAIL(std::string(MessageOf(status)));
  return ToSamples(columns);
}

class CollectSamples final : public storage::SampleSink {
 public:
  bool OnFloat(TimestampMs t, double v) override {
    samples.emplace_back(t, std::bit_cast<uint64_t>(v));
    return true;
  }
  bool OnHistogram(TimestampMs t, const IntHistogram& h) override {
    return OnHistogram(t, ToFloat(h));
  }
  bool OnHistogram(TimestampMs t, const FloatHistogram& h) override {
    samples.emplace_back(t, HistogramBits(h));
    return true;
  }
  Samples samples;
};

// The same samples one by one, and as chunks.
inline void CheckOtherReads(const storage::SeriesList& list, size_t i, int64_t mint, int64_t maxt,
                            const Samples& want) {
  CollectSamples visited;
  REQUIRE(list.Visit(i, mint, maxt, &visited).ok());
  storage::ChunkList chunks;
  REQUIRE(list.ReadChunks(i, mint, maxt, &chunks).ok());
  storage::SampleColumns columns;
  int64_t last = INT64_MIN;
  bool sound = true;
  for (const storage::Chunk& chunk : chunks.chunks) {
    const size_t before = columns.size();
    REQUIRE(DecodeChunk(static_cast<Encoding>(chunk.encoding), chunk.data, INT64_MIN, INT64_MAX,
                        &columns)
                .ok());
    // As long as the bounds say, and behind the chunk before.
    sound = sound && columns.size() > before && columns.timestamps[before] == chunk.mint &&
            columns.timestamps.back() == chunk.maxt && (before == 0 || chunk.mint > last);
    last = chunk.maxt;
  }
  if (!columns.histogram_index.empty()) {
    columns.histogram_index.resize(columns.size(), storage::kNoHistogram);
  }
  const bool same_visited = visited.samples == want;
  const bool same_chunks = ToSamples(columns) == want;
  CHECK(same_visited);
  CHECK(same_chunks);
  CHECK(sound);
}

// Everything a selector finds, by label string. Series without samples are left out.
inline Contents Dump(const Db& db, std::vector<Matcher> matchers = {}, int64_t mint = INT64_MIN,
                     int64_t maxt = INT64_MAX) {
  auto querier = db.NewQuerier(mint, maxt);
  REQUIRE(querier.ok());
  auto list = (*querier)->Select({}, matchers);
  REQUIRE(list.ok());
  Contents out;
  for (size_t i = 0; i < (*list)->size(); ++i) {
    Samples samples = ReadSeries(**list, i);
    CheckOtherReads(**list, i, INT64_MIN, INT64_MAX, samples);
    if (samples.size() > 2) {
      const int64_t from = samples[samples.size() / 3].first + 1;
      const int64_t to = samples[samples.size() / 3 * 2].first;
      CheckOtherReads(**list, i, from, to, ReadSeries(**list, i, from, to));
    }
    if (!samples.empty()) out[(*list)->labels(i).ToString()] = std::move(samples);
  }
  return out;
}

// Says where two contents part instead of printing both.
inline void CheckSame(const Contents& got, const Contents& want) {
  for (const auto& [name, samples] : want) {
    const auto found = got.find(name);
    const Samples none;
    const Samples& other = found == got.end() ? none : found->second;
    if (other == samples) continue;
    size_t i = 0;
    while (i < samples.size() && i < other.size() && samples[i] == other[i]) ++i;
    FAIL(name << ": " << samples.size() << " samples wanted, " << other.size()
              << " found, first difference at " << i << ": wanted "
              << (i < samples.size() ? samples[i].first : -1) << ", found "
              << (i < other.size() ? other[i].first : -1));
  }
  CHECK(got.size() == want.size());
}

// The first sample of a family; -1 when there is none.
inline double MetricValue(const Registry& registry, std::string_view name) {
  for (const auto& family : registry.Gather().families) {
    if (family.name == name) return family.samples.at(0).value;
  }
  return -1;
}

inline uint64_t Bits(double v) { return std::bit_cast<uint64_t>(v); }

}  // namespace narthex::tsdb
