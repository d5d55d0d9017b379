#!/usr/bin/env python3
"""Compares this engine's answers with those of another Prometheus over generated expressions.

    promql.py BUILD_DIR [--count N] [--seed S] [--prometheus PATH] [--promtool PATH] [--verbose]

Loads the same samples into promql_answers and, through promtool's block writer, into a Prometheus
on loopback, then asks both the same queries. Exits 1 when an answer differs by more than rounding.

Debian's Prometheus is 2.42: ranges and lookback are closed on the left there and open here, so
samples are taken 37 ms past the second, queries 50 ms past a tenth, subquery steps on the second. Known differences of
2.42 to 3.x that the generator avoids or the comparison forgives are listed in KNOWN.
"""
import argparse, json, math, os, random, re, shutil, socket, subprocess, sys, tempfile, time
import urllib.error, urllib.parse, urllib.request

START, END = 1_700_000_000_000, 1_700_003_600_000  # one hour, milliseconds

KNOWN = """
- 2.42 clamps rate's zero point before it applies the threshold, 3.x after: no rate() of gauges.
- 2.42 sums without compensation in places: numbers are compared to 1e-9.
- stddev and stdvar of one infinite or NaN sample are 0 in 2.42, NaN in 3.x.
- predict_linear over a range with @ moves the range with the steps in 2.42.
- atan2 keeps the metric name in 2.42.
- 2.42 replaces the top of topk's heap otherwise: equal values may pick other series.
- 2.42 aggregates a range in random order of groups: ties in topk are avoided.
"""


