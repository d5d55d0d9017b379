"""A cluster of one node made of network namespaces: pods of rendered manifests run in what runtimes.py
has. Services are addresses of their own behind which a small proxy stands; names are in /etc/hosts;
ConfigMaps are mounted as the kubelet mounts them; the API server is the fake one.

Everything is below one scratch folder and in network namespaces of this process's own; close() ends
all of it. Must run as root, inside the network namespace `<prefix>-node` (see enter())."""
import http.client
import http.server
import json
import os
import pathlib
import select
import socket
import subprocess
import sys
import threading
import time

from runtimes import run

NODE_IP, NETWORK = "10.233.0.1", "10.233.0.0/16"
TOKEN = "token-of-the-cluster"
SECRETS = "/var/run/secrets/kubernetes.io/serviceaccount"
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


def enter(prefix):
    """Makes the node's network namespace and starts this program again inside it. Returns only there."""
    if os.environ.get("CLUSTER_PREFIX"):
        return os.environ["CLUSTER_PREFIX"]
    node = f"{prefix}-node"
    private = run("unshare", "--mount", "--propagation", "private", "true", check=False)
    if private.returncode != 0:
        print(f"NOT DONE: no private mounts here: {private.stderr.strip()}")
        sys.exit(77)
    made = run("ip", "netns", "add", node, check=False)
    if made.returncode != 0:
        print(f"NOT DONE: no network namespaces here: {made.stderr.strip()}")
        sys.exit(77)
    try:
        in_node = ("ip", "-n", node)
        run(*in_node, "link", "set", "lo", "up")
        # Without an address of its own a bridge takes the lowest of its ports, and a pod that joins would
        # change it: those who remember the old one do not reach the node for half a minute then.
        run(*in_node, "link", "add", "pods", "address", "02:00:0a:e9:00:01", "type", "bridge")
        run(*in_node, "addr", "add", f"{NODE_IP}/16", "dev", "pods")
        run(*in_node, "link", "set", "pods", "up")
        inside = subprocess.run(
            ["nsenter", f"--net=/run/netns/{node}", sys.executable, *sys.argv],
            env=dict(os.environ, CLUSTER_PREFIX=prefix), check=False)
    finally:
        for name in os.listdir("/run/netns"):
            if name.startswith(f"{prefix}-"):
                run("ip", "netns", "del", name, check=False)
    sys.exit(inside.returncode)


def until(what, condition, seconds=60):
    """Polls until the condition gives something true; its last answer says what was missing."""
    end = time.monotonic() + seconds
    seen = None
    while time.monotonic() < end:
        try:
            seen = condition()
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            seen = None
            last = error
        else:
            last = seen
        if seen and not isinstance(seen, Missing):
            return seen
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds} s; last: {last}")


class Missing(str):
    """What a condition still waits for."""


def request(method, address, port, path, body=None, headers=None, timeout=10):
    connection = http.client.HTTPConnection(address, port, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def waiting(pid):
    """What a process does as the kernel sees it: a line for each thread, and the sockets of its network."""
    def read(file):
        try:
            return file.read_text().strip()
        except OSError as error:
            return str(error)
    threads = [f"{read(task / 'comm'):16} {read(task / 'stat').rpartition(')')[2].split()[0:1]} "
               f"{read(task / 'wchan')} {read(task / 'syscall')}"
               for task in sorted(pathlib.Path(f"/proc/{pid}/task").glob("*"))]
    sockets = run("nsenter", f"--net=/proc/{pid}/ns/net", "ss", "-tanH", check=False).stdout
    return "\n".join(threads) + f"\n{sockets}"


class Proxy:
    """Takes connections at a Service's address and hands them to one of its pods in turn."""

    def __init__(self, address, port, backends):
        self.backends, self.turn = backends, 0
        self.socket = socket.create_server((address, port), reuse_port=False)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client):
        self.turn += 1
        try:
            pod = socket.create_connection(self.backends[self.turn % len(self.backends)], timeout=5)
        except OSError:
            client.close()
            return
        with client, pod:
            sides = {client: pod, pod: client}
            while True:
                ready, _, _ = select.select(list(sides), [], [], 60)
                for side in ready:
                    try:
                        data = side.recv(65536)
                        sides[side].sendall(data)
                    except OSError:
                        return
                    if not data:
                        return
                if not ready:
                    return


