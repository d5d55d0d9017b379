#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {
namespace {

constexpr char kBetaClass[] = "volume.beta.kubernetes.io/storage-class";

// The annotation from before there was a field comes first; "<none>" says there is no class.
std::string_view StorageClassOf(const Json& object) {
  if (const Json& beta = Meta(object, "annotations")[kBetaClass]; beta.is_string()) {
    return Text(beta);
  }
  const Json& name = object["spec"]["storageClassName"];
  return name.is_string() ? std::string_view(Text(name)) : "<none>";
}

void AddClaimInfo(const Json& object, SeriesSink& out) {
  out.Add({{"storageclass", StorageClassOf(object)},
           {"volumename", Text(object["spec"]["volumeName"])},
           {"volumemode", Text(object["spec"]["volumeMode"])}},
          1);
}

}  // namespace

void DeclarePersistentVolumeClaims(FamilyList& f) {
  f.Labels(Stability::kStable);
  f.Annotations();
  f.Stable("info", "Information about persistent volume claim.", AddClaimInfo);
  f.Stable("status_phase", "The phase the persistent volume claim is currently in.",
           [](const Json& object, SeriesSink& out) {
             const std::string& phase = Text(object["status"]["phase"]);
             if (phase.empty()) return;
             AddPhases(out, "phase", phase, {"Lost", "Bound", "Pending"});
           });
  f.Stable("resource_requests_storage_bytes",
           "The capacity of storage requested by the persistent volume claim.",
           [](const Json& object, SeriesSink& out) {
             const auto size = QuantityOf(object["spec"]["resources"]["requests"]["storage"]);
             if (size) out.Add(size->value);
           });
  f.Stable("access_mode", "The access mode(s) specified by the persistent volume claim.",
           [](const Json& object, SeriesSink& out) {
             for (const Json& mode : object["spec"]["accessModes"].items()) {
               out.Add({{"access_mode", Text(mode)}}, 1);
             }
           });
  f.Alpha("status_condition",
          "Information about status of different conditions of persistent volume claim.",
          [](const Json& object, SeriesSink& out) { AddConditions(out, object); });
  f.Created(Stability::kAlpha);
  f.DeletionTimestamp();
}

}  // namespace narthex::ksm
