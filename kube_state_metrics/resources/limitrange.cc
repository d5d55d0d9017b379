#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {
namespace {

struct Constraint {
  std::string_view member, label;
};

constexpr Constraint kConstraints[] = {{"min", "min"},
                                       {"max", "max"},
                                       {"default", "default"},
                                       {"defaultRequest", "defaultRequest"},
                                       {"maxLimitRequestRatio", "maxLimitRequestRatio"}};

void AddLimits(const Json& object, SeriesSink& out) {
  for (const Json& limit : object["spec"]["limits"].items()) {
    for (const Constraint& constraint : kConstraints) {
      for (const auto& [resource, amount] : limit[constraint.member].members()) {
        const auto quantity = QuantityOf(amount);
        if (!quantity) continue;
        out.Add({{"resource", resource},
                 {"type", Text(limit["type"])},
                 {"constraint", constraint.label}},
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
