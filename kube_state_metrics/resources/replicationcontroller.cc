#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {

void DeclareReplicationControllers(FamilyList& f) {
  f.Created(Stability::kStable);
  f.Stable("status_replicas", "The number of replicas per ReplicationController.",
           Number("status", "replicas"));
  f.Stable("status_fully_labeled_replicas",
           "The number of fully labeled replicas per ReplicationController.",
           Number("status", "fullyLabeledReplicas"));
  f.Stable("status_ready_replicas", "The number of ready replicas per ReplicationController.",
           Number("status", "readyReplicas"));
  f.Stable("status_available_replicas",
           "The number of available replicas per ReplicationController.",
           Number("status", "availableReplicas"));
  f.Stable("status_observed_generation",
           "The generation observed by the ReplicationController controller.",
           Number("status", "observedGeneration"));
  f.Stable("spec_replicas", "Number of desired pods for a ReplicationController.",
           OptionalNumber("spec", "replicas"));
  f.Generation();
  f.Owner("Information about the ReplicationController's owner.", Stability::kAlpha);
}

}  // namespace narthex::ksm
