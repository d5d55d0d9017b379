#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {

void DeclareDaemonSets(FamilyList& f) {
  f.Created(Stability::kStable);
  f.Stable("status_current_number_scheduled",
           "The number of nodes running at least one daemon pod and are supposed to.",
           Number("status", "currentNumberScheduled"));
  f.Stable("status_desired_number_scheduled",
           "The number of nodes that should be running the daemon pod.",
           Number("status", "desiredNumberScheduled"));
  f.Stable("status_number_available",
           "The number of nodes that should be running the daemon pod and have one or more of the "
           "daemon pod running and available",
           Number("status", "numberAvailable"));
  f.Stable("status_number_misscheduled",
           "The number of nodes running a daemon pod but are not supposed to.",
           Number("status", "numberMisscheduled"));
  f.Stable("status_number_ready",
           "The number of nodes that should be running the daemon pod and have one or more of the "
           "daemon pod running and ready.",
           Number("status", "numberReady"));
  f.Stable("status_number_unavailable",
           "The number of nodes that should be running the daemon pod and have none of the daemon "
           "pod running and available",
           Number("status", "numberUnavailable"));
  f.Stable("status_observed_generation",
           "The most recent generation observed by the daemon set controller.",
           Number("status", "observedGeneration"));
  f.Stable("status_updated_number_scheduled",
           "The total number of nodes that are running updated daemon pod",
           Number("status", "updatedNumberScheduled"));
  f.Generation();
  f.DeletionTimestamp();
  f.Annotations();
  f.Labels(Stability::kStable);
}

}  // namespace narthex::ksm
