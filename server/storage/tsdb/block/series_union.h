#pragma once
// The union of postings lists. Few references are kept as a list, many as bits, so that memory is
// bounded by the size of the index, however often its lists overlap.

#include <cstdint>
#include <vector>

#include "server/storage/tsdb/index/index_reader.h"

namespace narthex::tsdb {

class SeriesUnion {
 public:
  // References at or above `limit` are ignored: no sound index has any.
  explicit SeriesUnion(uint32_t limit) : limit_(limit) {}

  void Add(const PostingsList& list) {
    for (uint32_t i = 0; i < list.size(); ++i) Add(list[i]);
  }
  void Add(uint32_t ref) {
    if (ref >= limit_) return;
    sorted_ = sorted_ && (list_.empty() || list_.back() < ref);
    list_.push_back(ref);
    if (list_.size() >= kMaxList && !sorted_ && list_.size() >= limit_ / 64) Spill();
  }
  // Ascending and unique; the union is empty afterwards.
  std::vector<uint32_t> Take();

 private:
  static constexpr size_t kMaxList = 4096;
  void Spill();

  uint32_t limit_;
  bool sorted_ = true;
  std::vector<uint32_t> list_;
  std::vector<uint64_t> bits_;
};

}  // namespace narthex::tsdb
