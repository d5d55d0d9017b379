#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {
namespace {

// Bytes that base64 text stands for.
double DecodedLength(std::string_view base64) {
  while (base64.ends_with('=')) base64.remove_suffix(1);
  return static_cast<double>(base64.size() * 3 / 4);
}

void AddDecisions(const Json& object, SeriesSink& out) {
  double approved = 0;
  double denied = 0;
  for (const Json& condition : object["status"]["conditions"].items()) {
    approved += Text(condition["type"]) == "Approved" ? 1 : 0;
    denied += Text(condition["type"]) == "Denied" ? 1 : 0;
  }
  out.Add({{"condition", "approved"}}, approved);
  out.Add({{"condition", "denied"}}, denied);
}

}  // namespace

void DeclareCertificateSigningRequests(FamilyList& f) {
  f.Annotations();
  f.Labels(Stability::kStable);
  f.Created(Stability::kStable);
  f.Stable("condition", "The number of each certificatesigningrequest condition", AddDecisions);
  f.Stable("cert_length", "Length of the issued cert", [](const Json& object, SeriesSink& out) {
    out.Add(DecodedLength(Text(object["status"]["certificate"])));
  });
}

}  // namespace narthex::ksm
