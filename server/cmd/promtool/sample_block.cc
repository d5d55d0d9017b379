#include "server/cmd/promtool/sample_block.h"

#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <bit>

#include "core/base/file.h"

namespace narthex::promtool {
namespace {

struct Entry {
  const Labels* labels;
  tsdb::ChunkListEncoder* chunks;
};

// Takes the chunks of each series out when it comes to it.
class EntrySet final : public tsdb::ChunkSeriesSet {
 public:
  explicit EntrySet(std::vector<Entry> entries) : entries_(std::move(entries)) {}

  StatusOr<std::vector<std::string>> Symbols() override {
    absl::flat_hash_set<std::string_view> symbols;
    for (const Entry& entry : entries_) {
      for (const Label& label : *entry.labels) symbols.insert({label.name, label.value});
    }
    std::vector<std::string> sorted(symbols.begin(), symbols.end());
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  }
  bool Next() override {
    if (next_ == entries_.size()) return false;
    encoded_ = entries_[next_].chunks->Take();
    views_.clear();
    for (const tsdb::EncodedChunk& chunk : encoded_) views_.push_back(chunk.view());
    ++next_;
    return true;
  }
  const Labels& labels() const override { return *entries_[next_ - 1].labels; }
  std::span<const tsdb::ChunkView> chunks() const override { return views_; }
  Status status() const override { return OkStatus(); }

 private:
  const std::vector<Entry> entries_;
  size_t next_ = 0;
  std::vector<tsdb::EncodedChunk> encoded_;
  std::vector<tsdb::ChunkView> views_;
};

}  // namespace

uint32_t SeriesNumbers::Of(const Labels& labels) {
  const auto [at, is_new] = numbers_.try_emplace(labels, static_cast<uint32_t>(labels_.size()));
  if (is_new) labels_.push_back(std::make_unique<const Labels>(labels));
  return at->second;
}

Status SampleBlock::Add(uint32_t number, int64_t t, double v) {
  const uint64_t batch = samples_++ / kBatch;
  std::unique_ptr<Series>& slot = series_[number];
  if (slot == nullptr) slot = std::make_unique<Series>();
  Series& series = *slot;
  if (series.batch != batch) {
    series.batch = batch;
    series.newest_before = series.newest;
  }
  const auto bits = std::bit_cast<uint64_t>(v);
  if (series.newest != INT64_MIN && t <= series.newest) {
    if (t == series.newest && bits == series.last_bits) return OkStatus();
    if (t < series.newest_before) return OutOfRange("add sample: out of order sample");
    if (t == series.newest_before) {
      return InvalidArgument("add sample: duplicate sample for timestamp");
    }
    ++dropped_;
    return OkStatus();
  }
  series.chunks.Add(t, bits);
  series.newest = t;
  series.last_bits = bits;
  mint_ = std::min(mint_, t);
  maxt_ = std::max(maxt_, t);
  return OkStatus();
}

StatusOr<tsdb::BlockMeta> SampleBlock::Write(const std::string& dir) {
  std::vector<Entry> entries;
  entries.reserve(series_.size());
  for (const auto& [number, series] : series_) {
    entries.push_back({&numbers_->labels(number), &series->chunks});
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return *a.labels < *b.labels; });
  EntrySet set(std::move(entries));
  tsdb::BlockMeta meta;
  meta.min_time = mint_;
  meta.max_time = maxt_ + 1;
  NX_RETURN_IF_ERROR(CreateDirectories(dir));
  auto written = tsdb::BlockWriter(dir).Write(meta, &set);
  series_.clear();
  return written;
}

}  // namespace narthex::promtool
