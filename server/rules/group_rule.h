#pragma once
// One rule of a group with its state. Inside of server/rules.

#include "server/rules/group.h"

namespace narthex::rules {

struct Group::Rule {
  RuleSpec spec;
  std::vector<std::pair<std::string, AlertTemplate>> labels, annotations;  // alerting rules only
  std::unique_ptr<OutputSeries> output;
  bool restored = true;

  // Guarded by the group's mutex for readers.
  AlertSet alerts;
  RuleHealth health = RuleHealth::kUnknown;
  std::string last_error;
  double evaluation_seconds = 0;
  int64_t last_evaluation_nanos = 0;
};

}  // namespace narthex::rules
