#!/usr/bin/env python3
"""Runs `promtool test rules` of ours and of another Prometheus over generated rule files and tests, and
compares exit codes, outputs and JUnit reports.

    promtool_rules.py BIN_DIR --peer /path/to/promtool [--count N] [--seed S]

The peer is meant to be 3.5; known differences to it are in explained(). Exits 1 on any other.
"""
import argparse, collections, difflib, json, os, random, re, shutil, subprocess, sys, tempfile

# No numbers behind histograms: what is loaded at once the peer adds numbers first, and then finds the
# histograms too old.
VALUES = ["0+10x10", "1 2 3 4 5", "5 _ 5x3 stale", "_x3 1 2 _ 4", "0-1.5x8", "1x10", "NaN Inf -Inf 1e3", "-5+2x6", "stale", "", "_", "1e-3+1e-3x5",
          "{{schema:0 sum:5 count:4 buckets:[1 2 1]}}x5", "{{schema:1 count:3 sum:2 buckets:[1 2]}}+{{schema:1 count:3 sum:1 buckets:[1 2]}}x6",
          "{{schema:-53 sum:4 count:3 custom_values:[1 2] buckets:[1 2]}}x4", "{{}}x3", "{{count:1 sum:2 z_bucket:1 z_bucket_w:0.1}}x8",
          "{{schema:0 sum:5 count:4 buckets:[1 2 1] counter_reset_hint:gauge}}x4", "{{n_buckets:[1 2] n_offset:1 count:3 sum:-4}}x6",
          "{{offset:-2 buckets:[1] count:1 sum:0.1}} _ stale {{offset:-2 buckets:[2] count:2 sum:0.1}}x3", "0x5 1x5", "1 -1 +3x2", "0+1e3x3", "2+0x4",
          "{{schema:0 count:9 sum:9 buckets:[9]}}-{{schema:0 count:1 sum:1 buckets:[1]}}x4", "1+1", "x", "1 x 3", "{{bad}}", "5x", "_x", "1x-2"]
SERIES = ['x{job="a",i="1"}', 'x{job="a",i="2"}', 'x{job="b"}', "y", 'y{job="a"}', '{__name__="z",q="é"}', 'h{job="a"}', 'h{job="b"}', '{"my.name", l="v"}',
          "up", 'up{instance="h:9090"}', "x{", 'x{job=~"a"}', "1bad"]
EXPRS = ["x", "sum(x)", "sum by (job) (x)", "rate(x[5m])", "x > 3", "absent(nope)", "y * 2", "h", "sum(h)", "histogram_quantile(0.5, h)", "count(x) by (job)",
         "vector(1)", "1", "scalar(y)", "time()", "r:one", "sum(r:one)", "ALERTS", "ALERTS_FOR_STATE", 'count(ALERTS{alertstate="firing"})', '{__name__="z"}',
         "x offset 1m", "max_over_time(x[3m])", "up == 0", "x unless y", "h * 2", "topk(1, x)", "-x", "x / 0", "last_over_time(x[10m])", "\"text\"", "sort_desc(x)",
         "x{job=", "nope(x)", "x + on(job) y", "rate(h[5m])", "h - h", "sum(x or h)", '{"my.name"}', "mad_over_time(x[5m])", "limitk(1, x)", "x[5m]", "info(x)"]
TEMPLATES = ["plain", "{{ $value }}", "{{ $labels.job }} at {{ $value | humanize }}", "{{ printf \"%.2f\" 1.255 }} {{ $value }}", "{{ $externalLabels.cluster }}",
             "{{ $externalURL }}", "{{ with query \"sum(x)\" }}{{ . | first | value }}{{ end }}", "{{ $nope }}", "{{ .Value", "{{ range query \"x\" | sortByLabel \"i\" }}{{ .Labels.i }},{{ end }}",
             "{{ $value | humanizePercentage }}", "a\nb", "{{ if gt $value 3.0 }}high{{ else }}low{{ end }}", "{{ toUpper $labels.job }}",
             "{{ $value | humanizeDuration }}", "<&>'\"", "{{ $labels.nope }}", "{{ humanizeTimestamp $value }}", "é {{ $labels }}", "{{ args 1 }}", "{{ 1 | nofunc }}"]
TIMES = ["0", "0m", "1m", "2m30s", "4m", "5m", "7m", "10m", "12m", "1h", "30s", "1d", "0s", "61s"]


