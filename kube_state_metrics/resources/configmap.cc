#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {

void DeclareConfigMaps(FamilyList& f) {
  f.Annotations();
  f.Labels(Stability::kStable);
  f.Stable("info", "Information about configmap.", One());
  f.Created(Stability::kStable);
  f.ResourceVersion();
}

}  // namespace narthex::ksm
