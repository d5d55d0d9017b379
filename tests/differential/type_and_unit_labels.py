#!/usr/bin/env python3
"""--enable-feature=type-and-unit-labels beside a Prometheus of 3.5: an exporter whose pages tell types
and units in every format, and two servers, asked for all series there are and for expressions over
them; with and without promql-delayed-name-removal, and without the feature. Values do not change from scrape to scrape, so
answers do not depend on when a server asks.

usage: type_and_unit_labels.py BIN_DIR --peer PROMETHEUS"""
import argparse, contextlib, json, os, re, shutil, subprocess, sys, tempfile
import threading, time

from http_pages import Pages, serve
from promql_peers import Connection, free_port
from start_timestamps import OPEN, PROTO, counter, field, gauge, histogram, label, summary, varint

TEXT = "text/plain; version=0.0.4"
SCRAPES = 6
TYPES = "type-and-unit-labels"


def family(name, kind, unit, *metrics):
    body = field(1, name) + field(3, kind) + b"".join(field(4, m) for m in metrics)
    body += field(5, unit) if unit else b""
    return varint(len(body)) + body


CLASSIC = """h_bucket{le="1"} 1
h_bucket{le="2"} 3
h_bucket{le="+Inf"} 4
h_sum 5
h_count 4
"""
PAGES = {
    "text": (TEXT, """# TYPE a counter
a 1
a{x="2"} 2
b_total 3
# HELP c Help.
c 4
# TYPE d untyped
d 5
# TYPE h histogram
""" + CLASSIC + """# TYPE s summary
s{quantile="0.5"} 1
s_sum 2
s_count 3
# TYPE g gauge
g 1
g_other 2
# TYPE told counter
told{__type__="gauge",__unit__="x"} 1
told{__type__="",__unit__="",x="1"} 1
# TYPE untold untyped
untold{__type__="mine",__unit__="u"} 1
# TYPE target_info gauge
target_info{v="1"} 1
# TYPE m_total counter
# TYPE n gauge
n 1
"""),
    "open": (OPEN, """# TYPE a_seconds counter
# UNIT a_seconds seconds
# HELP a_seconds Help.
a_seconds_total 1
a_seconds_created 5
other 1
# TYPE b gauge
b 1
# UNIT c_bytes bytes
c_bytes 1
# TYPE c_bytes gauge
c_bytes{x="1"} 2
# HELP d Help.
d 3
# TYPE e_meters gauge
e_meters 1
# UNIT e_meters meters
e_meters{x="1"} 1
# UNIT f\x20
f 1
# TYPE i info
i_info{v="1"} 1
# TYPE st stateset
st{st="on"} 1
# TYPE gh gaugehistogram
gh_bucket{le="+Inf"} 1
gh_gcount 1
gh_gsum 1
# TYPE u unknown
# UNIT u\x20
u 1
# TYPE v_grams unknown
# UNIT v_grams grams
v_grams 1
v_grams{__unit__="x",__type__="y"} 1
# HELP h Help.
# TYPE h histogram
h_bucket{le="1"} 1
h_bucket{le="+Inf"} 4
h_sum 5
h_count 4
# TYPE w_seconds summary
# HELP w_seconds Help.
# UNIT w_seconds seconds
w_seconds{quantile="0.5"} 1
w_seconds_sum 1
w_seconds_count 1
# EOF
"""),
    "proto": (PROTO, family("a_seconds_total", 0, "seconds", counter(1), label("x", "2") + counter(2)) +
              family("b", 1, "", gauge(1)) + family("c_grams", 3, "grams", field(5, field(1, 1.0))) +
              family("d", 3, "", field(5, field(1, 1.0))) + family("s_seconds", 2, "seconds", summary(3, 5000)) +
              family("h_seconds", 4, "seconds", histogram(4)) + family("n_seconds", 4, "seconds", histogram(4, native=True)) +
              family("o", 5, "", histogram(4, native=True)) +
              family("told", 0, "", label("__type__", "mine") + label("__unit__", "u") + counter(1))),
    "wrong_unit": (PROTO, family("a", 1, "seconds", gauge(1))),
    "classic": (TEXT, "# TYPE h histogram\n" + CLASSIC + "# TYPE g gauge\ng 1\n"),
    "changing": None,
}
# Job: its page and its keys.
JOBS = {page: (page, "") for page in PAGES}
JOBS |= {
    "both": ("proto", "always_scrape_classic_histograms: true"),
    "converted": ("classic", "convert_classic_histograms_to_nhcb: true"),
    "relabelled": ("text", "metric_relabel_configs:\n- {action: drop, source_labels: [__type__], regex: gauge}\n"
                   "- {action: labelmap, regex: __(type)__}\n- {action: replace, source_labels: [__name__], regex: a, "
                   "target_label: __unit__, replacement: mine}"),
    "dropped": ("text", "metric_relabel_configs: [{action: labeldrop, regex: __type__}]"),
    "limited": ("classic", "label_limit: 4"),
    "honest": ("text", "honor_labels: true"),
}