class Hook:
    """A webhook receiver on the node."""

    def __init__(self):
        self.received = []
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802 (the library's name)
                hook.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((NODE_IP, 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://{NODE_IP}:{self.server.server_address[1]}/"


class Pod:
    def __init__(self, cluster, workload, number, node_network):
        self.cluster, self.workload = cluster, workload
        self.template = workload["spec"]["template"]
        self.spec = self.template["spec"]
        self.namespace = workload["metadata"].get("namespace", "default")
        suffix = number if workload["kind"] == "StatefulSet" else f"{number:05d}"
        self.name = f"{workload['metadata']['name']}-{suffix}"
        self.labels = self.template["metadata"]["labels"]
        self.ip = NODE_IP if node_network else cluster.next_address(2)
        self.netns = f"{cluster.prefix}-node" if node_network else f"{cluster.prefix}-{self.ip.split('.')[-1]}"
        self.running = {}

    def component(self, container):
        return container["image"].split("/")[-1].split(":")[0]

    def environment(self, container):
        fields = {"status.podIP": self.ip, "metadata.name": self.name, "metadata.namespace": self.namespace,
                  "spec.nodeName": "node-1", "status.hostIP": NODE_IP}
        out = {"KUBERNETES_SERVICE_HOST": self.cluster.services["default/kubernetes"],
               "KUBERNETES_SERVICE_PORT": "443", "HOSTNAME": self.name}
        for entry in container.get("env") or []:
            reference = (entry.get("valueFrom") or {}).get("fieldRef")
            out[entry["name"]] = fields[reference["fieldPath"]] if reference else entry["value"]
        return out

    def arguments(self, container):
        """The arguments with $(NAME) put in, as the kubelet does."""
        out = []
        for argument in container.get("args") or []:
            for name, value in self.environment(container).items():
                argument = argument.replace(f"$({name})", value)
            out.append(argument)
        return out

    def volume(self, name):
        """The folder on this machine that stands for a volume."""
        volume = next((v for v in self.spec.get("volumes") or [] if v["name"] == name), None)
        if volume and "hostPath" in volume:
            return volume["hostPath"]["path"]
        if volume and "configMap" in volume:
            return self.cluster.config_map(volume["configMap"]["name"])
        claim = (volume or {}).get("persistentVolumeClaim", {}).get("claimName", f"{self.name}-{name}")
        folder = self.cluster.scratch / "volumes" / claim
        if not folder.exists():
            folder.mkdir(parents=True)
            group = (self.spec.get("securityContext") or {}).get("fsGroup")
            if group is not None:  # what fsGroup does to a volume
                os.chown(folder, 0, group)
                folder.chmod(0o2775)
        return folder

    def mounts(self, container):
        for mount in container.get("volumeMounts") or []:
            source = pathlib.Path(self.volume(mount["name"])) / (mount.get("subPath") or "")
            yield source, mount["mountPath"], mount.get("readOnly", False)
        yield self.cluster.scratch / "account", SECRETS, True

    def start(self):
        if self.ip != NODE_IP:
            self.connect()
        for container in self.spec["containers"]:
            self.running[container["name"]] = self.cluster.runtime.start(self, container)

    def connect(self):
        run("ip", "netns", "add", self.netns)
        outside = f"v{self.ip.split('.')[-1]}"
        run("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", self.netns)
        run("ip", "link", "set", outside, "master", "pods", "up")
        run("ip", "-n", self.netns, "link", "set", "lo", "up")
        run("ip", "-n", self.netns, "addr", "add", f"{self.ip}/16", "dev", "eth0")
        run("ip", "-n", self.netns, "link", "set", "eth0", "up")
        run("ip", "-n", self.netns, "route", "add", "default", "via", NODE_IP)

    def probe(self, container, kind):
        """The status a probe gets; None when there is no such probe."""
        probe = container.get(kind)
        if not probe:
            return None
        get = probe["httpGet"]
        status, body = request("GET", self.ip, get["port"], get["path"], timeout=5)
        return status if 200 <= status < 400 else Missing(f"{status} {body[:200]}")

    def object(self):
        """What the API server says of the pod."""
        containers = [dict(c) for c in self.spec["containers"]]
        return {"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": self.name, "namespace": self.namespace, "labels": self.labels,
                             "annotations": self.template["metadata"].get("annotations") or {},
                             "creationTimestamp": "2026-01-01T00:00:00Z", "uid": f"uid-{self.name}"},
                "spec": dict(self.spec, nodeName="node-1", containers=containers),
                "status": {"phase": "Running", "podIP": self.ip, "podIPs": [{"ip": self.ip}], "hostIP": NODE_IP,
                           "startTime": "2026-01-01T00:00:00Z",
                           "conditions": [{"type": "Ready", "status": "True"}],
                           "containerStatuses": [{
                               "name": c["name"], "ready": True, "restartCount": 0, "image": c["image"],
                               "containerID": f"containerd://{c['name']}",
                               "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
                               for c in containers]}}


class Cluster:
    def __init__(self, prefix, objects, runtime, scratch):
        self.prefix, self.objects, self.runtime, self.scratch = prefix, objects, runtime, scratch
        self.used = {}
        self.services = {}  # "namespace/name": address
        self.proxies, self.pods, self.left_out = [], [], []
        self.api = None
        for thing in self.of_kind("Service"):
            self.services[self.key(thing)] = self.next_address(1)
        self.services["default/kubernetes"] = self.next_address(1)

    def of_kind(self, *kinds):
        return [o for o in self.objects if o["kind"] in kinds]

    @staticmethod
    def key(thing):
        return f"{thing['metadata'].get('namespace', 'default')}/{thing['metadata']['name']}"

    def next_address(self, third):
        self.used[third] = self.used.get(third, 9) + 1
        return f"10.233.{third}.{self.used[third]}"

    def hosts(self):
        out = {}
        for key, address in self.services.items():
            namespace, name = key.split("/")
            for host in (name, f"{name}.{namespace}", f"{name}.{namespace}.svc",
                         f"{name}.{namespace}.svc.cluster.local"):
                out[host] = address
        return out

    def config_map(self, name):
        """A folder with the ConfigMap as the kubelet lays it out: files are links to ..data/FILE, and
        ..data is exchanged as a whole."""
        folder = self.scratch / "configmaps" / name
        if not folder.exists():
            folder.mkdir(parents=True)
            thing = next(o for o in self.of_kind("ConfigMap") if o["metadata"]["name"] == name)
            self.write_config_map(name, thing["data"])
        return folder

    def write_config_map(self, name, data):
        folder = self.scratch / "configmaps" / name
        version = folder / f"..{time.monotonic_ns()}"
        version.mkdir()
        for file, text in data.items():
            (version / file).write_text(text)
            if not (folder / file).is_symlink():
                (folder / file).symlink_to(f"..data/{file}")
        (folder / "..new").symlink_to(version.name)
        (folder / "..new").rename(folder / "..data")

    def make_account(self):
        """A certificate authority, the API server's certificate, a token."""
        folder = self.scratch / "account"
        keys = self.scratch / "keys"
        folder.mkdir()
        keys.mkdir()
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=cluster", "-keyout", keys / "ca.key", "-out", folder / "ca.crt")
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
            "/CN=kube-apiserver", "-keyout", keys / "api.key", "-out", keys / "api.csr")
        (keys / "names").write_text(
            "subjectAltName=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,"
            f"IP:{self.services['default/kubernetes']},IP:{NODE_IP}\n")
        run("openssl", "x509", "-req", "-in", keys / "api.csr", "-CA", folder / "ca.crt", "-CAkey",
            keys / "ca.key", "-CAcreateserial", "-days", "2", "-extfile", keys / "names", "-out", keys / "api.crt")
        (folder / "token").write_text(TOKEN)
        (folder / "namespace").write_text("default")

    def start_api(self, program):
        self.make_account()
        folder = self.scratch / "objects"
        folder.mkdir()
        (folder / "all.json").write_text(json.dumps({"kind": "List", "items": self.api_objects()}))
        self.api_log = open(self.scratch / "api.log", "w")
        self.api = subprocess.Popen(
            [program, f"--listen={NODE_IP}:6443", f"--objects={folder}", f"--token={TOKEN}",
             f"--tls-cert={self.scratch}/keys/api.crt", f"--tls-key={self.scratch}/keys/api.key"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.api_log, text=True)
        url = self.api.stdout.readline()
        if not url:
            raise RuntimeError(f"the API server did not start: {(self.scratch / 'api.log').read_text()}")

    def api_objects(self):
        """The rendered objects, and those a cluster adds to them."""
        out = [o for o in self.objects]
        out += [pod.object() for pod in self.pods]
        out.append({"apiVersion": "v1", "kind": "Node", "metadata": {
            "name": "node-1", "uid": "uid-node", "labels": {"kubernetes.io/hostname": "node-1"}},
            "spec": {}, "status": {"addresses": [{"type": "InternalIP", "address": NODE_IP}],
                                   "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
                                   "conditions": [{"type": "Ready", "status": "True"}]}})
        out.append({"apiVersion": "v1", "kind": "Namespace",
                    "metadata": {"name": "default", "uid": "uid-default"}, "status": {"phase": "Active"}})
        out.append({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kubernetes", "namespace": "default"},
                    "spec": {"type": "ClusterIP", "clusterIP": self.services["default/kubernetes"],
                             "ports": [{"name": "https", "port": 443, "targetPort": 6443}]}})
        out += self.endpoints("kubernetes", "default", [("https", 6443)], [(NODE_IP, None)], {})
        for service in self.of_kind("Service"):
            found = self.pods_of(service)
            ports = [(p["name"], p["targetPort"]) for p in service["spec"]["ports"]]
            out += self.endpoints(service["metadata"]["name"], service["metadata"].get("namespace", "default"),
                                  ports, [(p.ip, p) for p in found], service["metadata"]["labels"])
        return out

    @staticmethod
    def endpoints(name, namespace, ports, addresses, labels):
        def target(pod):
            return {"targetRef": {"kind": "Pod", "name": pod.name, "namespace": namespace},
                    "nodeName": "node-1"} if pod else {}
        meta = {"name": name, "namespace": namespace, "labels": labels}
        yield {"apiVersion": "v1", "kind": "Endpoints", "metadata": meta, "subsets": [{
            "addresses": [dict(target(pod), ip=ip) for ip, pod in addresses],
            "ports": [{"name": n, "port": p, "protocol": "TCP"} for n, p in ports]}]}
        yield {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
               "metadata": dict(meta, name=f"{name}-abcde", labels=dict(labels, **{
                   "kubernetes.io/service-name": name})),
               "endpoints": [dict(target(pod), addresses=[ip], conditions={"ready": True})
                             for ip, pod in addresses],
               "ports": [{"name": n, "port": p, "protocol": "TCP"} for n, p in ports]}

    def pods_of(self, service):
        selector = service["spec"]["selector"].items()
        return [p for p in self.pods if selector <= p.labels.items()]

    def make_pods(self, components):
        for workload in self.of_kind(*WORKLOADS):
            for number in range(workload["spec"].get("replicas", 1)):
                spec = workload["spec"]["template"]["spec"]
                pod = Pod(self, workload, number, spec.get("hostNetwork", False))
                if all(pod.component(c) in components for c in spec["containers"]):
                    self.pods.append(pod)
                else:
                    self.left_out.append(pod.name)

    def start_proxies(self):
        for address in self.services.values():
            run("ip", "addr", "add", f"{address}/32", "dev", "pods")
        self.proxies.append(Proxy(self.services["default/kubernetes"], 443, [(NODE_IP, 6443)]))
        for service in self.of_kind("Service"):
            pods = self.pods_of(service)
            for port in service["spec"]["ports"]:
                if pods and service["spec"].get("clusterIP") != "None":
                    backends = [(p.ip, port["targetPort"]) for p in pods]
                    self.proxies.append(Proxy(self.services[self.key(service)], port["port"], backends))

    def ask(self, service, method, path, body=None, headers=None):
        """A request to a Service at its own address and first port."""
        thing = next(o for o in self.of_kind("Service") if o["metadata"]["name"] == service)
        return request(method, self.services[self.key(thing)], thing["spec"]["ports"][0]["port"], path, body, headers)

    def close(self):
        self.runtime.close([n for p in self.pods for n in p.running.values()])
        if self.api is not None:
            self.api.stdin.close()
            try:
                self.api.wait(5)
            except subprocess.TimeoutExpired:
                self.api.kill()
                self.api.wait()
        for proxy in self.proxies:
            proxy.socket.close()


