#pragma once
// The times of a group's newest ticks, six bytes each: there are two groups a target, and an idle
// target is little more than its groups.
//
// Thread safety: one writer. A reader may ask for the ticks whose samples it found under a lock
// that the writer took after them: those entries are stable while the samples are there.

#include <cstdint>

namespace narthex::tsdb {

class TickRing {
 public:
  static constexpr uint32_t kTicks = 128;

  // Times more than 4,400 years from 1970 have no place.
  static constexpr bool Holds(int64_t t) { return t >> 47 == 0 || t >> 47 == -1; }

  // Of one of the newest kTicks ticks; only the low bits of a tick's number count.
  int64_t operator[](uint32_t tick) const {
    const uint32_t at = tick % kTicks;
    return int64_t{high_[at]} << 32 | low_[at];
  }
  void Set(uint32_t tick, int64_t t) {
    low_[tick % kTicks] = static_cast<uint32_t>(t);
    high_[tick % kTicks] = static_cast<int16_t>(t >> 32);
  }

 private:
  uint32_t low_[kTicks] = {};
  int16_t high_[kTicks] = {};
};

}  // namespace narthex::tsdb
