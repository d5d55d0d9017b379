// The targets of every role, worked out by hand from the objects.

#include "server/discovery/kubernetes/kubernetes_rig.h"

namespace narthex::discovery::kubernetes {
namespace {

TEST_CASE("role node") {
  Cluster cluster;
  cluster.server->Put(kNodes, R"({"kind":"Node","metadata":{"name":"n1",
      "labels":{"zone.io/a-b":"x"},"annotations":{"note":""}},
      "spec":{"providerID":"aws:///i-1"},
      "status":{"daemonEndpoints":{"kubeletEndpoint":{"Port":10250}},
        "conditions":[{"type":"Ready","status":"True"},{"type":"DiskPressure","status":"Unknown"}],
        "addresses":[{"type":"Hostname","address":"host-1"},{"type":"ExternalIP","address":"1.2.3.4"},
                     {"type":"InternalIP","address":"10.0.0.1"},
                     {"type":"InternalIP","address":"fd00::1"}]}})");
  cluster.server->Put(kNodes, R"({"kind":"Node","metadata":{"name":"n2"},"status":
      {"daemonEndpoints":{"kubeletEndpoint":{"Port":10255}},
       "addresses":[{"type":"Hostname","address":"h2"},{"type":"LegacyHostIP","address":"fd00::2"}]}})");
  cluster.server->Put(kNodes, R"({"kind":"Node","metadata":{"name":"lost"},"status":{}})");
  cluster.Start(cluster.ConfigFor("node"));
  CHECK(cluster.Text() ==
        R"(node/n1: {__address__="10.0.0.1:10250", node_address_ExternalIP="1.2.3.4", )"
        R"(node_address_Hostname="host-1", node_address_InternalIP="10.0.0.1", )"
        R"(node_annotationpresent_note="true", node_condition_DiskPressure="unknown", )"
        R"(node_condition_Ready="true", node_label_zone_io_a_b="x", )"
        R"(node_labelpresent_zone_io_a_b="true", node_name="n1", node_provider_id="aws:///i-1", )"
        R"(instance="n1"})"
        "\n"
        R"(node/n2: {__address__="[fd00::2]:10255", node_address_Hostname="h2", )"
        R"(node_address_LegacyHostIP="fd00::2", node_name="n2", instance="n2"})"
        "\n");
  cluster.server->Delete(kNodes, "n1");
  CHECK(cluster.Reaches(R"(node/n2: {__address__="[fd00::2]:10255", node_address_Hostname="h2", )"
                        R"(node_address_LegacyHostIP="fd00::2", node_name="n2", instance="n2"})"
                        "\n"));
}

TEST_CASE("role service") {
  Cluster cluster;
  cluster.server->Put(kServices, R"({"kind":"Service","metadata":{"name":"a","namespace":"ns",
      "labels":{"l":"1"},"annotations":{"prometheus.io/scrape":"true"}},
      "spec":{"type":"ClusterIP","clusterIP":"10.1.1.1",
        "ports":[{"name":"http","port":80,"protocol":"TCP"},{"port":53,"protocol":"UDP"}]}})");
  cluster.server->Put(kServices, R"({"kind":"Service","metadata":{"name":"e","namespace":"ns"},
      "spec":{"type":"ExternalName","externalName":"ex.example","ports":[{"port":1,"protocol":"TCP"}]}})");
  cluster.server->Put(kServices, R"({"kind":"Service","metadata":{"name":"l","namespace":"ns"},
      "spec":{"type":"LoadBalancer","clusterIP":"10.1.1.2","loadBalancerIP":"9.9.9.9",
        "ports":[{"port":2,"protocol":"TCP"}]}})");
  cluster.server->Put(
      kServices, R"({"kind":"Service","metadata":{"name":"none","namespace":"ns"},"spec":{}})");
  cluster.Start(cluster.ConfigFor("service"));
  CHECK(cluster.Text() ==
        R"(svc/ns/a: {__address__="a.ns.svc:80", namespace="ns", )"
        R"(service_annotation_prometheus_io_scrape="true", )"
        R"(service_annotationpresent_prometheus_io_scrape="true", service_cluster_ip="10.1.1.1", )"
        R"(service_label_l="1", service_labelpresent_l="true", service_name="a", )"
        R"(service_port_name="http", service_port_number="80", service_port_protocol="TCP", )"
        R"(service_type="ClusterIP"})"
        "\n"
        R"(svc/ns/a: {__address__="a.ns.svc:53", namespace="ns", )"
        R"(service_annotation_prometheus_io_scrape="true", )"
        R"(service_annotationpresent_prometheus_io_scrape="true", service_cluster_ip="10.1.1.1", )"
        R"(service_label_l="1", service_labelpresent_l="true", service_name="a", )"
        R"(service_port_number="53", service_port_protocol="UDP", service_type="ClusterIP"})"
        "\n"
        R"(svc/ns/e: {__address__="e.ns.svc:1", namespace="ns", )"
        R"(service_external_name="ex.example", service_name="e", service_port_number="1", )"
        R"(service_port_protocol="TCP", service_type="ExternalName"})"
        "\n"
        R"(svc/ns/l: {__address__="l.ns.svc:2", namespace="ns", service_cluster_ip="10.1.1.2", )"
        R"(service_loadbalancer_ip="9.9.9.9", service_name="l", service_port_number="2", )"
        R"(service_port_protocol="TCP", service_type="LoadBalancer"})"
        "\n");
}

