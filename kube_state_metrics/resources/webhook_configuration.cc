#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {
namespace {

void AddClientServices(const Json& object, SeriesSink& out) {
  for (const Json& webhook : object["webhooks"].items()) {
    const Json& service = webhook["clientConfig"]["service"];
    if (!service.is_object()) continue;
    out.Add({{"webhook_name", Text(webhook["name"])},
             {"service_name", Text(service["name"])},
             {"service_namespace", Text(service["namespace"])}},
            1);
  }
}

}  // namespace

void DeclareWebhookConfigurations(FamilyList& f) {
  f.Alpha("info", "Information about the webhook configuration.", One());
  f.Created(Stability::kAlpha);
  f.ResourceVersion();
  f.Alpha("webhook_clientconfig_service", "Service used by the apiserver to connect to a webhook.",
          AddClientServices);
}

}  // namespace narthex::ksm
