"""Prometheus servers for the differential tests: started on loopback, asked over connections that
stay open."""
import http.client, json, os, shutil, socket, subprocess, tempfile, threading, time, urllib.parse


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Connection:
    def __init__(self, url):
        self.address = url.removeprefix("http://")
        self.http = http.client.HTTPConnection(self.address, timeout=60)

    def post(self, path, form):
        """The JSON of the answer, whatever its status."""
        body = self.post_raw(path, urllib.parse.urlencode(form, errors="surrogateescape"),
                             {"Content-Type": "application/x-www-form-urlencoded"})[1]
        return json.loads(body.decode("utf-8", "surrogateescape"))

    def post_raw(self, path, body, headers):
        for attempt in (0, 1):
            try:
                self.http.request("POST", path, body, headers)
                response = self.http.getresponse()
                return response.status, response.read()
            except (http.client.HTTPException, ConnectionError):
                self.http.close()
                if attempt:
                    raise


def spread(url, items, ask, threads=4):
    """[ask(connection, item) for item in items], over a few connections at a time."""
    results = [None] * len(items)
    failures = []
    def work(first):
        try:
            connection = Connection(url)
            for i in range(first, len(items), threads):
                results[i] = ask(connection, items[i])
        except Exception as e:
            failures.append(e)
    workers = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    if failures:
        raise failures[0]
    return results


class PeerServer:
    """A server of `program` with an empty data directory of its own; or the one at `url`."""

    def __init__(self, program, features=(), url=None, config="", flags=()):
        self.process = self.folder = None
        self.url = url
        if url:
            return
        self.folder = tempfile.mkdtemp(prefix="promql-peer-")
        path = os.path.join(self.folder, "p.yml")
        with open(path, "w") as f:
            f.write("global: {scrape_interval: 1h}\n" + config)
        self.url = f"http://127.0.0.1:{free_port()}"
        command = [program, f"--config.file={path}", f"--storage.tsdb.path={self.folder}/data",
                   "--storage.tsdb.retention.time=100y", f"--web.listen-address={self.url[7:]}",
                   "--web.enable-remote-write-receiver", *flags]
        if features:
            command.append("--enable-feature=" + ",".join(features))
        self.log = open(os.path.join(self.folder, "log"), "w")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        self.wait_ready()

    def wait_ready(self):
        for _ in range(300):
            if self.process.poll() is not None:
                break
            try:
                connection = http.client.HTTPConnection(self.url[7:], timeout=2)
                connection.request("GET", "/-/ready")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        with open(os.path.join(self.folder, "log")) as f:
            tail = f.read()[-2000:]
        self.stop()
        raise SystemExit("the server did not become ready:\n" + tail)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.log.close()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()
