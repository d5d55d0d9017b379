#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {
namespace {

constexpr std::string_view kConstraints[] = {"min", "max", "default", "defaultRequest",
                                             "maxLimitRequestRatio"};

void AddLimits(const Json& object, SeriesSink& out) {
  for (const Json& limit : object["spec"]["limits"].items()) {
    for (const std::string_view constraint : kConstraints) {
      for (const auto& [resource, amount] : limit[constraint].members()) {
        const auto quantity = QuantityOf(amount);
        if (!quantity) continue;
        out.Add({{"resource", resource}, {"type", Text(limit["type"])}, {"constraint", constraint}},
                quantity->Fraction());
      }
    }
  }
}

}  // namespace

void DeclareLimitRanges(FamilyList& f) {
  f.Stable("", "Information about limit range.", AddLimits);
  f.Created(Stability::kStable);
}

}  // namespace narthex::ksm
