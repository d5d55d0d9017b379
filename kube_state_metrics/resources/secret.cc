#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {

void DeclareSecrets(FamilyList& f) {
  f.Stable("info", "Information about secret.", One());
  f.Stable("type", "Type about secret.", [](const Json& object, SeriesSink& out) {
    out.Add({{"type", Text(object["type"])}}, 1);
  });
  f.Annotations();
  f.Labels(Stability::kStable);
  f.Created(Stability::kStable);
  f.ResourceVersion();
  f.Owner("Information about the Secret's owner.", Stability::kAlpha);
}

}  // namespace narthex::ksm
