#include "kube_state_metrics/custom/config.h"

#include "core/labels/names.h"
#include "kube_state_metrics/custom/path.h"

namespace narthex::ksm::custom {
namespace {

struct Spec {
  std::vector<ResourceConfig> resources;
  void Describe(config::Fields& f) {
    f.Type("customresourcestate.MetricsSpec");
    f.Field("resources", resources);
  }
};

struct Document {
  std::string kind, api_version;
  Spec spec;
  void Describe(config::Fields& f) {
    f.Type("customresourcestate.Metrics");
    f.Field("kind", kind);
    f.Field("apiVersion", api_version);
    f.Field("spec", spec);
  }
};

// The body of `each`: gauge, info or stateSet.
struct Body {
  Each* each;
  FamilyType type;
  void Describe(config::Fields& f) {
    f.Type("customresourcestate.Metric");
    f.Field("path", each->path);
    f.Field("labelsFromPath", each->labels_from_path);
    if (type != FamilyType::kStateSet) f.Field("labelFromKey", each->label_from_key);
    if (type != FamilyType::kInfo) f.Field("valueFrom", each->value_from);
    if (type == FamilyType::kGauge) f.Field("nilIsZero", each->nil_is_zero);
    if (type == FamilyType::kStateSet) {
      f.Field("list", each->list);
      f.Field("labelName", each->label_name);
    }
  }
};

Status CheckPaths(const std::map<std::string, PathText>& paths) {
  for (const auto& [label, path] : paths) {
    if (Status status = Path::Compile(path).status(); !status.ok()) {
      return Annotate(status, "labelsFromPath." + label);
    }
  }
  return OkStatus();
}

Status CheckLabelName(const std::string& name) {
  if (name.empty() || IsLegacyLabelName(name)) return OkStatus();
  return InvalidArgument("invalid label name \"{}\"", name);
}

Status CheckLabelNames(const std::map<std::string, std::string>& labels) {
  for (const auto& [name, value] : labels) NX_RETURN_IF_ERROR(CheckLabelName(name));
  return OkStatus();
}

}  // namespace

void Each::Describe(config::Fields& f) {
  f.Type("customresourcestate.MetricDefinition");
  f.Field("type", type_name_);
  constexpr std::pair<std::string_view, FamilyType> kBodies[] = {
      {"gauge", FamilyType::kGauge},
      {"info", FamilyType::kInfo},
      {"stateSet", FamilyType::kStateSet}};
  for (const auto& [key, body_type] : kBodies) {
    const config::Node* node = f.Take(key);
    if (node == nullptr) continue;
    ++bodies_;
    body_type_ = body_type;
    Body body{this, body_type};
    if (!node->is_mapping()) {
      f.Fail(InvalidArgument("line {}: {} is no mapping", node->line, key));
      continue;
    }
    config::Fields fields = config::Fields::ForDecode(*f.context(), *node);
    body.Describe(fields);
    fields.Finish(f.context()->error_count());
  }
}

Status Each::AfterDecode() {
  if (type_name_ == "Gauge") {
    type = FamilyType::kGauge;
  } else if (type_name_ == "Info") {
    type = FamilyType::kInfo;
  } else if (type_name_ == "StateSet") {
    type = FamilyType::kStateSet;
  } else {
    return InvalidArgument("each.type: unknown metric type \"{}\"", type_name_);
  }
  if (bodies_ != 1 || body_type_ != type) {
    return InvalidArgument("expected each.{} to not be nil, and nothing beside it", type_name_);
  }
  NX_RETURN_IF_ERROR(CheckLabelName(label_name));
  NX_RETURN_IF_ERROR(CheckLabelName(label_from_key));
  NX_RETURN_IF_ERROR(Annotate(Path::Compile(path).status(), "each.path"));
  NX_RETURN_IF_ERROR(Annotate(Path::Compile(value_from).status(), "each.valueFrom"));
  if (type == FamilyType::kStateSet && label_name.empty()) {
    return InvalidArgument("each.stateSet.labelName must be set");
  }
  return CheckPaths(labels_from_path);
}

void Metric::Describe(config::Fields& f) {
  f.Type("customresourcestate.Generator");
  f.Field("name", name);
  f.Field("help", help);
  f.Field("each", each);
  f.Field("commonLabels", common_labels);
  f.Field("labelsFromPath", labels_from_path);
  f.Field("errorLogV", error_log_v);
}

Status Metric::AfterDecode() {
  if (name.empty()) return InvalidArgument("a metric of a custom resource has no name");
  NX_RETURN_IF_ERROR(CheckLabelNames(common_labels));
  return CheckPaths(labels_from_path);
}

void GroupVersionKind::Describe(config::Fields& f) {
  f.Type("customresourcestate.GroupVersionKind");
  f.Field("group", group);
  f.Field("version", version);
  f.Field("kind", kind);
}

void ResourceConfig::Describe(config::Fields& f) {
  f.Type("customresourcestate.Resource");
  f.Field("groupVersionKind", gvk);
  f.Field("resourcePlural", plural);
  f.Field("metricNamePrefix", metric_name_prefix);
  f.Field("commonLabels", common_labels);
  f.Field("labelsFromPath", labels_from_path);
  f.Field("errorLogV", error_log_v);
  f.Field("metrics", metrics);
}

Status ResourceConfig::AfterDecode() {
  if (gvk.version.empty() || gvk.kind.empty()) {
    return InvalidArgument("groupVersionKind needs version and kind; \"*\" stands for any");
  }
  NX_RETURN_IF_ERROR(CheckLabelNames(common_labels));
  const std::string prefix = metric_name_prefix.value_or("kube_customresource");
  for (const Metric& metric : metrics) {
    const std::string full = prefix.empty() ? metric.name : prefix + "_" + metric.name;
    if (!IsLegacyMetricName(full)) return InvalidArgument("invalid metric name \"{}\"", full);
  }
  return CheckPaths(labels_from_path);
}

StatusOr<std::vector<ResourceConfig>> ParseConfig(std::string_view yaml) {
  Document document;
  NX_RETURN_IF_ERROR(config::Decode(yaml, &document));
  if (document.kind != "CustomResourceStateMetrics" && !document.kind.empty()) {
    return InvalidArgument("kind \"{}\" is not CustomResourceStateMetrics", document.kind);
  }
  return std::move(document.spec.resources);
}

}  // namespace narthex::ksm::custom
