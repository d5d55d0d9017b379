#include <algorithm>

#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {
namespace {

// Reasons the deployment controller gives; an empty one is shown as it is.
constexpr std::string_view kReasons[] = {"",
                                         "MinimumReplicasAvailable",
                                         "MinimumReplicasUnavailable",
                                         "ReplicaSetUpdated",
                                         "ReplicaSetCreateError",
                                         "NewReplicaSetCreated",
                                         "FoundNewReplicaSet",
                                         "NewReplicaSetAvailable",
                                         "ProgressDeadlineExceeded",
                                         "DeploymentPaused",
                                         "DeploymentResumed"};

void AddDeploymentConditions(const Json& object, SeriesSink& out) {
  for (const Json& condition : object["status"]["conditions"].items()) {
    std::string_view reason = Text(condition["reason"]);
    if (std::ranges::find(kReasons, reason) == std::end(kReasons)) reason = "unknown";
    AddConditionStatus(out, Text(condition["status"]), "status",
                       {{"reason", reason}, {"condition", Text(condition["type"])}});
  }
}

// A bound of the rolling update, which may be a percentage of the replicas.
Generator RollingUpdate(std::string_view member, bool round_up) {
  return [member, round_up](const Json& object, SeriesSink& out) {
    const Json& replicas = object["spec"]["replicas"];
    if (!replicas.is_number()) return;
    const auto bound = ScaledValue(object["spec"]["strategy"]["rollingUpdate"][member],
                                   replicas.AsInt(), round_up);
    if (bound) out.Add(*bound);
  };
}

}  // namespace

void DeclareDeployments(FamilyList& f) {
  f.Alpha("owner", "Information about the Deployment's owner.",
          [](const Json& object, SeriesSink& out) {
            const auto& owners = Meta(object, "ownerReferences").items();
            if (owners.empty()) out.Add({{"owner_kind", ""}, {"owner_name", ""}}, 1);
            for (const Json& owner : owners) {
              out.Add({{"owner_kind", Text(owner["kind"])}, {"owner_name", Text(owner["name"])}},
                      1);
            }
          });
  f.Created(Stability::kStable);
  f.Stable("status_replicas", "The number of replicas per deployment.",
           Number("status", "replicas"));
  f.Stable("status_replicas_ready", "The number of ready replicas per deployment.",
           Number("status", "readyReplicas"));
  f.Stable("status_replicas_available", "The number of available replicas per deployment.",
           Number("status", "availableReplicas"));
  f.Stable("status_replicas_unavailable", "The number of unavailable replicas per deployment.",
           Number("status", "unavailableReplicas"));
  f.Stable("status_replicas_updated", "The number of updated replicas per deployment.",
           Number("status", "updatedReplicas"));
  f.Alpha("status_terminating_replicas", "The number of terminating replicas per deployment.",
          OptionalNumber("status", "terminatingReplicas"));
  f.Stable("status_observed_generation", "The generation observed by the deployment controller.",
           Number("status", "observedGeneration"));
  f.Stable("status_condition", "The current status conditions of a deployment.",
           AddDeploymentConditions);
  f.Stable("spec_replicas", "Number of desired pods for a deployment.",
           OptionalNumber("spec", "replicas"));
  f.Stable("spec_paused",
           "Whether the deployment is paused and will not be processed by the deployment "
           "controller.",
           Flag("spec", "paused"));
  f.Stable("spec_strategy_rollingupdate_max_unavailable",
           "Maximum number of unavailable replicas during a rolling update of a deployment.",
           RollingUpdate("maxUnavailable", false));
  f.Stable("spec_strategy_rollingupdate_max_surge",
           "Maximum number of replicas that can be scheduled above the desired number of replicas "
           "during a rolling update of a deployment.",
           RollingUpdate("maxSurge", true));
  f.Generation();
  f.DeletionTimestamp();
  f.Annotations();
  f.Labels(Stability::kStable);
}

}  // namespace narthex::ksm
