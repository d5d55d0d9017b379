#pragma once
// The parts of the pods' declaration: what is about the containers, and what about the pod's state.

#include "kube_state_metrics/resources/resource.h"

namespace narthex::ksm {

void DeclareContainers(FamilyList& f);  // completion_time … container_status_waiting_reason
void DeclareInitContainers(FamilyList& f);
void DeclarePodStatus(FamilyList& f);  // status_*

}  // namespace narthex::ksm
