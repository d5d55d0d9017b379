#!/usr/bin/env python3
"""Classic histograms converted at the scrape (convert_classic_histograms_to_nhcb): a Prometheus of 3.5
or later and ours scrape the same expositions; every series, value and histogram must be the same.

    classic_histograms.py BIN_DIR --peer /path/to/prometheus
"""
import argparse, json, os, sys, tempfile, time

from http_pages import Pages, serve
from prompb import Server

HEAD = "# HELP h Help.\n# TYPE h histogram\n"


def buckets(pairs, name="h", labels=""):
    return "".join(f'{name}_bucket{{{labels}le="{le}"}} {n}\n' for le, n in pairs)


PLAIN = [("0.1", 1), ("0.5", 1), ("1", 4), ("5", 4), ("10", 4), ("20", 4), ("50", 7), ("+Inf", 9)]
TEXT = {
    "plain": HEAD + buckets(PLAIN) + "h_sum 12.5\nh_count 9\nother 3\n",
    "labels": HEAD + "".join(buckets(PLAIN, labels=f'code="{c}",') + f'h_sum{{code="{c}"}} {c}\nh_count{{code="{c}"}} 9\n'
                             for c in (200, 404, 500)),
    "floats": HEAD + buckets([("1", 0.5), ("2", 0.5), ("3", 2.25), ("+Inf", 4)]) + "h_sum 1\nh_count 4\n",
    "no_inf": HEAD + buckets([("1", 2), ("2", 3)]) + "h_sum 5\nh_count 4\n",
    "no_count": HEAD + buckets([("1", 2), ("+Inf", 3)]) + "h_sum 5\n",
    "no_buckets": HEAD + "h_sum 5\nh_count 4\n",
    "only_sum": HEAD + "h_sum 5\n",
    "unordered": HEAD + "h_count 4\n" + buckets([("+Inf", 4), ("1", 2), ("3", 3), ("2", 2)]) + "h_sum 5\n",
    "not_cumulative": HEAD + buckets([("1", 3), ("2", 2), ("+Inf", 4)]) + "h_sum 5\nh_count 4\nother 1\n",
    "mismatch": HEAD + buckets([("1", 3), ("+Inf", 4)]) + "h_sum 5\nh_count 5\nother 1\n",
    "negative": HEAD + buckets([("-2", 1), ("-1", 3), ("0", 3), ("1", 4), ("+Inf", 4)]) + "h_sum -5\nh_count 4\n",
    "empty": HEAD + buckets([("1", 0), ("+Inf", 0)]) + "h_sum 0\nh_count 0\n",
    "nan_sum": HEAD + buckets([("1", 1), ("+Inf", 1)]) + "h_sum NaN\nh_count 1\n",
    "nan_bucket": HEAD + buckets([("1", "NaN"), ("+Inf", 1)]) + "h_sum 2\nh_count 1\nother 1\n",
    "gauge": "# TYPE h gauge\n" + buckets(PLAIN) + "h_sum 5\nh_count 9\n",
    "untyped": buckets(PLAIN) + "h_sum 5\nh_count 9\n",
    "strange": HEAD + 'h_bucket{le="x"} 1\nh_bucket 2\nh_total 3\nh_bucket{le="1"} 1\nh_sum 2\nh_count 1\n',
    "exponents": HEAD + buckets([("1e-3", 1), ("1e3", 5), ("+Inf", 6)]) + "h_sum 5\nh_count 6\n",
    "two": HEAD + buckets(PLAIN) + "h_sum 12.5\nh_count 9\n# TYPE g histogram\n" +
           buckets([("2", 1), ("+Inf", 2)], "g") + "g_sum 4\ng_count 2\n# TYPE s summary\ns_sum 1\ns_count 2\n",
}
# The same as OpenMetrics, with exemplars.
OPEN = HEAD + ('h_bucket{le="1"} 1 # {id="a"} 0.5 %d.5\nh_bucket{le="+Inf"} 2 # {id="b"} 3\nh_count 2\nh_sum 3.5\n'
               "# EOF\n")


class Handler(Pages):
    start = int(time.time())

    def do_GET(self):
        name = self.path.strip("/")
        open_metrics = name == "open"
        body = OPEN % self.start if open_metrics else TEXT[name]
        self.answer("application/openmetrics-text; version=1.0.0" if open_metrics else
                    "text/plain; version=0.0.4", body)


def config(port):
    jobs = ""
    for keep in ("false", "true"):
        for name in [*TEXT, "open"]:
            jobs += f"""
- job_name: {name}-{keep}
  metrics_path: /{name}
  convert_classic_histograms_to_nhcb: true
  always_scrape_classic_histograms: {keep}
  static_configs:
  - targets: ["127.0.0.1:{port}"]"""
    return "global:\n  scrape_interval: 1s\nscrape_configs:" + jobs + "\n"


def contents(server):
    """Values of all series but those that measure time."""
    answer = server.get("/api/v1/query", query='{__name__=~".+",__name__!~".*duration_seconds|scrape_series_added"}')
    out = {}
    for r in answer["data"]["result"]:
        key = json.dumps(r["metric"], sort_keys=True)
        out[key] = r["histogram"][1] if "histogram" in r else r["value"][1]
    return out


def exemplars(server):
    now = time.time()
    answer = server.get("/api/v1/query_exemplars", query='{__name__=~"h.*"}', start=now - 3600, end=now + 60)
    return sorted(json.dumps([r["seriesLabels"], [[e["labels"], e["value"]] for e in r["exemplars"]
                                                  if e["labels"] != {"id": "b"}]], sort_keys=True)
                  for r in answer["data"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", default="prometheus")
    options = parser.parse_args()
    text = config(serve(Handler))
    with tempfile.TemporaryDirectory(dir="/tmp") as scratch:
        servers = []
        try:
            for who, binary in (("theirs", options.peer), ("ours", os.path.join(options.bin_dir, "prometheus"))):
                servers.append(Server(binary, os.path.join(scratch, who), "--enable-feature=native-histograms,exemplar-storage",
                                      config=text))
            deadline = time.time() + 60
            jobs = 2 * (len(TEXT) + 1)
            for server in servers:
                while time.time() < deadline:
                    up = server.get("/api/v1/query", query="count(up)")["data"]["result"]
                    if up and up[0]["value"][1] == str(jobs):
                        break
                    time.sleep(0.2)
            time.sleep(2)
            want, got = map(contents, servers)
            failed = 0
            for key in sorted({*want, *got}):
                if want.get(key) != got.get(key):
                    failed += 1
                    print(f"{key}\n- {want.get(key)}\n+ {got.get(key)}")
            print(f"{len(want)} series, {failed} differ")
            theirs, ours = map(exemplars, servers)
            if theirs != ours:
                failed += 1
                print("exemplars", *theirs, "", *ours, sep="\n")
        finally:
            for server in servers:
                server.stop()
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
