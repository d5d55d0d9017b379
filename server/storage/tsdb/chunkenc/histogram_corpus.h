#pragma once
// Test data: series of samples with the chunks that Prometheus made of them, as text:
//
//   series NAME
//   f TIME BITS                                            a float
//   h TIME HINT SCHEMA ZERO_THRESHOLD ZERO_COUNT COUNT SUM spans buckets spans buckets bounds
//   F …                                                    integer, float histogram
//   chunk ENCODING MINT MAXT BYTES
//
// Floats are their bits in hex; hints 0 unknown, 1 reset, 2 no reset, 3 gauge; "-" is an empty
// list.

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "server/storage/tsdb/chunkenc/chunk_list.h"

namespace narthex::tsdb {

struct CorpusSample {
  int64_t time = 0;
  SampleKind kind = SampleKind::kNone;
  uint64_t bits = 0;
  IntHistogram histogram;
  FloatHistogram floats;

  FloatHistogram AsFloat() const {
    return kind == SampleKind::kHistogram ? ToFloat(histogram) : floats;
  }
  void AddTo(ChunkListEncoder* encoder) const {
    if (kind == SampleKind::kFloat) encoder->Add(time, bits);
    if (kind == SampleKind::kHistogram) encoder->Add(time, histogram);
    if (kind == SampleKind::kFloatHistogram) encoder->Add(time, floats);
  }
};

struct CorpusSeries {
  std::string name;
  std::vector<CorpusSample> samples;
  std::vector<EncodedChunk> chunks;
};

namespace corpus_internal {

inline double Float(const std::string& hex) {
  return std::bit_cast<double>(std::stoull(hex, nullptr, 16));
}
inline void Parse(const std::string& text, double* out) { *out = Float(text); }
inline void Parse(const std::string& text, uint64_t* out) { *out = std::stoull(text); }
inline void Parse(const std::string& text, int64_t* out) { *out = std::stoll(text); }
inline void Parse(const std::string& text, BucketSpan* out) {
  *out = {std::stoi(text), static_cast<uint32_t>(std::stoul(text.substr(text.find(':') + 1)))};
}

template <typename T>
std::vector<T> List(std::istream& in) {
  std::string text, item;
  in >> text;
  std::vector<T> out;
  if (text == "-") return out;
  std::istringstream items(text);
  while (std::getline(items, item, ',')) Parse(item, &out.emplace_back());
  return out;
}

template <typename Histogram, typename Buckets>
void ReadHistogram(std::istream& in, Buckets Histogram::* positive, Buckets Histogram::* negative,
                   Histogram* h) {
  int hint = 0;
  std::string threshold, zero, count, sum;
  in >> hint >> h->schema >> threshold >> zero >> count >> sum;
  h->reset = static_cast<CounterResetHint>(hint);
  h->zero_threshold = Float(threshold);
  Parse(zero, &h->zero_count);
  Parse(count, &h->count);
  h->sum = Float(sum);
  h->positive_spans = List<BucketSpan>(in);
  h->*positive = List<typename Buckets::value_type>(in);
  h->negative_spans = List<BucketSpan>(in);
  h->*negative = List<typename Buckets::value_type>(in);
  h->custom_values = List<double>(in);
}

}  // namespace corpus_internal

inline std::string Unhex(const std::string& hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return out;
}

inline std::string Hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return out;
}

inline std::vector<CorpusSeries> ReadCorpus(const std::string& path) {
  using namespace corpus_internal;
  std::vector<CorpusSeries> out;
  std::ifstream file(path);
  std::string line, kind, text;
  while (std::getline(file, line)) {
    std::istringstream in(line);
    in >> kind;
    if (kind == "series") {
      in >> out.emplace_back().name;
    } else if (kind == "chunk") {
      EncodedChunk& chunk = out.back().chunks.emplace_back();
      int encoding = 0;
      in >> encoding >> chunk.mint >> chunk.maxt >> text;
      chunk.encoding = static_cast<Encoding>(encoding);
      chunk.data = Unhex(text);
    } else {
      CorpusSample& s = out.back().samples.emplace_back();
      in >> s.time;
      if (kind == "f") {
        s.kind = SampleKind::kFloat;
        in >> std::hex >> s.bits;
      } else if (kind == "h") {
        s.kind = SampleKind::kHistogram;
        ReadHistogram(in, &IntHistogram::positive_deltas, &IntHistogram::negative_deltas,
                      &s.histogram);
      } else {
        s.kind = SampleKind::kFloatHistogram;
        ReadHistogram(in, &FloatHistogram::positive_buckets, &FloatHistogram::negative_buckets,
                      &s.floats);
      }
    }
  }
  return out;
}

}  // namespace narthex::tsdb
