#!/usr/bin/env python3
"""kubernetes_sd_configs beside a peer: the same fake API server, the same configuration, and what
both find: every role, metadata of nodes, and the eight jobs a chart for Kubernetes brings along.
Compares active and dropped targets before and after objects change, watches break off and histories
are forgotten. Nothing is scraped: intervals are of months.

usage: kubernetes.py BIN_DIR FAKE_KUBE_API [--peer PROMETHEUS]

Debian 12's prometheus is built without Kubernetes: with such a peer, or none, only the number of
targets of the eight jobs is checked."""
import argparse, collections, json, os, re, subprocess, sys, tempfile, time

from prompb import Server

HERE = os.path.dirname(os.path.abspath(__file__))


def meta(name, namespace=None, labels=None, annotations=None, **more):
    out = {"name": name, **more}
    if namespace:
        out["namespace"] = namespace
    if labels:
        out["labels"] = labels
    if annotations:
        out["annotations"] = annotations
    return out


def node(name, address, **labels):
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta(name, labels=labels, annotations={"node.io/note": "x y"}),
            "spec": {"providerID": "fake:///" + name},
            "status": {"daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
                       "addresses": [{"type": "Hostname", "address": name},
                                     {"type": "InternalIP", "address": address}]}}


def container(name, ports=(), image="img:1"):
    return {"name": name, "image": image,
            "ports": [{"name": n, "containerPort": p, "protocol": "TCP"} for n, p in ports]}


def pod(name, namespace, ip, node_name, containers, labels=None, annotations=None, init=(), owner=None, phase="Running"):
    made = {"apiVersion": "v1", "kind": "Pod",
            "metadata": meta(name, namespace, labels, annotations, uid="uid-" + name),
            "spec": {"nodeName": node_name, "containers": list(containers), "initContainers": list(init)},
            "status": {"phase": phase, "hostIP": "127.0.1.1",
                       "conditions": [{"type": "Ready", "status": "True" if ip else "False"}],
                       "containerStatuses": [{"name": c["name"], "containerID": "containerd://" + c["name"]}
                                             for c in containers]}}
    if ip:
        made["status"]["podIP"] = ip
    if owner:
        made["metadata"]["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": owner[0], "name": owner[1],
                                                "uid": "o", "controller": True}]
    return made


def service(name, namespace, ports, kind="ClusterIP", labels=None, annotations=None, **spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta(name, namespace, labels, annotations),
            "spec": {"type": kind, "clusterIP": "10.96.0.7",
                     "ports": [{"name": n, "port": p, "protocol": "TCP"} for n, p in ports], **spec}}


def pod_ref(name, namespace):
    return {"kind": "Pod", "name": name, "namespace": namespace}


def endpoints(name, namespace, subsets, labels=None):
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": meta(name, namespace, labels), "subsets": subsets}


def slice_of(name, service_name, namespace, ports, parts):
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": meta(name, namespace, {"kubernetes.io/service-name": service_name}),
            "ports": [{"name": n, "port": p, "protocol": "TCP"} for n, p in ports], "endpoints": parts}


def ingress(name, namespace, rules, tls=()):
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta(name, namespace, {"i": "1"}),
            "spec": {"ingressClassName": "nginx", "rules": rules, "tls": list(tls)}}