class Generator:
    def __init__(self, rng):
        self.r = rng
        self.groups = []  # of the files of one run

    def pick(self, items):
        return self.r.choice(items)

    def good(self, items, bad):
        """Of items, seldom of the last `bad`."""
        return self.pick(items if self.r.random() < 0.03 else items[:-bad])

    def maybe(self, p, out, key, value):
        if self.r.random() < p:
            out[key] = value() if callable(value) else value

    def rule(self):
        out = {}
        if self.r.random() < 0.45:
            out["record"] = self.pick(["r:one", "r:two", "r:one", "r.three"])
            out["expr"] = self.good(EXPRS, 7)
            self.maybe(0.3, out, "labels", lambda: {self.pick(["job", "new", "q"]): self.pick(["v", "", "w", "{{ $value }}"])})
        else:
            out["alert"] = self.pick(["High", "Low", "Odd name", "High"])
            out["expr"] = self.good(EXPRS, 7)
            self.maybe(0.6, out, "for", lambda: self.pick(["1m", "2m", "0s", "5m"]))
            self.maybe(0.2, out, "keep_firing_for", lambda: self.pick(["1m", "3m"]))
            # Never empty: of such labels the peer shows the template, and takes it for the text.
            self.maybe(0.6, out, "labels", lambda: {self.pick(["severity", "job", "é", "team"]): self.pick(["p" + t for t in TEMPLATES] + ["page", "page"])})
            self.maybe(0.6, out, "annotations", lambda: {k: self.pick(TEMPLATES) for k in self.r.sample(["summary", "description", "x"], self.r.randrange(1, 3))})
        return out

    def rules(self, file):
        groups = []
        for at in range(self.r.randrange(1, 4)):
            self.groups.append(f"{file}g{at}")
            group = {"name": self.groups[-1], "rules": [self.rule() for _ in range(self.r.randrange(1, 4))]}
            self.maybe(0.2, group, "interval", lambda: self.pick(["30s", "1m", "2m"]))
            self.maybe(0.1, group, "limit", 1)
            self.maybe(0.1, group, "query_offset", "1m")
            self.maybe(0.1, group, "labels", lambda: {"group": "all"})
            groups.append(group)
        return {"groups": groups}

    def labels_text(self):
        return self.pick(["{}", 'x{job="a",i="1"}', 'x{job="a", i="2"}', '{job="a"}', "r:one", 'r:one{job="a"}', "y", '{job="b"}', 'h{job="a"}', '{__name__="z",q="é"}',
                          'ALERTS{alertname="High",alertstate="firing"}', "bad{", ""])

    def sample(self):
        out = {"labels": self.labels_text()}
        k = self.r.random()
        if k < 0.75:
            out["value"] = self.pick([0, 1, 2, 10, 3.5, 40, 5, 1e3, 0.1, -1, 0.30000000001])
        if k > 0.65:
            out["histogram"] = self.pick(["{{schema:0 sum:5 count:4 buckets:[1 2 1]}}", "{{}}", "{{count:1 sum:2 z_bucket:1 z_bucket_w:0.1}}", "{{schema:0 sum:10 count:8 buckets:[2 4 2]}}",
                                          "{{schema:1 count:6 sum:3 buckets:[2 4]}}", "{{bad"] if self.r.random() < 0.1 else
                                         ["{{schema:0 sum:5 count:4 buckets:[1 2 1]}}", "{{schema:0 sum:10 count:8 buckets:[2 4 2]}}", "{{schema:1 count:6 sum:3 buckets:[2 4]}}"])
        return out

    def group(self):
        out = {"input_series": [{"series": s, "values": self.good(VALUES, 7)}
                                for s in (self.r.sample(SERIES, 4) if self.r.random() < 0.05 else self.r.sample(SERIES[:-3], self.r.randrange(1, 5)))]}
        self.maybe(0.9, out, "interval", lambda: self.pick(["1m", "30s", "2m", "15s"]))
        self.maybe(0.4, out, "name", lambda: self.pick(["first", "second", "the third"]))
        self.maybe(0.3, out, "external_labels", lambda: {"cluster": "c1"})
        # Without one, and in the functions externalURL and pathPrefix with one too, the peer crashes.
        out["external_url"] = self.pick(["http://x", "http://h:9090/p/"])
        self.maybe(0.7, out, "promql_expr_test", lambda: [self.expr_test() for _ in range(self.r.randrange(1, 4))])
        self.maybe(0.6, out, "alert_rule_test", lambda: [self.alert_test() for _ in range(self.r.randrange(1, 4))])
        return out

    def expr_test(self):
        out = {"expr": self.good(EXPRS, 7), "eval_time": self.pick(TIMES)}
        self.maybe(0.7, out, "exp_samples", lambda: [self.sample() for _ in range(self.r.randrange(0, 3))])
        return out

    def alert_test(self):
        out = {"eval_time": self.pick(TIMES)}
        self.maybe(0.97, out, "alertname", lambda: self.pick(["High", "Low", "Odd name", "None"]))
        def alert():
            a = {}
            self.maybe(0.7, a, "exp_labels", lambda: {self.pick(["severity", "job", "i", "team"]): self.pick(["page", "a", "1"])})
            self.maybe(0.5, a, "exp_annotations", lambda: {"summary": self.pick(["plain", "10", "a at 40"])})
            return a
        self.maybe(0.7, out, "exp_alerts", lambda: [alert() for _ in range(self.r.randrange(0, 3))])
        return out

    def tests(self, files):
        out = {"rule_files": files, "tests": [self.group() for _ in range(self.r.randrange(1, 4))]}
        self.maybe(0.7, out, "evaluation_interval", lambda: self.pick(["1m", "30s", "2m"]))
        self.maybe(0.2, out, "fuzzy_compare", True)
        # Without it, the peer evaluates groups in the order of a map, each time in another.
        if len(self.groups) > 1:
            out["group_eval_order"] = self.r.sample(self.groups, len(self.groups)) + self.pick([[], [], [], ["nope"]])
        self.maybe(0.03, out, "unknown", 1)
        return out