def make_samples(rng):
    """[(series, ms, value)] : counters with resets, gauges, gaps, histograms, odd values."""
    out = []
    def times(step, skip=0.0):
        t = START - 1_800_000 + 37
        while t < END:
            if rng.random() >= skip:
                yield t
            t += step
    for job in ("api", "web", "db"):
        for inst in range(3):
            labels = f'job="{job}",instance="i{inst}"'
            v = rng.randrange(1000)
            for t in times(15_000, 0.03):
                v = 0 if rng.random() < 0.01 else v + rng.randrange(50)
                out.append((f'requests_total{{{labels},code="200"}}', t, v))
            v = 0.0
            for t in times(30_000, 0.1):
                v = 0.0 if rng.random() < 0.02 else v + rng.random() * 10
                out.append((f'requests_total{{{labels},code="500"}}', t, v))
            v = 100.0
            for t in times(20_000, 0.05):
                v += rng.gauss(0, 5)
                out.append((f'temperature{{{labels}}}', t, round(v, 3)))
            cum = [0] * 5
            for t in times(60_000):
                for b in range(5):
                    for c in range(b, 5):
                        cum[c] += rng.randrange(4)
                for b, le in enumerate(("0.1", "0.5", "1", "5", "+Inf")):
                    out.append((f'latency_bucket{{{labels},le="{le}"}}', t, cum[b]))
        for t in times(60_000):
            out.append((f'limits{{job="{job}"}}', t, {"api": 100, "web": 50, "db": -3}[job]))
    for t in times(60_000):
        if (t // 600_000) % 2:
            out.append(('flapping{kind="a"}', t, 1))
        else:
            out.append(('flapping{kind="b"}', t, 2))
        out.append(('odd{v="nan"}', t, float("nan")))
        out.append(('odd{v="inf"}', t, float("inf")))
        out.append(('odd{v="big"}', t, 1e300))
        out.append(('odd{v="tiny"}', t, -1e-300))
        out.append(('odd{v="int"}', t, 7))
    return out


def series_key(series):
    name, _, rest = series.partition("{")
    pairs = [p.split("=", 1) for p in rest.rstrip("}").split(",")]
    return sorted([("__name__", name)] + [(k, v.strip('"')) for k, v in pairs])


class Generator:
    VECTORS = ["requests_total", 'requests_total{code="200"}', 'requests_total{job="api"}',
               "temperature", 'temperature{job=~"api|web"}', 'temperature{instance!="i0"}',
               "limits", "flapping", "odd", 'latency_bucket{job="db"}', "nonexistent"]
    RANGES = ["1m", "2m", "5m", "10m", "90s"]
    RANGE_FUNCS = ["rate", "increase", "delta", "irate", "idelta", "changes", "resets", "deriv",
                   "sum_over_time", "avg_over_time", "count_over_time", "min_over_time",
                   "max_over_time", "stddev_over_time", "stdvar_over_time", "last_over_time",
                   "present_over_time", "absent_over_time"]
    MATH = ["abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "round", "sin",
            "cos", "tan", "asin", "atan", "sinh", "tanh", "deg", "rad", "hour", "minute", "month",
            "year", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "timestamp",
            "absent", "sort", "sort_desc"]
    AGGS = ["sum", "avg", "count", "min", "max", "group", "stddev", "stdvar"]
    LABELS = ["job", "instance", "code", "le", "kind"]

    def __init__(self, rng):
        self.r = rng
        self.in_subquery = False  # nested ones hit the bounds of ranges

    def pick(self, items):
        return self.r.choice(items)

    def modifiers(self):
        out = ""
        if self.r.random() < 0.15:
            out += " offset " + self.pick(["1m", "7m", "-2m"])
        if self.r.random() < 0.08:
            out += self.pick([" @ start()", " @ end()", f" @ {START // 1000 + 1200}"])
        return out

    def vector(self, d):
        k = self.r.random()
        if d <= 0 or k < 0.12:
            return self.pick(self.VECTORS) + self.modifiers()
        if k < 0.36:
            return self.range_call(d)
        if k < 0.48:
            return f"{self.pick(self.MATH)}({self.vector(d - 1)})"
        if k < 0.68:
            return self.aggregate(d)
        if k < 0.88:
            return self.binary(d)
        return self.other(d)

    def matrix(self, d):
        if d > 1 and not self.in_subquery and self.r.random() < 0.25:
            self.in_subquery = True
            inner = self.vector(d - 2)
            self.in_subquery = False
            return f"({inner})[{self.pick(['5m', '10m'])}:{self.pick(['1m', '30s', ''])}]" + self.modifiers()
        return f"{self.pick(self.VECTORS)}[{self.pick(self.RANGES)}]" + self.modifiers()

    def range_call(self, d):
        k = self.r.random()
        if k < 0.1:
            return f"quantile_over_time({self.pick(['0.5', '0.9', '0', '1', '2', '-1'])}, {self.matrix(d)})"
        if k < 0.17:
            return f"predict_linear({self.pick(self.VECTORS)}[{self.pick(self.RANGES)}], {self.pick(['60', '-30.5', '3600'])})"
        func = self.pick(self.RANGE_FUNCS)
        if func in ("rate", "increase"):
            return f"{func}({self.pick(self.VECTORS[:3] + ['latency_bucket'])}[{self.pick(self.RANGES)}]{self.modifiers()})"
        return f"{func}({self.matrix(d)})"

    def labels(self):
        return ", ".join(self.r.sample(self.LABELS, self.r.randrange(0, 3)))

    def aggregate(self, d):
        group = self.pick(["", f" by ({self.labels()})", f" without ({self.labels()})"])
        k = self.r.random()
        if k < 0.12:
            return f"{self.pick(['topk', 'bottomk'])}{group} ({self.pick(['1', '2', '5'])}, {self.pick(self.VECTORS[3:6])}{self.modifiers()})"
        if k < 0.2:
            return f"quantile{group} ({self.pick(['0.3', '0.99', '1', '-1'])}, {self.vector(d - 1)})"
        if k < 0.25:
            return f'count_values{group} ("val", {self.pick(["limits", "flapping", "round(temperature)", "latency_bucket"])})'
        return f"{self.pick(self.AGGS)}{group} ({self.vector(d - 1)})"

    def scalar(self, d):
        return self.pick(["2", "0.5", "-1", "100", "time()", "1e3", "Inf", "NaN", "scalar(limits{job='api'})",
                          "(2 ^ 3)", "(time() % 100)", "pi()", f"scalar({self.vector(d - 2)})"])

    def binary(self, d):
        op = self.pick(["+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<=",
                        "and", "or", "unless", "> bool", "== bool"])
        if op not in ("and", "or", "unless") and self.r.random() < 0.5:
            a, b = self.vector(d - 1), self.scalar(d)
            if self.r.random() < 0.4:
                a, b = b, a
            return f"({a} {op} {b})"
        match = self.pick(["", "", f" on ({self.labels()})", f" ignoring ({self.labels()})", " on (job)",
                           " ignoring (code)", " on (job, instance)"])
        if match and op not in ("and", "or", "unless") and self.r.random() < 0.5:
            match += self.pick([" group_left", " group_right", " group_left (kind)"])
        left = self.vector(d - 1)
        right = self.vector(d - 1) if self.r.random() < 0.6 else left
        return f"({left} {op}{match} {right})"

    def other(self, d):
        v = self.vector(d - 1)
        return self.pick([
            f"-{v}", f"clamp({v}, 1, 50)", f"clamp_min({v}, 3)", f"clamp_max({v}, 3)", f"round({v}, 0.125)",
            f"vector({self.scalar(d)})", f"histogram_quantile(0.9, rate(latency_bucket[{self.pick(self.RANGES)}]))",
            f"histogram_quantile({self.pick(['0.5', '0', '1', '2'])}, sum by (le, job) (rate(latency_bucket[10m])))",
            f'label_replace({v}, "to", "$1-x", "job", "(.*)")', f'label_replace({v}, "job", "", "job", "a.*")',
            f'label_join({v}, "to", "-", "job", "instance")', f"absent({v})", f"scalar({v}) + {v}",
            f"({v})",
        ])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def number(v):
    return "NaN" if math.isnan(v) else "+Inf" if v == math.inf else repr(float(v))


class Peer:
    def __init__(self, args, samples, folder):
        om = os.path.join(folder, "samples.om")
        by_series = {}
        for s, t, v in samples:
            by_series.setdefault(s, []).append((t, v))
        families = {}
        for s in by_series:
            families.setdefault(s.split("{")[0], []).append(s)
        with open(om, "w") as f:
            for name, series in families.items():
                f.write(f"# TYPE {name.removesuffix('_total')} {'unknown'}\n" if not name.endswith("_total") else "")
                for s in series:
                    for t, v in by_series[s]:
                        f.write(f"{s} {number(v)} {t // 1000}.{t % 1000:03d}\n")
            f.write("# EOF\n")
        data = os.path.join(folder, "data")
        subprocess.run([args.promtool, "tsdb", "create-blocks-from", "openmetrics", om, data],
                       check=True, stdout=subprocess.DEVNULL)
        config = os.path.join(folder, "p.yml")
        with open(config, "w") as f:
            f.write("global: {scrape_interval: 1h}\n")
        self.url = f"http://127.0.0.1:{free_port()}"
        self.process = subprocess.Popen(
            [args.prometheus, f"--config.file={config}", f"--storage.tsdb.path={data}",
             "--storage.tsdb.retention.time=100y", f"--web.listen-address={self.url[7:]}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                urllib.request.urlopen(self.url + "/-/ready", timeout=2)
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the peer did not become ready")

    def ask(self, query):
        kind, *times, expr = query
        names = ["time"] if kind == "instant" else ["start", "end", "step"]
        params = {n: t / 1000 for n, t in zip(names, times)} | {"query": expr}
        path = "/api/v1/query?" if kind == "instant" else "/api/v1/query_range?"
        try:
            with urllib.request.urlopen(self.url + path + urllib.parse.urlencode(params)) as r:
                return json.load(r)
        except urllib.error.HTTPError as e:
            return json.load(e)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def same_number(a, b, loose, query):
    if a == b:
        return True
    if a == "NaN" and ("std" in query or "NaN" in query):
        return True  # KNOWN: deviation of one odd sample
    x, y = float(a.replace("Inf", "inf")), float(b.replace("Inf", "inf"))
    if math.isnan(x) or math.isnan(y):
        return math.isnan(x) and math.isnan(y)
    if ("rate(" in query or "increase(" in query) and 0 < x < y < 2 * x:
        return True  # KNOWN: the zero point of counters
    return math.isclose(x, y, rel_tol=loose, abs_tol=loose * 1e-3)


def points(item):
    return item["values"] if "values" in item else [item["value"]]


def compare(ours, theirs, loose, query):
    """None, or what differs."""
    if theirs["status"] == "error":
        want = theirs["error"].removeprefix('invalid parameter "query": ').removeprefix("expanding series: ")
        if "error" not in ours:
            return f"no error here, there: {want}"
        # Which of several duplicates is reported depends on the order of series; 2.42 cannot name "@".
        # Of the errors of matching, upstream names that of the first step, we the duplicates first.
        strip = lambda s: re.sub("^(found duplicate series for the match group .*|multiple matches for labels: .*)",
                                 "matching", s).replace('"<Item 57385>" <op:@>', '"@"')
        if strip(ours["error"]) != strip(want):
            return f"error {ours['error']!r}, there {want!r}"
        return None
    if "error" in ours:
        return f"error here: {ours['error']}"
    a, b = ours["data"], theirs["data"]
    if a["resultType"] != b["resultType"]:
        return "type"
    if a["resultType"] == "scalar":
        return None if same_number(a["result"][1], b["result"][1], loose, query) else "scalar"
    key = lambda m: tuple(sorted(m["metric"].items()))
    if a["resultType"] == "matrix" and [key(x) for x in a["result"]] != [key(x) for x in b["result"]]:
        return f"series {[key(x) for x in a['result']]} there {[key(x) for x in b['result']]}"
    left = {key(x): points(x) for x in a["result"]}
    right = {key(x): points(x) for x in b["result"]}
    if left.keys() != right.keys():
        return f"series only here {left.keys() - right.keys()}, only there {right.keys() - left.keys()}"
    for k in left:
        if [p[0] for p in left[k]] != [round(p[0] * 1000) for p in right[k]]:
            return f"steps of {k}"
        for p, q in zip(left[k], right[k]):
            if not same_number(p[1], q[1], loose, query):
                return f"{k} at {p[0]}: {p[1]} there {q[1]}"
    return None


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("build")
    ap.add_argument("--count", type=int, default=2000)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--tolerance", type=float, default=1e-9)
    ap.add_argument("--prometheus", default="prometheus")
    ap.add_argument("--promtool", default="promtool")
    ap.add_argument("--verbose", action="store_true")
    args = ap.parse_args()
    rng = random.Random(args.seed)
    samples = make_samples(rng)
    samples.sort(key=lambda s: (series_key(s[0]), s[1]))  # blocks list series in this order
    folder = tempfile.mkdtemp(prefix="promql-diff-")
    try:
        peer = Peer(args, samples, folder)
        try:
            gen = Generator(rng)
            queries = []
            for _ in range(args.count):
                expr = gen.vector(rng.randrange(1, 5))
                if rng.random() < 0.4:
                    queries.append(("instant", START + 50 + 100 * rng.randrange(0, 36_000), expr))
                else:
                    step = rng.choice([15_000, 60_000, 300_000, 7_000])
                    start = START + 50 + 100 * rng.randrange(0, 10_000)
                    queries.append(("range", start, start + step * rng.randrange(0, 80), step, expr))
            path = os.path.join(folder, "samples.tsv")
            with open(path, "w") as f:
                for s, t, v in samples:
                    f.write(f"{s}\t{t}\t{number(v)}\n")
            text = "".join("\t".join(map(str, q)) + "\n" for q in queries)
            out = subprocess.run([os.path.join(args.build, "tests", "promql_answers"), path], input=text,
                                 capture_output=True, text=True, check=True).stdout.splitlines()
            bad = errors = empty = 0
            for query, line in zip(queries, out):
                ours, theirs = json.loads(line), peer.ask(query)
                errors += "error" in ours
                empty += "data" in ours and not ours["data"]["result"]
                difference = compare(ours, theirs, args.tolerance, query[-1])
                if difference:
                    bad += 1
                    print("\t".join(map(str, query)), "\n   ", difference if args.verbose else difference[:400])
            print(f"{len(queries)} queries, {errors} errors, {empty} empty, {bad} differ")
            sys.exit(1 if bad or len(out) != len(queries) else 0)
        finally:
            peer.stop()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
