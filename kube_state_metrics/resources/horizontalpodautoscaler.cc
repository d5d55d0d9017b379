#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {
namespace {

// What a metric of spec.metrics or status.currentMetrics is about, whatever its type.
struct Metric {
  std::string_view name, container;
  const Json* amounts = nullptr;  // target or current
};

std::optional<Metric> MetricOf(const Json& metric, std::string_view amounts) {
  const std::string& type = Text(metric["type"]);
  if (type == "Object" || type == "Pods" || type == "External") {
    const Json& source = metric[type == "Object" ? "object" : type == "Pods" ? "pods" : "external"];
    return Metric{Text(source["metric"]["name"]), "", &source[amounts]};
  }
  if (type == "Resource") {
    return Metric{Text(metric["resource"]["name"]), "", &metric["resource"][amounts]};
  }
  if (type == "ContainerResource") {
    const Json& source = metric["containerResource"];
    return Metric{Text(source["name"]), Text(source["container"]), &source[amounts]};
  }
  return std::nullopt;
}

Generator TargetMetrics(std::string_view part, std::string_view list, std::string_view amounts) {
  return [part, list, amounts](const Json& object, SeriesSink& out) {
    for (const Json& item : object[part][list].items()) {
      const auto metric = MetricOf(item, amounts);
      if (!metric) continue;
      const auto add = [&](std::string_view type, double value) {
        std::vector<Label> labels{{"metric_name", metric->name}, {"metric_target_type", type}};
        if (!metric->container.empty())
          labels.emplace(labels.begin(), "container", metric->container);
        out.Add(labels, value);
      };
      const Json& target = *metric->amounts;
      if (const auto value = QuantityOf(target["value"])) add("value", value->milli / 1000);
      if (const auto value = QuantityOf(target["averageValue"]))
        add("average", value->milli / 1000);
      if (target["averageUtilization"].is_number()) {
        add("utilization", target["averageUtilization"].AsDouble());
      }
    }
  };
}

void AddInfo(const Json& object, SeriesSink& out) {
  const Json& target = object["spec"]["scaleTargetRef"];
  std::vector<Label> labels;
  if (!Text(target["apiVersion"]).empty()) {
    labels.emplace_back("scaletargetref_api_version", Text(target["apiVersion"]));
  }
  labels.emplace_back("scaletargetref_kind", Text(target["kind"]));
  labels.emplace_back("scaletargetref_name", Text(target["name"]));
  out.Add(labels, 1);
}

Generator Tolerance(std::string_view direction) {
  return [direction](const Json& object, SeriesSink& out) {
    const auto tolerance = QuantityOf(object["spec"]["behavior"][direction]["tolerance"]);
    if (tolerance) out.Add(tolerance->milli / 1000);
  };
}

}  // namespace

void DeclareHorizontalPodAutoscalers(FamilyList& f) {
  f.Alpha("info", "Information about this autoscaler.", AddInfo);
  f.Stable("metadata_generation",
           "The generation observed by the HorizontalPodAutoscaler controller.",
           Number("metadata", "generation"));
  f.Stable(
      "spec_max_replicas",
      "Upper limit for the number of pods that can be set by the autoscaler; cannot be smaller "
      "than MinReplicas.",
      Number("spec", "maxReplicas"));
  f.Stable("spec_min_replicas",
           "Lower limit for the number of pods that can be set by the autoscaler, default 1.",
           OptionalNumber("spec", "minReplicas"));
  f.Alpha("spec_target_metric",
          "The metric specifications used by this autoscaler when calculating the desired replica "
          "count.",
          TargetMetrics("spec", "metrics", "target"));
  f.Stable("status_target_metric",
           "The current metric status used by this autoscaler when calculating the desired replica "
           "count.",
           TargetMetrics("status", "currentMetrics", "current"));
  f.Stable("status_current_replicas",
           "Current number of replicas of pods managed by this autoscaler.",
           Number("status", "currentReplicas"));
  f.Stable("status_desired_replicas",
           "Desired number of replicas of pods managed by this autoscaler.",
           Number("status", "desiredReplicas"));
  f.Annotations();
  f.Labels(Stability::kStable);
  f.Stable("status_condition", "The condition of this autoscaler.",
           [](const Json& object, SeriesSink& out) { AddConditions(out, object); });
  f.Alpha("created", "Unix creation timestamp", Time("metadata", "creationTimestamp"));
  f.DeletionTimestamp();
  f.Alpha("spec_behavior_scale_up_tolerance", "Tolerance of this autoscaler when it scales up.",
          Tolerance("scaleUp"));
  f.Alpha("spec_behavior_scale_down_tolerance", "Tolerance of this autoscaler when it scales down.",
          Tolerance("scaleDown"));
}

}  // namespace narthex::ksm