constexpr char kPod[] = R"({"kind":"Pod","metadata":{"name":"p","namespace":"ns","uid":"u1",
    "labels":{"app":"web"},"annotations":{"a":"b"},
    "ownerReferences":[{"kind":"Other","name":"x"},
                       {"kind":"ReplicaSet","name":"web-1","controller":true}]},
    "spec":{"nodeName":"n1",
      "containers":[{"name":"c","image":"i:1","ports":[{"name":"http","containerPort":80,"protocol":"TCP"},
                                                      {"containerPort":81,"protocol":"UDP"}]},
                    {"name":"bare","image":"i:2"}],
      "initContainers":[{"name":"init","image":"i:3"}]},
    "status":{"phase":"Running","podIP":"10.2.0.1","hostIP":"10.0.0.1",
      "conditions":[{"type":"Ready","status":"True"}],
      "containerStatuses":[{"name":"c","containerID":"docker://1"}],
      "initContainerStatuses":[{"name":"init","containerID":"docker://3"}]}})";
// What every target of it has, between the container's labels and after them.
constexpr char kPodTail[] =
    R"(pod_controller_kind="ReplicaSet", pod_controller_name="web-1", pod_host_ip="10.0.0.1", )"
    R"(pod_ip="10.2.0.1", pod_label_app="web", pod_labelpresent_app="true", pod_name="p", )"
    R"(pod_node_name="n1", pod_phase="Running", pod_ready="true", pod_uid="u1"})"
    "\n";
constexpr char kPodHead[] =
    R"(namespace="ns", pod_annotation_a="b", pod_annotationpresent_a="true", )";

TEST_CASE("role pod") {
  Cluster cluster;
  cluster.server->Put(kPods, kPod);
  cluster.server->Put(kPods, R"({"kind":"Pod","metadata":{"name":"pending","namespace":"ns"},
      "spec":{"containers":[{"name":"c","ports":[{"containerPort":1}]}]},"status":{"phase":"Pending"}})");
  cluster.Start(cluster.ConfigFor("pod"));
  const std::string head = kPodHead, tail = kPodTail;
  CHECK(
      cluster.Text() ==
      R"(pod/ns/p: {__address__="10.2.0.1:80", )" + head +
          R"(pod_container_id="docker://1", pod_container_image="i:1", pod_container_init="false", )"
          R"(pod_container_name="c", pod_container_port_name="http", )"
          R"(pod_container_port_number="80", pod_container_port_protocol="TCP", )" +
          tail + R"(pod/ns/p: {__address__="10.2.0.1:81", )" + head +
          R"(pod_container_id="docker://1", pod_container_image="i:1", pod_container_init="false", )"
          R"(pod_container_name="c", pod_container_port_number="81", )"
          R"(pod_container_port_protocol="UDP", )" +
          tail + R"(pod/ns/p: {__address__="10.2.0.1", )" + head +
          R"(pod_container_image="i:2", pod_container_init="false", pod_container_name="bare", )" +
          tail + R"(pod/ns/p: {__address__="10.2.0.1", )" + head +
          R"(pod_container_id="docker://3", pod_container_image="i:3", pod_container_init="true", )"
          R"(pod_container_name="init", )" +
          tail);
  // It gets its address, and is gone.
  cluster.server->Delete(kPods, "ns/p");
  cluster.server->Put(kPods,
                      R"({"kind":"Pod","metadata":{"name":"pending","namespace":"ns","uid":"u2"},
      "spec":{"containers":[{"name":"c","ports":[{"containerPort":1}]}]},
      "status":{"phase":"Running","podIP":"fd00::9"}})");
  CHECK(cluster.Reaches(
      R"(pod/ns/pending: {__address__="[fd00::9]:1", namespace="ns", pod_container_init="false", )"
      R"(pod_container_name="c", pod_container_port_number="1", pod_ip="fd00::9", )"
      R"(pod_name="pending", pod_phase="Running", pod_ready="unknown", pod_uid="u2"})"
      "\n"));
  cluster.server->Delete(kPods, "ns/pending");
  CHECK(cluster.Reaches(""));
}

