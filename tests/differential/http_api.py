#!/usr/bin/env python3
"""Sends the same requests to the HTTP API of this server and of another Prometheus that hold the same
samples, and compares status, headers and body, byte by byte but for what measures time.

    http_api.py BIN_DIR --peer /path/to/prometheus [--only TEXT]

The peer is meant to be 3.5; known differences to it are in explained(). Exits 1 on any other.
"""
import argparse, gzip, http.client, http.server, json, os, random, re, sys, threading, time, urllib.parse, zlib

import prompb, promql_data
from promql_peers import Connection, PeerServer

# The samples end a little before now: what is scraped comes behind them.
promql_data.START = (int(time.time()) - 3720) // 60 * 60_000
promql_data.END = promql_data.START + 3_600_000
promql_data.FIRST = promql_data.START - 1_800_000 + 37
START, END = promql_data.START // 1000, promql_data.END // 1000
AT = START + 1800

HEADERS = ("Content-Type", "Vary", "Allow", "Location", "Access-Control-Allow-Headers",
           "Access-Control-Allow-Methods", "Access-Control-Expose-Headers", "X-Content-Type-Options")
TIMES = ["", "0", "-1", f"{AT}", f"{AT}.123", f"{AT}.1239", f"{AT}.0005", "1.7e9", "0x10", "0x1p4", "1_000", "1,5", "abc",
         f" {AT}", f"{AT} ", "2023-11-14T22:43:20Z", "2023-11-14T22:43:20.123456789Z", "2023-11-14T22:43:20+02:00",
         "2023-11-14T22:43:20+0200", "2023-11-14t22:43:20z", "2023-11-14 22:43:20Z", "2023-11-14T22:43:20", "2023-11-14",
         "2023-02-30T00:00:00Z", "2023-11-14T24:00:00Z", "2023-11-14T22:43:60Z", "2023-11-14T22:43:20,5Z",
         "2023-11-14T22:43:20+25:00", "2023-11-14T22:43:20-00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
         "292277025-08-18T07:12:54.999999999Z", "-292273086-05-16T16:47:06Z", "1e10", "1e300", "Inf", "NaN", "now", "1h", ".5", "5.", "+5"]
DURATIONS = ["", "0", "-1", "15", "15s", "1m30s", "1.5", "1.5s", "0.001", "0.0019", "1ms", "1e3", "1e300", "9223372036", "9223372037",
             "Inf", "-Inf", "NaN", "abc", "1y", "300y", "293y", "5x", "m", "1m1m", "1s1m", " 5", "-5s", "+5", "5M", "1d12h", "0s", "10us"]
LIMITS = ["", "0", "1", "2", "100", "-1", "-0", "+1", "1.0", "abc", "0x1", "01", " 1", "9223372036854775807", "9223372036854775808",
          "-99999999999999999999", "NaN"]
QUERIES = r'''limits
limits[5m]
"x"
1
1e21
1e-7
-0.0
1/0
vector(1e21)
rate(limits[5m])
limits[5m:1m]
nonexistent
sum(limits)
topk(2,limits)
odd
{"limits","job"="api"}
{__name__=~'native.*'}
histogram_quantile(2, sum by (le)(latency_bucket))
rate(temperature[5m])
limits + on(job) group_left temperature
limits * on (job) temperature
quantile(1.5, temperature)
label_replace(limits,'x','<&>','','')
label_replace(limits,'x','$1','job','(')
absent(nope{a='b'})
limits @ start()
limits offset -5m
{}
foo{
sum(
abs()
1 == 1
limits{job=~'('}
sum_over_time(limits[1h:1ms])
limits[0s]
1h30m
special
{"my.metric"}
{"spécial"}
{"a.b"=~".+"}
count by ("a.b") ({"my.metric"})
min(native)
topk(NaN, limits)
first_over_time(limits[5m])
#'''.split("\n")
METRICS = b"""# HELP my_total a "quoted" <help>
# TYPE my_total counter
my_total{a="1"} 5
# TYPE other gauge
other 3
untyped_one 3
"""


class Cases(list):
    def add(self, path, params=(), method="GET", body=None, headers=(), raw=None):
        params = params.items() if isinstance(params, dict) else params
        query = urllib.parse.urlencode(list(params)) if raw is None else raw
        self.append((method, path + ("?" + query if query else ""), body, dict(headers)))

    def post(self, path, params, kind="application/x-www-form-urlencoded", query=(), method="POST"):
        params = list(params.items() if isinstance(params, dict) else params)
        self.add(path, query, method, urllib.parse.urlencode(params).encode(), {"Content-Type": kind} if kind else {})