def cluster():
    """A little cluster as the chart would find it."""
    scraped = {"prometheus.io/scrape": "true"}
    web = [container("web", [("http", 80), ("metrics", 9100)]), container("sidecar")]
    return [
        node("node-a", "127.0.1.1", zone="z1"), node("node-b", "127.0.1.2", zone="z2"),
        service("kubernetes", "default", [("https", 443)], labels={"component": "apiserver"}),
        endpoints("kubernetes", "default", [{"addresses": [{"ip": "127.0.2.1"}, {"ip": "127.0.2.2"}],
                                             "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}]}]),
        service("web", "shop", [("http", 80)], labels={"app": "web", "odd-name/x": "y"},
                annotations={**scraped, "prometheus.io/port": "9100", "prometheus.io/path": "/m", "prometheus.io/scheme": "https"}),
        pod("web-0", "shop", "127.0.3.1", "node-a", web, {"app": "web"}, {**scraped, "prometheus.io/port": "9100"},
            init=[container("setup", [("init", 7000)], "init:2")], owner=("ReplicaSet", "web-abc")),
        pod("web-1", "shop", "127.0.3.2", "node-b", web, {"app": "web"}, scraped, owner=("ReplicaSet", "web-abc")),
        pod("web-2", "shop", "", "node-b", web, {"app": "web"}, scraped, phase="Pending"),
        endpoints("web", "shop", [{"addresses": [{"ip": "127.0.3.1", "nodeName": "node-a", "targetRef": pod_ref("web-0", "shop")}],
                                   "notReadyAddresses": [{"ip": "127.0.3.2", "nodeName": "node-b", "hostname": "h",
                                                          "targetRef": pod_ref("web-1", "shop")}],
                                   "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}], {"app": "web"}),
        slice_of("web-x1", "web", "shop", [("http", 80)],
                 [{"addresses": ["127.0.3.1"], "conditions": {"ready": True}, "nodeName": "node-a", "targetRef": pod_ref("web-0", "shop")},
                  {"addresses": ["127.0.3.2"], "conditions": {"ready": False, "serving": True, "terminating": True}, "hostname": "h",
                   "nodeName": "node-b", "targetRef": pod_ref("web-1", "shop")}]),
        service("pushgateway", "mon", [("http", 9091)], annotations={"prometheus.io/probe": "pushgateway"}),
        service("probed", "mon", [("http", 8080)], labels={"l": "1"}, annotations={"prometheus.io/probe": "true"}),
        service("outside", "mon", [("x", 1)], "ExternalName", externalName="outside.example"),
        service("lb", "mon", [("x", 2)], "LoadBalancer", loadBalancerIP="127.9.9.9"),
        service("node-exporter", "mon", [("metrics", 9100)], annotations=scraped, clusterIP="None"),
        endpoints("node-exporter", "mon", [{"addresses": [{"ip": "127.0.1.1", "nodeName": "node-a"},
                                                          {"ip": "127.0.1.2", "targetRef": {"kind": "Node", "name": "node-b"}}],
                                            "ports": [{"name": "metrics", "port": 9100, "protocol": "TCP"}]}]),
        ingress("front", "shop", [{"host": "a.example", "http": {"paths": [{"path": "/x"}]}},
                                  {"host": "b.wild.example", "http": {"paths": [{"path": "/"}]}}],
                [{"hosts": ["*.wild.example"]}]),
    ]


JOBS = """
- job_name: kubernetes-apiservers
  kubernetes_sd_configs: [{role: endpoints, api_server: API}]
  scheme: https
  tls_config: {insecure_skip_verify: true}
  relabel_configs:
  - {source_labels: [__meta_kubernetes_namespace, __meta_kubernetes_service_name, __meta_kubernetes_endpoint_port_name],
     action: keep, regex: 'default;kubernetes;https'}
- job_name: kubernetes-nodes
  kubernetes_sd_configs: [{role: node, api_server: API}]
  scheme: https
  relabel_configs: &nodes
  - {action: labelmap, regex: '__meta_kubernetes_node_label_(.+)'}
  - {target_label: __address__, replacement: "kubernetes.default.svc:443"}
  - {source_labels: [__meta_kubernetes_node_name], regex: '(.+)', target_label: __metrics_path__,
     replacement: "/api/v1/nodes/$1/proxy/metrics"}
- job_name: kubernetes-nodes-cadvisor
  kubernetes_sd_configs: [{role: node, api_server: API}]
  scheme: https
  relabel_configs:
  - {action: labelmap, regex: '__meta_kubernetes_node_label_(.+)'}
  - {target_label: __address__, replacement: "kubernetes.default.svc:443"}
  - {source_labels: [__meta_kubernetes_node_name], regex: '(.+)', target_label: __metrics_path__,
     replacement: "/api/v1/nodes/$1/proxy/metrics/cadvisor"}
- job_name: kubernetes-service-endpoints
  kubernetes_sd_configs: [{role: endpoints, api_server: API}]
  relabel_configs:
  - {source_labels: [__meta_kubernetes_service_annotation_prometheus_io_scrape], action: keep, regex: "true"}
  - {source_labels: [__meta_kubernetes_service_annotation_prometheus_io_scheme], action: replace, target_label: __scheme__, regex: '(https?)'}
  - {source_labels: [__meta_kubernetes_service_annotation_prometheus_io_path], action: replace, target_label: __metrics_path__, regex: '(.+)'}
  - {source_labels: [__address__, __meta_kubernetes_service_annotation_prometheus_io_port], action: replace, target_label: __address__,
     regex: '([^:]+)(?::\\d+)?;(\\d+)', replacement: "$1:$2"}
  - {action: labelmap, regex: '__meta_kubernetes_service_label_(.+)'}
  - {source_labels: [__meta_kubernetes_namespace], action: replace, target_label: kubernetes_namespace}
  - {source_labels: [__meta_kubernetes_service_name], action: replace, target_label: kubernetes_name}
  - {source_labels: [__meta_kubernetes_pod_node_name], action: replace, target_label: kubernetes_node}
- job_name: prometheus-pushgateway
  honor_labels: true
  kubernetes_sd_configs: [{role: service, api_server: API}]
  relabel_configs:
  - {source_labels: [__meta_kubernetes_service_annotation_prometheus_io_probe], action: keep, regex: 'pushgateway'}
- job_name: kubernetes-services
  metrics_path: /probe
  params: {module: [http_2xx]}
  kubernetes_sd_configs: [{role: service, api_server: API}]
  relabel_configs:
  - {source_labels: [__meta_kubernetes_service_annotation_prometheus_io_probe], action: keep, regex: "true"}
  - {source_labels: [__address__], target_label: __param_target}
  - {target_label: __address__, replacement: blackbox}
  - {source_labels: [__param_target], target_label: instance}
  - {action: labelmap, regex: '__meta_kubernetes_service_label_(.+)'}
  - {source_labels: [__meta_kubernetes_namespace], target_label: kubernetes_namespace}
  - {source_labels: [__meta_kubernetes_service_name], target_label: kubernetes_name}
- job_name: kubernetes-pods
  kubernetes_sd_configs: [{role: pod, api_server: API}]
  relabel_configs:
  - {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], action: keep, regex: "true"}
  - {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_path], action: replace, target_label: __metrics_path__, regex: '(.+)'}
  - {source_labels: [__address__, __meta_kubernetes_pod_annotation_prometheus_io_port], action: replace, target_label: __address__,
     regex: '([^:]+)(?::\\d+)?;(\\d+)', replacement: "$1:$2"}
  - {action: labelmap, regex: '__meta_kubernetes_pod_label_(.+)'}
  - {source_labels: [__meta_kubernetes_namespace], action: replace, target_label: kubernetes_namespace}
  - {source_labels: [__meta_kubernetes_pod_name], action: replace, target_label: kubernetes_pod_name}
"""
ROLES = ["node", "service", "pod", "endpoints", "endpointslice", "ingress"]
# How many targets the eight jobs keep of the cluster above: worked out by hand.
EXPECTED = {"prometheus": 1,
            "kubernetes-apiservers": 2,           # both addresses of default/kubernetes
            "kubernetes-nodes": 2, "kubernetes-nodes-cadvisor": 2,
            # web: after the port's rewrite one for each pod, as :80 and the uncovered :9100 are the
            # same address, but for the labels of neither; node-exporter: one for each node.
            "kubernetes-service-endpoints": 4,
            "prometheus-pushgateway": 1, "kubernetes-services": 1,
            # web-0: everything becomes :9100; web-1: :80, :9100, and the port-less sidecar.
            "kubernetes-pods": 4}
# Labels that came after the peer's version.
NEWER = {"3.5": r"__meta_kubernetes_node_condition_|__always_scrape_classic|__convert_classic|__scrape_native"}


def configuration(api):
    jobs = "- job_name: prometheus\n  static_configs: [{targets: ['localhost:9090']}]" + JOBS
    for role in ROLES:
        jobs += f"- job_name: role-{role}\n  kubernetes_sd_configs: [{{role: {role}, api_server: API}}]\n"
        jobs += f"- job_name: dropped-{role}\n  kubernetes_sd_configs: [{{role: {role}, api_server: API}}]\n"
        jobs += "  relabel_configs: [{action: drop, source_labels: [__address__], regex: '127.*|.*svc.*'}]\n"
    for role in ["pod", "endpoints", "endpointslice"]:
        jobs += f"- job_name: with-node-{role}\n  kubernetes_sd_configs:\n"
        jobs += f"  - {{role: {role}, api_server: API, attach_metadata: {{node: true}}, namespaces: {{names: [shop, mon]}}}}\n"
    jobs += "- job_name: selected\n  kubernetes_sd_configs:\n"
    jobs += "  - {role: pod, api_server: API, selectors: [{role: pod, label: app=web, field: spec.nodeName=node-b}]}\n"
    return "global: {scrape_interval: 100d}\nscrape_configs:\n" + jobs.replace("API", api)


def targets(server):
    return server.get("/api/v1/targets")["data"]


def flat(data, ignored, old=False):
    """Every target as one text, with how often it is there. `old`: as Prometheus 2 would have it, which
    adds the port of the scheme to addresses without one and so takes some targets for the same."""
    def bare(text):
        return re.sub(r"(?<=[a-z0-9.]):(80|443)(?=/|$)", "", text) if old else text
    def clean(labels):
        return {k: bare(v) if k == "instance" else v for k, v in labels.items()
                if not (ignored and re.match(ignored, k))}
    out = collections.Counter()
    for target in data["activeTargets"]:
        # The eight jobs make several of some: which one is shown for all is of no account.
        shown = {} if target["scrapePool"].startswith("kubernetes-") else clean(target["discoveredLabels"])
        out[json.dumps(["active", target["scrapePool"], shown,
                        clean(target["labels"]), bare(target["scrapeUrl"])], sort_keys=True)] += 1
    for target in data["droppedTargets"]:
        out[json.dumps(["dropped", clean(target["discoveredLabels"])], sort_keys=True)] += 1
    return collections.Counter(set(out)) if old else out


def settled(ours, theirs, ignored, old, seconds=40):
    """The differences once there are none for two looks in a row, or what they are in the end."""
    end, quiet, difference = time.time() + seconds, 0, None
    while time.time() < end:
        time.sleep(0.5)
        try:
            a, b = flat(targets(ours), ignored, old), flat(targets(theirs), ignored, old)
        except OSError:
            continue
        difference = [("only ours", t) for t in (a - b)] + [("only the peer", t) for t in (b - a)]
        quiet = quiet + 1 if a and not difference else 0
        if quiet == 4:
            break
    return difference if difference is not None else [("no answer", "")]


def pools_of(server, seconds=60):
    """How many targets each job has, once the eight jobs have what they should, or in the end."""
    end, pools = time.time() + seconds, {}
    while time.time() < end and any(pools.get(pool) != count for pool, count in EXPECTED.items()):
        time.sleep(0.5)
        try:
            pools = collections.Counter(t["scrapePool"] for t in targets(server)["activeTargets"])
        except OSError:
            continue
    return pools


def knows_kubernetes(binary):
    with open(binary, "rb") as file:
        return b"__meta_kubernetes_" in file.read()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin_dir")
    parser.add_argument("fake_kube_api")
    parser.add_argument("--peer", default="")
    options = parser.parse_args()
    series, ignored = "nobody", None
    if options.peer and knows_kubernetes(options.peer):
        version = subprocess.run([options.peer, "--version"], capture_output=True, text=True)
        series = re.search(r"version (\d+\.\d+)", version.stdout + version.stderr)[1]
        ignored = NEWER.get(series)
    faults = []
    with tempfile.TemporaryDirectory() as directory:
        objects = os.path.join(directory, "objects")
        os.makedirs(objects)
        with open(os.path.join(objects, "all.json"), "w") as file:
            json.dump(cluster(), file)
        fake = subprocess.Popen([options.fake_kube_api, f"--objects={objects}"], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
        api = fake.stdout.readline().strip()

        def command(line):
            fake.stdin.write(line + "\n")
            fake.stdin.flush()
            answer = fake.stdout.readline().strip()
            if answer != "ok":
                faults.append(f"{line}: {answer}")

        def put(made):
            path = os.path.join(directory, "one.json")
            with open(path, "w") as file:
                json.dump(made, file)
            command("put " + path)

        config, servers = configuration(api), []
        try:
            servers.append(Server(os.path.join(options.bin_dir, "prometheus"), directory + "/ours/data", config=config))
            if series != "nobody":
                servers.append(Server(options.peer, directory + "/theirs/data", config=config))
            ours, theirs = servers[0], servers[-1]
            steps = [("at first", lambda: None)]

            def change():
                put(pod("web-2", "shop", "127.0.3.3", "node-b", [container("web", [("http", 80)])], {"app": "web"}, {"prometheus.io/scrape": "true"}))
                put(service("web", "shop", [("http", 80), ("more", 81)], labels={"app": "new"}, annotations={"prometheus.io/scrape": "true"}))
                command("delete /api/v1/pods shop/web-0")
                # As its controller does it: until then a peer may or may not still show the pod's labels.
                put(endpoints("web", "shop", [{"addresses": [{"ip": "127.0.3.2", "nodeName": "node-b", "targetRef": pod_ref("web-1", "shop")}],
                                               "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}]))
                put(slice_of("web-x1", "web", "shop", [("http", 80)],
                             [{"addresses": ["127.0.3.2"], "conditions": {"ready": True}, "targetRef": pod_ref("web-1", "shop")}]))
                command("delete /api/v1/services mon/probed")
                put(node("node-b", "127.0.1.3", zone="z3", more="yes"))

            def break_off():
                command("cut-watches")
                command("delete /api/v1/endpoints mon/node-exporter")
                put(node("node-c", "127.0.1.4"))
                command("forget-history")
                command("delete /apis/networking.k8s.io/v1/ingresses shop/front")
            steps += [("after changes", change), ("after watches broke off", break_off)]
            for name, action in steps:
                action()
                for side, what in settled(ours, theirs, ignored, series.startswith("2.")):
                    faults.append(f"{name}, {side}: {what}")
                if name == "at first":
                    pools = pools_of(ours)
                    for pool, count in EXPECTED.items():
                        if pools[pool] != count:
                            faults.append(f"{pool}: {pools[pool]} targets, not {count}")
                print(f"{name}: {sum(flat(targets(ours), None).values())} targets compared with {series}")
        finally:
            if faults:
                ours.log.seek(0)
                print("".join(line for line in ours.log if "ERROR" in line or "WARN" in line)[-3000:])
            for server in servers:
                server.stop()
            fake.stdin.close()
            fake.wait(timeout=60)
    print("\n".join(faults))
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