TEST_CASE(
    "role endpoints: addresses, ready or not, their service, their pods, and ports left over") {
  Cluster cluster;
  cluster.server->Put(kServices, R"({"kind":"Service","metadata":{"name":"web","namespace":"ns",
      "annotations":{"s":"1"}},"spec":{}})");
  cluster.server->Put(kPods, kPod);
  cluster.server->Put(kEndpoints, R"({"kind":"Endpoints","metadata":{"name":"web","namespace":"ns",
      "labels":{"e":"1"}},"subsets":[{
        "ports":[{"name":"main","port":80,"protocol":"TCP"}],
        "addresses":[{"ip":"10.2.0.1","nodeName":"n1","targetRef":{"kind":"Pod","name":"p","namespace":"ns"}}],
        "notReadyAddresses":[{"ip":"10.2.0.9","hostname":"h","targetRef":{"kind":"Node","name":"n9"}}]}]})");
  cluster.Start(cluster.ConfigFor("endpoints"));
  const std::string common =
      R"(endpoints_label_e="1", endpoints_labelpresent_e="true", endpoints_name="web", )";
  const std::string service =
      R"(service_annotation_s="1", service_annotationpresent_s="true", service_name="web"})"
      "\n";
  std::string tail = kPodTail;
  tail.resize(tail.size() - 2);
  tail += ", ";
  const std::string covered =
      R"(endpoints/ns/web: {__address__="10.2.0.1:80", endpoint_address_target_kind="Pod", )"
      R"(endpoint_address_target_name="p", endpoint_node_name="n1", endpoint_port_name="main", )"
      R"(endpoint_port_protocol="TCP", endpoint_ready="true", )" +
      common + kPodHead +
      R"(pod_container_image="i:1", pod_container_init="false", pod_container_name="c", )"
      R"(pod_container_port_name="http", pod_container_port_number="80", )"
      R"(pod_container_port_protocol="TCP", )" +
      tail + service;
  const std::string other =
      R"(endpoints/ns/web: {__address__="10.2.0.9:80", endpoint_address_target_kind="Node", )"
      R"(endpoint_address_target_name="n9", endpoint_hostname="h", endpoint_port_name="main", )"
      R"(endpoint_port_protocol="TCP", endpoint_ready="false", )" +
      common + R"(namespace="ns", )" + service;
  const std::string left_over =
      R"(endpoints/ns/web: {__address__="10.2.0.1:81", )" + common + kPodHead +
      R"(pod_container_image="i:1", pod_container_init="false", pod_container_name="c", )"
      R"(pod_container_port_number="81", pod_container_port_protocol="UDP", )" +
      tail + service;
  CHECK(cluster.Text() == covered + other + left_over);

  // A pod that goes changes nothing by itself. With the next change, here the service's end, its
  // labels and its other port are gone, too.
  cluster.server->Delete(kPods, "ns/p");
  REQUIRE(cluster.rig.WaitFor(
      [&] { return cluster.rig.Metric("prometheus_sd_kubernetes_events_total") == 4; }));
  cluster.server->Delete(kServices, "ns/web");
  CHECK(cluster.Reaches(
      R"(endpoints/ns/web: {__address__="10.2.0.1:80", endpoint_address_target_kind="Pod", )"
      R"(endpoint_address_target_name="p", endpoint_node_name="n1", endpoint_port_name="main", )"
      R"(endpoint_port_protocol="TCP", endpoint_ready="true", )" +
      common +
      R"(namespace="ns"})"
      "\n"
      R"(endpoints/ns/web: {__address__="10.2.0.9:80", endpoint_address_target_kind="Node", )"
      R"(endpoint_address_target_name="n9", endpoint_hostname="h", endpoint_port_name="main", )"
      R"(endpoint_port_protocol="TCP", endpoint_ready="false", )" +
      common +
      R"(namespace="ns"})"
      "\n"));
  cluster.server->Put(kPods, kPod);
  cluster.server->Put(kServices, R"({"kind":"Service","metadata":{"name":"web","namespace":"ns",
      "annotations":{"s":"1"}},"spec":{}})");
  CHECK(cluster.Reaches(covered + other + left_over));
  cluster.server->Delete(kEndpoints, "ns/web");
  CHECK(cluster.Reaches(""));
}

