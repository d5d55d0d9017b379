#pragma once
// What the crash campaign writes: a pure function of the tick, so that whoever looks at a directory
// afterwards knows every sample that may be in it.
//
// A tick is one second. In it, kGroups sources commit all their series; one of them replaces a
// series by another every kChurn ticks; kLone series get samples of their own at odd times.

#include <cstdint>
#include <string>
#include <vector>

#include "core/labels/labels.h"
#include "server/storage/tsdb/options.h"

namespace narthex::crash {

inline constexpr int64_t kStart = 1'700'000'040'000;  // a multiple of the block range
inline constexpr int64_t kRange = 60'000;
inline constexpr int64_t kRetention = 20 * kRange;
inline constexpr int kGroups = 3;
inline constexpr int kSeries = 6;
inline constexpr int kChurn = 37;
inline constexpr int kLone = 3;

inline int64_t TimeOf(int tick) { return kStart + int64_t{tick} * 1000; }

// The series of a group in a tick, the replaced one last.
Labels GroupSeries(int group, int series);
Labels ChurningSeries(int group, int tick);
double GroupValue(int group, int series, int tick);
Labels LoneSeries(int lone);
bool HasLone(int lone, int tick);
inline int64_t LoneTime(int lone, int tick) { return TimeOf(tick) + 137 * (lone + 1); }
double LoneValue(int lone, int tick);

struct ExpectedSample {
  std::string series;
  int64_t time;
  double value;
};
std::vector<ExpectedSample> SamplesOfTick(int tick);

tsdb::Options CrashOptions(const std::string& dir);

}  // namespace narthex::crash
