#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {
namespace {

std::string_view OrDefault(const Json& value, std::string_view fallback) {
  return value.is_string() ? std::string_view(Text(value)) : fallback;
}

}  // namespace

void DeclareStorageClasses(FamilyList& f) {
  f.Stable("info", "Information about storageclass.", [](const Json& object, SeriesSink& out) {
    out.Add({{"provisioner", Text(object["provisioner"])},
             {"reclaim_policy", OrDefault(object["reclaimPolicy"], "Delete")},
             {"volume_binding_mode", OrDefault(object["volumeBindingMode"], "Immediate")}},
            1);
  });
  f.Created(Stability::kStable);
  f.Annotations();
  f.Labels(Stability::kStable);
}

}  // namespace narthex::ksm
