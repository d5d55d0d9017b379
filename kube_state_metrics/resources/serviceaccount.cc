#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {
namespace {

Generator NamesOf(std::string_view member) {
  return [member](const Json& object, SeriesSink& out) {
    for (const Json& item : object[member].items()) out.Add({{"name", Text(item["name"])}}, 1);
  };
}

}  // namespace

void DeclareServiceAccounts(FamilyList& f) {
  f.Alpha("info", "Information about a service account", [](const Json& object, SeriesSink& out) {
    const Json& automount = object["automountServiceAccountToken"];
    if (automount.is_null()) return out.Add(1);
    out.Add({{"automount_token", TrueOrFalse(automount.AsBool())}}, 1);
  });
  f.Created(Stability::kAlpha);
  f.Alpha("deleted", "Unix deletion timestamp", Time("metadata", "deletionTimestamp"));
  f.Alpha("secret", "Secret being referenced by a service account", NamesOf("secrets"));
  f.Alpha("image_pull_secret",
          "Secret being referenced by a service account for the purpose of pulling images",
          NamesOf("imagePullSecrets"));
  f.Annotations();
  f.Labels(Stability::kAlpha);
}

}  // namespace narthex::ksm
