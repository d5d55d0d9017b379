#pragma once
// The declarations behind the table of resources, each in a file of its own.

#include "kube_state_metrics/resources/resource.h"

namespace narthex::ksm {

void DeclareCertificateSigningRequests(FamilyList& f);
void DeclareClusterRoleBindings(FamilyList& f);
void DeclareClusterRoles(FamilyList& f);
void DeclareConfigMaps(FamilyList& f);
void DeclareCronJobs(FamilyList& f);
void DeclareDaemonSets(FamilyList& f);
void DeclareDeployments(FamilyList& f);
void DeclareEndpoints(FamilyList& f);
void DeclareEndpointSlices(FamilyList& f);
void DeclareHorizontalPodAutoscalers(FamilyList& f);
void DeclareIngressClasses(FamilyList& f);
void DeclareIngresses(FamilyList& f);
void DeclareJobs(FamilyList& f);
void DeclareLeases(FamilyList& f);
void DeclareLimitRanges(FamilyList& f);
void DeclareMutatingAdmissionPolicies(FamilyList& f);
void DeclareAdmissionPolicyBindings(FamilyList& f);
void DeclareNamespaces(FamilyList& f);
void DeclareNetworkPolicies(FamilyList& f);
void DeclareNodes(FamilyList& f);
void DeclarePersistentVolumeClaims(FamilyList& f);
void DeclarePersistentVolumes(FamilyList& f);
void DeclarePodDisruptionBudgets(FamilyList& f);
void DeclarePods(FamilyList& f);
void DeclareReplicaSets(FamilyList& f);
void DeclareReplicationControllers(FamilyList& f);
void DeclareResourceQuotas(FamilyList& f);
void DeclareRoleBindings(FamilyList& f);
void DeclareRoles(FamilyList& f);
void DeclareSecrets(FamilyList& f);
void DeclareServiceAccounts(FamilyList& f);
void DeclareServices(FamilyList& f);
void DeclareStatefulSets(FamilyList& f);
void DeclareStorageClasses(FamilyList& f);
void DeclareValidatingAdmissionPolicies(FamilyList& f);
void DeclareValidatingAdmissionPolicyBindings(FamilyList& f);
void DeclareVolumeAttachments(FamilyList& f);
void DeclareWebhookConfigurations(FamilyList& f);  // mutating and validating ones

}  // namespace narthex::ksm