def run(program, args, folder):
    p = subprocess.run([program, *args], cwd=folder, capture_output=True, timeout=60)
    report = os.path.join(folder, "j.xml")
    junit = ""
    if os.path.exists(report):
        with open(report, encoding="utf8", errors="replace") as f:
            junit = re.sub(r'(time|timestamp)="[^"]*"', r'\1=""', f.read())
        os.remove(report)
    out, err = (re.sub(r"(finished, took|DEBUG: took) .*", r"\1", text.decode("utf8", "replace")) for text in (p.stdout, p.stderr))
    # Hints of counter resets are told of gauges only.
    clean = lambda text: re.sub(r" ?counter_reset_hint:(not_reset|reset)", "", text)
    return p.returncode, out, clean(err), clean(junit)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("bin")
    ap.add_argument("--peer", required=True)
    ap.add_argument("--count", type=int, default=300)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--show", type=int, default=10)
    args = ap.parse_args()
    gen = Generator(random.Random(args.seed))
    folder = tempfile.mkdtemp(prefix="promtool-rules-")
    bad = good = 0
    known = collections.Counter()
    for at in range(args.count):
        names, gen.groups = [], []
        for left in os.listdir(folder):
            os.remove(os.path.join(folder, left))
        for k in range(gen.r.randrange(1, 3)):
            with open(os.path.join(folder, f"r{k}.yml"), "w") as f:
                json.dump(gen.rules(k), f, ensure_ascii=False)
            names.append(f"r{k}.yml")
        tests = []
        for k in range(gen.pick([1, 1, 1, 2])):
            with open(os.path.join(folder, f"t{k}.yml"), "w") as f:
                json.dump(gen.tests(gen.pick([names, names, names, ["r*.yml"], ["nope.yml"], names[:1]])), f, ensure_ascii=False)
            tests.append(f"t{k}.yml")
        flags = []
        if gen.r.random() < 0.2:
            flags.append("--debug")
        if gen.r.random() < 0.2:
            flags.append("--diff")
        if gen.r.random() < 0.15:
            flags += ["--run", gen.pick(["first", "^the", "f|s", "(", "none"])]
        if gen.r.random() < 0.2:
            flags.append("--ignore-unknown-fields")
        if gen.r.random() < 0.3:
            flags.append("--junit=j.xml")
        if gen.r.random() < 0.3:
            flags.append("--enable-feature=promql-experimental-functions")
        a = run(os.path.join(args.bin, "promtool"), ["test", "rules", *flags, *tests], folder)
        b = run(args.peer, ["test", "rules", *flags, *tests], folder)
        good += b[0] == 0
        if a == b:
            continue
        reason = explained(a, b)
        # The peer's series come in any order, and so do what is picked of them and what templates list.
        for _ in range(0 if reason else 30):
            again = run(args.peer, ["test", "rules", *flags, *tests], folder)
            if a == again or explained(a, again):
                reason = "order of series"
                break
        if reason:
            known[reason] += 1
            continue
        bad += 1
        if bad <= args.show:
            keep = f"/tmp/promtool-rules-{args.seed}-{at}"
            shutil.rmtree(keep, ignore_errors=True)
            shutil.copytree(folder, keep)
            print(f"==== {keep}: test rules {' '.join(flags + tests)}: exit {a[0]} there {b[0]}")
            for name, x, y in zip(("stdout", "stderr", "junit"), a[1:], b[1:]):
                for line in list(difflib.unified_diff(x.splitlines(), y.splitlines(), "ours", "theirs", lineterm="", n=1))[:30]:
                    print(f"  {name} {line[:300]}")
    shutil.rmtree(folder)
    print(f"{args.count} runs, {good} of them pass, {known.total()} differ as explained, {bad} differ")
    for reason, n in sorted(known.items()):
        print(f"  {reason}: {n}")
    sys.exit(1 if bad else 0)


def explained(ours, theirs):
    if "panic: regexp: Compile" in theirs[2]:
        return "--run that is no regular expression"
    if same_but(ours, theirs, lambda text: re.sub(r"duplicate sample for timestamp -?\d+; overrides not allowed: existing \S+, new value [^\s<]+", "duplicate sample for timestamp", text)):
        return "values of duplicates are told"
    if same_but(ours, theirs, lambda text: re.sub(r" counter_reset_hint:gauge", "", text)):
        return "differences of histograms are gauges"
    # Faults of annotations and labels, and groups, come in the order of a map.
    if same_but(ours, theirs, lambda text: sorted(re.split(r"\n(?! {6})|</failure><failure>|</failure>|<failure>", text))):
        return "order of faults"
    return None


def same_but(ours, theirs, clean):
    return [ours[0], *map(clean, ours[1:])] == [theirs[0], *map(clean, theirs[1:])]


if __name__ == "__main__":
    main()
