#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {

void DeclarePodDisruptionBudgets(FamilyList& f) {
  f.Annotations();
  f.Labels(Stability::kAlpha);
  f.Created(Stability::kStable);
  f.Stable("status_current_healthy", "Current number of healthy pods",
           Number("status", "currentHealthy"));
  f.Stable("status_desired_healthy", "Minimum desired number of healthy pods",
           Number("status", "desiredHealthy"));
  f.Stable("status_pod_disruptions_allowed", "Number of pod disruptions that are currently allowed",
           Number("status", "disruptionsAllowed"));
  f.Stable("status_expected_pods", "Total number of pods counted by this disruption budget",
           Number("status", "expectedPods"));
  f.Stable("status_observed_generation",
           "Most recent generation observed when updating this PDB status",
           Number("status", "observedGeneration"));
  f.DeletionTimestamp();
}

}  // namespace narthex::ksm
