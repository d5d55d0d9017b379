#!/usr/bin/env python3
"""One data directory, used by Prometheus, then by us, then by Prometheus again, with writes in each
phase; after each hand-over everything that was ever written must be there, sample by sample.

    data_directory.py BIN_DIR --peer /path/to/prometheus [--histograms]

A second Prometheus is sent everything that is written and never stops: what it answers is what must
be there. Native histograms are written in every phase and compared whenever Prometheus has the
directory; with --histograms also when we have it.
BIN_DIR holds our prometheus and promtool. Three ways back: the shutdown flag, promtool tsdb
wal-export after a kill, and an export that nobody used before we go on ourselves.
"""
import argparse, os, random, signal, subprocess, sys, tempfile, time

from import_log import CONFIG, fill, late
from prompb import *

S = 1000
HISTOGRAMS = "--enable-feature=native-histograms"
# What it leaves at its end besides the log; 2.x does so only without native histograms.
SNAPSHOT = "--enable-feature=memory-snapshot-on-shutdown"


def everything(server, now):
    """All samples by series: floats and histograms as the API prints them, stale markers by their gaps."""
    return server.raw('{__name__=~".+"}', now + 3600 * S, 24 * 3600 * S)


def check(name, want, got):
    if want == got:
        print(f"{name}: {len(want)} series, {sum(l.count('[') for l in want)} values equal")
        return 0
    print(f"{name}: DIFFERENT: {len(want)} series before, {len(got)} after")
    for a, b in zip(want, got):
        if a != b:
            at = next((i for i in range(min(len(a), len(b))) if a[i] != b[i]), min(len(a), len(b)))
            print("-", a[max(0, at - 100):at + 100])
            print("+", b[max(0, at - 100):at + 100])
            break
    return 1


def floats(lines):
    return [line for line in lines if '_histogram"' not in line and '"mixed"' not in line]


class Both:
    """Writes to the server of the phase and to the one that remembers."""

    def __init__(self, server, control):
        self.servers = (server, control)

    def write(self, body):
        answers = [server.write(body) for server in self.servers]
        return max(answers, key=lambda a: a[0])


class Trip:
    def __init__(self, name, options, scratch):
        self.name, self.options, self.failed = name, options, 0
        self.directory = os.path.join(scratch, "data")
        self.now = int(time.time()) // 7200 * 7200 * S
        self.rng = random.Random(name)
        self.minute = -150
        self.control = Server(options.peer, os.path.join(scratch, "control"), HISTOGRAMS, config=CONFIG)

    def server(self, who, *flags):
        theirs = who == "theirs"
        binary = self.options.peer if theirs else os.path.join(self.options.bin_dir, "prometheus")
        server = Server(binary, self.directory, *([HISTOGRAMS, SNAPSHOT] if theirs else []), *flags,
                        config=CONFIG if theirs else "global:\n")
        self.check(who, "opens", server)
        return server

    def check(self, who, what, server):
        pick = (lambda lines: lines) if who == "theirs" or self.options.histograms else floats
        want, got = (pick(everything(s, self.now)) for s in (self.control, server))
        self.failed += check(f"{self.name}: {who} {what}", want, got)

    def write(self, who, server, minutes):
        fill(Both(server, self.control), self.now + self.minute * 60 * S, minutes, self.rng, 12)
        self.minute += minutes
        self.check(who, "wrote", server)

    def late(self, who, server):
        """Hours before everything else, so that they go to wbl/ and full chunks of them to chunks_head/."""
        late(Both(server, self.control), self.now - 400 * 60 * S, 200, self.rng)
        self.check(who, "wrote late samples", server)

    def stop(self, server, how=signal.SIGTERM):
        server.stop(how)


def round_trip(trip, back):
    server = trip.server("theirs")
    trip.write("theirs", server, 40)
    trip.late("theirs", server)
    trip.stop(server)
    flags = ["--storage.tsdb.export-wal-on-shutdown"] if back == "flag" else []
    server = trip.server("ours", *flags)
    trip.write("ours", server, 40)
    if back == "offline":
        trip.stop(server, signal.SIGKILL)
        export(trip)
    else:
        trip.stop(server)
    server = trip.server("theirs")
    trip.write("theirs", server, 20)
    trip.stop(server, signal.SIGKILL)
    server = trip.server("ours", *flags)
    trip.write("ours", server, 20)
    trip.stop(server)
    # An export that nobody used, or none at all.
    server = trip.server("ours", *flags)
    trip.write("ours", server, 10)
    trip.stop(server)
    if back == "offline":
        export(trip)
    trip.stop(trip.server("theirs"))


def export(trip):
    promtool = os.path.join(trip.options.bin_dir, "promtool")
    subprocess.run([promtool, "tsdb", "wal-export", trip.directory], check=True, timeout=60)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", default="prometheus")
    parser.add_argument("--histograms", action="store_true")
    options = parser.parse_args()
    failed = 0
    for back in ("flag", "offline"):
        with tempfile.TemporaryDirectory(dir="/tmp") as scratch:
            trip = Trip(back, options, scratch)
            try:
                round_trip(trip, back)
            finally:
                trip.control.stop()
            failed += trip.failed
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
