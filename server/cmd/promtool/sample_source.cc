#include "server/cmd/promtool/sample_source.h"

#include "server/storage/tsdb/chunkenc/chunk_list.h"

namespace narthex::promtool {
namespace {

class QuerierSeriesSet final : public tsdb::ChunkSeriesSet {
 public:
  QuerierSeriesSet(std::unique_ptr<storage::Querier> querier, std::span<const Matcher> matchers,
                   int64_t mint, int64_t maxt)
      : querier_(std::move(querier)), mint_(mint), maxt_(maxt) {
    storage::SelectHints hints;
    hints.sort = true;
    auto list = querier_->Select(hints, matchers);
    status_ = list.status();
    if (list.ok()) list_ = *std::move(list);
  }

  StatusOr<std::vector<std::string>> Symbols() override {
    return Unimplemented("symbols of a querier");
  }
  bool Next() override {
    while (status_.ok() && list_ != nullptr && next_ < list_->size()) {
      const size_t index = next_++;
      columns_.Clear();
      status_ = list_->Read(index, mint_, maxt_, &columns_);
      if (!status_.ok() || columns_.size() == 0) continue;
      labels_ = list_->labels(index);
      Encode();
      return true;
    }
    return false;
  }
  const Labels& labels() const override { return labels_; }
  std::span<const tsdb::ChunkView> chunks() const override { return views_; }
  Status status() const override { return status_; }

 private:
  void Encode() {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (columns_.IsHistogram(i)) {
        encoder_.Add(columns_.timestamps[i], columns_.histograms[columns_.histogram_index[i]]);
      } else {
        encoder_.Add(columns_.timestamps[i], std::bit_cast<uint64_t>(columns_.values[i]));
      }
    }
    encoded_ = encoder_.Take();
    views_.clear();
    for (const tsdb::EncodedChunk& chunk : encoded_) views_.push_back(chunk.view());
  }

  const std::unique_ptr<storage::Querier> querier_;
  const int64_t mint_, maxt_;
  std::unique_ptr<storage::SeriesList> list_;
  size_t next_ = 0;
  Status status_;
  Labels labels_;
  storage::SampleColumns columns_;
  tsdb::ChunkListEncoder encoder_;
  std::vector<tsdb::EncodedChunk> encoded_;
  std::vector<tsdb::ChunkView> views_;
};

}  // namespace

std::unique_ptr<tsdb::ChunkSeriesSet> SeriesOfQuerier(std::unique_ptr<storage::Querier> querier,
                                                      std::span<const Matcher> matchers,
                                                      int64_t mint, int64_t maxt) {
  return std::make_unique<QuerierSeriesSet>(std::move(querier), matchers, mint, maxt);
}

}  // namespace narthex::promtool
