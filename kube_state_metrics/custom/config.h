#pragma once
// The configuration of custom resource state: which members of which custom resources become
// metrics. A document of kind CustomResourceStateMetrics.
//
// Thread safety: plain values.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/config/decode.h"
#include "kube_state_metrics/families/family.h"

namespace narthex::ksm::custom {

using PathText = std::vector<std::string>;

// What a metric's series are made of. All three types share one shape; what a type does not know is
// refused.
struct Each {
  FamilyType type = FamilyType::kGauge;
  PathText path, value_from;
  std::string label_from_key, label_name;
  std::map<std::string, PathText> labels_from_path;
  std::vector<std::string> list;
  bool nil_is_zero = false;

  void Describe(config::Fields& f);
  Status AfterDecode();

 private:
  std::string type_name_;
  int bodies_ = 0;  // of gauge, info, stateSet
  FamilyType body_type_ = FamilyType::kGauge;
};

struct Metric {
  std::string name, help;
  Each each;
  std::map<std::string, std::string> common_labels;
  std::map<std::string, PathText> labels_from_path;
  int64_t error_log_v = 0;

  void Describe(config::Fields& f);
  Status AfterDecode();
};

struct GroupVersionKind {
  std::string group, version, kind;  // version and kind may be "*"
  void Describe(config::Fields& f);
  friend auto operator<=>(const GroupVersionKind&, const GroupVersionKind&) = default;
};

struct ResourceConfig {
  GroupVersionKind gvk;
  std::string plural;
  std::optional<std::string> metric_name_prefix;  // absent: kube_customresource
  std::map<std::string, std::string> common_labels;
  std::map<std::string, PathText> labels_from_path;
  int64_t error_log_v = 0;
  std::vector<Metric> metrics;

  void Describe(config::Fields& f);
  Status AfterDecode();
};

// The resources of the document; every path has been checked.
StatusOr<std::vector<ResourceConfig>> ParseConfig(std::string_view yaml);

}  // namespace narthex::ksm::custom
