#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {

void DeclareServices(FamilyList& f) {
  f.Stable("info", "Information about service.", [](const Json& object, SeriesSink& out) {
    const Json& spec = object["spec"];
    out.Add({{"cluster_ip", Text(spec["clusterIP"])},
             {"external_name", Text(spec["externalName"])},
             {"load_balancer_ip", Text(spec["loadBalancerIP"])},
             {"external_traffic_policy", Text(spec["externalTrafficPolicy"])}},
            1);
  });
  f.Created(Stability::kStable);
  f.Stable("spec_type", "Type about service.", TextLabel("type", "spec", "type"));
  f.Annotations();
  f.Labels(Stability::kStable);
  f.Stable("spec_external_ip", "Service external ips. One series for each ip",
           [](const Json& object, SeriesSink& out) {
             for (const Json& ip : object["spec"]["externalIPs"].items()) {
               out.Add({{"external_ip", Text(ip)}}, 1);
             }
           });
  f.Stable("status_load_balancer_ingress", "Service load balancer ingress status",
           [](const Json& object, SeriesSink& out) {
             for (const Json& ingress : object["status"]["loadBalancer"]["ingress"].items()) {
               out.Add({{"ip", Text(ingress["ip"])}, {"hostname", Text(ingress["hostname"])}}, 1);
             }
           });
  f.DeletionTimestamp();
}

}  // namespace narthex::ksm
