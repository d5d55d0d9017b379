#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {

void DeclareResourceQuotas(FamilyList& f) {
  f.Created(Stability::kStable);
  f.Stable("", "Information about resource quota.", [](const Json& object, SeriesSink& out) {
    for (const std::string_view type : {"hard", "used"}) {
      for (const auto& [resource, amount] : object["status"][type].members()) {
        const auto quantity = QuantityOf(amount);
        if (quantity) out.Add({{"resource", resource}, {"type", type}}, quantity->Fraction());
      }
    }
  });
  f.Annotations();
  f.Labels(Stability::kStable);
}

}  // namespace narthex::ksm
