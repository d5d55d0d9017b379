#!/usr/bin/env python3
"""Asks this server and an upstream one for the same things by remote read and compares the answers,
as samples and as streams of chunks; then lets a Prometheus with `remote_read` query each of them.

    remote_read.py BIN_DIR --peer /path/to/prometheus [--count 300] [--seed 1]

The same samples go to both by remote write; the requests are asked of the head alone, and of blocks
(a snapshot), head and late samples together. Exits 1 on a difference. The peer is meant to be 3.5; it
panics when a range ends in front of deleted samples, and there is nothing to compare then.
"""
import argparse, http.client, json, os, random, shutil, struct, sys, tempfile

from prompb import *
from read_wire import *

T0, STEP, N = 1_700_000_000_000, 15_000, 300
END = T0 + N * STEP
PEER_FLAGS = ["--enable-feature=native-histograms"]
CONFIG = """global:
  scrape_interval: 1h
  external_labels: {zone: eu, m: x, replica: a}
storage:
  tsdb: {out_of_order_time_window: 3h}
"""
HINTS_NONE = object()


# ---- What is stored ----

def name(n, *more):
    return [("__name__", n), *more]


def write_floats(server, begin, count):
    for i in range(begin, begin + count, 20):
        out = b""
        for k in range(6):
            pairs = name("up" if k < 4 else "requests_total", ("instance", f"host-{k}"), *([("zone", "us")] if k == 3 else []))
            points = [sample((j * (k + 1)) % 7 * 1.1 if k else 1, T0 + j * STEP + k) for j in range(i, min(i + 20, begin + count))]
            out += series(pairs, *points)
        odd = [sample(float("nan") if j % 5 == 0 else STALE_BYTES if j % 7 == 0 else -0.0 if j % 3 == 0 else 1e300 * j, T0 + j * STEP)
               for j in range(i, min(i + 20, begin + count))]
        out += series(name("odd", ("ä", "ö")), *odd)
        out += series(name("up"), *[sample(j, T0 + j * STEP) for j in range(i, min(i + 20, begin + count), 4)])
        write(server, out)


