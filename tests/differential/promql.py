#!/usr/bin/env python3
"""Compares the answers of this server with those of another Prometheus to generated queries.

    promql.py BIN_DIR [--peer /path/to/prometheus] [--count N] [--seed S] [--seconds S] [--verbose]

Both get the same samples by remote write and the same queries over HTTP. Without --peer it is
Debian's 2.42, whose known differences (KNOWN_2) are forgiven; with a peer of 3.x the classes are:

  exact     the same bytes but for spelling of JSON
  bounds    3.5 drops histograms of different custom buckets, now they are reconciled
  compensated  sums and means of histograms, which 3.5 does not compensate
  zero      rates of histograms do not reach back below zero, which 3.5 does not look at
  stats     below histogram_count, _sum and _avg 3.5 reads no buckets: what does not go together
            because of them is told otherwise there, or not at all
  negative  quantiles of histograms with negative counts, which are gauges since
  empty     histograms times NaN or Inf: which empty buckets there are depends on chunks, and 3.5
            has NaN for the mean of what is infinite
  timestamp timestamp(x offset … @ …), whose offset 3.5 forgets
  ties      equal values of more than twelve that are sorted, which Go's sort leaves in some order
  random    an answer for which the peer has several: it walks maps in any order
  known     differences by name: explained()
  differ    everything else, of notes or of the order of a vector if that is all; exits 1 when there
            is one
"""
import argparse, collections, http.client, json, math, os, random, re, sys, time

import promql_data
from promql_expressions import Generator
from promql_peers import Connection, PeerServer, spread

KNOWN_2 = """
- 2.42 clamps rate's zero point before it applies the threshold, 3.x after: no rate() of gauges.
- 2.42 sums without compensation in places: numbers are compared to 1e-9.
- stddev and stdvar of one infinite or NaN sample are 0 in 2.42, NaN in 3.x.
- predict_linear over a range with @ moves the range with the steps in 2.42.
- atan2 keeps the metric name in 2.42.
- 2.42 replaces the top of topk's heap otherwise: equal values may pick other series.
- 2.42 aggregates a range in random order of groups: ties in topk are avoided.
- 2.42 knows no annotations.
"""
FEATURES = ["promql-experimental-functions", "promql-duration-expr", "native-histograms"]


def form(query):
    kind, *times, expr = query
    names = ["time"] if kind == "instant" else ["start", "end", "step"]
    return {n: t / 1000 for n, t in zip(names, times)} | {"query": expr}


def ask(connection, query):
    return connection.post("/api/v1/query" if query[0] == "instant" else "/api/v1/query_range", form(query))


def number(text):
    return float(text.replace("Inf", "inf"))


def near(a, b, tolerance):
    if a == b:
        return True
    x, y = number(a), number(b)
    if math.isnan(x) or math.isnan(y):
        return math.isnan(x) and math.isnan(y)
    return math.isclose(x, y, rel_tol=tolerance, abs_tol=tolerance * 1e-3)


def points(item):
    """[[time, number or histogram]] in the order of time."""
    if "value" in item or "histogram" in item:
        return [item["value"] if "value" in item else item["histogram"]]
    return sorted(item.get("values", []) + item.get("histograms", []), key=lambda p: p[0])


def near_histograms(a, b, same):
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str) and same(a, b)
    left, right = a.get("buckets", []), b.get("buckets", [])
    return (same(a["count"], b["count"]) and same(a["sum"], b["sum"]) and len(left) == len(right) and
            all(x[:3] == y[:3] and same(x[3], y[3]) for x, y in zip(left, right)))


def key(item):
    return tuple(sorted(item["metric"].items()))


def values_differ(ours, theirs, same):
    """None, or the first value or series that differs; a and b are of the same type."""
    if ours["resultType"] in ("scalar", "string"):
        a, b = ours["result"], theirs["result"]
        return None if a[0] == b[0] and same(a[1], b[1]) else f"{a} there {b}"
    a, b = ours["result"], theirs["result"]
    if ours["resultType"] == "matrix" and [key(x) for x in a] != [key(x) for x in b]:
        if sorted(key(x) for x in a) == sorted(key(x) for x in b):
            return "the order of series"
    left, right = {key(x): points(x) for x in a}, {key(x): points(x) for x in b}
    if left.keys() != right.keys():
        return f"series only here {sorted(left.keys() - right.keys())[:3]}, only there {sorted(right.keys() - left.keys())[:3]}"
    for k in left:
        if [p[0] for p in left[k]] != [p[0] for p in right[k]]:
            return f"steps of {k}"
        for p, q in zip(left[k], right[k]):
            if not near_histograms(p[1], q[1], same):
                return f"{k} at {p[0]}: {p[1]} there {q[1]}"
    return None


