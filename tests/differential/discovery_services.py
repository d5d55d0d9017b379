"""Stand-ins of what discovery asks: Consul with blocking queries, Docker, Nomad, lists of targets by
HTTP. All in one process, on one port of the loopback; tests change what they say."""
import http.server, json, threading, time, urllib.parse

WAIT = 20  # seconds a blocking query waits at most


class Services:
    def __init__(self):
        self.changed = threading.Condition()
        self.index = 100
        self.consul = {}    # "services" or the name of a service -> (index, JSON value)
        self.documents = {}  # path -> (status, content type, text)
        self.stopping = False
        handler = type("Handler", (Handler,), {"services": self, "protocol_version": "HTTP/1.1"})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a peer that went while it was waiting
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        with self.changed:
            self.stopping = True
            self.changed.notify_all()
        self.server.shutdown()

    def document(self, path, value, status=200, content_type="application/json"):
        text = value if isinstance(value, str) else json.dumps(value)
        with self.changed:
            self.documents[path] = (status, content_type, text)

    def catalogue(self, services):
        """{name: ([tags], [instances])}: the whole of Consul."""
        with self.changed:
            self._put("services", {name: tags for name, (tags, _) in services.items()})
            for name, (_, instances) in services.items():
                self._put(name, instances)
            for name in set(self.consul) - set(services) - {"services"}:
                del self.consul[name]
            self.changed.notify_all()

    def _put(self, what, value):
        if what in self.consul and self.consul[what][1] == value:
            return
        self.index += 1
        self.consul[what] = (self.index, value)

    def blocking(self, what, index):
        deadline = time.time() + WAIT
        with self.changed:
            while True:
                known = self.consul.get(what, (1, []))
                left = deadline - time.time()
                if known[0] != index or left <= 0 or self.stopping:
                    return known
                self.changed.wait(left)


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, status, content_type, text, headers=()):
        body = text.encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self):  # Docker's ping
        self.send_response(200)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(url.path)
        query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        if path.startswith("/v1.") and path.count("/") > 1:  # Docker's version of the API
            path = "/" + path.split("/", 2)[2]
        if path == "/v1/agent/self":
            return self.answer(200, "application/json", '{"Config": {"Datacenter": "dc-fake"}}')
        if path == "/v1/catalog/services":
            return self.consul("services", query, lambda value: value)
        if path.startswith("/v1/health/service/"):
            wanted = set(query.get("tag", []))
            return self.consul(path[len("/v1/health/service/"):], query, lambda value: [
                i for i in value if wanted <= set(i["Service"]["Tags"] or [])])
        status, content_type, text = self.services.documents.get(path, (404, "text/plain", "not found"))
        self.answer(status, content_type, text)

    def consul(self, what, query, choose):
        index, value = self.services.blocking(what, int(query.get("index", ["0"])[0]))
        self.answer(200, "application/json", json.dumps(choose(value)), [("X-Consul-Index", str(index))])


def consul_instance(node, address, service, port, own_address="", tags=(), meta=None, checks=("passing",),
                    **extra):
    return {
        "Node": {"ID": f"id-{node}", "Node": node, "Address": address, "Datacenter": "dc-fake",
                 "TaggedAddresses": {"lan": address, "wan-v4": "192.0.2.1"},
                 "Meta": {"rack/no": "r1", "consul-network-segment": ""}},
        "Service": {"ID": f"{service}-{node}", "Service": service, "Tags": list(tags) if tags is not None else None,
                    "Address": own_address, "Port": port, "Meta": meta or {}, **extra},
        "Checks": [{"Node": node, "CheckID": f"c{i}", "Status": s} if not s.startswith("_") else
                   {"Node": node, "CheckID": s, "Status": "critical"} for i, s in enumerate(checks)],
    }


DOCKER_NETWORKS = [
    {"Id": "n1", "Name": "bridge", "Scope": "local", "Internal": False, "Ingress": False,
     "Labels": {"net.label": "v"}},
    {"Id": "n2", "Name": "host", "Scope": "local", "Internal": False, "Ingress": False, "Labels": {}},
]


def docker_container(name, ip, ports, network="bridge", network_id="n1", labels=None):
    return {"Id": f"id-{name}", "Names": [f"/{name}"], "Labels": labels or {}, "Ports": ports,
            "HostConfig": {"NetworkMode": network},
            "NetworkSettings": {"Networks": {network: {"IPAddress": ip, "NetworkID": network_id}}}}


def nomad_instance(service, address, port, tags=()):
    return {"ID": f"id-{service}-{port}", "ServiceName": service, "Namespace": "default", "NodeID": "node-1",
            "Datacenter": "dc1", "JobID": "job-1", "AllocID": "alloc-1", "Tags": list(tags),
            "Address": address, "Port": port}
