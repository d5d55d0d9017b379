#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {

void DeclareReplicaSets(FamilyList& f) {
  f.Created(Stability::kStable);
  f.Stable("status_replicas", "The number of replicas per ReplicaSet.",
           Number("status", "replicas"));
  f.Stable("status_fully_labeled_replicas", "The number of fully labeled replicas per ReplicaSet.",
           Number("status", "fullyLabeledReplicas"));
  f.Stable("status_ready_replicas", "The number of ready replicas per ReplicaSet.",
           Number("status", "readyReplicas"));
  f.Alpha("status_terminating_replicas", "The number of terminating replicas per ReplicaSet.",
          OptionalNumber("status", "terminatingReplicas"));
  f.Stable("status_observed_generation", "The generation observed by the ReplicaSet controller.",
           Number("status", "observedGeneration"));
  f.Stable("spec_replicas", "Number of desired pods for a ReplicaSet.",
           OptionalNumber("spec", "replicas"));
  f.Generation();
  f.Owner("Information about the ReplicaSet's owner.", Stability::kStable);
  f.Annotations();
  f.Labels(Stability::kStable);
}

}  // namespace narthex::ksm
