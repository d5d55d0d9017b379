#!/usr/bin/env python3
"""Native histograms that come out of order, sent to this server and to an upstream one: statuses, and
what queries make of them (values, counter resets, notes), in the head and after blocks were cut.

    late_histograms.py BIN_DIR --peer /path/to/prometheus [--seeds N] [--blocks]

The peer is meant to be 3.5. Exits 1 on a difference. --blocks waits for both to cut blocks, which
takes up to a minute, and compares again. Of rates only the notes are compared: 3.5 extrapolates them
below zero. Not compared is `changes`: whether a histogram is another one than the one before depends on
its empty buckets there, which are those of its chunk.
"""
import argparse, glob, json, os, random, sys, tempfile, time

from prompb import *

S = 1000
T0 = 1_700_000_000 // 7200 * 7200 * S
CONFIG = """global:
  scrape_interval: 1h
storage:
  tsdb:
    out_of_order_time_window: 10h
"""
QUERIES = ["{name}", "resets({name}[{range}])", "increase({name}[{range}])",
           "rate({name}[{range}])", "delta({name}[{range}])", "histogram_count({name})",
           "count_over_time({name}[{range}])", "last_over_time({name}[{range}])",
           "sum_over_time({name}[{range}])"]


def samples(name, rng):
    """(minute, message) in order: counters that reset now and then, gauges, schemas that change."""
    n, spread = 0, 2
    for minute in range(200):
        t = T0 + minute * 60 * S
        n = rng.randrange(3) if rng.random() < 0.06 else n + rng.randrange(5)
        if rng.random() < 0.1:
            spread = rng.randrange(1, 5)
        hint = 3 if name == "gauge" else rng.choice([0, 0, 0, 0, 2]) if name == "hinted" else 0
        total = n * spread
        if name == "floats" or (name == "mixed" and minute % 5 == 0):
            yield minute, float_histogram(t, total + 0.5, n * 1.5, zero=0.5, positive=[(0, spread)],
                                          buckets=[float(n)] * spread, hint=hint)
        elif name == "custom":
            yield minute, int_histogram(t, total, n, schema=-53, threshold=0, custom=[1, 2, 5, 7],
                                        positive=[(0, spread)], deltas=[n] + [0] * (spread - 1))
        elif name == "schemas":
            yield minute, int_histogram(t, total, n, schema=minute // 40 % 3, positive=[(0, spread)],
                                        deltas=[n] + [0] * (spread - 1))
        elif name == "mixed" and minute % 7 == 0:
            yield minute, sample(float(n), t)
        elif rng.random() < 0.02:
            yield minute, sample(STALE_BYTES, t)
        else:
            yield minute, int_histogram(t, total, n, positive=[(0, spread)],
                                        deltas=[n] + [0] * (spread - 1), hint=hint)


NAMES = ("counter", "floats", "gauge", "hinted", "custom", "schemas", "mixed")


def requests(rng):
    """Every sample once, a part of them late, some of these repeated with another value."""
    order = []
    for name in NAMES:
        for minute, message_ in samples(name, rng):
            delay = rng.randrange(1, 60) if rng.random() < 0.3 else 0
            order.append((minute + delay, rng.random(), name, message_))
            if delay and rng.random() < 0.1:
                order.append((minute + delay + 1, rng.random(), name, message_))
    for _, _, name, message_ in sorted(order, key=lambda o: o[:2]):
        yield name, series([("__name__", name)], message_)


def answers(server):
    out = {}
    for name in NAMES:
        for query in QUERIES:
            values = ["data"] if not query.startswith(("rate", "increase")) else []
            for width in ("5m", "17m", "90m"):
                if "{range}" not in query and width != "5m":
                    continue
                text = query.format(name=name, range=width)
                answer = server.get("/api/v1/query_range", query=text, start=T0 / S,
                                    end=T0 / S + 210 * 60, step=73)
                out[text] = {key: sorted(answer[key], key=str) if isinstance(answer[key], list)
                             else answer[key] for key in ("status", "warnings", "infos", "error", *values)
                             if key in answer}
    return out


def compare(what, theirs, ours, show):
    bad = [text for text in theirs if theirs[text] != ours[text]]
    print(f"{what}: {len(theirs) - len(bad)} of {len(theirs)} queries equal")
    for text in bad[:show]:
        a, b = (json.dumps(side[text], sort_keys=True) for side in (theirs, ours))
        at = next((i for i in range(min(len(a), len(b))) if a[i] != b[i]), min(len(a), len(b)))
        print(f"  {text}\n  - {a[max(0, at - 150):at + 150]}\n  + {b[max(0, at - 150):at + 150]}")
    return len(bad)


def has_block(server):
    return any(glob.glob(os.path.join(server.directory, "*", "meta.json")))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", default="prometheus")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--show", type=int, default=5)
    parser.add_argument("--blocks", action="store_true")
    options = parser.parse_args()
    failed = 0
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory(dir="/tmp") as scratch:
            servers = [Server(binary, os.path.join(scratch, which, "data"), *flags, config=CONFIG)
                       for which, binary, flags in (
                           ("theirs", shutil.which(options.peer), ["--enable-feature=native-histograms"]),
                           ("ours", os.path.join(options.bin_dir, "prometheus"), []))]
            try:
                for name, body in requests(random.Random(seed)):
                    statuses = [server.write(body)[0] for server in servers]
                    if statuses[0] != statuses[1]:
                        failed += 1
                        print(f"seed {seed}: a sample of {name} is answered {statuses}")
                failed += compare(f"seed {seed}, head", *map(answers, servers), options.show)
                if not options.blocks:
                    continue
                for server in servers:
                    server.write(series([("__name__", "later")], sample(1, T0 + 7 * 3600 * S)))
                end = time.monotonic() + 150
                while not all(map(has_block, servers)) and time.monotonic() < end:
                    time.sleep(1)
                time.sleep(5)
                print("blocks:", [len(glob.glob(os.path.join(s.directory, "*", "meta.json"))) for s in servers])
                failed += compare(f"seed {seed}, blocks", *map(answers, servers), options.show)
            finally:
                for server in servers:
                    server.stop()
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
