#!/usr/bin/env python3
"""Timestamps on the grid and what they save: bytes of chunks per sample, beside Prometheus.

    bench/ingest/chunk_bytes.py [--ours FILE] [--peer FILE] [--exporter FILE] [--interval 1s]
                                [--seconds 250] [--exporters 8]

Both servers scrape the same exporters, node_exporters and each other, for that long. Then each writes
a snapshot block of its head, in the same format; printed are the bytes of the block's chunks per
sample, what of them are timestamps and what values, and the share of samples whose timestamp is on the
grid of their target: at the place in the interval that most of its samples have. Chunks of 120 samples
are full after 120 scrapes.
"""
import argparse, collections, glob, json, os, shutil, socket, subprocess, sys, tempfile, time
import urllib.parse, urllib.request

import xor_bits

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(url, post=False, seconds=60):
    request = urllib.request.Request(url, method="POST" if post else "GET")
    with urllib.request.urlopen(request, timeout=seconds) as answer:
        return answer.read()


def wait_for(url, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            return get(url, seconds=2)
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{url} did not answer")


class Server:
    def __init__(self, name, binary, directory, port, config):
        self.name, self.data = name, os.path.join(directory, name)
        self.url = f"http://127.0.0.1:{port}"
        path = os.path.join(directory, name + ".yml")
        with open(path, "w") as f:
            f.write(config)
        self.process = subprocess.Popen(
            [binary, f"--config.file={path}", f"--storage.tsdb.path={self.data}", "--web.enable-admin-api",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def aligned(self, interval_ms, seconds):
        """Shares on the grid: of all samples of `up`, and of the worst target."""
        query = urllib.parse.urlencode({"query": f"up[{seconds}s]"})
        result = json.loads(get(f"{self.url}/api/v1/query?{query}"))["data"]["result"]
        most = samples = 0
        worst = 1.0
        for series in result:
            places = collections.Counter(round(t * 1000) % interval_ms for t, _ in series["values"])
            best = places.most_common(1)[0][1]
            most += best
            samples += len(series["values"])
            worst = min(worst, best / len(series["values"]))
        return most / samples, worst

    def snapshot(self):
        """The bits of the chunks in a block of all there is."""
        answer = json.loads(get(f"{self.url}/api/v1/admin/tsdb/snapshot", post=True))
        directory = os.path.join(self.data, "snapshots", answer["data"]["name"])
        bits = xor_bits.Bits()
        samples = 0
        for block in glob.glob(os.path.join(directory, "*", "")):
            with open(os.path.join(block, "meta.json")) as f:
                samples += json.load(f)["stats"]["numSamples"]
            xor_bits.add_block(block, bits)
        if bits.samples != samples:
            sys.exit(f"{samples} samples in the block, {bits.samples} in its chunks")
        return bits


def config(interval, targets):
    lines = "".join(f"    - 127.0.0.1:{port}\n" for port in targets)
    return (f"global:\n  scrape_interval: {interval}\n  scrape_timeout: {interval}\nscrape_configs:\n"
            f"- job_name: exporters\n  static_configs:\n  - targets:\n{lines}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--ours", default=os.path.join(ROOT, "build/bin/prometheus"))
    parser.add_argument("--peer", default="/usr/bin/prometheus")
    parser.add_argument("--exporter", action="append", help="a node_exporter; may be repeated")
    parser.add_argument("--exporters", type=int, default=8)
    parser.add_argument("--interval", default="1s")
    parser.add_argument("--seconds", type=int, default=250)
    args = parser.parse_args()
    binaries = args.exporter or ["/usr/bin/prometheus-node-exporter"]
    interval_ms = round(float(args.interval.rstrip("s")) * 1000)

    directory = tempfile.mkdtemp(prefix="chunk-bytes-")
    children = []
    try:
        ports = []
        for i in range(args.exporters):
            ports.append(free_port())
            children.append(subprocess.Popen(
                [binaries[i % len(binaries)], f"--web.listen-address=127.0.0.1:{ports[-1]}"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        own = [free_port(), free_port()]
        targets = config(args.interval, ports + own)
        servers = []
        for name, binary, port in (("narthex", args.ours, own[0]), ("prometheus", args.peer, own[1])):
            servers.append(Server(name, binary, directory, port, targets))
            children.append(servers[-1].process)
        for server in servers:
            wait_for(server.url + "/-/ready")
        time.sleep(args.seconds)
        found = []
        for server in servers:
            share, worst = server.aligned(interval_ms, args.seconds - 10)
            bits = server.snapshot()
            found.append(bits)
            print(f"{server.name:12} {bits.bytes('total'):6.3f} bytes of chunks a sample: timestamps "
                  f"{bits.bytes('timestamps'):.3f}, values {bits.bytes('values'):.3f}, framing "
                  f"{bits.bytes('framing'):.3f}; {bits.samples} samples; on the grid {share * 100:.2f} %, "
                  f"{worst * 100:.2f} % of the worst target", flush=True)
        for what in ("total", "timestamps"):
            print(f"{what}: 1/{found[1].bytes(what) / found[0].bytes(what):.2f}")
    finally:
        for child in children:
            child.kill()
            child.wait()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
