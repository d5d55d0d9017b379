#include "tests/crash/workload.h"

#include <fmt/format.h>

namespace narthex::crash {

Labels GroupSeries(int group, int series) {
  return Labels{{"__name__", fmt::format("m{}", series)}, {"group", fmt::format("{}", group)}};
}

Labels ChurningSeries(int group, int tick) {
  return Labels{{"__name__", "churn"},
                {"epoch", fmt::format("{}", tick / kChurn)},
                {"group", fmt::format("{}", group)}};
}

double GroupValue(int group, int series, int tick) {
  switch (series % 4) {
    case 0: return tick * (group + 1);
    case 1: return tick * 0.37 + group;
    case 2: return group;
    default: return tick % 5 == 0 ? 1.0 / (tick + 1) : 0.25;
  }
}

Labels LoneSeries(int lone) { return Labels{{"__name__", "lone"}, {"n", fmt::format("{}", lone)}}; }
bool HasLone(int lone, int tick) { return (tick + lone) % 3 == 0; }
double LoneValue(int lone, int tick) { return tick * 1.5 + lone; }

std::vector<ExpectedSample> SamplesOfTick(int tick) {
  std::vector<ExpectedSample> samples;
  for (int group = 0; group < kGroups; ++group) {
    for (int series = 0; series < kSeries; ++series) {
      samples.push_back(
          {GroupSeries(group, series).ToString(), TimeOf(tick), GroupValue(group, series, tick)});
    }
    samples.push_back(
        {ChurningSeries(group, tick).ToString(), TimeOf(tick), GroupValue(group, kSeries, tick)});
  }
  for (int lone = 0; lone < kLone; ++lone) {
    if (!HasLone(lone, tick)) continue;
    samples.push_back({LoneSeries(lone).ToString(), LoneTime(lone, tick), LoneValue(lone, tick)});
  }
  return samples;
}

tsdb::Options CrashOptions(const std::string& dir) {
  tsdb::Options options;
  options.dir = dir;
  options.chunk_range_ms = kRange;
  options.max_block_ms = 9 * kRange;
  options.retention_ms = kRetention;
  options.wal_segment_bytes = 16 << 10;
  options.wal_checkpoint_bytes = 64 << 10;
  options.wal_flush_window = std::chrono::milliseconds(0);
  options.wal_sync_interval = std::chrono::milliseconds(50);
  options.maintenance_interval = std::chrono::milliseconds(0);
  return options;
}

}  // namespace narthex::crash
