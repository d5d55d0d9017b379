// Families about the state of a pod: phase, conditions, reasons.

#include <algorithm>

#include "kube_state_metrics/resources/object.h"
#include "kube_state_metrics/resources/pod.h"

namespace narthex::ksm {
namespace {

// Reasons that are shown under their own name; others are "Other".
constexpr std::string_view kReasons[] = {
    "Evicted",   "NodeAffinity", "NodeLost", "OutOfcpu",   "OutOfmemory",
    "OutOfpods", "Preempting",   "Shutdown", "Terminated", "UnexpectedAdmissionError"};
constexpr std::string_view kDisruptionReasons[] = {"DeletionByPodGC", "DeletionByTaintManager",
                                                   "EvictionByEvictionAPI", "PreemptionByScheduler",
                                                   "TerminationByKubelet"};

template <size_t n>
bool IsAmong(const std::string_view (&known)[n], std::string_view reason) {
  return std::ranges::find(known, reason) != std::end(known);
}

void AddPhase(const Json& pod, SeriesSink& out) {
  std::string_view phase = Text(pod["status"]["phase"]);
  if (phase.empty()) return;
  // What is to be deleted on a node that was lost may run or not; kubectl says "Unknown", too.
  const bool lost =
      Meta(pod, "deletionTimestamp").is_string() && Text(pod["status"]["reason"]) == "NodeLost";
  if (lost && phase == "Running") phase = "Unknown";
  AddPhases(out, "phase", phase, {"Pending", "Succeeded", "Failed", "Unknown", "Running"});
}

void AddQosClass(const Json& pod, SeriesSink& out) {
  const std::string& qos = Text(pod["status"]["qosClass"]);
  if (qos.empty()) return;
  AddPhases(out, "qos_class", qos, {"BestEffort", "Burstable", "Guaranteed"});
}

// Calls add(condition) for the conditions of a type.
template <typename Function>
void EachCondition(const Json& pod, std::string_view type, Function add) {
  for (const Json& condition : pod["status"]["conditions"].items()) {
    if (Text(condition["type"]) == type) add(condition);
  }
}

Generator ConditionStatus(std::string_view type) {
  return [type](const Json& pod, SeriesSink& out) {
    EachCondition(pod, type, [&](const Json& condition) {
      AddConditionStatus(out, Text(condition["status"]), "condition");
    });
  };
}

// When the condition took this status.
Generator ConditionTime(std::string_view type, std::string_view status) {
  return [type, status](const Json& pod, SeriesSink& out) {
    EachCondition(pod, type, [&](const Json& condition) {
      if (Text(condition["status"]) == status) AddTime(out, condition["lastTransitionTime"]);
    });
  };
}

void AddUnschedulable(const Json& pod, SeriesSink& out) {
  EachCondition(pod, "PodScheduled", [&](const Json& condition) {
    if (Text(condition["status"]) == "False") out.Add(1);
  });
}

// The pod's own reason, whatever it is, and what conditions and containers say of the known ones.
void AddReasons(const Json& pod, SeriesSink& out) {
  const Json& status = pod["status"];
  std::vector<std::string_view> found;
  const auto note = [&](std::string_view reason) {
    if (std::ranges::find(found, reason) == found.end()) found.push_back(reason);
  };
  if (const std::string& reason = Text(status["reason"]); !reason.empty()) {
    note(IsAmong(kReasons, reason) ? std::string_view(reason) : "Other");
  }
  for (const Json& condition : status["conditions"].items()) {
    if (IsAmong(kReasons, Text(condition["reason"]))) note(Text(condition["reason"]));
  }
  for (const Json& container : status["containerStatuses"].items()) {
    const std::string& reason = Text(container["state"]["terminated"]["reason"]);
    if (IsAmong(kReasons, reason)) note(reason);
  }
  for (const std::string_view reason : found) out.Add({{"reason", reason}}, 1);
}

void AddDisruptionReason(const Json& pod, SeriesSink& out) {
  EachCondition(pod, "DisruptionTarget", [&](const Json& condition) {
    const std::string& reason = Text(condition["reason"]);
    if (Text(condition["status"]) != "True" || reason.empty()) return;
    out.Add({{"reason", IsAmong(kDisruptionReasons, reason) ? std::string_view(reason) : "Other"}},
            1);
  });
}

}  // namespace

void DeclarePodStatus(FamilyList& f) {
  f.Stable("status_phase", "The pods current phase.", AddPhase);
  f.Alpha("status_initialized_time", "Initialized time in unix timestamp for a pod.",
          ConditionTime("Initialized", "True"));
  f.Alpha("status_container_ready_time",
          "Readiness achieved time in unix timestamp for a pod containers.",
          ConditionTime("ContainersReady", "True"));
  f.Alpha("status_ready_time", "Readiness achieved time in unix timestamp for a pod.",
          ConditionTime("Ready", "True"));
  f.Alpha("status_qos_class", "The pods current qosClass.", AddQosClass);
  f.Stable("status_ready", "Describes whether the pod is ready to serve requests.",
           ConditionStatus("Ready"));
  f.Alpha("status_reason", "The pod status reasons", AddReasons);
  f.Alpha("status_disruption_reason", "The reason why the pod is a target of a disruption.",
          AddDisruptionReason);
  f.Stable("status_scheduled", "Describes the status of the scheduling process for the pod.",
           ConditionStatus("PodScheduled"));
  f.Stable("status_scheduled_time", "Unix timestamp when pod moved into scheduled status",
           ConditionTime("PodScheduled", "True"));
  f.Stable("status_unschedulable", "Describes the unschedulable status for the pod.",
           AddUnschedulable);
  f.Alpha("status_unscheduled_time", "Unix timestamp when pod moved into unscheduled status",
          ConditionTime("PodScheduled", "False"));
}

}  // namespace narthex::ksm
