#!/usr/bin/env python3
"""Blocks with an index of version 1, as Prometheus 2.0 wrote them, under the server and beside Prometheus.

    index_version1.py BIN_DIR --peer /path/to/prometheus

Nobody writes version 1 any more, so blocks of `promtool tsdb create-blocks-from` get an index of it written by
hand, after docs/formats/block.md: a symbol is known by its offset, a series by its offset, label pairs stand in
any order. Prometheus has the same blocks in a directory of its own. Compared are samples, series, label values,
after deletions, with samples of a head before them, after restarts, and after the blocks were merged; and what
both promtools print.
"""
import argparse, glob, json, os, random, re, shutil, struct, subprocess, sys, tempfile, time, urllib.parse

from prompb import *
from read_wire import crc32c, uvarint

HOUR = 3600_000
T0 = 1_700_006_400_000 // (18 * HOUR) * 18 * HOUR


def checksum(data):
    return struct.pack(">I", crc32c(data))


def string(data, at):
    size, at = uvarint(data, at)
    return data[at:at + size], at + size


def section(payload):
    return struct.pack(">I", len(payload)) + payload + checksum(payload)


def read_version2(data):
    """([label pairs, bytes of the chunks]) in the order of the series."""
    assert data[:5] == bytes.fromhex("BAAAD700") + b"\x02"
    symbols_at, series_at, label_indices_at, _, postings_at, _ = struct.unpack(">6Q", data[-52:-4])
    symbols, at = [], symbols_at + 8
    for _ in range(struct.unpack_from(">I", data, symbols_at + 4)[0]):
        symbol, at = string(data, at)
        symbols.append(symbol)
    series, at, end = [], series_at, label_indices_at or postings_at
    while True:
        at = (at + 15) // 16 * 16
        if at >= end or data[at] == 0:
            return series
        size, at = uvarint(data, at)
        stop, pairs = at + size, []
        count, at = uvarint(data, at)
        for _ in range(count):
            name, at = uvarint(data, at)
            value, at = uvarint(data, at)
            pairs.append((symbols[name], symbols[value]))
        series.append((pairs, data[at:stop]))
        at = stop + 4


def write_version1(series, rng):
    out = bytearray(bytes.fromhex("BAAAD700") + b"\x01")
    symbols_at, payload, offsets = len(out), bytearray(), {}
    symbols = sorted({text for pairs, _ in series for pair in pairs for text in pair})
    payload += struct.pack(">I", len(symbols))
    for symbol in symbols:
        offsets[symbol] = symbols_at + 4 + len(payload)
        payload += varint(len(symbol)) + symbol
    out += section(bytes(payload))
    series_at, postings = len(out), {(b"", b""): []}
    for pairs, chunks in series:
        reference = len(out)
        entry = varint(len(pairs))
        for name, value in pairs:
            entry += varint(offsets[name]) + varint(offsets[value])
            postings.setdefault((name, value), []).append(reference)
        postings[b"", b""].append(reference)
        entry += chunks
        out += varint(len(entry)) + entry + checksum(entry)
    postings_at, table = len(out), []
    for (name, value), references in postings.items():
        table.append(b"\x02" + varint(len(name)) + name + varint(len(value)) + value + varint(len(out)))
        out += section(struct.pack(f">{len(references) + 1}I", len(references), *references))
    rng.shuffle(table)
    label_table_at = len(out)
    out += section(struct.pack(">I", 0))
    postings_table_at = len(out)
    out += section(struct.pack(">I", len(table)) + b"".join(table))
    toc = struct.pack(">6Q", symbols_at, series_at, 0, label_table_at, postings_at, postings_table_at)
    return bytes(out) + toc + checksum(toc)


def make_old(directory, rng):
    for path in glob.glob(os.path.join(directory, "*", "index")):
        with open(path, "rb") as f:
            data = write_version1(read_version2(f.read()), rng)
        with open(path, "wb") as f:
            f.write(data)


def versions(directory):
    found = []
    for path in glob.glob(os.path.join(directory, "*", "index")):
        with open(path, "rb") as f:
            found.append(f.read(5)[4])
    return sorted(found)


def exposition(rng):
    for name in ("alpha", "beta_total", "gamma"):
        yield f"# TYPE {name.removesuffix('_total')} {'counter' if '_total' in name else 'gauge'}"
        for i in range(40):
            labels = f'i="{i}",job="{rng.choice(["a", "b", "ü"])}"' + (f',only="{i}"' if i % 7 == 0 else "")
            for t in range(0, 9 * HOUR, 5 * 60_000):
                if rng.random() < 0.95:
                    yield f"{name}{{{labels}}} {rng.randrange(1000) / 4} {(T0 + t) / 1000}"
    yield "# EOF"


