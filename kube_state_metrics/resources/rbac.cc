#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {
// Roles and bindings, of clusters and of namespaces.
namespace {

void DeclareRole(FamilyList& f, std::string_view help) {
  f.Annotations();
  f.Labels(Stability::kAlpha);
  f.Alpha("info", help, One());
  f.Created(Stability::kAlpha);
  f.ResourceVersion();
}

void DeclareBinding(FamilyList& f, std::string_view help) {
  f.Annotations();
  f.Labels(Stability::kAlpha);
  f.Alpha("info", help, [](const Json& object, SeriesSink& out) {
    out.Add({{"roleref_kind", Text(object["roleRef"]["kind"])},
             {"roleref_name", Text(object["roleRef"]["name"])}},
            1);
  });
  f.Created(Stability::kAlpha);
  f.ResourceVersion();
}

}  // namespace

void DeclareRoles(FamilyList& f) { DeclareRole(f, "Information about role."); }
void DeclareClusterRoles(FamilyList& f) { DeclareRole(f, "Information about cluster role."); }
void DeclareRoleBindings(FamilyList& f) { DeclareBinding(f, "Information about rolebinding."); }
void DeclareClusterRoleBindings(FamilyList& f) {
  DeclareBinding(f, "Information about clusterrolebinding.");
}

}  // namespace narthex::ksm
