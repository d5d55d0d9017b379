#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {
namespace {

void AddLeaseOwners(const Json& object, SeriesSink& out) {
  const std::string& holder = Text(object["spec"]["holderIdentity"]);
  const auto add = [&](std::string_view kind, std::string_view name) {
    out.Add({{"owner_kind", kind},
             {"owner_name", name},
             {"namespace", Namespace(object)},
             {"lease_holder", holder}},
            1);
  };
  const auto& owners = Meta(object, "ownerReferences").items();
  if (owners.empty()) add("", "");
  for (const Json& owner : owners) add(Text(owner["kind"]), Text(owner["name"]));
}

}  // namespace

void DeclareLeases(FamilyList& f) {
  f.Alpha("owner", "Information about the Lease's owner.", AddLeaseOwners);
  f.Alpha("renew_time", "Kube lease renew time.", [](const Json& object, SeriesSink& out) {
    const auto seconds = UnixTime(object["spec"]["renewTime"]);
    if (seconds) out.Add({{"namespace", Namespace(object)}}, *seconds);
  });
}

}  // namespace narthex::ksm
