#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {
namespace {

// Go's zero time as seconds since the epoch: what a policy without a creation time shows.
constexpr double kZeroTime = -62135596800;

}  // namespace

void DeclareNetworkPolicies(FamilyList& f) {
  f.Alpha("created", "Unix creation timestamp of network policy",
          [](const Json& object, SeriesSink& out) {
            out.Add(UnixTime(Meta(object, "creationTimestamp")).value_or(kZeroTime));
          });
  f.Annotations();
  f.Labels(Stability::kAlpha);
  f.Alpha("spec_ingress_rules", "Number of ingress rules on the networkpolicy",
          [](const Json& object, SeriesSink& out) {
            out.Add(static_cast<double>(object["spec"]["ingress"].items().size()));
          });
  f.Alpha("spec_egress_rules", "Number of egress rules on the networkpolicy",
          [](const Json& object, SeriesSink& out) {
            out.Add(static_cast<double>(object["spec"]["egress"].items().size()));
          });
}

}  // namespace narthex::ksm