def make_cases():
    c, v = Cases(), "/api/v1"
    span = {"start": START, "end": START + 100}
    for t in TIMES:
        c.add(v + "/query", {"query": "time()", "time": t})
        c.add(v + "/query_range", {"query": "time()", "start": t, "end": t, "step": 10})
        c.add(v + "/query_exemplars", {"query": "limits", "start": t, "end": t})
        c.add(v + "/series", {"match[]": "limits", "start": t})
        for bound in ("start", "end"):
            c.add(v + "/labels", {bound: t})
            c.add(v + "/label/job/values", {bound: t})
    for d in DURATIONS:
        c.add(v + "/query_range", {"query": "time()", "step": d, **span})
        for name in ("timeout", "lookback_delta"):
            c.add(v + "/query", {"query": "limits", "time": AT, name: d})
    for n in LIMITS:
        for q in ("limits", "limits[5m]", "1"):
            c.add(v + "/query", {"query": q, "time": AT, "limit": n})
        c.add(v + "/query_range", {"query": "limits", "step": 50, "limit": n, **span})
        c.add(v + "/series", {"match[]": "temperature", "limit": n, "start": START, "end": END})
        for path in ("/labels", "/label/job/values", "/metadata", "/targets/metadata"):
            c.add(v + path, {"limit": n})
        c.add(v + "/metadata", {"limit_per_metric": n})
    for q in QUERIES:
        c.add(v + "/query", {"query": q, "time": AT})
        c.add(v + "/query", {"query": q, "time": AT, "stats": "all"})
        c.add(v + "/query_range", {"query": q, "step": 0.025e3, "stats": "all", **span})
        c.add(v + "/query_exemplars", {"query": q, "start": START, "end": END})
        c.post(v + "/query", {"query": q, "time": AT})
        for path in ("/format_query", "/parse_query"):
            c.add(v + path, {"query": q})
        for path in ("/series", "/labels", "/label/a.b/values", "/label/job/values"):
            c.add(v + path, {"match[]": q, "start": START, "end": END})
        c.add("/federate", {"match[]": q})
    windows = [(1, 2), (END + 10**6, END + 10**7), (5, 1), (START - 10**6, START - 10**6 + 1), (START - 3600, START - 2000)]
    for start, end in windows:
        for path in ("/series", "/labels", "/label/__name__/values"):
            for match in ("limits", "up"):
                c.add(v + path, {"match[]": match, "start": start, "end": end})
    for n in (10_999, 11_000, 11_001):
        for step in (1, 1.0001):
            c.add(v + "/query_range", {"query": "vector(1)", "start": 0, "end": n, "step": step})
    c.add(v + "/query_range", {"query": "1", "start": END, "end": START, "step": 0})
    c.add(v + "/query_range", {"query": "limits{", "start": START, "end": END, "step": 10, "lookback_delta": "y"})
    c.add(v + "/query", {"query": "limits{", "time": "x", "limit": "y", "timeout": "z"})
    for s in ("true", "all", "1"):
        c.add(v + "/query", {"query": "limits", "time": AT, "stats": s})
    for path in ("/query", "/query_range", "/query_exemplars", "/format_query", "/parse_query", "/series", "/labels",
                 "/label/job/values", "/metadata", "/targets/metadata"):
        c.add(v + path)
        for method in ("POST", "HEAD", "OPTIONS", "PUT", "DELETE", "FOO"):
            c.add(v + path, {"query": "limits", "time": AT}, method)
    one = {"query": "1", "time": AT}
    for kind in (None, "text/plain", "application/json", ";;", "Application/X-WWW-Form-URLEncoded; charset=utf-8"):
        c.post(v + "/query", one, kind)
    c.post(v + "/query", one, method="GET")
    c.post(v + "/query", one, query={"query": "2", "time": 5})
    c.post(v + "/series", {"match[]": "limits"}, query={"match[]": "flapping"})
    for raw in ("query=1+%2B+1&time=1", "query=1&query=2&time=1", "&&query=1&time=1&", "query=%22%ff%22&time=1", "query=%00&time=1"):
        c.add(v + "/query", raw=raw)
    for raw in ("match[]=", "match[]={}", "match[]={a=~'.*'}", "match[]=limits&match[]={}", "match[]=limits[5m]", "match=limits"):
        c.add(v + "/series", raw=raw)
        c.add(v + "/labels", raw=raw)
    for name in ("job", "nope", "a-b", "1a", "%C3%A9", "%ff", "U__a_2e_b", "U__", "U___", "U__a_zz_b", "U__a_1F600_", "%20", "a%2Fb", "a/b", "%00"):
        c.add(v + f"/label/{name}/values")
    for path in ("", "/nope", "/query/x", "/label/", "/label/job", "/status", "/../v1/query", "/./query", "/%71uery"):
        for method in ("GET", "OPTIONS"):
            c.add(v + path, method=method)
    for origin in ("http://x", "null"):
        for method in ("GET", "OPTIONS", "POST"):
            for path in ("/query?query=1&time=1", "/query?query={", "/nope", "/label/job/values"):
                c.add(v + path, method=method, headers={"Origin": origin})
    for encoding in ("gzip", "deflate", "zstd", "deflate, gzip", "br", "identity"):
        c.add(v + "/query", {"query": "temperature[1h]", "time": AT}, headers={"Accept-Encoding": encoding})
    for match in ('{job="two"}', "{}", "x{", '{env="x&y"}'):
        for metric in ("", "my_total"):
            for n in ("", "1", "2"):
                c.add(v + "/targets/metadata", {"match_target": match, "metric": metric, "limit": n})
    c.post(v + "/query", {"query": "(" * 200 + "1" + ")" * 200, "time": AT})
    c.post(v + "/query", {"query": " or ".join(["limits"] * 300), "time": AT})
    c.post(v + "/query", {"query": 'limits{job=~"' + "|".join(f"x{i}" for i in range(20_000)) + '"}', "time": AT})
    return c


