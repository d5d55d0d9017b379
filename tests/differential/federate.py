#!/usr/bin/env python3
"""/federate beside a Prometheus of 3.5: series of every kind, written to both servers a moment ago, in
every format a scraper may ask for. Texts are compared line by line, protobuf family by family.

usage: federate.py BIN_DIR --peer PROMETHEUS"""
import argparse, os, shutil, struct, sys, tempfile, time, urllib.parse

import prompb
from prompb import float_histogram, int_histogram, sample, series

FORMATS = {
    "text": "text/plain;version=0.0.4",
    "text 1.0": "text/plain;version=1.0.0;escaping=allow-utf-8",
    "openmetrics": "application/openmetrics-text;version=1.0.0",
    "protobuf": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    "protobuf utf-8": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=allow-utf-8",
    "any": "*/*",
}
MATCHES = ['{__name__=~".+"}'], ["ints", 'ints{a="2"}'], ['{__name__=~"bounds|gauge"}'], ["mixed"], ["nothing"], ["float_gauge"], ['{"with.dots"}', "n"]
# What 3.5 shows otherwise.
BOUNDS = "[(1, b'bounds')"       # buckets without their bounds, which nobody can read; here classic ones
REUSED = "[(1, b'float_gauge')"  # beside others, one of them: the memory is used again
CONFIG = "global: {scrape_interval: 1h, external_labels: {region: eu, a: outer}}\n"


def name(text, **more):
    return [("__name__", text), *sorted(more.items())]


def body(now):
    t = now - 2000
    nan = float("nan")
    parts = [
        series(name("n", a="1"), sample(1.5, t)), series(name("n", a="2"), sample(nan, t)),
        series(name("n", b="x\\y\"z\n"), sample(-0.0, t)), series(name("gone"), sample(1, t - 1000), sample(prompb.STALE_BYTES, t)),
        series(name("with.dots", **{"l.m": "é"}), sample(1e30, t)), series(name("old"), sample(1, t - 400_000)),
        series(name("ints", a="1"), int_histogram(t, 9, 12.5, 3, 1, 0.01, [(-2, 2), (3, 1)], [2, 1, -1], [(0, 1)], [1])),
        series(name("ints", a="2"), int_histogram(t, 0, 0)),
        series(name("gauge"), int_histogram(t, 3, 1, 0, 0, 0.001, [(0, 1)], [3], hint=3)),
        series(name("floats"), float_histogram(t, 4.5, 2.25, 0, 0.5, 0.001, [(-1, 2)], [1.5, 2.5])),
        series(name("float_gauge"), float_histogram(t, 4.5, 2.25, 2, 0.5, 0.001, [(-1, 2)], [1.5, 2.5], hint=3)),
        series(name("bounds"), int_histogram(t, 6, 7, -53, 0, 0, [(0, 3)], [1, 1, 1], custom=[1, 2.5])),
        series(name("mixed", a="1"), sample(4, t)), series(name("mixed", a="2"), int_histogram(t, 1, 1, 0, 0, 0.001, [(0, 1)], [1])),
        series(name("mixed", a="3"), sample(5, t)),
        series(name("typed", __type__="counter", __unit__="s"), sample(1, t)),
    ]
    return b"".join(parts)


def take_varint(data, at):
    n = shift = 0
    while True:
        byte = data[at]
        n, at, shift = n | (byte & 127) << shift, at + 1, shift + 7
        if byte < 128:
            return n, at


NESTED = {"family": {4: "metric"}, "metric": {7: "histogram"}}


def fields(data, kind="family"):
    """[(number, value)] in the order of the numbers: that in which they are written tells nothing."""
    out, at = [], 0
    while at < len(data):
        key, at = take_varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = take_varint(data, at)
        elif wire == 1:
            value, at = struct.unpack("<d", data[at:at + 8])[0], at + 8
        else:
            size, at = take_varint(data, at)
            value, at = data[at:at + size], at + size
            inner = NESTED.get(kind, {}).get(number)
            value = fields(value, inner) if inner else value
        out.append((number, value))
    return sorted(out, key=lambda f: f[0])


def families(data):
    out, at = [], 0
    while at < len(data):
        size, at = take_varint(data, at)
        out.append(str(fields(data[at:at + size])))
        at += size
    return out


def get(server, matches, accept):
    path = "/federate?" + urllib.parse.urlencode([("match[]", m) for m in matches])
    status, headers, data = server.request("GET", path, headers={"Accept": accept})
    content_type = headers.get("Content-Type", "")
    return status, content_type, families(data) if "protobuf" in content_type else data.decode().split("\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", required=True)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="nx-federate-")
    faults = compared = 0
    servers = []
    try:
        for name, program, flags in (("ours", os.path.join(options.bin_dir, "prometheus"), []),
                                     ("theirs", options.peer, ["--enable-feature=native-histograms"])):
            servers.append(prompb.Server(program, f"{folder}/{name}/data", *flags, config=CONFIG))
        data = body(int(time.time() * 1000))
        for server in servers:
            status, _, text = server.write(data)
            assert status in (200, 204), text
        for matches in MATCHES:
            for what, accept in FORMATS.items():
                compared += 1
                a, b = [get(server, matches, accept) for server in servers]
                known = (BOUNDS, REUSED) if "__name__" in matches[0] else (BOUNDS,)
                for lines in (a[2], b[2]):
                    lines[:] = [line for line in lines if not line.startswith(known)]
                if a == b:
                    continue
                faults += 1
                print(f"{matches} as {what}: {a[:2]} {b[:2]}")
                for x in a[2]:
                    x in b[2] or print("  ours  ", x)
                for x in b[2]:
                    x in a[2] or print("  theirs", x)
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder)
    print(f"{compared} answers, {faults} differ")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
