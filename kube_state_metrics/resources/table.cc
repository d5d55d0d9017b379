// The table of resources.

#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/object.h"

namespace narthex::ksm {
namespace {

// Leading labels: the namespace, the name under the name of the kind, and where names come back
// soon, the uid.
template <const char* kind>
OwnedLabels Namespaced(const Json& object) {
  return {{"namespace", Namespace(object)}, {kind, Name(object)}};
}

template <const char* kind>
OwnedLabels WithUid(const Json& object) {
  return {
      {"namespace", Namespace(object)}, {kind, Name(object)}, {"uid", Text(Meta(object, "uid"))}};
}

template <const char* kind>
OwnedLabels NameOnly(const Json& object) {
  return {{kind, Name(object)}};
}

OwnedLabels OfEndpointSlice(const Json& object) {
  return {{"endpointslice", Name(object)}, {"namespace", Namespace(object)}};
}

OwnedLabels OfSigningRequest(const Json& object) {
  return {{"certificatesigningrequest", Name(object)},
          {"signer_name", Text(object["spec"]["signerName"])}};
}

#define NX_KIND(name) constexpr char name[] = #name
NX_KIND(clusterrole);
NX_KIND(clusterrolebinding);
NX_KIND(configmap);
NX_KIND(cronjob);
NX_KIND(daemonset);
NX_KIND(deployment);
NX_KIND(endpoint);
NX_KIND(horizontalpodautoscaler);
NX_KIND(ingress);
NX_KIND(ingressclass);
NX_KIND(job_name);
NX_KIND(lease);
NX_KIND(limitrange);
NX_KIND(mutatingadmissionpolicy);
NX_KIND(mutatingadmissionpolicybinding);
NX_KIND(mutatingwebhookconfiguration);
NX_KIND(networkpolicy);
NX_KIND(node);
NX_KIND(persistentvolume);
NX_KIND(persistentvolumeclaim);
NX_KIND(pod);
NX_KIND(poddisruptionbudget);
NX_KIND(replicaset);
NX_KIND(replicationcontroller);
NX_KIND(resourcequota);
NX_KIND(role);
NX_KIND(rolebinding);
NX_KIND(secret);
NX_KIND(service);
NX_KIND(serviceaccount);
NX_KIND(statefulset);
NX_KIND(storageclass);
NX_KIND(validatingadmissionpolicy);
NX_KIND(validatingadmissionpolicybinding);
NX_KIND(validatingwebhookconfiguration);
NX_KIND(volumeattachment);
#undef NX_KIND
constexpr char kNamespaceKind[] = "namespace";

constexpr std::string_view kAdmission = "admissionregistration.k8s.io";
constexpr std::string_view kNetworking = "networking.k8s.io";
constexpr std::string_view kRbac = "rbac.authorization.k8s.io";
constexpr std::string_view kStorage = "storage.k8s.io";

constexpr Resource kResources[] = {
    {"certificatesigningrequests", "certificatesigningrequest", "certificates.k8s.io", "v1",
     "*v1.CertificateSigningRequest", false, true, DeclareCertificateSigningRequests,
     OfSigningRequest},
    {"clusterrolebindings", "clusterrolebinding", kRbac, "v1", "*v1.ClusterRoleBinding", false,
     false, DeclareClusterRoleBindings, NameOnly<clusterrolebinding>},
    {"clusterroles", "clusterrole", kRbac, "v1", "*v1.ClusterRole", false, false,
     DeclareClusterRoles, NameOnly<clusterrole>},
    {"configmaps", "configmap", "", "v1", "*v1.ConfigMap", true, true, DeclareConfigMaps,
     Namespaced<configmap>},
    {"cronjobs", "cronjob", "batch", "v1", "*v1.CronJob", true, true, DeclareCronJobs,
     Namespaced<cronjob>},
    {"daemonsets", "daemonset", "apps", "v1", "*v1.DaemonSet", true, true, DeclareDaemonSets,
     Namespaced<daemonset>},
    {"deployments", "deployment", "apps", "v1", "*v1.Deployment", true, true, DeclareDeployments,
     Namespaced<deployment>},
    {"endpoints", "endpoint", "", "v1", "*v1.Endpoints", true, false, DeclareEndpoints,
     Namespaced<endpoint>},
    {"endpointslices", "endpointslice", "discovery.k8s.io", "v1", "*v1.EndpointSlice", true, true,
     DeclareEndpointSlices, OfEndpointSlice},
    {"horizontalpodautoscalers", "horizontalpodautoscaler", "autoscaling", "v2",
     "*v2.HorizontalPodAutoscaler", true, true, DeclareHorizontalPodAutoscalers,
     Namespaced<horizontalpodautoscaler>},
    {"ingressclasses", "ingressclass", kNetworking, "v1", "*v1.IngressClass", false, false,
     DeclareIngressClasses, NameOnly<ingressclass>},
    {"ingresses", "ingress", kNetworking, "v1", "*v1.Ingress", true, true, DeclareIngresses,
     Namespaced<ingress>},
    {"jobs", "job", "batch", "v1", "*v1.Job", true, true, DeclareJobs, Namespaced<job_name>},
    {"leases", "lease", "coordination.k8s.io", "v1", "*v1.Lease", true, true, DeclareLeases,
     NameOnly<lease>},
    {"limitranges", "limitrange", "", "v1", "*v1.LimitRange", true, true, DeclareLimitRanges,
     Namespaced<limitrange>},
    {"mutatingadmissionpolicies", "mutatingadmissionpolicy", kAdmission, "v1",
     "*v1.MutatingAdmissionPolicy", false, true, DeclareMutatingAdmissionPolicies,
     Namespaced<mutatingadmissionpolicy>},
    {"mutatingadmissionpolicybindings", "mutatingadmissionpolicybinding", kAdmission, "v1",
     "*v1.MutatingAdmissionPolicyBinding", false, true, DeclareAdmissionPolicyBindings,
     Namespaced<mutatingadmissionpolicybinding>},
    {"mutatingwebhookconfigurations", "mutatingwebhookconfiguration", kAdmission, "v1",
     "*v1.MutatingWebhookConfiguration", false, true, DeclareWebhookConfigurations,
     Namespaced<mutatingwebhookconfiguration>},
    {"namespaces", "namespace", "", "v1", "*v1.Namespace", false, true, DeclareNamespaces,
     NameOnly<kNamespaceKind>},
    {"networkpolicies", "networkpolicy", kNetworking, "v1", "*v1.NetworkPolicy", true, true,
     DeclareNetworkPolicies, Namespaced<networkpolicy>},
    {"nodes", "node", "", "v1", "*v1.Node", false, true, DeclareNodes, NameOnly<node>},
    {"persistentvolumeclaims", "persistentvolumeclaim", "", "v1", "*v1.PersistentVolumeClaim", true,
     true, DeclarePersistentVolumeClaims, Namespaced<persistentvolumeclaim>},
    {"persistentvolumes", "persistentvolume", "", "v1", "*v1.PersistentVolume", false, true,
     DeclarePersistentVolumes, NameOnly<persistentvolume>},
    {"poddisruptionbudgets", "poddisruptionbudget", "policy", "v1", "*v1.PodDisruptionBudget", true,
     true, DeclarePodDisruptionBudgets, Namespaced<poddisruptionbudget>},
    {"pods", "pod", "", "v1", "*v1.Pod", true, true, DeclarePods, WithUid<pod>},
    {"replicasets", "replicaset", "apps", "v1", "*v1.ReplicaSet", true, true, DeclareReplicaSets,
     Namespaced<replicaset>},
    {"replicationcontrollers", "replicationcontroller", "", "v1", "*v1.ReplicationController", true,
     true, DeclareReplicationControllers, Namespaced<replicationcontroller>},
    {"resourcequotas", "resourcequota", "", "v1", "*v1.ResourceQuota", true, true,
     DeclareResourceQuotas, Namespaced<resourcequota>},
    {"rolebindings", "rolebinding", kRbac, "v1", "*v1.RoleBinding", true, false,
     DeclareRoleBindings, Namespaced<rolebinding>},
    {"roles", "role", kRbac, "v1", "*v1.Role", true, false, DeclareRoles, Namespaced<role>},
    {"secrets", "secret", "", "v1", "*v1.Secret", true, true, DeclareSecrets, Namespaced<secret>},
    {"serviceaccounts", "serviceaccount", "", "v1", "*v1.ServiceAccount", true, false,
     DeclareServiceAccounts, WithUid<serviceaccount>},
    {"services", "service", "", "v1", "*v1.Service", true, true, DeclareServices, WithUid<service>},
    {"statefulsets", "statefulset", "apps", "v1", "*v1.StatefulSet", true, true,
     DeclareStatefulSets, Namespaced<statefulset>},
    {"storageclasses", "storageclass", kStorage, "v1", "*v1.StorageClass", false, true,
     DeclareStorageClasses, NameOnly<storageclass>},
    {"validatingadmissionpolicies", "validatingadmissionpolicy", kAdmission, "v1",
     "*v1.ValidatingAdmissionPolicy", false, true, DeclareValidatingAdmissionPolicies,
     Namespaced<validatingadmissionpolicy>},
    {"validatingadmissionpolicybindings", "validatingadmissionpolicybinding", kAdmission, "v1",
     "*v1.ValidatingAdmissionPolicyBinding", false, true, DeclareValidatingAdmissionPolicyBindings,
     Namespaced<validatingadmissionpolicybinding>},
    {"validatingwebhookconfigurations", "validatingwebhookconfiguration", kAdmission, "v1",
     "*v1.ValidatingWebhookConfiguration", false, true, DeclareWebhookConfigurations,
     Namespaced<validatingwebhookconfiguration>},
    {"volumeattachments", "volumeattachment", kStorage, "v1", "*v1.VolumeAttachment", false, true,
     DeclareVolumeAttachments, NameOnly<volumeattachment>},
};

}  // namespace

std::span<const Resource> Resources() { return kResources; }

}  // namespace narthex::ksm
