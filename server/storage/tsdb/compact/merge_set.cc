#include "server/storage/tsdb/compact/merge_set.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/storage/tsdb/compact/chunk_merger.h"

namespace narthex::tsdb {
namespace {

class MergedSet final : public ChunkSeriesSet {
 public:
  explicit MergedSet(std::vector<std::unique_ptr<ChunkSeriesSet>> sets) : sets_(std::move(sets)) {}

  StatusOr<std::vector<std::string>> Symbols() override {
    std::vector<std::string> all;
    for (const auto& set : sets_) {
      NX_ASSIGN_OR_RETURN(std::vector<std::string> more, set->Symbols());
      std::vector<std::string> both;
      both.reserve(std::max(all.size(), more.size()));
      std::set_union(std::make_move_iterator(all.begin()), std::make_move_iterator(all.end()),
                     std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()),
                     std::back_inserter(both));
      all = std::move(both);
    }
    return all;
  }

  bool Next() override {
    if (!status_.ok()) return false;
    // All sets move on that showed the current series; at first, that is every one.
    if (!started_) {
      started_ = true;
      for (size_t i = 0; i < sets_.size(); ++i) current_.push_back(i);
    }
    for (const size_t i : current_) {
      if (!Advance(i)) return false;
    }
    current_.clear();
    if (heap_.empty()) return false;
    do {
      std::pop_heap(heap_.begin(), heap_.end(), After{this});
      current_.push_back(heap_.back());
      heap_.pop_back();
    } while (!heap_.empty() && sets_[heap_.front()]->labels() == sets_[current_.front()]->labels());
    return Collect();
  }

  const Labels& labels() const override { return sets_[current_.front()]->labels(); }
  std::span<const ChunkView> chunks() const override { return chunks_; }
  Status status() const override { return status_; }

 private:
  // The front of the heap is the smallest series, of equal ones that of the first set.
  struct After {
    const MergedSet* merged;
    bool operator()(size_t a, size_t b) const {
      const auto order = merged->sets_[a]->labels() <=> merged->sets_[b]->labels();
      return order == 0 ? a > b : order > 0;
    }
  };

  bool Advance(size_t i) {
    if (sets_[i]->Next()) {
      heap_.push_back(i);
      std::push_heap(heap_.begin(), heap_.end(), After{this});
      return true;
    }
    status_ = sets_[i]->status();
    return status_.ok();
  }

  bool Collect() {
    if (current_.size() == 1) {
      chunks_ = sets_[current_.front()]->chunks();
      return true;
    }
    inputs_.clear();
    for (const size_t i : current_) {
      for (const ChunkView& chunk : sets_[i]->chunks()) {
        inputs_.push_back({chunk, static_cast<uint32_t>(i)});
      }
    }
    auto merged = merger_.Merge(&inputs_);
    if (!merged.ok()) {
      status_ = Annotate(merged.status(), labels().ToString());
      return false;
    }
    chunks_ = *merged;
    return true;
  }

  std::vector<std::unique_ptr<ChunkSeriesSet>> sets_;
  std::vector<size_t> heap_;     // sets that wait with their series
  std::vector<size_t> current_;  // sets that have the current series
  std::vector<ChunkMerger::Input> inputs_;
  ChunkMerger merger_;
  std::span<const ChunkView> chunks_;
  Status status_;
  bool started_ = false;
};

}  // namespace

std::unique_ptr<ChunkSeriesSet> MergeSeriesSets(std::vector<std::unique_ptr<ChunkSeriesSet>> sets) {
  if (sets.size() == 1) return std::move(sets.front());
  return std::make_unique<MergedSet>(std::move(sets));
}

}  // namespace narthex::tsdb