def classify(query, ours, theirs):
    """(class, what differs) for a peer of 3.x."""
    if ours == theirs:
        return "exact", None
    expr = query[-1]
    if dropped_bounds(ours, theirs):
        return "bounds", None
    if ours["status"] != theirs["status"]:
        if without_buckets(expr):
            return "stats", None
        return "differ", f"here {ours.get('error', 'an answer')!r}, there {theirs.get('error', 'an answer')!r}"
    if ours["status"] == "error":
        known = explained_error(ours["error"], theirs["error"])
        return ("known", None) if known else ("differ", f"error {ours['error']!r} there {theirs['error']!r}")
    a, b = ours["data"], theirs["data"]
    if a["resultType"] != b["resultType"]:
        return "differ", "the type"
    difference = values_differ(a, b, lambda x, y: x == y)
    if difference:
        loose = values_differ(a, b, lambda x, y: near(x, y, 1e-11))
        if adds_histograms(expr) and (not loose or amplifies(expr)):
            return "compensated", None
        for name, known in DIFFER_3_5.items():
            if known(expr):
                return name, None
        return "differ", loose or difference
    for kind in ("warnings", "infos"):
        if notes(ours.get(kind, [])) != notes(theirs.get(kind, [])):
            a, b = notes(ours.get(kind, [])), notes(theirs.get(kind, []))
            if placeless(a) == placeless(b):
                return "known", None  # said once in either, of another place
            for name in ("stats", "negative"):
                if DIFFER_3_5[name](expr):
                    return name, None
            return "notes", f"{kind} only here {sorted(a - b)} only there {sorted(b - a)}"
    if a == b:
        return "known", None  # of the notes
    if re.search(r"\bsort(_desc)?\(", expr) and len(a["result"]) > 12 and [x["value"] for x in a["result"]] == [x["value"] for x in b["result"]]:
        return "ties", None
    return "order", "the order of the vector"



def dropped_bounds(ours, theirs):
    return ("incompatible custom buckets" in str(theirs.get("warnings")) or
            "mismatched custom buckets were reconciled" in str(ours.get("infos")))


def adds_histograms(expr):
    """Whether histograms that are no multiples of 1/8 any more may be added."""
    return "native" in expr and re.search(r"\b(avg|sum|avg_over_time|sum_over_time)\b|[+-]", expr)


def without_buckets(expr):
    return re.search(r"histogram_(count|sum|avg)\(", expr) and re.search(r"native_(mixed|moving|custom|bounds|.floats)", expr)


# What 3.5 answers otherwise than later versions and this server do, by class.
DIFFER_3_5 = {
    "zero": lambda e: re.search(r"\b(rate|increase)\b", e) and (re.search(r"native_(gauge|mixed)", e) or re.search(r"delta\(native", e)),
    "stats": without_buckets,
    "negative": lambda e: "native" in e and re.search(r"histogram_quantile\(|rate\(|increase\(", e) and re.search(r"-[a-z({]|\* -1| - |delta", e),
    "timestamp": lambda e: re.search(r"timestamp\([^()]*offset [^()]*@", e),
    "empty": lambda e: "native" in e and re.search(r"NaN|Inf", e),
}


def settle(connection, query, ours):
    """Whether the peer, asked again and again, does not agree with itself, which it does not where
    it walks its maps: our answer then is one of its answers, or as far off as they are."""
    spread_out = False
    first = None
    for _ in range(60):
        again = ask(connection, query)
        if classify(query, ours, again)[0] not in ("differ", "notes", "order"):
            return True
        first = first or again
        if again["status"] != "error" and first["status"] != "error" and again != first:
            spread_out = True
    if not spread_out or ours["status"] == "error":
        return False
    if re.search(r"\b(topk|bottomk|limitk)\b", query[-1]):
        return True
    # Too many orders to meet ours: then only numbers may differ, and only in their last bits.
    return values_differ(ours["data"], first["data"], lambda a, b: near(a, b, 1e-9)) is None


def notes(texts):
    """Without what 3.5 says otherwise: which buckets were not monotonic, and when; names that are
    not there."""
    return {re.sub(r", from buckets .* to \S+ \(", " (", text).replace(' for metric name ""', "") for text in texts}


def placeless(texts):
    return {re.sub(r" \(\d+:\d+\)$", "", text) for text in texts}


def amplifies(expr):
    """Whether a last bit may become a big one: remainders, and angles of many turns."""
    return re.search(r"%|\b(sin|cos|tan|round|ceil|floor|irate|rate|increase|resets|changes)\b|[=!<>]",
                     re.sub(r"\{[^}]*\}", "", expr))