def ask(url, case):
    method, path, body, headers = case
    connection = http.client.HTTPConnection(url[7:], timeout=60)
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    data = response.read()
    if data:
        coded = {"gzip": gzip.decompress, "deflate": zlib.decompress}
        data = coded.get(response.headers.get("Content-Encoding"), lambda x: x)(data)
    connection.close()
    # Every answer of ours says that it depends on Accept-Encoding.
    shown = {h: ", ".join(x for x in sorted(response.headers.get_all(h, [])) if x != "Accept-Encoding") for h in HEADERS}
    if method == "HEAD":
        shown.pop("Content-Type")
    return response.status, shown, comparable(path, data.decode("utf-8", "surrogateescape"))


def comparable(path, text):
    """The body without what measures time, lists without an order sorted."""
    if path.startswith("/federate"):
        return text
    text = re.sub(r'"(\w+Time|peakSamples)":[0-9.e-]+', r'"\1":0', text)
    text = re.sub(r'"samplesRead(PerStep)?":(\d+|\[\[.*?\]\]|\[\]),?', "", text)
    try:
        tree = json.loads(text)
    except ValueError:
        return text
    data = tree.get("data")
    if "/parse_query" in path:
        return json.dumps(without_newer(tree), sort_keys=True)
    if isinstance(data, dict) and data.get("resultType") == "vector":
        data["result"].sort(key=json.dumps)
    elif isinstance(data, list) and data and isinstance(data[0], dict) and "/query_exemplars" not in path:
        data.sort(key=json.dumps)
    else:
        return text
    return json.dumps(tree)


def without_newer(tree):
    if isinstance(tree, list):
        return [without_newer(x) for x in tree]
    if not isinstance(tree, dict):
        return tree
    return {k: without_newer(x) for k, x in tree.items() if k not in ("anchored", "smoothed", "fillValues")}