def changing(n):
    """Types and units that come, change and go, over the same lines."""
    kind, unit = [("counter", "x_s"), ("gauge", "x_s"), ("gauge", ""), ("gauge", "")][min(n, 3)]
    return OPEN, (f"# TYPE x_s {kind}\n" + ("# UNIT x_s s\n" if unit else "") + "# HELP x_s Help.\nx_s 1\nx_s{y=\"1\"} 1\n"
                  "# TYPE y gauge\ny 1\n# EOF\n")


NAMES = ["a", "c", "d", "g", "told", "untold", "h_bucket", "s", "s_sum", "n"]
EXPRESSIONS = [f"{function}({name}{{job='text'}}{'[1m]' if ranged else ''})" for function, ranged in [
    ("rate", 1), ("increase", 1), ("irate", 1), ("delta", 1), ("deriv", 1), ("resets", 1), ("changes", 1),
    ("last_over_time", 1), ("max_over_time", 1), ("present_over_time", 1), ("abs", 0), ("-", 0), ("sum", 0), ("sort", 0),
    ("sum without (x)", 0), ("sum by (__type__)", 0), ("count by (__unit__, __name__)", 0), ("sgn", 0)]
    for name in NAMES]
EXPRESSIONS += [re.sub(r"\$(?!\{)", "{job='text'}", e).replace("@", "{job='open'}").replace("#", "{job='proto'}") for e in [
    "a$ + 1", "1 + a$", "a$ > 1", "a$ > bool 1", "a$ + a$", "a$ == a$", "a$ == bool a$", "a$ and a$", "a$ or -a$",
    "-a$ or a$", "a$ unless -a$", "a$ + on (x) a$", "a$ + on (x, __type__) a$", "a$ + on (__type__, __name__, x) a$",
    "a$ + ignoring (__type__) told$", "told$ + ignoring (x) g$", "told$ + g$", "a{x=''} + g{x=''}", "a{x='',job='text'} + g{x='',job='text'}",
    "told{x='',job='text'} == g{x='',job='text'}", "told{x='',job='text'} == bool g{x='',job='text'}",
    "told$ * on (job) group_left (__type__) g$", "g$ * on (job) group_right (__type__, __unit__) told$",
    "a$ * on (job) group_left (__type__) h_sum$", "a$ > on (job) group_left (__type__) h_sum$", "a$ < bool on (job) group_left (__type__) h_sum$",
    "a_seconds_total@ / on (instance) b@", "a_seconds_total@ / ignoring (x) b@", "sum by (job, __type__, __unit__) ({job='open', __name__!~'scrape_.*'})",
    "sum(a_seconds_total@)", "sum by (__unit__) (a_seconds_total@)", "sum without () (a_seconds_total@)", "sum by (__unit__) (-a_seconds_total@)",
    "sum by (__name__, __unit__) (abs(a_seconds_total@))", "topk(1, a_seconds_total@)", "topk by (__type__) (1, {job='text', __name__!~'ALERTS.*'})",
    "count_values('v', a$)", "count_values without (x) ('v', a$)", "count_values('__type__', a$)", "quantile without (x) (0.5, a$)",
    "count_values by (__type__) ('__unit__', a$)", "stddev without (job) (a$)", "group without (instance) (g$)", "limitk(1, a$)",
    "limit_ratio(1, a$)", "avg by (__type__) (-a$)", "max without (__type__) (a$)", "sum without (__name__) (a$)",
    "abs({job='text', __name__=~'a|g'})", "-{job='text', __name__=~'a|told', x=''}", "{job='text', __name__=~'a|g', x=''} + 1",
    "rate({job='text', __name__=~'a|told', x=''}[1m])", "max_over_time({__name__=~'a|g', job='text', x=''}[1m])",
    "label_replace(a$, '__type__', 'mine', '', '')", "label_replace(-a$, '__type__', 'mine', '', '')", "abs(label_replace(a$, '__type__', 'mine', '', ''))",
    "label_replace(-a$, '__name__', 'mine', '', '')", "label_replace(-a_seconds_total@, 'u', '${1}', '__unit__', '(.*)')",
    "label_join(a$, '__unit__', '-', '__type__', 'job')", "label_join(-a$, '__unit__', '-', '__type__', 'job')", "label_join(-a$, 'k', '-', '__type__', '__name__')",
    "rate(label_replace(a$, '__type__', 'mine', '', '')[1m:1s])", "-rate(a$[1m])", "sum by (__type__) (rate(a$[1m]))", "rate(a_seconds_total@[1m]) * 2",
    "absent(nothing{__type__='counter', __unit__='s', x='1', __name__!='x'})", "absent_over_time(nothing{__type__='counter', x='1'}[1m])",
    "histogram_quantile(0.5, h_bucket$)", "histogram_quantile(0.5, rate(h_bucket$[1m]))", "histogram_quantile(0.5, sum by (le) (h_bucket$))",
    "histogram_quantile(0.5, sum by (le, __type__) (h_bucket$))", "histogram_quantile(0.5, n_seconds#)", "histogram_count(n_seconds#)",
    "histogram_avg(n_seconds#)", "rate(n_seconds#[1m])", "rate(o#[1m])", "increase(n_seconds#[1m])", "sum(n_seconds#)", "n_seconds# + n_seconds#",
    "n_seconds# * 2", "-n_seconds#", "sum by (__unit__) (n_seconds#)", "avg without (instance) (n_seconds#)", "histogram_quantile(0.5, h{job='converted'})",
    "last_over_time(n_seconds#[1m])", "n_seconds# == n_seconds#", "delta(o#[1m])", "idelta(o#[1m])",
    "clamp(a$, 0, 1)", "round(a$)", "day_of_week(a$)", "predict_linear(a$[1m], 1)", "quantile_over_time(0.5, a$[1m])", "count_over_time(nothing[1m])",
    "last_over_time((a$ + 0)[1m:1s])", "max_over_time(a$[1m:1s])", "min_over_time((-a$)[1m:1s])", "absent(-nothing{__type__='x'})", "histogram_sum(-n_seconds#)", "mad_over_time(a$[1m])",
    "vector(scalar(a{job='text', x=''}))", "sort_by_label(a$, '__type__')", "sort_desc(a$)", "info(a$)", "{__type__='gauge', job='text'}",
    "{__unit__='seconds'}", "{__unit__!='', job=~'open|proto'}", "count by (__type__, __unit__) ({job=~'.+'})", "ln(a$) + ln(a$)", "a$ atan2 a$",
    "a$ ^ 2", "2 ^ a$", "a$ % 2", "2 > a$", "2 > bool a$", "+a$", "(a$)", "sort(-a$)", "count(-a$) by (__name__)", "up{job='text'}", "untold$ + untold$", "untold$ * on (job) group_left (__unit__) told{x='1'}", "abs(sum without (instance) ({job='text', __name__=~'s|s_.*'}))", "info(-a$)", "info(a$, {v='1'})", "rate(up{job='text'}[1m])",
    "rate(scrape_samples_scraped{job='text'}[1m])", "{__name__=~'recorded.*'}", "up$ + scrape_samples_scraped$"]]
