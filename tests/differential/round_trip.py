#!/usr/bin/env python3
"""A data directory that Prometheus and we own in turns, with random operations in each phase, against a
plain model of what was acknowledged (round_trip_model.py).

    round_trip.py BIN_DIR --peer /path/to/prometheus [--seed N] [--rounds N] [--keep]

Each round is a directory of its own with a block range, three to seven phases and the operations below:
floats, stale markers, histograms of all kinds with resets, exemplars, late samples within a window, the
same sample again, series that come and go, jumps in time over several block ranges, deletions, cleaning,
snapshots, restarts and exports cut short by kill -9 or SIGTERM, another window at run time, retention by
time and by size. After each phase raw samples (the whole and random parts), series, label values and exemplars must be what the model
says; at the end both promtools print the directory, and each block's meta.json is counted again. What the
servers logged at WARN and above is printed when it is not expected. The peer is meant to be 3.5, and its
promtool to lie beside it. What Prometheus loses by itself is counted apart: it replays nothing that is older
than its newest block, also when that came from late samples by a merge.
"""
import argparse, glob, json, os, random, re, shutil, signal, subprocess, sys, tempfile, time

from prompb import *
from round_trip_model import *
from round_trip_writes import Writes

S = 1000
MINUTE = 60 * S
# 3.5 panics now and then where a deleted range meets the end of a query (tombstones.Intervals.Add).
PANIC = r"index out of range \[\d+\] with length"
EXPECTED_LOG = re.compile("|".join((
    "Error on ingesting", "Out of order sample", "auto-gomaxprocs", "gomemlimit", "lockfile",
    "retention time value is too high", "duplicate timestamp", "append failed", "remote write",
    "Fixed-size duration", "experimental", "Received an OS signal", "context canceled", "/-/reload",
    "aborting block compactions",
    # Of its memory snapshot and its log, which both have them.
    "replaying WAL on exemplar record",
    # Of its own late histograms; it does not make blocks of them any more then.
    r"chunk maxT \d+ is less than minT", PANIC,
    # Of chunks it has just written itself, when samples-per-chunk changes and it is killed.
    "out of sequence m-mapped chunk",
    # Its blocks of late samples overlap others, and so do those that we import.
    "[Oo]verlapping blocks")))


