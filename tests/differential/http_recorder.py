"""What HTTP clients talk to in tests, and what they said: a server and proxy in the open, the same
inside TLS, SOCKS proxies with and without a login, and issuers of OAuth 2 tokens. Requests are kept by
the job their path begins with, in a form that does not depend on ports, times and chance."""
import base64, collections, http.server, json, select, socket, socketserver, ssl
import threading, urllib.parse

# Of the client's own, and not of what is asked.
IGNORED = {"user-agent", "content-length", "connection", "accept", "accept-encoding",
           "x-prometheus-scrape-timeout-seconds"}
LOGIN = (b"me", b"p w")


class Threads(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 100

    def handle_error(self, request, client_address):
        pass  # clients that hang up, or do not like our certificate


def relay(a, b):
    """Bytes both ways until one side ends."""
    while True:
        ready = [s for s in (a, b) if isinstance(s, ssl.SSLSocket) and s.pending()]
        for side in ready or select.select([a, b], [], [], 30)[0] or [None]:
            data = side.recv(65536) if side else b""
            if not data:
                return
            (b if side is a else a).sendall(data)


class Http(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    recorder = tls = None

    def setup(self):
        self.request.settimeout(60)
        if self.tls:
            self.request = self.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def note(self, job, body=""):
        who = ""
        if self.tls:
            certificate = self.request.getpeercert() or {}
            who = "TLS " + str(dict(p for names in certificate.get("subject", ()) for p in names).get("commonName")) + " "
        headers = sorted(f"{name.lower()}: {value}" for name, value in self.headers.items()
                         if name.lower() not in IGNORED)
        self.recorder.note(job, " | ".join([f"{who}{self.command} {self.path}", *headers, *([body] if body else [])]))

    def answer(self, status, text, content_type="text/plain; version=0.0.4", headers=()):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_CONNECT(self):
        host = self.path.rsplit(":", 1)[0]
        self.note("tunnels")
        self.close_connection = True
        if host == "forbidden.test":
            return self.answer(403, "no")
        if host == "login.test":
            return self.answer(407, "who?", headers=[("Proxy-Authenticate", "Basic")])
        self.send_response(200)
        self.end_headers()
        with socket.create_connection(("127.0.0.1", self.recorder.ports["HTTPS"])) as back:
            relay(self.request, back)

    def do_GET(self):
        job = urllib.parse.urlsplit(self.path).path.strip("/")
        self.note(job)
        self.answer(200, "a 1\n")

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode(), keep_blank_values=True)
        for values in form.values():
            values[:] = [read_jwt(v) if v.count(".") == 2 else v for v in values]
        kind = urllib.parse.urlsplit(self.path).path.rsplit("/", 1)[1]
        self.note("token " + kind, json.dumps(form, sort_keys=True))
        by_form = "client_id" in form
        if kind == "denied" or (kind == "form" and not by_form):
            return self.answer(401, '{"error":"invalid_client"}', "application/json")
        if kind == "garbage":
            return self.answer(200, "<html>", "application/json")
        if kind == "nothing":
            return self.answer(200, "{}", "application/json")
        token = {"access_token": "T-" + kind, "token_type": "MAC" if kind == "mac" else "bearer",
                 "expires_in": 1 if kind == "short" else 3600}
        self.answer(200, json.dumps(token), "application/json")

    def log_message(self, *arguments):
        pass


def read_jwt(text):
    """Header and claims, but for what is new each time; the length of the signature."""
    def part(encoded):
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    header, claims, signature = text.split(".")
    claims = json.loads(part(claims))
    for name in ("iat", "exp", "jti"):
        claims[name] = {"iat": int, "exp": int, "jti": str}[name] == type(claims[name]) and len(str(claims[name]))
    return f"{json.loads(part(header))} {json.dumps(claims, sort_keys=True)} {len(part(signature))}"


class Socks(socketserver.StreamRequestHandler):
    recorder = None
    login = False

    def handle(self):
        self.request.settimeout(60)
        greeting = self.rfile.read(2)
        greeting += self.rfile.read(greeting[1])
        said = [greeting.hex()]
        if greeting[0] != 5 or (self.login and 2 not in greeting[2:]):
            self.wfile.write(b"\5\xff")
            return self.recorder.note("socks", " ".join(said))
        self.wfile.write(b"\5\2" if self.login else b"\5\0")
        if self.login:
            user = self.rfile.read(self.rfile.read(2)[1])
            password = self.rfile.read(self.rfile.read(1)[0])
            said.append(f"{user}:{password}")
            self.wfile.write(b"\1\0" if (user, password) == LOGIN else b"\1\1")
            if (user, password) != LOGIN:
                return self.recorder.note("socks", " ".join(said))
        head = self.rfile.read(4)
        size = {1: 4, 4: 16}.get(head[3]) or self.rfile.read(1)[0]
        host, port = self.rfile.read(size), int.from_bytes(self.rfile.read(2), "big")
        self.recorder.note("socks", " ".join([*said, head.hex(), repr(host), str(port)]))
        if host.startswith(b"refused"):
            return self.wfile.write(b"\5\5\0\1\0\0\0\0\0\0")
        self.wfile.write(b"\5\0\0\1\0\0\0\0\0\0")
        place = "HTTPS" if host.startswith(b"secure") else "HTTP"
        with socket.create_connection(("127.0.0.1", self.recorder.ports[place])) as back:
            relay(self.request, back)


class Recorder:
    """Uses ca.pem and server.pem with its key of the directory."""

    def __init__(self, directory):
        self.lock = threading.Lock()
        self.seen = collections.defaultdict(set)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{directory}/server.pem", f"{directory}/server.key")
        context.load_verify_locations(f"{directory}/ca.pem")
        context.verify_mode = ssl.CERT_OPTIONAL
        self.servers = []
        self.ports = {}
        for name, handler, own in (("HTTP", Http, {}), ("HTTPS", Http, {"tls": context}),
                                   ("SOCKS", Socks, {}), ("LOGIN", Socks, {"login": True})):
            server = Threads(("127.0.0.1", 0), type(name, (handler,), {"recorder": self, **own}))
            self.ports[name] = server.server_address[1]
            self.servers.append(server)
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def neutral(self, text):
        for name, port in self.ports.items():
            text = text.replace(str(port), name)
        return text

    def note(self, job, text):
        with self.lock:
            self.seen[job].add(self.neutral(text))

    def forget(self):
        with self.lock:
            self.seen.clear()

    def requests(self):
        with self.lock:
            return {job: set(texts) for job, texts in self.seen.items()}

    def stop(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()