def explained_error(ours, theirs):
    if ours == re.sub(r'"<Item \d+>" <op:@>', '"@"', theirs):
        return True
    # 3.5 takes the end of a grouping for that of the call behind it.
    position = re.compile(r'^(invalid parameter "query": )?\d+:\d+: ')
    if position.sub("", ours) == position.sub("", theirs) and "ON and GROUP" in ours:
        return True
    # Of the errors of matching, upstream names that of the first step and, of several pairs of
    # duplicates, one at random.
    pattern = "^(found duplicate series for the match group .*|multiple matches for labels: .*|vector cannot contain metrics with the same labelset)"
    return re.match(pattern, ours) and re.match(pattern, theirs)


def rounds(expr):
    """Whether the last bits of the answer of 2.42 may differ."""
    return re.search(r"\b(exp|ln|log2|log10|sin|cos|tan|asin|acos|atan|sinh|cosh|tanh|asinh|acosh|atanh|atan2)\b|\^", expr)


def same_number_2(a, b, query):
    if a == "NaN" and ("std" in query or "NaN" in query):
        return True
    if near(a, b, 1e-9):
        return True
    x, y = number(a), number(b)
    return ("rate(" in query or "increase(" in query) and 0 < x < y < 2 * x


def classify_2(query, ours, theirs):
    """(class, what differs) for 2.42."""
    expr = query[-1]
    if theirs["status"] == "error":
        strip = lambda s: re.sub("^(found duplicate series for the match group .*|multiple matches for labels: .*)", "matching",
                                 s.removeprefix('invalid parameter "query": ').removeprefix("expanding series: ")
                                 .replace('"<Item 57385>" <op:@>', '"@"'))
        quirk = lambda s: re.sub(r"^\d+:\d+: (.*ON and GROUP.*)", r"\1", s)
        if quirk(strip(ours.get("error", "none"))) != quirk(strip(theirs["error"])):
            return "differ", f"error {ours.get('error')!r} there {theirs['error']!r}"
        return "exact", None
    if ours["status"] == "error":
        return "differ", f"error here: {ours['error']}"
    if ours["data"] == theirs["data"]:
        return "exact", None
    if ours["data"]["resultType"] != theirs["data"]["resultType"]:
        return "differ", "the type"
    if rounds(expr) and amplifies(expr):
        return "known", None
    difference = values_differ(ours["data"], theirs["data"], lambda a, b: same_number_2(a, b, expr))
    return ("differ", difference) if difference else ("known", None)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("bin")
    ap.add_argument("--peer", default="prometheus")
    ap.add_argument("--count", type=int, default=2000)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--version", type=int, choices=(2, 3), help="of the peer; what it says when left out")
    ap.add_argument("--unsupported", default="", help="what this engine cannot do yet, by comma")
    ap.add_argument("--wait", action="store_true", help="leave the servers running until a line comes in")
    ap.add_argument("--show", type=int, default=20, help="how many differences to print of each class")
    args = ap.parse_args()
    rng = random.Random(args.seed)
    ours = PeerServer(os.path.join(args.bin, "prometheus"), FEATURES[:1], config=promql_data.CONFIG)
    with ours, PeerServer(args.peer, FEATURES, config=promql_data.CONFIG) as peer:
        version = args.version or peer_version(peer.url)
        bodies = list(promql_data.requests(rng, promql_data.make_samples(rng, histograms=version >= 3)))
        for server in (ours, peer):
            promql_data.load(Connection(server.url), bodies)
        again = Connection(peer.url)
        gen = Generator(rng, version, args.unsupported.split(","))
        judge = classify if version >= 3 else classify_2
        classes, shown = collections.Counter(), collections.Counter()
        done = empty = errors = 0
        begin = time.time()
        while done < args.count:
            queries = [gen.query() for _ in range(min(5000, args.count - done))]
            left, right = spread(ours.url, queries, ask), spread(peer.url, queries, ask)
            for query, a, b in zip(queries, left, right):
                done += 1
                errors += b["status"] == "error"
                empty += b["status"] != "error" and not b["data"]["result"]
                verdict, what = judge(query, a, b)
                if version >= 3 and verdict in ("differ", "order", "notes") and settle(again, query, a):
                    verdict, what = "random", None
                classes[verdict] += 1
                if what and shown[verdict] < args.show:
                    shown[verdict] += 1
                    print(f"{verdict}: " + "\t".join(map(str, query)), "\n   ", what[:1200], flush=True)
        if args.wait:
            print(ours.url, peer.url, flush=True)
            sys.stdin.readline()
        print(f"{done} queries of version {version} in {time.time() - begin:.0f} s, {errors} errors, {empty} empty:",
              ", ".join(f"{n} {c}" for c, n in sorted(classes.items())))
    sys.exit(1 if classes["differ"] + classes["notes"] + classes["order"] else 0)


def peer_version(url):
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    connection.request("GET", "/api/v1/status/buildinfo")
    return int(json.loads(connection.getresponse().read())["data"]["version"].split(".")[0])


if __name__ == "__main__":
    main()