class Trip:
    def __init__(self, seed, options, scratch):
        self.seed, self.options, self.scratch = seed, options, scratch
        self.rng = random.Random(seed)
        self.directory = os.path.join(scratch, "data")
        self.range = self.rng.choice([10, 20, 20, 120]) * MINUTE
        self.window = self.rng.choice([0, 1, 3]) * self.range
        self.retention = self.rng.choice([None, None, 14 * self.range])
        # Above what its log takes: without a block nothing tells Prometheus what of the log is old, and
        # what was deleted or retired comes back from there.
        other = random.Random(f"size {seed}")
        self.size = other.choice([None, None, other.randrange(500_000, 1_500_000)])
        self.retired_by_size = 0
        self.model = Model()
        self.start = int(time.time()) // 7200 * 7200 * S - 20 * 24 * 3600 * S
        self.writes = Writes(self.model, self.rng, self.start)
        self.faults, self.log, self.phase = 0, [], 0
        self.who = self.server = self.before = None
        self.note(f"block range {self.range}, window {self.window}, retention {self.retention}, size {self.size}")

    def note(self, text):
        self.log.append(f"{self.phase} {self.who}: {text}")

    def fault(self, what, lines):
        self.faults += 1
        print(f"seed {self.seed}, phase {self.phase} ({self.who}), {what}:")
        for line in lines[:12]:
            print(f"  {line}")

    # ---- Servers ----

    def config(self, who):
        window = f"    out_of_order_time_window: {self.window}ms\n" if self.window else ""
        if who == "ours" and self.stale:
            window += f"    stale_series_compaction_threshold: {self.stale}\n"
        return "global:\n  scrape_interval: 1h\n" + (f"storage:\n  tsdb:\n{window}" if window else "")

    def open(self, who):
        self.own_again = who == self.who
        self.who = who
        flags = ["--web.enable-admin-api", "--web.enable-lifecycle",
                 f"--storage.tsdb.min-block-duration={self.range}ms",
                 f"--storage.tsdb.max-block-duration={9 * self.range}ms"]
        flags += self.rng.choice([[], [], ["--no-storage.tsdb.wal-compression"],
                                  ["--storage.tsdb.wal-compression-type=zstd"]])
        flags += self.rng.choice([[], [], ["--storage.tsdb.samples-per-chunk=30"],
                                  ["--no-storage.tsdb.allow-overlapping-compaction"]])
        if self.size:
            flags.append(f"--storage.tsdb.retention.size={self.size}B")
        self.stale = self.rng.choice([0, 0, 0.1])
        if who == "theirs":
            features = ["native-histograms", "exemplar-storage"]
            if self.rng.random() < 0.3:
                features.append("memory-snapshot-on-shutdown")
            flags.append("--enable-feature=" + ",".join(features))
            self.peer_flags = flags
        else:
            flags += ["--enable-feature=exemplar-storage", "--storage.tsdb.block-reload-interval=1s"]
            self.exports = self.rng.random() < 0.5
            if self.exports:
                flags.append("--storage.tsdb.export-wal-on-shutdown")
        binary = self.options.peer if who == "theirs" else os.path.join(self.options.bin_dir, "prometheus")
        self.server = Server(binary, self.directory, *flags, config=self.config(who),
                             retention=f"{self.retention}ms" if self.retention else "10y")
        self.retire()
        self.note("opens " + " ".join(flags[4:]))

    def stop(self, sig):
        self.note(f"stops by {sig.name}")
        self.server.stop(sig)
        with open(self.server.log.name) as f:
            odd = [line.rstrip() for line in f
                   if re.search("level=(WARN|ERROR)|panic|terminate", line) and not EXPECTED_LOG.search(line)]
        if odd:
            self.fault("log", odd)

    # ---- Operations ----

    def admin(self, action, **params):
        status, _, text = self.server.request(
            "POST", f"/api/v1/admin/tsdb/{action}?" + urllib.parse.urlencode(params, doseq=True))
        if status not in (200, 204):
            self.fault(f"{action} {params}", [f"{status} {text[:300]}"])
        return text

    def write(self):
        minutes = self.rng.randrange(1, 60)
        self.note(f"writes {minutes} minutes to {self.writes.now + minutes * MINUTE}")
        for status, text in self.writes.minutes(self.server, minutes, f"{self.phase} {self.who}"):
            if self.who == "theirs" and "too old" in text and self.writes.now <= self.in_order_end():
                # A merge made this block of late ones: it ends with its range, which is not over.
                print(f"seed {self.seed}, phase {self.phase}: Prometheus takes nothing before the end of a block")
                continue
            self.fault("a newer sample is refused", [f"{status} {text[:300]} at {self.writes.now}, "
                                                     f"blocks end at {self.in_order_end()}"])

    def late(self):
        if not self.window:
            return self.write()
        answers = self.writes.late(self.server, self.window, f"{self.phase} {self.who}")
        self.note(f"writes late: {answers}")

    def again(self):
        for status, want in self.writes.again(self.server, f"{self.phase} {self.who}"):
            if status not in want:
                self.fault("the same time again", [f"{status}, want {want}"])

    def jump(self):
        self.writes.now += self.rng.randrange(self.range // 2, 4 * self.range)
        self.note(f"jumps to {self.writes.now}")
        self.write()

    def delete(self):
        selector, wanted = self.rng.choice([
            ('{i="3"}', lambda l: l.get("i") == "3"),
            ('float_1', lambda l: l["__name__"] == "float_1"),
            ('{__name__=~".*histogram"}', lambda l: l["__name__"].endswith("histogram")),
            ('{job="churn"}', lambda l: l.get("job") == "churn"),
            ('{i=~"1.*",job!="churn"}', lambda l: l.get("i", "").startswith("1") and l.get("job") != "churn")])
        end = self.rng.randrange(self.start, self.writes.now + MINUTE)
        start = max(self.start, end - self.rng.choice([MINUTE, 7 * MINUTE, self.range, 3 * self.range]))
        if self.rng.random() < 0.1:
            start, end = self.start - 10**9, self.writes.now + 10**9
        self.note(f"deletes {selector} {start} {end}")
        self.admin("delete_series", **{"match[]": selector, "start": start / 1000, "end": end / 1000})
        self.model.delete(wanted, start, end, self.who == "theirs")

    def clean(self):
        self.note("cleans")
        self.admin("clean_tombstones")

    def snapshot(self):
        self.note("snapshot")
        answer = json.loads(self.admin("snapshot"))
        directory = os.path.join(self.directory, "snapshots", answer["data"]["name"])
        # 3.5 leaves late samples out that are in the head.
        self.judge_dump("snapshot", directory, self.ours("promtool"), without_late=self.who == "theirs")
        os.mkdir(os.path.join(directory, "wal"))  # its promtool asks for one
        self.judge_dump("snapshot, by theirs", directory, self.theirs("promtool"), False,
                        without_late=self.who == "theirs")
        shutil.rmtree(os.path.join(self.directory, "snapshots"))

    def wait(self):
        time.sleep(self.rng.random() * 3)

    def window_changes(self):
        self.window = self.rng.choice([0, 1, 3]) * self.range
        path = next(a for a in self.server.process.args if a.startswith("--config.file=")).split("=")[1]
        with open(path, "w") as f:
            f.write(self.config(self.who))
        self.note(f"window {self.window}")
        status = self.server.request("POST", "/-/reload")[0]
        if status != 200:
            self.fault("reload", [str(status)])

    def restart(self):
        self.stop(self.rng.choice([signal.SIGKILL, signal.SIGTERM]))
        self.open(self.who)
        if self.rng.random() < 0.5 or self.who == "theirs":
            self.check("opened")

    OPERATIONS = [write] * 6 + [late] * 6 + [again, jump, jump, delete, delete, clean, snapshot, wait, wait,
                                             window_changes, restart]

    # ---- What is there ----

    def ours(self, program):
        return os.path.join(self.options.bin_dir, program)

    def theirs(self, program):
        return os.path.join(os.path.dirname(self.options.peer), program)

    def retire(self):
        """What may be gone by now."""
        if self.retention:
            self.model.retire(self.retention, self.range)
        if self.size:
            # The oldest blocks go, whole.
            ends = [m["maxTime"] for m in self.metas()]
            self.model.gone_before = max(self.model.gone_before,
                                         min(ends, default=self.model.newest - self.range // 2))
            if not ends:  # among them new ones of late samples
                self.model.forgive_late()

    def check_size(self):
        """Ours looks once a second, theirs once a minute."""
        def inside(path):
            return sum(os.path.getsize(os.path.join(root, name)) for root, _, names in os.walk(path)
                       for name in names)
        for _ in range(20):
            try:
                blocks = [os.path.dirname(path) for path in self.blocks()]
                head, sizes = inside(os.path.join(self.directory, "head")), [inside(path) for path in blocks]
            except OSError:  # one went away
                continue
            if head + sum(sizes) <= self.size or not blocks:
                break
            time.sleep(0.5)
        else:
            self.fault("retention by size", [f"{sum(sizes)} bytes in {len(blocks)} blocks and {head} of the head, "
                                             f"where {self.size} are allowed"])
        text = self.server.request("GET", "/metrics")[2].decode()
        retired = re.search(r"^prometheus_tsdb_size_retentions_total (\S+)$", text, re.M)
        self.retired_by_size += float(retired[1]) if retired else 0

    def check(self, what):
        self.note(f"check {what}")
        self.retire()
        self.known_loss = False
        last = max(self.writes.now, self.model.newest) + 3600 * S
        parts = [(self.start - 3600 * S, last)]
        for _ in range(3):
            end = self.rng.randrange(self.start, last)
            parts.append((end - self.rng.randrange(1, 4 * self.range), end))
        for start, end in parts:
            answer = self.query(self.server, start, end)
            if answer["status"] != "success":
                if self.who == "ours" or not re.search(PANIC, answer["error"]):
                    self.fault(what, [json.dumps(answer)[:500]])
                continue
            got = matrix(answer)
            self.retire()  # blocks may have gone meanwhile
            wrong = self.model.wrong(got, start, end)
            if wrong and self.size:  # … and are on the disk a moment longer than they are served
                time.sleep(2)
                self.retire()
                wrong = self.model.wrong(got, start, end)
            if not wrong or (start, end) != parts[0] and self.known_loss:
                continue
            if what == "opened" and self.who == "theirs" and self.own_again:
                self.known_loss = True
                print(f"seed {self.seed}, phase {self.phase}: Prometheus lost samples of {len(wrong)} series")
            else:
                self.known_loss = what == "opened" and self.before and self.peer_lost(wrong, start, end)
            if not self.known_loss:
                self.fault(f"{what}, samples of {start} to {end}", list(self.model.texts(wrong)))
            self.model.forgive_stale(wrong)
            self.model.forgive(wrong)
        self.check_labels(what, *parts[0])
        self.check_exemplars(what, *parts[0])
        if self.who == "ours":
            self.check_metrics(what)

    def peer_lost(self, wrong, start, end):
        """Whether Prometheus does not have these either, on what it left."""
        server = Server(self.options.peer, self.before, *self.peer_flags, config=self.config("theirs"),
                        retention=f"{self.retention}ms" if self.retention else "10y")
        try:
            answer = self.query(server, start, end)
            theirs = matrix(answer) if answer["status"] == "success" else {}
        finally:
            server.stop(signal.SIGKILL)
            shutil.rmtree(self.before)
            self.before = None
        lost = {(key, p[0]) for key, bad in self.model.wrong(theirs, start, end).items() for p in bad}
        ours = [f"{dict(key)} {p}" for key, bad in wrong.items() for p in bad if (key, p[0]) not in lost]
        if not ours:
            print(f"seed {self.seed}, phase {self.phase}: Prometheus lost {len(lost)} samples, we no others")
        else:
            print("\n".join(["  Prometheus still has:"] + ours[:5]))
        return not ours

    def query(self, server, start, end):
        return server.get("/api/v1/query", query=f'{{__name__=~".+"}}[{end - start + 1}ms]', time=end / 1000)

    def check_labels(self, what, start, end):
        for name in ("__name__", "i", "job", "run"):
            for _ in range(3 if self.size else 1):
                got = set(self.server.get(f"/api/v1/label/{name}/values", start=start / 1000,
                                          end=end / 1000)["data"])
                self.retire()
                must, may = self.model.certain_labels(name, start, end)
                if must <= got:
                    break
                time.sleep(1)
            if not must <= got <= may:
                self.fault(f"{what}, values of {name}", [f"missing {must - got}, not there {got - may}"])
        answer = self.server.get("/api/v1/series", **{"match[]": '{__name__=~".+"}', "start": start / 1000,
                                                      "end": end / 1000})["data"]
        extra = [s for s in answer if tuple(sorted(s.items())) not in self.model.series]
        if extra:
            self.fault(f"{what}, series nobody wrote", [str(s) for s in extra])

    def check_exemplars(self, what, start, end):
        answer = self.server.get("/api/v1/query_exemplars", query='{__name__=~".+"}', start=start / 1000,
                                 end=end / 1000)
        got = {tuple(sorted(s["seriesLabels"].items())): {
            (round(e["timestamp"] * 1000), number(e["value"]), tuple(sorted(e["labels"].items())))
            for e in s["exemplars"]} for s in answer["data"]}
        faults, newest = [], self.model.newest - self.range // 2
        if self.who == "theirs":
            newest = max(newest, self.in_order_end())
        for key in set(got) | set(self.model.exemplars):
            want, have = set(self.model.exemplars.get(key, ())), got.get(key, set())
            # The logs keep those of the head.
            must = {e for e in want if e[0] > newest}
            if not must <= have <= want:
                faults.append(f"{dict(key)}: missing {sorted(must - have)[:2]}, extra {sorted(have - want)[:2]}")
        if faults and self.who == "theirs" and self.own_again:
            # What it does not replay itself: the model forgets them, too.
            self.model.exemplars = {key: sorted(e) for key, e in got.items()}
        elif faults:
            self.fault(f"{what}, exemplars", faults)

    def check_metrics(self, what):
        text = self.server.request("GET", "/metrics")[2].decode()
        for name in ("prometheus_tsdb_blocks_damaged", "prometheus_tsdb_compactions_failed_total",
                     "prometheus_tsdb_wal_corruptions_total", "prometheus_tsdb_reloads_failures_total"):
            match = re.search(rf"^{name} (\S+)$", text, re.M)
            if not match or float(match[1]) != 0:
                self.fault(what, [f"{name}: {match[1] if match else 'not there'}"])

    def dump(self, promtool, directory):
        result = subprocess.run([promtool, "tsdb", "dump", directory], capture_output=True, text=True)
        if result.returncode != 0:
            self.fault(f"{promtool} tsdb dump", [result.stderr[:1000]])
        return result.stdout.splitlines()

    def judge_dump(self, what, directory, promtool, histograms=True, news_after=-(1 << 62),
                   without_late=False):
        dumped = from_dump(self.dump(promtool, directory))
        self.retire()
        faults = []
        for key, points in dumped.items():
            if len(dict(points)) != len(points):
                faults.append(f"{dict(key)}: a time is printed twice")
        if not histograms:  # 3.5 leaves out some
            dumped = {k: v for k, v in dumped.items() if "histogram" not in str(k) and "mixed" not in str(k)}
        got = {k: dict(v) for k, v in dumped.items()}
        # As if it were there: 3.5's promtool reads of a log only what is newer than all blocks, late ones too.
        for key, points in self.model.series.items():
            for t, point in points.items():
                if (t < news_after or (without_late and point.late)) and got.get(key, {}).get(t) is None:
                    got.setdefault(key, {})[t] = "NaN" if STALE in point.values else next(iter(point.values))
        lowest, highest = -(1 << 62), 1 << 62
        wrong = {key: bad for key, bad in self.model.wrong(got, lowest, highest, visible_stale=True).items()
                 if histograms or not re.search("histogram|mixed", str(key))}
        faults += self.model.texts(wrong)
        if faults:
            self.fault(what, faults)
        return sum(map(len, got.values()))

    def blocks(self):
        # Not what a kill left with another ending.
        return sorted(glob.glob(os.path.join(self.directory, "?" * 26, "meta.json")))

    def metas(self):
        for path in self.blocks():
            try:
                with open(path) as f:
                    yield json.load(f)
            except FileNotFoundError:  # it went away
                pass

    def in_order_end(self):
        """What is older it does not replay, as those of its logs that it takes for whole."""
        return max((m["maxTime"] for m in self.metas() if not m["compaction"].get("hints")), default=0)

    def judge_blocks(self):
        """What meta.json counts, against what is dumped of this block alone."""
        for path in self.blocks():
            with open(path) as f:
                meta = json.load(f)
            if meta["stats"].get("numTombstones"):
                continue
            with tempfile.TemporaryDirectory(dir=self.scratch) as alone:
                shutil.copytree(os.path.dirname(path), os.path.join(alone, meta["ulid"]))
                dumped = from_dump(self.dump(self.ours("promtool"), alone))
            stats, times = meta["stats"], [t for points in dumped.values() for t, _ in points]
            count = {"numSamples": len(times), "numSeries": len(dumped),
                     "numHistogramSamples": sum(isinstance(v, tuple) for p in dumped.values() for _, v in p)}
            # Overlapping chunks count what they share twice.
            wrong = {k: (n, stats[k]) for k, n in count.items()
                     if k in stats and n != stats[k] and (k == "numSeries" or n > stats[k])}
            if wrong or times and (min(times) < meta["minTime"] or max(times) >= meta["maxTime"]):
                self.fault("meta.json", [f"{wrong} {min(times, default=0)} {max(times, default=0)} {json.dumps(meta)}"])

    def judge_tools(self):
        for arguments in (["list"], ["analyze"]):
            out = []
            for promtool in (self.theirs("promtool"), self.ours("promtool")):
                result = subprocess.run([promtool, "tsdb", *arguments, self.directory], capture_output=True,
                                        text=True)
                # Columns are aligned alike only for the same rows; equal counts are listed at random.
                out.append(sorted(line.rstrip() for line in result.stdout.splitlines()
                                  if "list" in arguments or re.match(r"Block ID|Duration|Total|Label names|Postings",
                                                                     line)))
            if out[0] != out[1]:
                self.fault(f"promtool tsdb {arguments[0]}", [f"theirs {out[0]}", f"ours {out[1]}"])

    # ---- A round ----

    def hand_over(self, to):
        self.before = None
        if self.who == "theirs":
            self.stop(self.rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGTERM]))
            self.before = os.path.join(self.scratch, f"before-{self.phase}")
            shutil.copytree(self.directory, self.before)
            return
        if to == "ours" or self.exports:
            sig = signal.SIGTERM if to != "ours" else self.rng.choice([signal.SIGKILL, signal.SIGTERM])
            if to == "theirs" and self.rng.random() < 0.3:
                self.note("killed while it stops")
                self.server.process.send_signal(signal.SIGTERM)
                time.sleep(self.rng.random() * 0.2)
                self.stop(signal.SIGKILL)
                return None if os.path.exists(os.path.join(self.directory, "wal")) else self.export()
            return self.stop(sig)
        self.stop(self.rng.choice([signal.SIGKILL, signal.SIGTERM]))
        self.export()

    def export(self):
        # Killed at any moment it has left the directory ours, or made it one for both.
        while self.rng.random() < 0.5:
            process = subprocess.Popen([self.ours("promtool"), "tsdb", "wal-export", self.directory],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(self.rng.random() * 0.3)
            process.kill()
            process.wait()
            published = os.path.exists(os.path.join(self.directory, "wal"))
            self.note(f"exports, killed, {'for both' if published else 'ours'}")
            if published:
                return
        self.note("exports")
        result = subprocess.run([self.ours("promtool"), "tsdb", "wal-export", self.directory],
                                capture_output=True, text=True, timeout=120)
        if result.returncode != 0:
            self.fault("wal-export", [result.stderr[:1000]])

    def run(self):
        owners = [self.rng.choice(["theirs", "ours"])]
        for _ in range(self.rng.randrange(2, 7)):
            other = "ours" if owners[-1] == "theirs" else "theirs"
            owners.append(other if self.rng.random() < 0.85 else owners[-1])
        for self.phase, who in enumerate(owners):
            self.open(who)
            self.check("opened")
            for _ in range(self.rng.randrange(3, 11)):
                self.rng.choice(self.OPERATIONS)(self)
                if self.options.every:
                    self.check("operation")
            if self.size and self.who == "ours":
                self.check_size()
            self.check("end of phase")
            self.hand_over(owners[self.phase + 1] if self.phase + 1 < len(owners) else "theirs")
        if self.who == "theirs":  # what it lost shows before the dumps
            self.open("theirs")
            self.check("opened")
            self.stop(signal.SIGTERM)
        self.judge_blocks()
        self.judge_dump("dump by ours", self.directory, self.ours("promtool"))
        ends = [json.load(open(path))["maxTime"] for path in self.blocks()]
        self.judge_dump("dump by theirs", self.directory, self.theirs("promtool"), False, max(ends, default=0),
                        without_late=True)
        self.judge_tools()
        for who in ("theirs", "ours"):
            self.open(who)
            self.check("opened")
            self.stop(signal.SIGTERM)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", default="prometheus")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--every", action="store_true", help="check after each operation")
    parser.add_argument("--keep", action="store_true", help="leave the directory of the first fault")
    options = parser.parse_args()
    failed = 0
    for seed in range(options.seed, options.seed + options.rounds):
        scratch = tempfile.mkdtemp(prefix="narthex-round-trip-", dir="/tmp")
        trip = Trip(seed, options, scratch)
        try:
            trip.run()
        finally:
            if trip.server:
                trip.server.stop(signal.SIGKILL)
            size = f", blocks retired {trip.retired_by_size:.0f} times by size" if trip.size else ""
            print(f"seed {seed}: {len(trip.model.series)} series, {trip.model.points()} points, "
                  f"{trip.phase + 1} phases{size}, {trip.faults} faults", flush=True)
            if trip.faults:
                print("\n".join("    " + line for line in trip.log))
            if not (options.keep and trip.faults):
                shutil.rmtree(scratch)
        failed += trip.faults
        if failed and options.keep:
            print(f"kept {scratch}")
            break
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
