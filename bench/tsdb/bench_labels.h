#pragma once
// The series that the storage benches write: ten labels, six of them those of the target.

#include <fmt/format.h>

#include "core/labels/labels.h"

namespace narthex::tsdb {

inline Labels LabelsOf(size_t target, size_t i) {
  return Labels{
      {"__name__", fmt::format("node_metric_{}_total", i / 10)},
      {"cluster", "production-eu-1"},
      {"datacenter", fmt::format("dc{}", target % 4)},
      {"environment", "production"},
      {"instance", fmt::format("10.{}.{}.{}:9100", target / 200, target % 200, target % 7)},
      {"job", "node-exporter"},
      {"team", fmt::format("team-{}", target % 12)},
      {"device", fmt::format("dev{}", i % 10)},
      {"mode", i % 3 == 0 ? "read" : "write"},
      {"unit", fmt::format("u{}", i % 25)}};
}

}  // namespace narthex::tsdb
