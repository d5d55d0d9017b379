#include "server/promql/engine/window_bounds.h"

namespace narthex::promql {
namespace {

uint64_t NewShape() {
  thread_local uint64_t last = 0;
  return ++last;
}

}  // namespace

// Windows move forward with the steps, so both bounds only ever advance.
void WindowBounds::Find(const std::vector<int64_t>& timestamps) {
  if (shape_ != 0 && timestamps == timestamps_) return;
  timestamps_ = timestamps;
  shape_ = NewShape();
  const size_t steps = windows_.steps.steps;
  const auto n = static_cast<uint32_t>(timestamps.size());
  const int64_t* const times = timestamps.data();
  lo_.resize(steps);
  hi_.resize(steps);
  filled_.assign(PresenceWords(steps), 0);
  uint32_t* const los = lo_.data();
  uint32_t* const his = hi_.data();
  uint32_t l = 0;
  uint32_t h = 0;
  for (size_t i = 0; i < steps; ++i) {
    const TimestampMs end = windows_.end(i);
    const TimestampMs begin = end - windows_.range_ms - windows_.before_ms;
    while (h < n && times[h] <= end + windows_.after_ms) ++h;
    while (l < h && times[l] <= begin) ++l;
    los[i] = l;
    his[i] = h;
    filled_[i / 64] |= uint64_t{l < h} << (i % 64);
  }
}

}  // namespace narthex::promql
