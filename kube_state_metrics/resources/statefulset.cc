#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {

void DeclareStatefulSets(FamilyList& f) {
  f.Created(Stability::kStable);
  f.Stable("status_replicas", "The number of replicas per StatefulSet.",
           Number("status", "replicas"));
  f.Stable("status_replicas_available", "The number of available replicas per StatefulSet.",
           Number("status", "availableReplicas"));
  f.Stable("status_replicas_current", "The number of current replicas per StatefulSet.",
           Number("status", "currentReplicas"));
  f.Stable("status_replicas_ready", "The number of ready replicas per StatefulSet.",
           Number("status", "readyReplicas"));
  f.Stable("status_replicas_updated", "The number of updated replicas per StatefulSet.",
           Number("status", "updatedReplicas"));
  f.Stable("status_observed_generation", "The generation observed by the StatefulSet controller.",
           Number("status", "observedGeneration"));
  f.Stable("replicas", "Number of desired pods for a StatefulSet.",
           OptionalNumber("spec", "replicas"));
  f.Stable("ordinals_start", "Start ordinal of the StatefulSet.",
           [](const Json& object, SeriesSink& out) {
             const Json& ordinals = object["spec"]["ordinals"];
             if (ordinals.is_object()) out.Add(ordinals["start"].AsDouble());
           });
  f.Stable("metadata_generation",
           "Sequence number representing a specific generation of the desired state for the "
           "StatefulSet.",
           Number("metadata", "generation"));
  f.Stable("persistentvolumeclaim_retention_policy",
           "Count of retention policy for StatefulSet template PVCs",
           [](const Json& object, SeriesSink& out) {
             const Json& policy = object["spec"]["persistentVolumeClaimRetentionPolicy"];
             if (!policy.is_object()) return;
             out.Add({{"when_deleted", Text(policy["whenDeleted"])},
                      {"when_scaled", Text(policy["whenScaled"])}},
                     1);
           });
  f.Annotations(Stability::kStable);
  f.Labels(Stability::kStable);
  f.Stable("status_current_revision",
           "Indicates the version of the StatefulSet used to generate Pods in the sequence "
           "[0,currentReplicas).",
           TextLabel("revision", "status", "currentRevision"));
  f.Stable("status_update_revision",
           "Indicates the version of the StatefulSet used to generate Pods in the sequence "
           "[replicas-updatedReplicas,replicas)",
           TextLabel("revision", "status", "updateRevision"));
  f.DeletionTimestamp(Stability::kStable);
}

}  // namespace narthex::ksm