EXPRESSIONS += ["double_exponential_smoothing(a{job='text'}[1m], 0.5, 0.5)", "rate(a{job='told'}[1m])"]
# What 3.5 answers otherwise, by feature.
KNOWN = {
    r"^histogram_(count|sum|avg)\(": ([TYPES], "drops the name only, unlike all its other functions"),
    r"^info\(-": (["promql-delayed-name-removal"], "forgets that the name was to go"),
}
RULES = """groups:
- name: g
  interval: 1s
  rules:
  - {record: recorded, expr: "a{job='text'}"}
  - {record: recorded_rate, expr: "rate(a{job='text'}[1m])"}
  - {record: recorded_sum, expr: "sum by (__type__) (a{job='text'})"}
  - {alert: Alert, expr: "a{job='text'} > 1"}
  - {alert: Rate, expr: "rate(a{job='text',x='2'}[1m]) == 0"}
  - {record: recorded_labels, expr: "a{job='text'}", labels: {__type__: gauge}}
"""


class Exporter(Pages):
    lock = threading.Lock()
    scrapes = {}  # (server, job)

    def do_GET(self):
        server, job, page = self.path.strip("/").split("/")
        with self.lock:
            n = self.scrapes[server, job] = self.scrapes.get((server, job), -1) + 1
        content_type, body = PAGES[page] or changing(n)
        self.answer(content_type, body)


