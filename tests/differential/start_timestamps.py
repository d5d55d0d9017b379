#!/usr/bin/env python3
"""--enable-feature=created-timestamp-zero-ingestion beside a Prometheus of 3.5: an exporter that tells
each of two servers when its counters, histograms and summaries began, and what both store. The body
of the n-th scrape is the same for both; times are named, so zeros are compared by their exact time
and other samples by their order, values and histogram buckets. 3.5 refuses to convert classic histograms
under this feature, so that is not compared.

usage: start_timestamps.py BIN_DIR --peer PROMETHEUS"""
import argparse, json, os, shutil, struct, sys, tempfile, threading, time

from http_pages import Pages, serve
from prompb import Server

OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROTO = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
SCRAPES = 7


# ---- Protobuf by hand ----

def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def stamp(ms):
    return field(1, ms // 1000) + field(2, ms % 1000 * 1000000)


def family(name, kind, *metrics):
    body = field(1, name) + field(3, kind) + b"".join(field(4, m) for m in metrics)
    return varint(len(body)) + body


def label(name, value):
    return field(1, field(1, name) + field(2, value))


def zigzag(n):
    return n << 1 if n >= 0 else (-n << 1) - 1


def counter(value, created=None):
    return field(3, field(1, float(value)) + (field(3, stamp(created)) if created else b""))


def gauge(value):
    return field(2, field(1, float(value)))


def summary(count, created):
    return field(4, field(1, count) + field(2, count * 1.5) +
                 field(3, field(1, 0.5) + field(2, 1.25)) + field(4, stamp(created)))


def histogram(count, created=None, native=False, floats=False, schema=3):
    body = (field(4, float(count)) if floats else field(1, count)) + field(2, count * 2.0)
    if created:
        body += field(15, stamp(created))
    if not floats:
        body += field(3, field(1, count // 2) + field(2, 1.0)) + field(3, field(1, count) + field(2, float("inf")))
    if native:
        body += field(5, zigzag(schema)) + field(6, 0.001) + (field(8, 0.0) if floats else field(7, 0))
        body += field(12, field(1, zigzag(2)) + field(2, 1))
        body += field(14, float(count)) if floats else field(13, zigzag(count))
    return field(7, body)


# ---- Bodies: what stands in scrape n (from 0), with the server's own times ----

def text(*lines):
    return OPEN, ("\n".join(lines) + "\n# EOF\n").encode()


def seconds(ms):
    return f"{ms // 1000}.{ms % 1000:03d}"


def began(n, at):
    """The exporter restarts before its fourth scrape."""
    return at["boot"] if n < 3 else at["restart"]


def since(n):
    return n + 1 if n < 3 else n - 2


PAGES = {
    "om_counter": lambda n, at: text("# TYPE a counter", f"a_total{{x=\"1\"}} {since(n)}", f"a_created{{x=\"1\"}} {seconds(began(n, at))}",
                                     f"a_total{{x=\"2\"}} {since(n)}", f"a_created{{x=\"2\"}} {seconds(at['boot'])}",
                                     f"a_total{{x=\"3\"}} {since(n)}", "# TYPE g gauge", "g 1", "g_created 5"),
    "om_order": lambda n, at: text("# TYPE a counter", f"a_total{{x=\"1\"}} {n}", f"a_total{{x=\"2\"}} {n}",
                                   f"a_created{{x=\"1\"}} {seconds(at['boot'])}", f"a_created{{x=\"2\"}} {seconds(at['boot'])}",
                                   f"a_total{{x=\"1\",y=\"1\"}} {n}", "# TYPE b counter",
                                   f"b_created {seconds(at['boot'])}", f"b_total {n}", "# TYPE c counter",
                                   f"c_total {n}", "# HELP c Help.", f"c_created {seconds(at['boot'])}"),
    "om_cached": lambda n, at: text("# TYPE a counter", f"a_total {n}", f"a_created {seconds(at['boot'])}", f"a_total{{x=\"2\"}} {n}",
                                    "# TYPE h histogram", f"h_bucket{{le=\"1\"}} {n}", f"h_created {seconds(at['boot'])}",
                                    f"h_bucket{{le=\"+Inf\"}} {n}", f"h_count {n}", f"h_sum {n}", f"h_count{{x=\"2\"}} {n}"),
    "om_histogram": lambda n, at: text("# TYPE h histogram", f"h_bucket{{le=\"1\"}} {since(n)}", f"h_bucket{{le=\"+Inf\"}} {since(n)}",
                                       f"h_count {since(n)}", f"h_sum {since(n) * 0.5}", f"h_created {seconds(began(n, at))}",
                                       "# TYPE s summary", f"s{{quantile=\"0.5\"}} {since(n)}", f"s_count {since(n)}",
                                       f"s_sum {since(n)}", f"s_created {seconds(began(n, at))}"),
    "om_types": lambda n, at: text("# TYPE u unknown", f"u {n}", f"u_created 5", "# TYPE gh gaugehistogram",
                                   f"gh_bucket{{le=\"+Inf\"}} {n}", f"gh_gcount {n}", f"gh_gsum {n}", f"gh_created 5",
                                   "# TYPE i info", "i_info 1", f"i_created 5"),
    "om_times": lambda n, at: text("# TYPE a counter", f"a_total {n}", f"a_created {seconds(at['old'])}", "# TYPE b counter", f"b_total {n}",
                                   f"b_created {seconds(at['future'])}", "# TYPE c counter", f"c_total {n}", "c_created NaN",
                                   "# TYPE d counter", f"d_total {n}", "d_created 0", "# TYPE e counter", f"e_total {n}", "e_created -1",
                                   "# TYPE f counter", f"f_total {n}", f"f_created {seconds(at['boot'])}7", "# TYPE k counter",
                                   f"k_total {n}", f"k_created {at['boot'] / 1000:e}", "# TYPE l counter", f"l_total {n}", "l_created +Inf"),
    "om_stamped": lambda n, at: text("# TYPE a counter", f"a_total {since(n)} {seconds(at['now'])}", f"a_created {seconds(began(n, at))}",
                                     "# TYPE b counter", f"b_total {n} {seconds(at['boot'])}", f"b_created {seconds(at['boot'])}"),
    "om_twice": lambda n, at: text("# TYPE a counter", f"a_total {n}", f"a_total {n}", f"a_created {seconds(at['boot'])}",
                                   f"a_total {n}", f"a_created {seconds(at['restart'])}"),
    "om_comes": lambda n, at: text("# TYPE a counter", *([f"a_total {n}", f"a_created {seconds(at['restart'] if n > 4 else at['boot'])}"]
                                                         if n % 5 < 3 else []), "# TYPE b counter", f"b_total {n}",
                                   *([f"b_created {seconds(at['restart'])}"] if n > 3 else [])),
    "om_quoted": lambda n, at: text("# TYPE \"a.b\" counter", f"{{\"a.b_total\",\"c.d\"=\"e\\\"\"}} {n}",
                                    f"{{\"a.b_created\",\"c.d\"=\"e\\\"\"}} {seconds(at['boot'])}", "# TYPE x counter",
                                    f"x_total{{a=\"1\",b=\"2\"}} {n}", f"x_created{{b=\"2\",a=\"1\"}} {seconds(at['boot'])}"),
    "om_exemplar": lambda n, at: text("# TYPE a counter", f"a_total {n} # {{id=\"x\"}} 1", f"a_created {seconds(at['boot'])}"),
    "om_dropped": lambda n, at: text("# TYPE a counter", f"a_total {n}", f"a_created {seconds(at['boot'])}", f"drop_total {n}",
                                     f"a_total{{x=\"2\"}} {n}", f"a_created{{x=\"2\"}} {seconds(at['boot'])}"),
    "pb_scalars": lambda n, at: (PROTO, family("c_total", 0, counter(since(n), began(n, at)), label("x", "2") + counter(n)) +
                                 family("g", 1, gauge(n)) + family("s", 2, summary(since(n), began(n, at)))),
    "pb_classic": lambda n, at: (PROTO, family("h", 4, histogram(since(n) * 4, began(n, at)))),
    "pb_native": lambda n, at: (PROTO, family("h", 4, histogram(since(n) * 4, began(n, at), native=True)) +
                                family("o", 4, histogram(since(n) * 4, native=True))),
    "pb_float": lambda n, at: (PROTO, family("h", 4, histogram(since(n) * 4, began(n, at), native=True, floats=True))),
    "pb_gauge": lambda n, at: (PROTO, family("h", 5, histogram(since(n) * 4, began(n, at), native=True))),
    "pb_both": lambda n, at: (PROTO, family("h", 4, histogram(since(n) * 4, began(n, at), native=True))),
    "pb_times": lambda n, at: (PROTO, family("a_total", 0, counter(n, at["old"])) + family("b_total", 0, counter(n, at["future"])) +
                               family("d_total", 0, counter(n, -5000)) + family("e_total", 0, counter(n, at["boot"]) + field(6, at["now"]))),
}
KEYS = {
    "pb_both": "always_scrape_classic_histograms: true",
    "om_dropped": "metric_relabel_configs: [{action: drop, source_labels: [__name__], regex: 'drop.*'}]",
    "om_unstamped": "honor_timestamps: false",
}
PAGES |= {"om_unstamped": PAGES["om_stamped"]}


class Exporter(Pages):
    lock = threading.Lock()
    times = {}    # (server, page): of its scrapes
    named = {}    # (server, page): times by name
    accepts = {}  # server: Accept headers

    def do_GET(self):
        server, page = self.path.strip("/").split("/")
        with self.lock:
            times = self.times.setdefault((server, page), [])
            now = int(time.time() * 1000)
            n = len(times)
            times.append(now)
            at = self.named.setdefault((server, page), {"boot": now - 10000, "old": now - 3 * 3600000})
            if n == 3:
                at["restart"] = now - 300
            self.accepts.setdefault(server, set()).add(self.headers["Accept"])
        content_type, data = PAGES[page](n, {"restart": 0} | at | {"now": now, "future": now + 100000})
        self.answer(content_type, data)


class Scraper(Server):
    def __init__(self, name, program, folder, exporter, own):
        self.name = name
        lines = ["global: {scrape_interval: 1s, scrape_timeout: 900ms}", "scrape_configs:"]
        for page in PAGES:
            lines += [f"- job_name: {page}", f"  metrics_path: /{name}/{page}", f"  {KEYS.get(page, '')}", *own,
                      f"  static_configs: [{{targets: ['127.0.0.1:{exporter}']}}]"]
        super().__init__(program, f"{folder}/{name}/data", "--enable-feature=created-timestamp-zero-ingestion,native-histograms",
                         config="\n".join(lines) + "\n")

    def series(self, page):
        """labels: the samples of the first scrapes in order, times by name."""
        result = self.get("/api/v1/query", query=f'{{job="{page}",__name__!~"up|scrape_.*"}}[2h]')["data"]["result"]
        times = Exporter.times[self.name, page]
        names = {round(t): name for name, t in Exporter.named[self.name, page].items()}
        found = {}
        for series in result:
            samples = [(round(float(t) * 1000), v) for t, v in series.get("values", []) + series.get("histograms", [])]
            samples = sorted((s for s in samples if s[0] < times[SCRAPES] - 500), key=lambda s: s[0])
            labels = {k: v for k, v in series["metric"].items() if k != "instance"}
            found[json.dumps(labels, sort_keys=True)] = [
                (names.get(t) or "scrape", json.dumps(v, sort_keys=True)) for t, v in samples]
        return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", required=True)
    options = parser.parse_args()
    port = serve(Exporter)
    folder, servers = tempfile.mkdtemp(prefix="nx-starts-"), []
    try:
        servers.append(Scraper("ours", os.path.join(options.bin_dir, "prometheus"), folder, port, ["  scrape_native_histograms: true"]))
        servers.append(Scraper("theirs", options.peer, folder, port, []))
        until = time.time() + 60
        while time.time() < until and any(
                len(Exporter.times.get((s.name, page), [])) <= SCRAPES for s in servers for page in PAGES):
            time.sleep(0.2)
        time.sleep(0.5)
        faults = compared = zeros = 0
        for page in PAGES:
            ours, theirs = [server.series(page) for server in servers]
            for labels in sorted(set(ours) | set(theirs)):
                compared += 1
                zeros += sum(time != "scrape" for time, _ in theirs.get(labels, []))
                if ours.get(labels) == theirs.get(labels):
                    continue
                faults += 1
                print(f"{page}: {labels}\n  ours   {ours.get(labels)}\n  theirs {theirs.get(labels)}")
        if Exporter.accepts["ours"] != Exporter.accepts["theirs"]:
            faults += 1
            print(f"Accept:\n  ours   {Exporter.accepts['ours']}\n  theirs {Exporter.accepts['theirs']}")
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder)
    print(f"{len(PAGES)} pages, {compared} series, {zeros} zeros, {faults} differ")
    return 1 if faults or zeros == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