def write_histograms(server, begin, count):
    spans = dict(positive=[(0, 2), (1, 2)], deltas=[1, 1, -1, 0])
    for j in range(begin, begin + count):
        t, n = T0 + j * STEP, j % 90
        out = series(name("h", ("kind", "int")), int_histogram(t, 5 + n, 18.4 + n, zero=n, **spans))
        out += series(name("h", ("kind", "gauge")), int_histogram(t, 5 + n, 18.4, zero=n, hint=3, **spans))
        out += series(name("h", ("kind", "float")), float_histogram(t, 5.5 + n, 18.4, zero=0.5 + n, positive=[(0, 2)], buckets=[2, 3]))
        out += series(name("h", ("kind", "custom")), int_histogram(t, 5 * (n + 1), 18.4, schema=-53, threshold=0, custom=[1, 2, 5], positive=[(0, 4)], deltas=[n + 1, 0, 0, n + 1]))
        out += series(name("h", ("kind", "wider")), int_histogram(t, 5 + n + (j // 50 % 2), 1, zero=n + (j // 50 % 2), positive=[(0, 2), (1, 2)] if j % 100 < 50 else [(0, 2), (1, 3)], deltas=[1, 1, -1, 0] + ([] if j % 100 < 50 else [-1])))
        if j % 13 == 12:
            out += series(name("mixed"), sample(STALE_BYTES, t))
        elif j % 40 < 20:
            out += series(name("mixed"), sample(j, t))
        else:
            out += series(name("mixed"), int_histogram(t, 5 + n, 18.4 + n, zero=n, **spans))
        write(server, out)


def write(server, body):
    status, _, answer = server.write(body)
    if status != 204:
        sys.exit(f"writing failed: {status} {answer}")


def delete(server, selector, begin, end):
    return server.request("POST", "/api/v1/admin/tsdb/delete_series?" + urllib.parse.urlencode(
        {"match[]": selector, "start": begin / 1000, "end": end / 1000}))[0]


def write_both(server, begin, count):
    """In order of time: what is late is another matter."""
    for i in range(begin, begin + count, 20):
        write_floats(server, i, 20)
        write_histograms(server, i, 20)


def fill(server):
    write_both(server, 0, N)
    for selector, begin, end in (('up{instance="host-1"}', T0 + 10 * STEP, T0 + 40 * STEP), ("up", T0 + 5 * STEP, T0 + 8 * STEP),
                                 ('h{kind="int"}', T0 + 50 * STEP, T0 + 60 * STEP), ('requests_total{instance="host-5"}', T0, END)):
        if delete(server, selector, begin, end) != 204:
            sys.exit("deleting failed")


def fill_more(server):
    """Newer samples for the head, late ones between those of the blocks."""
    write_both(server, N, 60)
    for j in range(N - 100, N + 40, 3):
        write(server, series(name("up", ("instance", "host-2")), sample(1000 + j, T0 + j * STEP + 7_000)) +
                     series(name("late"), sample(j, T0 + j * STEP)))


# ---- What is asked ----

def matcher(kind, label, value):
    return message(3, (integer(1, kind) if kind else b"") + text(2, label) + text(3, value))


def query(begin, end, matchers, hints=HINTS_NONE):
    body = integer(1, begin) + integer(2, end) + b"".join(matcher(*m) for m in matchers)
    if hints is not HINTS_NONE:
        body += message(4, hints)
    return message(1, body)


SAMPLES, CHUNKS = integer(2, 0), integer(2, 1)


def requests(rng, count):
    """(name, body without the accepted types)"""
    selectors = [
        [(0, "__name__", "up")], [(2, "__name__", ".+")], [(0, "__name__", "h")], [(0, "__name__", "odd")],
        [(0, "__name__", "mixed")], [(0, "__name__", "requests_total")], [(0, "zone", "eu")], [(0, "zone", "us")],
        [(1, "zone", "eu")], [(2, "zone", "eu|us")], [(3, "zone", "eu")], [(0, "__name__", "up"), (0, "zone", "eu"), (0, "m", "x")],
        [(0, "m", "y")], [(0, "m", "")], [(0, "__name__", "up"), (1, "instance", "host-1"), (3, "instance", "host-[02]")],
        [(0, "", "")], [(0, "nothing", "")], [(0, "__name__", "up"), (2, "instance", "")], [(2, "instance", "host-.*")],
        [(0, "ä", "ö")], [(0, "__name__", "late")], [(2, "__name__", "h|up"), (1, "kind", "gauge")], [(0, "__name__", "none")], [],
        [(2, "kind", "int|custom")], [(0, "__name__", "up"), (2, "instance", "host-(0|1|2|3)"), (2, "zone", ".*")]]
    ranges = [(T0, END), (T0 - 10**9, END + 10**9), (T0 + 100 * STEP, T0 + 101 * STEP), (T0 + 55 * STEP, T0 + 55 * STEP),
              (T0 + 11 * STEP, T0 + 39 * STEP), (T0 - 5000, T0 - 1), (END + 100 * STEP, END + 200 * STEP), (0, -1), (T0 + 9, T0 + 150 * STEP),
              (-2**63, 2**63 - 1)]
    for s in selectors:
        yield f"{s}", query(T0, END + 100 * STEP, s)
    for r in ranges:
        yield f"{r}", query(*r, [(2, "__name__", "up|h")])
    for func in (b"rate", b"series"):
        hints = integer(1, 15000) + text(2, func) + integer(3, T0 + 20 * STEP) + integer(4, T0 + 90 * STEP) + text(5, "instance") + integer(6, 1) + integer(7, 300000)
        yield f"hints {func}", query(T0, END, [(2, "__name__", "up|h")], hints)
    yield "empty hints", query(T0, END, [(0, "__name__", "up")], b"")
    yield "no queries", b""
    yield "empty query", message(1, b"")
    yield "three queries", query(T0, END, [(0, "__name__", "up")]) + query(T0, T0, [(0, "__name__", "h")]) + query(T0, END, [(0, "__name__", "up")])
    yield "a matcher twice", query(T0, END, [(0, "__name__", "up"), (0, "__name__", "up"), (0, "__name__", "h")])
    for i in range(count):
        a, b = sorted(rng.randrange(T0 - 5 * STEP, END + 70 * STEP) for _ in range(2))
        hints = HINTS_NONE
        if rng.random() < 0.3:
            c, d = sorted(rng.randrange(a, b + 1) for _ in range(2))
            hints = integer(3, c) + integer(4, d) + text(2, rng.choice(["", "rate", "sum"]))
        yield f"random {i}", query(a, b, rng.choice(selectors), hints)


def bad_bodies():
    good = query(T0, END, [(0, "__name__", "up")])
    yield "no body", b"", False
    yield "not snappy", b"hello, this is not snappy", False
    yield "cut snappy", snappy(good)[:-3], False
    yield "claims too much", b"\xff\xff\xff\xff\xff\xff\xff\xff\x7fabc", False
    yield "cut message", good[:-3], True
    for label, types in (("unknown", [7]), ("unknown ones", [7, 9, 2]), ("negative", [-1]), ("unknown first", [9, 0])):
        yield f"types {label}", good + b"".join(integer(2, t) for t in types), True
    yield "types packed", good + message(2, bytes([9, 8])), True
    yield "types packed, cut", good + message(2, bytes([9, 128])), True
    yield "samples, then chunks", good + SAMPLES + CHUNKS, True
    yield "wrong wire type of queries", integer(1, 5), True
    yield "wrong wire type of types", double(2, 5), True
    for number in range(1, 5):
        yield f"wrong wire type of query field {number}", message(1, field(number, 5, b"1234")), True
    for number in range(1, 4):
        yield f"wrong wire type of matcher field {number}", message(1, message(3, field(number, 5, b"1234"))), True
    for number in range(1, 8):
        yield f"wrong wire type of hint {number}", message(1, message(4, field(number, 5, b"1234"))), True
    yield "unknown fields", good + field(90, 0, varint(7)) + message(1, message(9, b"x")), True
    yield "unknown group, open", b"\x53\x08\x01", True
    for accepted in (b"", SAMPLES, CHUNKS):
        yield "matcher type", query(T0, END, [(9, "a", "b")]) + accepted, True
        yield "bad expression", query(T0, END, [(2, "a", "(")]) + accepted, True
        yield "bad expression, second query", query(T0, T0 - 1, [(0, "a", "b")]) + query(T0, END, [(3, "a", "[z-a]")]) + accepted, True


# ---- Asking and comparing ----

def read(server, body, compress=True, **headers):
    send = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Read-Version": "0.1.0", "Accept-Encoding": "gzip", **headers}
    try:
        return server.request("POST", "/api/v1/read", snappy(body) if compress else body, send)
    except (http.client.HTTPException, ConnectionError) as error:
        return 0, {}, repr(error).encode()


def shown(answer):
    """What an answer says, comparable."""
    status, headers, body = answer
    kind = headers.get("Content-Type")
    if status != 200:
        return status, kind, headers.get("X-Content-Type-Options"), body.decode("utf8", "replace")
    encoding = headers.get("Content-Encoding")
    if kind == "application/x-protobuf":
        return status, kind, encoding, samples_of(unsnappy(body))
    return status, kind, encoding, chunks_of(body)


def ask_all(server, count, seed):
    out = []
    for label, body in requests(random.Random(seed), count):
        out.append((f"samples: {label}", shown(read(server, body))))
        out.append((f"chunks: {label}", shown(read(server, body + integer(2, 9) + CHUNKS + SAMPLES))))
    return out


def ask_bad(server):
    out = [(f"bad: {label}", shown(read(server, body, compress))) for label, body, compress in bad_bodies()]
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        status, headers, body = server.request(method, "/api/v1/read")
        out.append((method, (status, headers.get("Allow"), headers.get("Content-Type"), body)))
    out.append(("json", shown(read(server, b"", Content_Type="application/json"))))
    return out


class Comparison:
    def __init__(self):
        self.compared = self.same = self.samples = self.broken = 0

    def lists(self, theirs, ours):
        assert [a for a, _ in theirs] == [a for a, _ in ours]
        for (label, a), (_, b) in zip(theirs, ours):
            self.compared += 1
            self.samples += count_samples(a)
            if a == b:
                self.same += 1
            elif a[0] == 0:
                self.broken += 1
                print(f"{label}: the peer breaks the connection off")
            else:
                print(f"{label}\n- {difference(a, b)}\n+ {difference(b, a)}")


def count_samples(value):
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], int) and value[0] > 10**12:
        return 1
    return sum(map(count_samples, value)) if isinstance(value, (list, tuple)) else 0


def difference(a, b):
    """The first part of a that is not in b."""
    while isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and type(a) is type(b):
        if len(a) != len(b):
            return f"{len(a)} parts: {str(a)[:700]}"
        pair = next(((x, y) for x, y in zip(a, b) if x != y), None)
        if pair is None:
            break
        a, b = pair
    return str(a)[:700]


# ---- A Prometheus that reads from us ----

EXPRESSIONS = ['up', 'rate(requests_total[5m])', 'sum by (instance) (rate(up[2m]))', 'h{kind!="gauge"}', 'histogram_quantile(0.9, rate(h{kind="int"}[5m]))',
               'odd', 'mixed', 'count_over_time(mixed[10m])', 'histogram_sum(h{kind="custom"})', 'up{zone="us"}', 'up{zone="eu"}', 'late', 'max_over_time(h{kind="float"}[3m])',
               'up offset 10m', 'count({__name__=~".+"})', 'changes(h{kind="wider"}[20m])', 'increase(h{kind="wider"}[20m])', 'resets(h[30m])', 'absent(nothing)']


def through(peer, url, scratch):
    """What a Prometheus without data answers that reads from the url."""
    config = f"global:\n  scrape_interval: 1h\nremote_read:\n- url: {url}/api/v1/read\n  read_recent: true\n"
    reader = Server(peer, os.path.join(scratch, "data"), *PEER_FLAGS, config=config)
    try:
        out = []
        for expression in EXPRESSIONS:
            for path, extra in (("query", {"time": (T0 + 250 * STEP) / 1000}),
                                ("query_range", {"start": T0 / 1000, "end": (END + 60 * STEP) / 1000, "step": 47})):
                answer = reader.get(f"/api/v1/{path}", query=expression, **extra)
                result = answer.get("data", {}).get("result", answer)
                if isinstance(result, list):
                    result = sorted(json.dumps(r, sort_keys=True) for r in result)
                out.append((f"through a Prometheus: {path} {expression}", (answer["status"], result)))
        for path, extra in (("series", {"match[]": "up", "start": T0 / 1000, "end": END / 1000}), ("labels", {}), ("label/instance/values", {})):
            answer = reader.get(f"/api/v1/{path}", **extra)
            out.append((f"through a Prometheus: {path}", sorted(json.dumps(r, sort_keys=True) for r in answer.get("data", []))))
        return out
    finally:
        reader.stop()


def run(binary, peer, flags, options, scratch):
    out = []
    os.makedirs(scratch)
    admin = [*flags, "--web.enable-admin-api"]
    server = Server(binary, os.path.join(scratch, "a", "data"), *admin, config=CONFIG)
    try:
        fill(server)
        out += ask_all(server, options.count, options.seed) + ask_bad(server)
        out += through(peer, f"http://127.0.0.1:{server.port}", os.path.join(scratch, "reader-a"))
        snapshot = json.loads(server.request("POST", "/api/v1/admin/tsdb/snapshot")[2])["data"]["name"]
    finally:
        server.stop()
    server = Server(binary, os.path.join(scratch, "a", "data", "snapshots", snapshot), *admin, config=CONFIG)
    try:
        out += [("blocks alone, " + label, a) for label, a in ask_all(server, options.count // 3, options.seed + 1)]
        fill_more(server)
        out += [("blocks and head, " + label, a) for label, a in ask_all(server, options.count, options.seed + 2)]
        # Not of late samples, which 3.5 does not delete.
        for selector in ("odd", 'h{kind="float"}', "requests_total"):
            delete(server, selector, T0 + 12 * STEP, T0 + 25 * STEP)
        out += [("after deletions, " + label, a) for label, a in ask_all(server, options.count // 3, options.seed + 3)]
        out += through(peer, f"http://127.0.0.1:{server.port}", os.path.join(scratch, "reader-b"))
    finally:
        server.stop()
    limited = Server(binary, os.path.join(scratch, "limited", "data"), *flags, "--storage.remote.read-sample-limit=1e2",
                     "--storage.remote.read-concurrent-limit=1", "--storage.remote.read-max-bytes-in-frame=150", config=CONFIG)
    try:
        write_floats(limited, 0, 130)
        for count in (50, 100, 101, 130):
            for accepted in (b"", SAMPLES, CHUNKS):
                body = query(T0, T0 + count * STEP - 1, [(0, "__name__", "up"), (0, "instance", "host-0")])
                out.append((f"limit, {count} samples {accepted}", shown(read(limited, body + body + accepted))))
        status, _, body = read(limited, query(T0, END, [(2, "__name__", ".+")]) + CHUNKS)
        frames = [chunks for _, _, chunks in frames_of(body)]
        out.append(("small frames", (status, len(frames) > 10, all(sum(len(c[3]) for c in chunks[:-1]) < 150 for chunks in frames))))
        metrics = limited.request("GET", "/metrics")[2].decode()
        out.append(("metrics", [l for l in metrics.split("\n") if "prometheus_remote_read_handler" in l]))
    finally:
        limited.stop()
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", default="prometheus")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    peer = shutil.which(options.peer) or options.peer
    comparison = Comparison()
    with tempfile.TemporaryDirectory(dir="/tmp") as scratch:
        theirs = run(peer, peer, PEER_FLAGS, options, os.path.join(scratch, "theirs"))
        ours = run(os.path.join(options.bin_dir, "prometheus"), peer, [], options, os.path.join(scratch, "ours"))
    comparison.lists(theirs, ours)
    different = comparison.compared - comparison.same - comparison.broken
    print(f"{comparison.compared} answers compared, {comparison.samples} samples, {different} differ")
    sys.exit(different != 0)


if __name__ == "__main__":
    main()