def explained(case, ours, theirs):
    method, path, body, headers = case
    path = urllib.parse.unquote_plus(path)
    if re.search(r"(time|start|end)=(1e10|1e300|Inf|NaN|0001|9999|-?29227)", path):
        return "times an int64 of nanoseconds does not hold wrap around; NaN is one of them"
    if re.search(r"(timeout|lookback_delta|step)=NaN", path) or "=1_000" in path:
        return "NaN is taken for a duration, underscores for part of a number"
    if theirs[0] == 301 and ours[0] in (301, 404):
        return "of paths that are nearly known, the one they lead to lacks the prefix"
    if "first_over_time" in path + str(body) or "topk(NaN" in path or b"topk%28NaN" in (body or b""):
        return "younger than the peer"
    if re.search(r"timeout=(0|0s|-1)$", path) and "context deadline exceeded" in theirs[2]:
        return "whoever notices first words it"
    if "stats=1" in path and "deprecated" in ours[2]:
        return "younger than the peer: a note"
    if "match[]=limits @" in path and "<Item" in theirs[2].replace("\\u003c", "<"):
        return "tokens without a name"
    if re.search(r"/(metadata|values)\?.*limit=", path) and ours[0] == theirs[0] == 200 and ours[2].count("{") == theirs[2].count("{"):
        return "which come first is random"
    if path.endswith("query=time()&time="):
        return "now"
    if "native" in path and "stats=all" in path:
        return "which empty buckets there are depends on chunks"
    if "many-to-many" in ours[2] and "many-to-many" in theirs[2]:
        return "which of the duplicates are named"
    if method == "DELETE" or ours[1]["Allow"] + ", DELETE" == ", ".join(sorted((theirs[1]["Allow"] or "").split(", "), key="DELETE".__eq__)):
        return "DELETE of series is known, and refused as not implemented"
    if path.startswith("/federate") and method == "OPTIONS":
        return "CORS"
    return None


class Target(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(METRICS)

    def log_message(self, *unused):
        pass


def special():
    """Series and exemplars whose names and values must be escaped somewhere."""
    body, t = b"", promql_data.START + 1_700_000
    for i, name in enumerate(["my.metric", "special", "spécial", "has space"]):
        for value in ["<&>", 'tab\t\n"\\', "é", "plain", "\x7f"]:
            body += prompb.series([("__name__", name), ("a.b", value), ("x", "1")], prompb.sample(i + 1.5, t),
                                  prompb.exemplar([("trace_id", "<t>" + value)], 0.25 + i, t),
                                  prompb.exemplar([("trace_id", "2")], 1e21, t + 5))
    return prompb.snappy(body)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("bin")
    ap.add_argument("--peer", default="prometheus")
    ap.add_argument("--only", default="", help="part of the path")
    args = ap.parse_args()
    target = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Target)
    threading.Thread(target=target.serve_forever, daemon=True).start()
    config = promql_data.CONFIG + f"""
scrape_configs:
- job_name: "a<b>"
  scrape_interval: 1s
  static_configs: [{{targets: ["127.0.0.1:{target.server_port}"], labels: {{env: "x&y"}}}}]
- job_name: two
  scrape_interval: 1s
  static_configs: [{{targets: ["127.0.0.1:{target.server_port}"]}}]
"""
    features = ["promql-experimental-functions", "promql-duration-expr", "exemplar-storage", "promql-per-step-stats", "native-histograms"]
    rng = random.Random(7)
    bodies = [*promql_data.requests(rng, promql_data.make_samples(rng)), special()]
    bad = known = 0
    with PeerServer(os.path.join(args.bin, "prometheus"), features, config=config) as a, PeerServer(args.peer, features, config=config) as b:
        for server in (a, b):
            promql_data.load(Connection(server.url), bodies)
        for server in (a, b):
            while not Connection(server.url).post("/api/v1/query", {"query": "up"})["data"]["result"]:
                time.sleep(0.2)
        time.sleep(2)  # the peer keeps metadata a moment later
        cases = [case for case in make_cases() if args.only in case[1]]
        for case in cases:
            ours, theirs = ask(a.url, case), ask(b.url, case)
            if ours == theirs:
                continue
            if explained(case, ours, theirs):
                known += 1
                continue
            bad += 1
            print(case[0], repr(urllib.parse.unquote_plus(case[1])[:200]), (case[2] or b"")[:150], case[3])
            for name, x, y in (("status", ours[0], theirs[0]), *((h, ours[1].get(h), theirs[1].get(h)) for h in HEADERS)):
                if x != y:
                    print(f"   {name}: ours {x!r} theirs {y!r}")
            if ours[2] != theirs[2]:
                at = max(0, len(os.path.commonprefix([ours[2], theirs[2]])) - 100)
                print(f"   ours   {ours[2][at:at + 500]!r}\n   theirs {theirs[2][at:at + 500]!r}")
    print(f"{len(cases)} requests, {known} differ as explained, {bad} differ")
    sys.exit(1 if bad or not cases else 0)


if __name__ == "__main__":
    main()
