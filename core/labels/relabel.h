#pragma once
// Relabelling: the rewrite rules of relabel_configs, metric_relabel_configs, alert_relabel_configs
// and write_relabel_configs.
//
//   RelabelConfig   what the configuration says: plain values with upstream's defaults
//   RelabelRule     the same, validated and compiled once
//   Relabel()       runs a list of rules over a label set
//
// Thread safety: RelabelRule is immutable; Relabel may run concurrently on different builders.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/labels/labels.h"
#include "core/labels/names.h"

namespace narthex {

class AnchoredRegex;

enum class RelabelAction : uint8_t {
  kReplace,
  kKeep,
  kDrop,
  kKeepEqual,
  kDropEqual,
  kHashMod,
  kLabelMap,
  kLabelDrop,
  kLabelKeep,
  kLowercase,
  kUppercase,
};

// Any case. InvalidArgument: unknown relabel action "x".
StatusOr<RelabelAction> ParseRelabelAction(std::string_view text);
std::string_view RelabelActionToString(RelabelAction action);

struct RelabelConfig {
  static constexpr std::string_view kDefaultSeparator = ";";
  static constexpr std::string_view kDefaultRegex = "(.*)";
  static constexpr std::string_view kDefaultReplacement = "$1";

  std::vector<std::string> source_labels;
  std::string separator{kDefaultSeparator};
  std::string regex{kDefaultRegex};
  uint64_t modulus = 0;
  std::string target_label;
  std::string replacement{kDefaultReplacement};
  RelabelAction action = RelabelAction::kReplace;

  friend bool operator==(const RelabelConfig&, const RelabelConfig&) = default;
};

class RelabelRule {
 public:
  // Validates in upstream's wording and compiles the expression.
  static StatusOr<RelabelRule> Compile(RelabelConfig config,
                                       NameValidation validation = NameValidation::kUtf8);

  const RelabelConfig& config() const { return config_; }
  // False when the rule drops the label set.
  bool Apply(LabelsBuilder* labels) const;

 private:
  RelabelRule() = default;
  void Replace(const std::string& value, LabelsBuilder* labels) const;
  void MapLabels(LabelsBuilder* labels) const;
  void FilterLabels(bool drop_matching, LabelsBuilder* labels) const;

  RelabelConfig config_;
  NameValidation validation_ = NameValidation::kUtf8;
  bool constant_ = false;  // neither target nor replacement refers to a group
  bool matches_everything_ = false;
  std::shared_ptr<const AnchoredRegex> regex_;
};

using RelabelRules = std::vector<RelabelRule>;

// Compiles a list; the error is that of the first bad rule.
StatusOr<RelabelRules> CompileRelabelRules(std::span<const RelabelConfig> configs,
                                           NameValidation validation = NameValidation::kUtf8);

// Runs the rules in order. False: the label set is dropped, *labels is left as the dropping rule
// found it.
bool Relabel(std::span<const RelabelRule> rules, LabelsBuilder* labels);

}  // namespace narthex
