#pragma once
// An alert on its way to the Alertmanagers, and what the API shows of them: plain values.

#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/labels/labels.h"

namespace narthex::notifier {

// By name. Unlike labels, annotations keep empty values.
using Annotations = std::vector<std::pair<std::string, std::string>>;

struct Alert {
  Labels labels;
  Annotations annotations;
  TimestampMs starts_at = 0;
  TimestampMs ends_at = 0;
  std::string generator_url;
};

// The URLs alerts are posted to, and those that relabelling dropped.
struct Alertmanagers {
  std::vector<std::string> active, dropped;
};

}  // namespace narthex::notifier
