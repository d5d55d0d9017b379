#include "server/storage/tsdb/compact/observe.h"

#include <utility>

namespace narthex::tsdb {
namespace {

class ObservedSet final : public ChunkSeriesSet {
 public:
  ObservedSet(std::unique_ptr<ChunkSeriesSet> set, ChunkObserver observer)
      : set_(std::move(set)), observer_(std::move(observer)) {}
  StatusOr<std::vector<std::string>> Symbols() override { return set_->Symbols(); }
  bool Next() override {
    if (!set_->Next()) return false;
    for (const ChunkView& chunk : set_->chunks()) observer_(chunk);
    return true;
  }
  const Labels& labels() const override { return set_->labels(); }
  std::span<const ChunkView> chunks() const override { return set_->chunks(); }
  Status status() const override { return set_->status(); }

 private:
  const std::unique_ptr<ChunkSeriesSet> set_;
  const ChunkObserver observer_;
};

}  // namespace

std::unique_ptr<ChunkSeriesSet> ObserveChunks(std::unique_ptr<ChunkSeriesSet> set,
                                              ChunkObserver observer) {
  if (!observer) return set;
  return std::make_unique<ObservedSet>(std::move(set), std::move(observer));
}

}  // namespace narthex::tsdb
