"""Remote write messages by hand: protobuf wire, snappy blocks (literals only), and a server to send
them to. Used by the differential tests of the storage."""
import http.client, json, os, shutil, signal, socket, struct, subprocess, sys, tempfile, time, urllib.parse

STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]


def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def zigzag(n):
    return (n << 1) ^ (n >> 63)


def field(number, wire, payload):
    return varint(number << 3 | wire) + payload


def message(number, payload):
    return field(number, 2, varint(len(payload)) + payload)


def text(number, value):
    return message(number, value if isinstance(value, bytes) else value.encode())


def integer(number, value):
    return field(number, 0, varint(value))


def double(number, value):
    # Bits as they are: a NaN keeps its payload.
    bits = value if isinstance(value, bytes) else struct.pack("<d", value)
    return field(number, 1, bits)


STALE_BYTES = struct.pack("<Q", 0x7FF0000000000002)


def labels(pairs):
    return b"".join(message(1, text(1, n) + text(2, v)) for n, v in pairs)


def sample(value, timestamp):
    return message(2, double(1, value) + integer(2, timestamp))


def exemplar(pairs, value, timestamp):
    return message(3, labels(pairs) + double(2, value) + integer(3, timestamp))


def span(number, offset, length):
    return message(number, integer(1, zigzag(offset)) + integer(2, length))


def packed(number, values):
    return message(number, b"".join(varint(zigzag(v)) for v in values))


def packed_doubles(number, values):
    return message(number, b"".join(struct.pack("<d", v) for v in values))


def int_histogram(timestamp, count, total, schema=0, zero=0, threshold=0.001, positive=(), deltas=(),
                  negative=(), negative_deltas=(), custom=(), hint=0):
    body = integer(1, count) + double(3, total) + field(4, 0, varint(zigzag(schema)))
    body += double(5, threshold) + integer(6, zero)
    body += b"".join(span(8, *s) for s in negative) + packed(9, negative_deltas)
    body += b"".join(span(11, *s) for s in positive) + packed(12, deltas)
    body += integer(14, hint) + integer(15, timestamp)
    if custom:
        body += packed_doubles(16, custom)
    return message(4, body)


def float_histogram(timestamp, count, total, schema=0, zero=0.0, threshold=0.001, positive=(),
                    buckets=(), negative=(), negative_buckets=(), custom=(), hint=0):
    body = double(2, count) + double(3, total) + field(4, 0, varint(zigzag(schema)))
    body += double(5, threshold) + double(7, zero)
    body += b"".join(span(8, *s) for s in negative) + packed_doubles(10, negative_buckets)
    body += b"".join(span(11, *s) for s in positive) + packed_doubles(13, buckets)
    body += integer(14, hint) + integer(15, timestamp)
    if custom:
        body += packed_doubles(16, custom)
    return message(4, body)


def series(pairs, *parts):
    return message(1, labels(pairs) + b"".join(parts))


def metadata(kind, name, help_text, unit=""):
    return message(3, integer(1, kind) + text(2, name) + text(4, help_text) + text(5, unit))


def snappy(data):
    """A block of literals: valid snappy that needs no compressor."""
    out = bytearray(varint(len(data)))
    for at in range(0, len(data), 60000):
        chunk = data[at:at + 60000]
        out += bytes([61 << 2]) + struct.pack("<H", len(chunk) - 1) + chunk
    return bytes(out)


HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
           "X-Prometheus-Remote-Write-Version": "0.1.0"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A Prometheus (ours or upstream's) on a directory; stopped by SIGTERM at the end."""

    def __init__(self, binary, directory, *flags, config="global:\n  scrape_interval: 1h\n", retention="10y"):
        self.binary, self.directory, self.port = binary, directory, free_port()
        os.makedirs(directory, exist_ok=True)
        config_file = os.path.join(directory, "..", f"config-{self.port}.yml")
        with open(config_file, "w") as f:
            f.write(config)
        self.log = open(os.path.join(directory, "..", f"log-{self.port}.txt"), "w+")
        self.process = subprocess.Popen(
            [binary, f"--config.file={config_file}", f"--storage.tsdb.path={directory}",
             f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-remote-write-receiver",
             f"--storage.tsdb.retention.time={retention}", *flags],
            stdout=self.log, stderr=self.log)
        self.wait()

    def wait(self):
        for _ in range(600):
            if self.process.poll() is not None:
                break
            try:
                if self.request("GET", "/-/ready")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        self.process.kill()
        self.process.wait()
        self.log.seek(0)
        sys.exit(f"{self.binary} did not become ready:\n{self.log.read()[-3000:]}")

    def request(self, method, path, body=b"", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def write(self, body, headers=HEADERS, compress=True):
        status, answer, text = self.request("POST", "/api/v1/write", snappy(body) if compress else body,
                                            headers)
        return status, answer, text.decode("utf8", "replace")

    def get(self, path, **params):
        query = urllib.parse.urlencode(params, doseq=True)
        return json.loads(self.request("GET", f"{path}?{query}")[2])

    def raw(self, selector, at_ms, range_ms):
        """Every stored sample of [at - range, at] by series, as sorted JSON text."""
        answer = self.get("/api/v1/query", query=f"{selector}[{range_ms}ms]", time=at_ms / 1000)
        if answer["status"] != "success":
            return [json.dumps(answer, sort_keys=True)]
        return sorted(json.dumps(r, sort_keys=True) for r in answer["data"]["result"])

    def stop(self, sig=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.wait(timeout=120)
        self.log.close()
