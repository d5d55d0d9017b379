#pragma once
// Deleted ranges of the series of a block, and their file:
//
//   ┌ u32 0x0130BA30 ┬ u8 1 ┬ (uvarint series ref ┬ varint mint ┬ varint maxt)* ┬ u32 CRC-32C ┐
//
// The checksum covers the triples. Ranges are closed; the file may be absent.
//
// Thread safety: const methods may run concurrently.
// Invariant: the ranges of a series ascend, and neither overlap nor touch.

#include <absl/container/btree_map.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace narthex::tsdb {

inline constexpr std::string_view kTombstonesFile = "tombstones";

struct Interval {
  int64_t mint = 0;
  int64_t maxt = 0;  // both inclusive
  friend bool operator==(const Interval&, const Interval&) = default;
};

// Adds a range to a list that holds the invariant above.
void AddInterval(Interval interval, std::vector<Interval>* intervals);
// Is [mint, maxt] inside one of the ranges?
bool IsCovered(std::span<const Interval> intervals, int64_t mint, int64_t maxt);
// Does one of the ranges touch [mint, maxt]?
bool Overlaps(std::span<const Interval> intervals, int64_t mint, int64_t maxt);
// The parts of [mint, maxt] outside of the ranges, ascending.
std::vector<Interval> Subtract(std::span<const Interval> intervals, int64_t mint, int64_t maxt);

class Tombstones {
 public:
  using Map = absl::btree_map<uint64_t, std::vector<Interval>>;

  void Add(uint64_t series, Interval interval);
  void Add(uint64_t series, std::span<const Interval> intervals);
  // Empty when nothing of the series is deleted.
  std::span<const Interval> Get(uint64_t series) const;
  bool empty() const { return by_series_.empty(); }
  uint64_t intervals() const;  // what meta.json counts
  const Map& by_series() const { return by_series_; }

  std::string Encode() const;
  static StatusOr<Tombstones> Decode(std::string_view file);

 private:
  Map by_series_;
};

// None when there is no file.
StatusOr<Tombstones> ReadTombstones(const std::string& block_dir);
// Atomically and synced.
Status WriteTombstones(const std::string& block_dir, const Tombstones& tombstones);

}  // namespace narthex::tsdb
