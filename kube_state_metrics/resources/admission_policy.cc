#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {
// Validating and mutating admission policies, and their bindings.
namespace {

Generator PolicyInfo(bool mutating) {
  return [mutating](const Json& object, SeriesSink& out) {
    const Json& spec = object["spec"];
    std::vector<Label> labels{{"failure_policy", Text(spec["failurePolicy"])},
                              {"param_kind", Text(spec["paramKind"]["kind"])},
                              {"param_api_version", Text(spec["paramKind"]["apiVersion"])}};
    if (mutating) labels.emplace_back("reinvocation_policy", Text(spec["reinvocationPolicy"]));
    out.Add(labels, 1);
  };
}

void AddBindingInfo(const Json& object, SeriesSink& out) {
  const Json& spec = object["spec"];
  const Json& param = spec["paramRef"];
  out.Add({{"policy_name", Text(spec["policyName"])},
           {"param_name", Text(param["name"])},
           {"param_namespace", Text(param["namespace"])},
           {"param_not_found_action", Text(param["parameterNotFoundAction"])}},
          1);
}

}  // namespace

void DeclareValidatingAdmissionPolicies(FamilyList& f) {
  f.Alpha("info", "Information about the ValidatingAdmissionPolicy.", PolicyInfo(false));
  f.Created(Stability::kAlpha);
}

void DeclareMutatingAdmissionPolicies(FamilyList& f) {
  f.Alpha("info", "Information about the MutatingAdmissionPolicy.", PolicyInfo(true));
  f.Created(Stability::kAlpha);
}

void DeclareAdmissionPolicyBindings(FamilyList& f) {
  f.Alpha("info", "Information about the admission policy binding.", AddBindingInfo);
  f.Created(Stability::kAlpha);
}

void DeclareValidatingAdmissionPolicyBindings(FamilyList& f) {
  DeclareAdmissionPolicyBindings(f);
  f.Alpha("validation_action", "Validation action of the admission policy binding.",
          [](const Json& object, SeriesSink& out) {
            for (const Json& action : object["spec"]["validationActions"].items()) {
              out.Add({{"action", Text(action)}}, 1);
            }
          });
}

}  // namespace narthex::ksm
