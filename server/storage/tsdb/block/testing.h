#pragma once
// Helpers of the tests of blocks: a directory that goes away, series given as samples.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/storage/tsdb/block/block.h"
#include "server/storage/tsdb/block/block_writer.h"
#include "server/storage/tsdb/chunkenc/xor_chunk.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

namespace narthex::tsdb::block_testing {

using Samples = std::vector<std::pair<int64_t, uint64_t>>;  // values by their bits
using Contents = std::map<Labels, Samples>;

// A ChunkSeriesSet over samples; XOR chunks of `per_chunk`.
class SampleSet final : public ChunkSeriesSet {
 public:
  explicit SampleSet(const Contents& contents, int per_chunk = kSamplesPerChunk)
      : next_(contents.begin()), contents_(contents), per_chunk_(per_chunk) {}

  StatusOr<std::vector<std::string>> Symbols() override {
    std::map<std::string, int> symbols;
    for (const auto& [labels, samples] : contents_) {
      for (const Label& label : labels)
        ++symbols[std::string(label.name)], ++symbols[std::string(label.value)];
    }
    std::vector<std::string> sorted;
    for (const auto& [symbol, n] : symbols) sorted.push_back(symbol);
    return sorted;
  }
  bool Next() override {
    if (next_ == contents_.end() || !status_.ok()) return false;
    labels_ = next_->first;
    bytes_.clear();
    chunks_.clear();
    std::vector<ChunkView> views;
    XorChunk chunk;
    const auto seal = [&] {
      bytes_.push_back(std::make_unique<std::string>(chunk.bytes()));
      chunks_.push_back({chunk.first_time(), chunk.last_time(), Encoding::kXor, *bytes_.back()});
      chunk.Clear();
    };
    for (const auto& [t, bits] : next_->second) {
      chunk.Append(t, bits);
      if (chunk.count() == per_chunk_) seal();
    }
    if (chunk.count() > 0) seal();
    ++next_;
    if (fail_after_ > 0 && --fail_after_ == 0) status_ = DataLoss("the test says so");
    return status_.ok();
  }
  const Labels& labels() const override { return labels_; }
  std::span<const ChunkView> chunks() const override { return chunks_; }
  Status status() const override { return status_; }
  // The n-th Next fails.
  void FailAfter(int n) { fail_after_ = n; }

 private:
  Contents::const_iterator next_;
  const Contents& contents_;
  const int per_chunk_;
  int fail_after_ = 0;
  Status status_;
  Labels labels_;
  std::vector<std::unique_ptr<std::string>> bytes_;
  std::vector<ChunkView> chunks_;
};

inline Matcher Match(MatchType type, std::string name, std::string value) {
  auto matcher = Matcher::Create(type, std::move(name), std::move(value));
  REQUIRE(matcher.ok());
  return *matcher;
}

// Writes a block over [mint, maxt) and opens it.
inline std::shared_ptr<Block> WriteAndOpen(const std::string& dir, const Contents& contents,
                                           int64_t mint, int64_t maxt,
                                           BlockWriter::Options options = {},
                                           int per_chunk = kSamplesPerChunk) {
  SampleSet set(contents, per_chunk);
  BlockMeta meta;
  meta.min_time = mint;
  meta.max_time = maxt;
  const auto written = BlockWriter(dir, options).Write(meta, &set);
  if (!written.ok()) FAIL(std::string(MessageOf(written.status())));
  auto block = Block::Open(dir + "/" + written->ulid.ToString());
  if (!block.ok()) FAIL(std::string(MessageOf(block.status())));
  return *block;
}

inline Contents Query(const storage::Querier& querier, std::span<const Matcher> matchers) {
  const auto list = querier.Select({}, matchers);
  if (!list.ok()) FAIL(std::string(MessageOf(list.status())));
  Contents contents;
  for (size_t i = 0; i < (*list)->size(); ++i) {
    storage::SampleColumns columns;
    const Status status = (*list)->Read(i, INT64_MIN, INT64_MAX, &columns);
    if (!status.ok()) FAIL(std::string(MessageOf(status)));
    Samples& samples = contents[(*list)->labels(i)];
    for (size_t k = 0; k < columns.size(); ++k) {
      samples.emplace_back(columns.timestamps[k], std::bit_cast<uint64_t>(columns.values[k]));
    }
  }
  return contents;
}

}  // namespace narthex::tsdb::block_testing
