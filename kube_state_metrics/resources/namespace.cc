#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/object.h"

namespace narthex::ksm {

void DeclareNamespaces(FamilyList& f) {
  f.Created(Stability::kStable);
  f.Annotations();
  f.Labels(Stability::kStable);
  f.Stable("status_phase", "kubernetes namespace status phase.",
           [](const Json& object, SeriesSink& out) {
             AddPhases(out, "phase", Text(object["status"]["phase"]), {"Active", "Terminating"});
           });
  f.Alpha("status_condition", "The condition of a namespace.",
          [](const Json& object, SeriesSink& out) { AddConditions(out, object); });
}

}  // namespace narthex::ksm
