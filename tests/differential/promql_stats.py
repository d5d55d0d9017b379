#!/usr/bin/env python3
"""The samples queries count beside those a Prometheus of 3.5 counts: totalQueryableSamples and
totalQueryableSamplesPerStep (promql-per-step-stats, stats=all) of generated queries. peakSamples is an
estimate here, and 3.5 has no samplesRead.

  same      the same numbers
  bare      below histogram_count, _sum and _avg 3.5 reads histograms without buckets, which weigh less
  errors    at least one answers with an error
  differ    everything else; exits 1 when there is one

    promql_stats.py BIN_DIR --peer PROMETHEUS [--count N] [--seed S]"""
import argparse, collections, os, random, re, sys

import promql_data
from promql import FEATURES, form
from promql_expressions import Generator
from promql_peers import Connection, PeerServer, spread

STATS = "promql-per-step-stats"


def ask(connection, query):
    path = "/api/v1/query" if query[0] == "instant" else "/api/v1/query_range"
    answer = connection.post(path, form(query) | {"stats": "all"})
    if answer["status"] == "error":
        return "error"
    samples = answer["data"]["stats"]["samples"]
    return samples["totalQueryableSamples"], [[float(t), n] for t, n in samples["totalQueryableSamplesPerStep"]]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", required=True)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=10)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    ours = PeerServer(os.path.join(options.bin_dir, "prometheus"), [FEATURES[0], STATS], config=promql_data.CONFIG)
    with ours, PeerServer(options.peer, [*FEATURES, STATS], config=promql_data.CONFIG) as theirs:
        bodies = list(promql_data.requests(rng, promql_data.make_samples(rng, histograms=True)))
        for server in (ours, theirs):
            promql_data.load(Connection(server.url), bodies)
        generator = Generator(rng, 3, [])
        queries = [generator.query() for _ in range(options.count)]
        left, right = [spread(server.url, queries, ask) for server in (ours, theirs)]
    counts = collections.Counter()
    for query, a, b in zip(queries, left, right):
        kind = "errors" if "error" in (a, b) else "same" if a == b else "differ"
        if kind == "differ" and re.search(r"histogram_(count|sum|avg)\(", query[-1]) and a[0] > b[0]:
            kind = "bare"
        counts[kind] += 1
        if kind == "differ" and counts[kind] <= options.show:
            print("\t".join(map(str, query)), f"\n  ours   {str(a)[:300]}\n  theirs {str(b)[:300]}")
    print(", ".join(f"{n} {kind}" for kind, n in sorted(counts.items())))
    return 1 if counts["differ"] else 0


if __name__ == "__main__":
    sys.exit(main())
