#include "server/storage/tsdb/chunkenc/span_merge.h"

namespace narthex::tsdb {
namespace {

// Walks the bucket indexes of a list of spans.
class Cursor {
 public:
  explicit Cursor(std::span<const BucketSpan> spans) : spans_(spans) { Settle(); }
  bool done() const { return at_ == spans_.size(); }
  int64_t index() const { return index_; }
  void Next() {
    ++index_;
    ++within_;
    Settle();
  }

 private:
  // Goes on to a span that has a bucket left.
  void Settle() {
    while (at_ < spans_.size()) {
      if (!entered_) {
        index_ += spans_[at_].offset;
        entered_ = true;
      }
      if (within_ < spans_[at_].length) return;
      ++at_;
      within_ = 0;
      entered_ = false;
    }
  }
  std::span<const BucketSpan> spans_;
  size_t at_ = 0;
  uint32_t within_ = 0;
  int64_t index_ = 0;
  bool entered_ = false;
};

void AddBucket(int64_t index, int64_t* end, std::vector<BucketSpan>* spans) {
  if (!spans->empty() && index == *end) {
    ++spans->back().length;
  } else {
    spans->push_back({static_cast<int32_t>(index - *end), 1});
  }
  *end = index + 1;
}

}  // namespace

SpanMerge MergeSpans(std::span<const BucketSpan> a, std::span<const BucketSpan> b) {
  SpanMerge merge;
  Cursor ca(a), cb(b);
  int64_t end = 0;
  while (!ca.done() || !cb.done()) {
    const bool take_a = !ca.done() && (cb.done() || ca.index() <= cb.index());
    const bool take_b = !cb.done() && (ca.done() || cb.index() <= ca.index());
    AddBucket(take_a ? ca.index() : cb.index(), &end, &merge.spans);
    const auto at = static_cast<uint32_t>(merge.size++);
    if (take_a) merge.a.push_back(at), ca.Next();
    if (take_b) merge.b.push_back(at), cb.Next();
  }
  return merge;
}

std::vector<int64_t> SpreadDeltas(const std::vector<int64_t>& deltas,
                                  const std::vector<uint32_t>& at, size_t size) {
  std::vector<uint64_t> counts(size);
  uint64_t count = 0;
  for (size_t i = 0; i < deltas.size(); ++i) {
    count += static_cast<uint64_t>(deltas[i]);
    counts[at[i]] = count;
  }
  std::vector<int64_t> out(size);
  uint64_t before = 0;
  for (size_t i = 0; i < size; ++i) {
    out[i] = static_cast<int64_t>(counts[i] - before);
    before = counts[i];
  }
  return out;
}

}  // namespace narthex::tsdb
