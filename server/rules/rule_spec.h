#pragma once
// Rules as the files say them, validated: plain values that compare.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/labels/labels.h"

namespace narthex::rules {

using NamedTexts = std::vector<std::pair<std::string, std::string>>;  // by name, values may be ""

struct RuleSpec {
  bool is_alert = false;
  std::string name;   // of the series or of the alert
  std::string expr;   // printed canonically
  NamedTexts labels;  // the group's included; templates for alerts
  NamedTexts annotations;
  int64_t for_ms = 0;
  int64_t keep_firing_for_ms = 0;

  friend bool operator==(const RuleSpec&, const RuleSpec&) = default;
};

struct GroupSpec {
  std::string file, name;
  int64_t interval_ms = 0;
  int64_t query_offset_ms = 0;
  int64_t limit = 0;
  std::vector<RuleSpec> rules;

  friend bool operator==(const GroupSpec&, const GroupSpec&) = default;
};

}  // namespace narthex::rules
