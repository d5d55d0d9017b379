#include "server/cmd/promtool/chunk_analysis.h"

#include <algorithm>
#include <string>
#include <vector>

#include "server/storage/tsdb/chunkenc/chunk_iterator.h"

namespace narthex::promtool {
namespace {

using tsdb::Encoding;
using tsdb::SampleKind;

struct Figures {
  std::vector<int64_t> float_samples, float_bytes;
  std::vector<int64_t> histogram_samples, histogram_bytes, histogram_buckets;
};

bool IsFloat(Encoding encoding) {
  return encoding == Encoding::kXor || encoding == Encoding::kXor2;
}

// Buckets of all samples of the chunk.
StatusOr<int64_t> CountBuckets(const tsdb::StoredChunk& chunk) {
  int64_t buckets = 0;
  const auto it = tsdb::NewChunkIterator(chunk.encoding, chunk.data);
  FloatHistogram histogram;
  while (it->Next() != SampleKind::kNone) {
    it->Get(&histogram);
    buckets +=
        static_cast<int64_t>(histogram.positive_buckets.size() + histogram.negative_buckets.size());
  }
  NX_RETURN_IF_ERROR(it->status());
  return buckets;
}

Status Measure(const tsdb::Block& block, std::span<const uint32_t> series, Figures* out) {
  tsdb::IndexReader::Series entry;
  for (const uint32_t ref : series) {
    NX_RETURN_IF_ERROR(block.index().ReadSeries(ref, &entry));
    for (const tsdb::ChunkMeta& meta : entry.chunks) {
      NX_ASSIGN_OR_RETURN(const tsdb::StoredChunk chunk, block.chunks().Read(meta.ref));
      const int64_t samples = tsdb::SamplesOf(chunk.data);
      const auto bytes = static_cast<int64_t>(chunk.data.size());
      if (IsFloat(chunk.encoding)) {
        out->float_samples.push_back(samples);
        out->float_bytes.push_back(bytes);
        continue;
      }
      NX_ASSIGN_OR_RETURN(const int64_t buckets, CountBuckets(chunk));
      out->histogram_samples.push_back(samples);
      out->histogram_bytes.push_back(bytes);
      out->histogram_buckets.push_back(buckets);
    }
  }
  return OkStatus();
}

struct Bars {
  int64_t start = 0, end = 0, step = 10;
};

// Steps of ten, a hundred … so that there are about ten bars.
Bars BarsOf(int64_t min, int64_t max) {
  Bars bars;
  const int64_t wanted = (max - min) / 10;
  while (bars.step < wanted && bars.step <= 10'000) bars.step *= 10;
  bars.start = min - min % bars.step;
  bars.end = max - max % bars.step + bars.step;
  return bars;
}

void PrintBars(std::string_view what, const std::vector<int64_t>& values, int64_t total,
               Output* out) {
  if (values.empty()) {
    out->Print("{}: N/A\n\n", what);
    return;
  }
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  const Bars bars = BarsOf(*min, *max);
  std::vector<int64_t> counts(static_cast<size_t>((bars.end - bars.start) / bars.step + 1));
  int64_t sum = 0;
  for (const int64_t v : values) {
    sum += v;
    ++counts[static_cast<size_t>((v - bars.start) / bars.step)];
  }
  out->Print("{} (min/avg/max): {}/{}/{}\n", what, *min, sum / static_cast<int64_t>(values.size()),
             *max);
  const size_t left = fmt::to_string(bars.end).size();
  const size_t right = fmt::to_string(bars.end + bars.step).size();
  const size_t wide = fmt::to_string(*std::max_element(counts.begin(), counts.end())).size();
  for (size_t i = 0; i < counts.size(); ++i) {
    const int64_t from = bars.start + static_cast<int64_t>(i) * bars.step;
    const std::string bar(static_cast<size_t>(100 * counts[i] / total), '#');
    out->Print("[{:>{}}, {:>{}}]: {:>{}} {}\n", from + 1, left, from + bars.step, right, counts[i],
               wide, bar);
  }
  out->Write("\n");
}

}  // namespace

Status PrintChunkAnalysis(const tsdb::Block& block, std::span<const uint32_t> series, Output* out) {
  Figures figures;
  NX_RETURN_IF_ERROR(Measure(block, series, &figures));
  const auto total =
      static_cast<int64_t>(figures.float_samples.size() + figures.histogram_samples.size());
  out->Write("\nCompaction analysis:\n\n");
  PrintBars("samples per float chunk", figures.float_samples, total, out);
  PrintBars("bytes per float chunk", figures.float_bytes, total, out);
  PrintBars("samples per histogram chunk", figures.histogram_samples, total, out);
  PrintBars("bytes per histogram chunk", figures.histogram_bytes, total, out);
  PrintBars("buckets per histogram chunk", figures.histogram_buckets, total, out);
  return OkStatus();
}

}  // namespace narthex::promtool
