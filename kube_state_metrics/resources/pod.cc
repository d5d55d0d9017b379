#include "kube_state_metrics/resources/pod.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/object.h"

namespace narthex::ksm {
namespace {

void AddInfo(const Json& pod, SeriesSink& out) {
  const Json& owner = ControllerOf(pod);
  const Json& spec = pod["spec"];
  out.Add({{"host_ip", Text(pod["status"]["hostIP"])},
           {"pod_ip", Text(pod["status"]["podIP"])},
           {"node", Text(spec["nodeName"])},
           {"created_by_kind", Text(owner["kind"])},
           {"created_by_name", Text(owner["name"])},
           {"priority_class", Text(spec["priorityClassName"])},
           {"host_network", TrueOrFalse(spec["hostNetwork"].AsBool())}},
          1);
}

// "4", "6", or "" for what is no address. An IPv4 address mapped into IPv6 is one of version 4.
std::string_view FamilyOf(const std::string& ip) {
  in_addr four{};
  in6_addr six{};
  if (ip.size() >= INET6_ADDRSTRLEN) return "";
  if (inet_pton(AF_INET, ip.c_str(), &four) == 1) return "4";
  if (inet_pton(AF_INET6, ip.c_str(), &six) != 1) return "";
  return IN6_IS_ADDR_V4MAPPED(&six) ? "4" : "6";
}

void AddIps(const Json& pod, SeriesSink& out) {
  for (const Json& item : pod["status"]["podIPs"].items()) {
    const std::string& ip = Text(item["ip"]);
    const std::string_view family = FamilyOf(ip);
    if (!family.empty()) out.Add({{"ip", ip}, {"ip_family", family}}, 1);
  }
}

void AddResourceClaims(const Json& pod, SeriesSink& out) {
  for (const Json& claim : pod["spec"]["resourceClaims"].items()) {
    const std::string* generated = &Text(claim["resourceClaimName"]);
    for (const Json& status : pod["status"]["resourceClaimStatuses"].items()) {
      if (Text(status["name"]) == Text(claim["name"]) && generated->empty()) {
        generated = &Text(status["resourceClaimName"]);
      }
    }
    out.Add({{"claim_name", Text(claim["name"])},
             {"resourceclaim_name", *generated},
             {"resourceclaim_template_name", Text(claim["resourceClaimTemplateName"])}},
            1);
  }
}

Generator Overhead(std::string_view resource) {
  return [resource](const Json& pod, SeriesSink& out) {
    const auto amount = QuantityOf(pod["spec"]["overhead"][resource]);
    if (amount) out.Add(resource == "cpu" ? amount->Fraction() : amount->value);
  };
}

// Claims behind the pod's volumes; an ephemeral volume has one named after pod and volume.
Generator VolumeClaims(bool read_only) {
  return [read_only](const Json& pod, SeriesSink& out) {
    for (const Json& volume : pod["spec"]["volumes"].items()) {
      const std::string& name = Text(volume["name"]);
      if (const Json& claim = volume["persistentVolumeClaim"]; claim.is_object()) {
        const bool value = !read_only || claim["readOnly"].AsBool();
        out.Add({{"volume", name}, {"persistentvolumeclaim", Text(claim["claimName"])}},
                value ? 1 : 0);
      }
      if (volume["ephemeral"].is_object()) {
        const std::string claim = fmt::format("{}-{}", Name(pod), name);
        out.Add({{"volume", name}, {"persistentvolumeclaim", claim}, {"ephemeral", "true"}},
                read_only ? 0 : 1);
      }
    }
  };
}

void AddTolerations(const Json& pod, SeriesSink& out) {
  using Toleration = std::array<std::string, 5>;
  std::vector<Toleration> seen;
  for (const Json& item : pod["spec"]["tolerations"].items()) {
    if (seen.size() == 1000) return;  // the search below is quadratic
    Toleration t{Text(item["key"]), Text(item["operator"]), Text(item["value"]),
                 Text(item["effect"]), Shown(item["tolerationSeconds"])};
    if (std::ranges::find(seen, t) != seen.end()) continue;
    out.Add({{"key", t[0]},
             {"operator", t[1]},
             {"value", t[2]},
             {"effect", t[3]},
             {"toleration_seconds", t[4]}},
            1);
    seen.push_back(std::move(t));
  }
}

}  // namespace

void DeclarePods(FamilyList& f) {
  DeclareContainers(f);
  f.Created(Stability::kStable);
  f.DeletionTimestamp();
  f.Stable("info", "Information about pod.", AddInfo);
  f.Alpha("resourceclaim_info", "Information about the resource claims of a pod.",
          AddResourceClaims);
  f.Alpha("ips", "Pod IP addresses", AddIps);
  DeclareInitContainers(f);
  f.Annotations();
  f.Labels(Stability::kStable);
  f.Alpha("overhead_cpu_cores",
          "The pod overhead in regards to cpu cores associated with running a pod.",
          Overhead("cpu"));
  f.Alpha("overhead_memory_bytes",
          "The pod overhead in regards to memory associated with running a pod.",
          Overhead("memory"));
  f.Owner("Information about the Pod's owner.", Stability::kStable);
  f.Stable("restart_policy", "Describes the restart policy in use by this pod.",
           [](const Json& pod, SeriesSink& out) {
             out.Add({{"type", Text(pod["spec"]["restartPolicy"])}}, 1);
           });
  f.Alpha("runtimeclass_name_info", "The runtimeclass associated with the pod.",
          [](const Json& pod, SeriesSink& out) {
            const Json& name = pod["spec"]["runtimeClassName"];
            if (name.is_string()) out.Add({{"runtimeclass_name", Text(name)}}, 1);
          });
  f.Stable("spec_volumes_persistentvolumeclaims_info",
           "Information about persistentvolumeclaim volumes in a pod.", VolumeClaims(false));
  f.Stable("spec_volumes_persistentvolumeclaims_readonly",
           "Describes whether a persistentvolumeclaim is mounted read only.", VolumeClaims(true));
  f.Stable("start_time", "Start time in unix timestamp for a pod.",
           [](const Json& pod, SeriesSink& out) { AddTime(out, pod["status"]["startTime"]); });
  DeclarePodStatus(f);
  f.Alpha("tolerations", "Information about the pod tolerations", AddTolerations);
  f.Alpha("nodeselectors", "Describes the Pod nodeSelectors.",
          [](const Json& pod, SeriesSink& out) {
            AddMapLabels(out, "nodeselector", pod["spec"]["nodeSelector"]);
          })
      .opt_in = true;
  f.Alpha("service_account", "The service account for a pod.",
          [](const Json& pod, SeriesSink& out) {
            out.Add({{"service_account", Text(pod["spec"]["serviceAccountName"])}}, 1);
          });
  f.Alpha("scheduler", "The scheduler for a pod.", [](const Json& pod, SeriesSink& out) {
    out.Add({{"name", Text(pod["spec"]["schedulerName"])}}, 1);
  });
}

}  // namespace narthex::ksm