class Server:
    def __init__(self, name, program, exporter, own, features):
        self.name = name
        self.folder = tempfile.mkdtemp(prefix="nx-types-")
        self.url = f"http://127.0.0.1:{free_port()}"
        lines = ["global: {scrape_interval: 1s, scrape_timeout: 900ms}", f"rule_files: [{self.folder}/rules.yml]", "scrape_configs:"]
        for job, (page, keys) in JOBS.items():
            lines += [f"- job_name: {job}", f"  metrics_path: /{name}/{job}/{page}", *("  " + k for k in keys.split("\n")), *own,
                      f"  static_configs: [{{targets: ['127.0.0.1:{exporter}']}}]"]
        for file, text in (("prometheus.yml", "\n".join(lines) + "\n"), ("rules.yml", RULES)):
            with open(f"{self.folder}/{file}", "w") as out:
                out.write(text)
        self.process = subprocess.Popen(
            [program, f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
             f"--web.listen-address={self.url[7:]}", "--log.level=error", "--enable-feature=" + ",".join(features)],
            stdout=subprocess.DEVNULL, stderr=open(self.folder + "/log", "w"))

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder)

    def wait(self):
        until = time.time() + 60
        while time.time() < until and any(Exporter.scrapes.get((self.name, job), 0) <= SCRAPES for job in JOBS):
            time.sleep(0.2)

    def ask(self, expr):
        """What is said of `expr`: an answer in any order, or an error."""
        answer = Connection(self.url).post("/api/v1/query", {"query": expr})
        if answer["status"] == "error":
            return answer["error"]
        lines = [json.dumps([s["metric"], s.get("value", s.get("histogram"))[1]], sort_keys=True) for s in answer["data"]["result"]]
        # Later releases take histograms for counters as well, and say so. The places of notes differ.
        notes = [re.sub(r" \(\d+:\d+\)$", "", n.replace('"counter" or "histogram"', '"counter"'))
                 for n in answer.get("infos", []) + answer.get("warnings", []) if 'got "histogram"' not in n]
        return sorted(lines) + notes

    def series(self):
        """All series there ever were, each with its last value."""
        answer = Connection(self.url).post("/api/v1/query", {"query": '{__name__!=""}[10m]'})
        found = set()
        for s in answer["data"]["result"]:
            value = (s.get("values") or s.get("histograms"))[-1][1]
            if re.match("(?!scrape_samples)scrape_|ALERTS_FOR_STATE", s["metric"]["__name__"]):
                value = "any"
            found.add(json.dumps([s["metric"], value], sort_keys=True))
        return found


def compare(options, exporter, features):
    tags = ["promql-experimental-functions", *features]
    label_of = "+".join(features) or "plain"
    program = os.path.join(options.bin_dir, "prometheus")
    with contextlib.ExitStack() as stack:
        servers = []
        for name, path, own, more in (("ours", program, ["  scrape_native_histograms: true"], []),
                                      ("theirs", options.peer, [], ["native-histograms"])):
            servers.append(Server(f"{name}-{label_of}", path, exporter, own, tags + more))
            stack.callback(servers[-1].stop)
        for server in servers:
            server.wait()
        time.sleep(1.5)
        ours, theirs = [s.series() for s in servers]
        faults = 0
        for what, only in (("ours", ours - theirs), ("theirs", theirs - ours)):
            for line in sorted(only):
                faults += 1
                print(f"{label_of}: series of {what} only: {line}")
        for expr in EXPRESSIONS:
            answers = [s.ask(expr) for s in servers]
            if answers[0] == answers[1] or any(
                    re.search(e, expr) and set(where) <= set(features) for e, (where, _) in KNOWN.items()):
                continue
            faults += 1
            print(f"{label_of}: {expr}\n  ours   {answers[0]}\n  theirs {answers[1]}")
        typed = sum('"__type__"' in line for line in theirs)
    print(f"{label_of}: {len(theirs)} series, {typed} with a type, {len(EXPRESSIONS)} expressions, {faults} differ")
    return faults + (typed == 0 or len(theirs) < 100)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", required=True)
    options = parser.parse_args()
    exporter = serve(Exporter)
    faults = sum(compare(options, exporter, features) for features in (
        [TYPES], [TYPES, "promql-delayed-name-removal"], [], ["promql-delayed-name-removal"]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