TEST_CASE("role endpointslice") {
  Cluster cluster;
  cluster.server->Put(kServices,
                      R"({"kind":"Service","metadata":{"name":"web","namespace":"ns"},"spec":{}})");
  cluster.server->Put(kSlices,
                      R"({"kind":"EndpointSlice","metadata":{"name":"web-x","namespace":"ns",
      "labels":{"kubernetes.io/service-name":"web"}},"addressType":"IPv4",
      "ports":[{"name":"main","port":80,"protocol":"TCP","appProtocol":"http"},{"name":"any"}],
      "endpoints":[{"addresses":["10.2.0.1"],"hostname":"h","nodeName":"n1","zone":"z",
        "conditions":{"ready":true,"serving":false,"terminating":null},
        "targetRef":{"kind":"Pod","name":"p"},
        "deprecatedTopology":{"kubernetes.io/hostname":"n1"}}]})");
  cluster.server->Put(kPods, R"({"kind":"Pod","metadata":{"name":"p","namespace":"ns","uid":"u"},
      "spec":{"containers":[{"name":"c","ports":[{"name":"x","containerPort":80},{"containerPort":9}]}]},
      "status":{"podIP":"10.2.0.1"}})");
  cluster.Start(cluster.ConfigFor("endpointslice"));
  const std::string slice =
      R"(endpointslice_address_target_kind="Pod", endpointslice_address_target_name="p", )"
      R"(endpointslice_address_type="IPv4", endpointslice_endpoint_conditions_ready="true", )"
      R"(endpointslice_endpoint_conditions_serving="false", )"
      R"(endpointslice_endpoint_hostname="h", endpointslice_endpoint_node_name="n1", )"
      R"(endpointslice_endpoint_topology_kubernetes_io_hostname="n1", )"
      R"(endpointslice_endpoint_topology_present_kubernetes_io_hostname="true", )"
      R"(endpointslice_endpoint_zone="z", endpointslice_label_kubernetes_io_service_name="web", )"
      R"(endpointslice_labelpresent_kubernetes_io_service_name="true", endpointslice_name="web-x", )";
  const std::string pod = R"(pod_ip="10.2.0.1", pod_name="p", pod_ready="unknown", pod_uid="u", )"
                          R"(service_name="web"})"
                          "\n";
  CHECK(
      cluster.Text() ==
      R"(endpointslice/ns/web-x: {__address__="10.2.0.1:80", )" + slice +
          R"(endpointslice_port="80", endpointslice_port_app_protocol="http", )"
          R"(endpointslice_port_name="main", endpointslice_port_protocol="TCP", namespace="ns", )"
          R"(pod_container_init="false", pod_container_name="c", pod_container_port_name="x", )"
          R"(pod_container_port_number="80", pod_container_port_protocol="TCP", )" +
          pod + R"(endpointslice/ns/web-x: {__address__="10.2.0.1", )" + slice +
          R"(endpointslice_port_name="any", namespace="ns", )" + pod +
          R"(endpointslice/ns/web-x: {__address__="10.2.0.1:9", endpointslice_address_type="IPv4", )"
          R"(endpointslice_label_kubernetes_io_service_name="web", )"
          R"(endpointslice_labelpresent_kubernetes_io_service_name="true", )"
          R"(endpointslice_name="web-x", namespace="ns", pod_container_init="false", )"
          R"(pod_container_name="c", pod_container_port_number="9", )" +
          pod);
}

TEST_CASE("role ingress") {
  Cluster cluster;
  cluster.server->Put(kIngresses, R"({"kind":"Ingress","metadata":{"name":"i","namespace":"ns",
      "labels":{"l":"1"}},"spec":{"ingressClassName":"nginx",
        "tls":[{"hosts":["safe.example","*.wild.example"]}],
        "rules":[{"host":"safe.example","http":{"paths":[{"path":"/a"},{}]}},
                 {"host":"x.wild.example"},{"host":"y.x.wild.example"},{"http":{"paths":[{"path":"/b"}]}}]}})");
  cluster.Start(cluster.ConfigFor("ingress"));
  const auto line = [](const std::string& host, const std::string& path,
                       const std::string& scheme) {
    const std::string named = host.empty() ? "" : fmt::format("ingress_host=\"{}\", ", host);
    const std::string address = host.empty() ? "" : fmt::format("__address__=\"{}\", ", host);
    return fmt::format(
        "ingress/ns/i: {{{}ingress_class_name=\"nginx\", {}ingress_label_l=\"1\", "
        "ingress_labelpresent_l=\"true\", ingress_name=\"i\", ingress_path=\"{}\", "
        "ingress_scheme=\"{}\", namespace=\"ns\"}}\n",
        address, named, path, scheme);
  };
  CHECK(cluster.Text() == line("safe.example", "/a", "https") + line("safe.example", "/", "https") +
                              line("x.wild.example", "/", "https") +
                              line("y.x.wild.example", "/", "http") + line("", "/b", "http"));
}

}  // namespace
}  // namespace narthex::discovery::kubernetes
