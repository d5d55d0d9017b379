#pragma once
// The label pairs with the most series, kept up to date as series come and go, so that the question
// for them does not look at all pairs.
//
// The pairs are exactly those with at least threshold() series. The threshold doubles when they
// become too many, and never falls again: when too few are left, whoever asks must look at all
// pairs.
//
// Thread safety: guarded by the lock of the index.

#include <absl/container/flat_hash_set.h>

#include <cstdint>

namespace narthex::tsdb {

class HeavyPairs {
 public:
  explicit HeavyPairs(size_t most = 4096) : most_(most) {}

  static uint64_t Key(uint32_t name, uint32_t value) { return uint64_t{name} << 32 | value; }
  static uint32_t NameOf(uint64_t key) { return static_cast<uint32_t>(key >> 32); }
  static uint32_t ValueOf(uint64_t key) { return static_cast<uint32_t>(key); }

  // A pair has got its `count`th series. `count_of` tells how many another pair has.
  template <typename CountOf>
  void Raised(uint64_t key, uint32_t count, CountOf&& count_of) {
    if (count != threshold_) return;
    pairs_.insert(key);
    while (pairs_.size() > most_) {
      threshold_ *= 2;
      absl::erase_if(pairs_, [&](uint64_t k) { return count_of(k) < threshold_; });
    }
  }
  // A pair has lost series.
  void Lowered(uint64_t key, uint32_t from, uint32_t to) {
    if (from >= threshold_ && to < threshold_) pairs_.erase(key);
  }
  // Whether the `n` pairs with the most series are among ours.
  bool Suffice(size_t n) const { return threshold_ == 1 || pairs_.size() >= n; }
  uint32_t threshold() const { return threshold_; }
  const absl::flat_hash_set<uint64_t>& pairs() const { return pairs_; }

 private:
  const size_t most_;
  uint32_t threshold_ = 1;
  absl::flat_hash_set<uint64_t> pairs_;
};

}  // namespace narthex::tsdb
