#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {
namespace {

// What the ports of a subset or slice are labelled with; the number lives in *number.
std::vector<Label> PortLabels(const Json& port, std::string* number) {
  *number = port["port"].is_number() ? Shown(port["port"]) : "";
  return {{"port_name", Text(port["name"])},
          {"port_protocol", Text(port["protocol"])},
          {"port_number", *number}};
}

void AddAddresses(const Json& object, SeriesSink& out) {
  std::string number;
  for (const Json& subset : object["subsets"].items()) {
    for (const Json& port : subset["ports"].items()) {
      for (const bool ready : {true, false}) {
        for (const Json& address : subset[ready ? "addresses" : "notReadyAddresses"].items()) {
          std::vector<Label> labels = PortLabels(port, &number);
          labels.emplace_back("ip", Text(address["ip"]));
          labels.emplace_back("ready", TrueOrFalse(ready));
          out.Add(labels, 1);
        }
      }
    }
  }
}

void AddEndpointPorts(const Json& object, SeriesSink& out) {
  std::string number;
  for (const Json& subset : object["subsets"].items()) {
    for (const Json& port : subset["ports"].items()) out.Add(PortLabels(port, &number), 1);
  }
}

void AddSlicePorts(const Json& object, SeriesSink& out) {
  std::string number;
  for (const Json& port : object["ports"].items()) out.Add(PortLabels(port, &number), 1);
}

void AddSliceEndpoints(const Json& object, SeriesSink& out) {
  for (const Json& endpoint : object["endpoints"].items()) {
    const Json& conditions = endpoint["conditions"];
    const std::string ready = Shown(conditions["ready"]);
    const std::string serving = Shown(conditions["serving"]);
    const std::string terminating = Shown(conditions["terminating"]);
    const Json& target = endpoint["targetRef"];
    for (const Json& address : endpoint["addresses"].items()) {
      out.Add({{"ready", ready},
               {"serving", serving},
               {"terminating", terminating},
               {"hostname", Text(endpoint["hostname"])},
               {"targetref_kind", Text(target["kind"])},
               {"targetref_name", Text(target["name"])},
               {"targetref_namespace", Text(target["namespace"])},
               {"endpoint_nodename", Text(endpoint["nodeName"])},
               {"endpoint_zone", Text(endpoint["zone"])},
               {"address", Text(address)}},
              1);
    }
  }
}

void AddHints(const Json& object, SeriesSink& out) {
  for (const Json& endpoint : object["endpoints"].items()) {
    for (const Json& zone : endpoint["hints"]["forZones"].items()) {
      for (const Json& address : endpoint["addresses"].items()) {
        out.Add({{"address", Text(address)}, {"for_zone", Text(zone["name"])}}, 1);
      }
    }
  }
}

}  // namespace

void DeclareEndpoints(FamilyList& f) {
  f.Stable("info", "Information about endpoint.", One());
  f.Created(Stability::kStable);
  f.Annotations();
  f.Labels(Stability::kStable);
  f.Stable("address", "Information about Endpoint available and non available addresses.",
           AddAddresses);
  f.Stable("ports", "Information about the Endpoint ports.", AddEndpointPorts);
}

void DeclareEndpointSlices(FamilyList& f) {
  f.Alpha("info", "Information about endpointslice.", [](const Json& object, SeriesSink& out) {
    out.Add({{"addresstype", Text(object["addressType"])}}, 1);
  });
  f.Created(Stability::kAlpha);
  f.Alpha("endpoints_hints", "Topology routing hints attached to endpoints", AddHints);
  f.Alpha("endpoints", "Endpoints attached to the endpointslice.", AddSliceEndpoints);
  f.Alpha("ports", "Ports attached to the endpointslice.", AddSlicePorts);
  f.Annotations();
  f.Labels(Stability::kAlpha);
}

}  // namespace narthex::ksm
