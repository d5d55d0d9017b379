#pragma once
// What the API and the pages show of scraping, as plain values.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/labels/labels.h"

namespace narthex::scrape {

enum class Health { kUnknown, kUp, kDown };
std::string_view HealthToString(Health health);  // "unknown", "up", "down"

struct ActiveTarget {
  std::string pool;
  Labels discovered_labels;  // before relabelling
  Labels labels;             // without those that begin with __
  std::string scrape_url;
  std::string last_error;
  int64_t last_scrape_nanos = 0;  // 0: never
  double last_scrape_duration_seconds = 0;
  Health health = Health::kUnknown;
  int64_t interval_ms = 0;
  int64_t timeout_ms = 0;
};

struct DroppedTarget {
  std::string pool;
  Labels discovered_labels;
};

struct TargetsSnapshot {
  std::vector<ActiveTarget> active;           // by pool, then URL
  std::vector<DroppedTarget> dropped;         // at most keep_dropped_targets of each pool
  std::map<std::string, int> dropped_counts;  // of each pool, all of them
};

struct MetricMetadata {
  std::string metric, type, help, unit;
  friend auto operator<=>(const MetricMetadata&, const MetricMetadata&) = default;
};

struct TargetMetadata {
  Labels target;
  MetricMetadata metadata;
};

}  // namespace narthex::scrape
