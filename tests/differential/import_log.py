#!/usr/bin/env python3
"""Lets a real Prometheus write a data directory, dumps it with its promtool, imports the log into
blocks with ours, removes the log, and dumps again: the two dumps must be equal.

    import_log.py BUILD_DIR --peer /path/to/prometheus --promtool /path/to/promtool

Covers floats, stale markers, native histograms (integer, float, custom buckets), series in several
segments, out-of-order samples (wbl/), deletions, a checkpoint, a killed server.
"""
import argparse, os, random, signal, subprocess, sys, tempfile, time

from prompb import *

S = 1000


CONFIG = """global:
  scrape_interval: 1h
storage:
  tsdb:
    out_of_order_time_window: 10h
"""


def all_histograms(t, n, minute, minutes):
    """One sample of each kind."""
    body = b""
    body += series([("__name__", "int_histogram")],
                   int_histogram(t, 3 * n + 2, n * 1.5, zero=2, positive=[(0, 2), (1, 1)], deltas=[n, 0, 0],
                                 hint=3 if minute > minutes // 2 else 0))
    body += series([("__name__", "float_histogram")],
                   float_histogram(t, 3.5 * n, n * 1.5, positive=[(-2, 2)], buckets=[n, 2.5 * n]))
    body += series([("__name__", "custom_histogram")],
                   int_histogram(t, 2 * n, 7, schema=-53, threshold=0, custom=[0.5, 1, 2],
                                 positive=[(0, 2)], deltas=[n, 0]))
    body += series([("__name__", "custom_float_histogram")],
                   float_histogram(t, 2.0 * n, 7, schema=-53, threshold=0, custom=[0.5, 1],
                                   positive=[(0, 1)], buckets=[2.0 * n]))
    body += series([("__name__", "mixed")], sample(minute, t) if minute % 3 else
                   int_histogram(t, 2, 1, positive=[(0, 1)], deltas=[2]))
    return body


def fill(server, start, minutes, rng, series_count=30, histograms=True):
    """Floats with gaps and odd values, histograms of all kinds, in requests of one minute."""
    for minute in range(minutes):
        body = b""
        for i in range(series_count):
            samples = []
            for k in range(4):
                t = start + minute * 60 * S + k * 15 * S + i
                v = rng.choice([float(minute * 4 + k), rng.random(), float("nan"), float("inf"), -0.0, 1e-300])
                if rng.random() < 0.9:
                    samples.append(sample(STALE_BYTES if rng.random() < 0.02 else v, t))
            body += series([("__name__", f"float_{i % 5}"), ("i", str(i)), ("job", "fill")], *samples)
        t = start + minute * 60 * S
        n = minute % 50 + 1
        if histograms:
            body += all_histograms(t, n, minute, minutes)
        status, _, text = server.write(body)
        if status != 204:
            sys.exit(f"write failed: {status} {text}")


def late(server, start, minutes, rng, histograms=True):
    """Out-of-order samples, histograms among them."""
    for second in rng.sample(range(minutes * 60), minutes):
        t = start + second * S + 7
        body = series([("__name__", "float_0"), ("i", "0"), ("job", "fill")], sample(rng.random(), t))
        body += series([("__name__", "late_only")], sample(rng.random(), t))
        server.write(body)
    if not histograms:
        return
    h = int_histogram(start + 61 * S, 5, 2, zero=2, positive=[(0, 2), (1, 1)], deltas=[1, 0, 0])
    server.write(series([("__name__", "int_histogram")], h))


def dump(promtool, directory):
    result = subprocess.run([promtool, "tsdb", "dump", directory], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"promtool tsdb dump failed: {result.stderr}")
    return sorted(result.stdout.splitlines())


def remove_log(directory):
    for name in os.listdir(directory):
        if name in ("wal", "wbl", "chunks_head") or name.startswith("chunk_snapshot"):
            shutil.rmtree(os.path.join(directory, name))
    os.mkdir(os.path.join(directory, "wal"))


def compare(name, want, got):
    if want == got:
        print(f"{name}: {len(want)} samples equal")
        return 0
    import difflib
    print(f"{name}: DIFFERENT ({len(want)} and {len(got)} lines)")
    for line in list(difflib.unified_diff(want, got, "prometheus", "imported", lineterm="", n=0))[:20]:
        print(line[:300])
    return 1


def damage(directory):
    """Overwrites bytes in many places of the log."""
    wal = os.path.join(directory, "wal")
    for name in sorted(os.listdir(wal)):
        path = os.path.join(wal, name)
        if not name.isdigit() or os.path.getsize(path) == 0:
            continue
        with open(path, "r+b") as f:
            for place in range(100, os.path.getsize(path), 50_000):
                f.seek(place)
                f.write(b"damage")


def scenario(options, name, run, *flags, spoil=None, native=True):
    with tempfile.TemporaryDirectory(dir="/tmp") as scratch:
        directory = os.path.join(scratch, "data")
        os.makedirs(directory)
        # 2.x makes no snapshots with native histograms.
        features = ["--enable-feature=native-histograms"] if native else []
        server = Server(options.peer, directory, *features, "--web.enable-admin-api", *flags, config=CONFIG)
        try:
            run(server, random.Random(name))
        finally:
            server.stop()
        want = dump(options.promtool, directory)
        if spoil:
            spoil(directory)
        imported = subprocess.run([os.path.join(options.build_dir, "tests", "prometheus_log"), "import", directory],
                                  capture_output=True, text=True)
        if imported.returncode != 0:
            print(f"{name}: import failed: {imported.stderr}")
            return 1
        print(f"{name}: {imported.stdout.strip()}")
        remove_log(directory)
        return compare(name, want, dump(options.promtool, directory))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build_dir")
    parser.add_argument("--peer", default="prometheus")
    parser.add_argument("--promtool", default="promtool")
    options = parser.parse_args()
    now = int(time.time()) // 7200 * 7200 * S

    def plain(server, rng):
        fill(server, now - 90 * 60 * S, 85, rng)

    def floats(server, rng):
        fill(server, now - 90 * 60 * S, 85, rng, histograms=False)

    def late_floats(server, rng):
        fill(server, now - 150 * 60 * S, 140, rng, histograms=False)
        late(server, now - 300 * 60 * S, 120, rng, histograms=False)

    def out_of_order(server, rng):
        fill(server, now - 150 * 60 * S, 140, rng)
        late(server, now - 300 * 60 * S, 120, rng)

    def deleted(server, rng):
        fill(server, now - 90 * 60 * S, 80, rng)
        for selector, start, end in (("float_1", -80, -60), ("int_histogram", -70, -65), ('{i="7"}', -1000, 1000)):
            status, _, text = server.request(
                "POST", "/api/v1/admin/tsdb/delete_series?" + urllib.parse.urlencode(
                    {"match[]": selector, "start": now / 1000 + start * 60, "end": now / 1000 + end * 60}))
            if status != 204:
                sys.exit(f"delete failed: {status} {text}")

    def killed(server, rng):
        fill(server, now - 60 * 60 * S, 50, rng)
        server.stop(signal.SIGKILL)

    def long(server, rng):
        # More than the head keeps: Prometheus cuts blocks while it runs and when it starts again.
        fill(server, now - 9 * 3600 * S, 8 * 60, rng, 10)
        time.sleep(1)
        server.stop()
        again = Server(options.peer, server.directory, "--enable-feature=native-histograms",
                       config=CONFIG)
        deadline = time.time() + 90
        while time.time() < deadline and not any(
                n.startswith("checkpoint") for n in os.listdir(os.path.join(server.directory, "wal"))):
            time.sleep(0.5)
        fill(again, now - 3600 * S, 30, rng, 12)
        again.stop()

    failed = 0
    failed += scenario(options, "plain", plain)
    known = subprocess.run([options.peer, "--help-long"], capture_output=True, text=True)
    if "wal-compression-type" in known.stdout + known.stderr:
        failed += scenario(options, "zstd", plain, "--storage.tsdb.wal-compression-type=zstd")
    failed += scenario(options, "uncompressed", plain, "--no-storage.tsdb.wal-compression")
    failed += scenario(options, "snapshot", plain, "--enable-feature=memory-snapshot-on-shutdown")
    # Nothing is lost: full chunks are in chunks_head/, the open ones in the snapshot.
    snapshot = "--enable-feature=memory-snapshot-on-shutdown"
    failed += scenario(options, "damaged, snapshot", floats, snapshot, spoil=damage, native=False)
    failed += scenario(options, "out of order", out_of_order)
    failed += scenario(options, "out of order, snapshot", late_floats, snapshot, native=False)
    failed += scenario(options, "deleted", deleted)
    failed += scenario(options, "killed", killed)
    failed += scenario(options, "long", long)
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