class Comparison:
    def __init__(self, ours, theirs):
        self.servers, self.failed, self.checks = (ours, theirs), 0, 0

    def same(self, what, answers):
        self.checks += 1
        if answers[0] != answers[1]:
            self.failed += 1
            print(f"{what}: DIFFERENT\n  ours   {str(answers[0])[:500]}\n  theirs {str(answers[1])[:500]}")

    def judge(self, what):
        for selector in ('{__name__=~".+"}', "alpha", '{i="7"}', '{only!=""}', '{job=~"a|ü",i=~"1.*"}',
                         'beta_total{job!="a"}', '{only="",__name__="gamma"}', '{job="nothing"}'):
            for start, end in ((T0, T0 + 30 * HOUR), (T0 + HOUR, T0 + 2 * HOUR), (T0 + 3 * HOUR, T0 + 7 * HOUR)):
                answers = [s.raw(selector, end, end - start) for s in self.servers]
                self.same(f"{what}, {selector} of {start} to {end}", answers)
        for name in ("__name__", "i", "job", "only"):
            self.same(f"{what}, values of {name}", [s.get(f"/api/v1/label/{name}/values") for s in self.servers])
        self.same(f"{what}, names", [s.get("/api/v1/labels") for s in self.servers])
        self.same(f"{what}, series", [sorted(json.dumps(x, sort_keys=True) for x in s.get(
            "/api/v1/series", **{"match[]": '{i=~"1.?"}'})["data"]) for s in self.servers])
        self.same(f"{what}, sums", [s.get("/api/v1/query_range", query="sum by (job) (rate(beta_total[10m]))",
                                          start=T0 / 1000, end=T0 / 1000 + 9 * 3600, step=300)
                                    for s in self.servers])

    def post(self, path, **params):
        query = urllib.parse.urlencode(params, doseq=True)
        self.same(path, [s.request("POST", f"{path}?{query}")[0] for s in self.servers])


def run(options, scratch):
    rng = random.Random(1)
    source, text = os.path.join(scratch, "source"), os.path.join(scratch, "input.om")
    with open(text, "w") as f:
        f.write("\n".join(exposition(rng)) + "\n")
    promtool = os.path.join(options.bin_dir, "promtool")
    peer_tool = os.path.join(os.path.dirname(options.peer), "promtool")
    subprocess.run([promtool, "tsdb", "create-blocks-from", "openmetrics", text, source], check=True,
                   stdout=subprocess.DEVNULL)
    make_old(source, rng)
    os.makedirs(os.path.join(source, "wal"), exist_ok=True)  # the peer's promtool asks for it
    print(f"blocks with an index of version {versions(source)}")
    failed = 0
    for arguments in (["list"], ["dump"], ["analyze", "--extended"]):
        out = [subprocess.run([tool, "tsdb", *arguments, source], capture_output=True, text=True)
               for tool in (promtool, peer_tool)]
        alike = [(r.returncode, sorted(line for line in r.stdout.splitlines() if "analyze" not in arguments
                                       or re.match("Block ID|Duration|Total|Label names|Postings", line)))
                 for r in out]
        if alike[0] != alike[1]:
            failed += 1
            print(f"promtool tsdb {arguments}: DIFFERENT\n{out[0].stdout[:300]}{out[0].stderr[:300]}\n"
                  f"{out[1].stdout[:300]}{out[1].stderr[:300]}")
    os.rmdir(os.path.join(source, "wal"))

    binaries = (os.path.join(options.bin_dir, "prometheus"), options.peer)
    directories = [os.path.join(scratch, name, "data") for name in ("ours", "theirs")]
    for directory in directories:
        shutil.copytree(source, directory)

    def start(longest):
        flags = ["--web.enable-admin-api", "--storage.tsdb.min-block-duration=2h",
                 f"--storage.tsdb.max-block-duration={longest}"]
        extra = (["--storage.tsdb.block-reload-interval=1s"], [])
        return Comparison(*(Server(b, d, *flags, *e) for b, d, e in zip(binaries, directories, extra)))

    def stop(comparison):
        for server in comparison.servers:
            server.stop()
        return comparison.failed, comparison.checks

    compared = start("2h")
    compared.judge("opened")
    compared.post("/api/v1/admin/tsdb/delete_series", **{"match[]": '{i="7"}', "start": (T0 + HOUR) / 1000,
                                                        "end": (T0 + 4 * HOUR) / 1000})
    compared.judge("deleted")
    body = series((("__name__", "alpha"), ("i", "1"), ("job", "head")), sample(1.5, T0 + 12 * HOUR))
    compared.same("write", [s.write(body)[0] for s in compared.servers])
    compared.judge("with a head")
    old = versions(directories[0])
    results = [stop(compared)]
    compared = start("2h")
    compared.judge("again")
    compared.post("/api/v1/admin/tsdb/clean_tombstones")
    compared.judge("cleaned")
    results.append(stop(compared))
    # Samples far ahead: what is before them is cut and merged.
    compared = start("18h")
    for hour in range(12, 30):
        body = series((("__name__", "alpha"), ("i", "1"), ("job", "head")), sample(hour, T0 + hour * HOUR + 1))
        compared.same("write", [s.write(body)[0] for s in compared.servers])
    merged = False
    for _ in range(60):
        time.sleep(1)
        merged = 1 not in versions(directories[0])
        if merged:
            break
    compared.judge("merged" if merged else "not merged")
    results.append(stop(compared))
    failed += sum(f for f, _ in results) + (not merged)
    print(f"versions {old}, then {versions(directories[0])}; {sum(c for _, c in results)} answers compared, "
          f"{failed} differ")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/tmp") as scratch:
        sys.exit(run(options, scratch) != 0)


if __name__ == "__main__":
    main()
