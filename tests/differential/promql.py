#!/usr/bin/env python3
"""Compares the answers of this server with those of another Prometheus to generated queries.

    promql.py BIN_DIR [--peer /path/to/prometheus] [--count N] [--seed S] [--seconds S] [--verbose]

Both get the same samples by remote write and the same queries over HTTP. Without --peer it is
Debian's 2.42, whose known differences (KNOWN_2) are forgiven. A peer of 3.x is to give the same bytes
but for spelling of JSON. Where it does not, the smallest part of the expression is looked for that
both answer differently (promql_blame.py), and that part is judged by rule (promql_classes.py):

  exact     the same
  known     notes of another place or about other buckets, errors that are the same but for it
  bounds, compensated, zero, stats, negative, last, timestamp, empty
            what 3.5 answers otherwise than later releases: see the rules of these names
  assembly, nan, newest, unseen, step, offset, memory, which, stepless, epoch
            likewise, of what --corners asks for
  random, ulps, picks, named
            the peer does not agree with itself: our answer is one of its, or as far off as they are
  itself    over a range the peer says otherwise than of the steps by themselves, of which it says
            what we do; or so of a subquery and its steps
  reused    3.5 uses the memory of histograms again that are still in use, so that a server that was
            asked much takes one sample for another now and then: a fresh one agrees
  differ    everything else; exits 1 when there is one

--below prints the classes of the peer's differences by the function or operator that made them.
"""
import argparse, collections, http.client, json, os, random, re, sys, time

import promql_classes, promql_data
from promql_blame import Finder, Part
from promql_corners import Corners, add_corners
from promql_expressions import Generator
from promql_peers import Connection, PeerServer, spread
from promql_values import near, number, values_differ

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


class Judge:
    """Of the answers of a peer of 3.x."""

    def __init__(self, ours, theirs):
        self.ours, self.theirs = Connection(ours), Connection(theirs)
        self.made_by = collections.Counter()
        self.finder = Finder(lambda query: (ask(self.ours, query), ask(self.theirs, query)), promql_classes.same)

    def classify(self, query, parts, ours, theirs):
        """(class, what differs)"""
        kind, what = promql_classes.compare(ours, theirs)
        if kind in ("exact", "known"):
            return kind, None
        found = promql_classes.refused(ours, theirs) if kind in ("status", "error") else None
        if found:
            self.made_by[found, "error"] += 1
            return found, None
        part = self.finder.find(query, parts, ours, theirs) if kind != "order" else None
        found = part and promql_classes.judge(part)
        if not found:
            # Of a whole range, instant queries need not show what is random.
            asked = ("instant", part.time, part.expr) if part else query
            part = part or Part(query[-1], query[1], ours, theirs)
            ask_both = self.finder.ask
            if promql_classes.only_notes(part, "has NaN observations") and kind == "notes":
                found = "nan"
            elif promql_classes.itself(query, ours, theirs, ask_both) or promql_classes.steps_say(part, ask_both):
                found = "itself"
            elif promql_classes.shorter(part, ask_both):
                found = "reused"
            elif promql_classes.stepless(part, parts, ask_both):
                found = "stepless"
            else:
                found = promql_classes.settle(part, asked, lambda q: ask(self.theirs, q))
        if found:
            self.made_by[found, part.head or part.operator or "selector"] += 1
            return found, None
        if part.expr != query[-1]:
            what += f"\n    of {part.expr} at {part.time}: {promql_classes.compare(part.ours, part.theirs)[1]}"
        return "differ", what


def rounds(expr):
    """Whether the last bits of the answer of 2.42 may differ."""
    return re.search(r"\b(exp|ln|log2|log10|sin|cos|tan|asin|acos|atan|sinh|cosh|tanh|asinh|acosh|atanh|atan2)\b|\^", expr)


def amplifies(expr):
    """Whether a last bit may become a big one: remainders, and angles of many turns."""
    return re.search(r"%|\b(sin|cos|tan|round|ceil|floor|irate|rate|increase|resets|changes)\b|[=!<>]",
                     re.sub(r"\{[^}]*\}", "", expr))


def same_number_2(a, b, query):
    if a == "NaN" and ("std" in query or "NaN" in query):
        return True
    if near(a, b, 1e-9):
        return True
    x, y = number(a), number(b)
    return ("rate(" in query or "increase(" in query) and 0 < x < y < 2 * x


def classify_2(query, _, ours, theirs):
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
    ap.add_argument("--below", action="store_true", help="what made the differences, by class")
    ap.add_argument("--dump", help="a file for what is not exact: a line of JSON each")
    ap.add_argument("--corners", action="store_true", help="other expressions about more samples (promql_corners.py)")
    ap.add_argument("--late-names", action="store_true", help="with promql-delayed-name-removal")
    ap.add_argument("--show", type=int, default=20, help="how many differences to print of each class")
    args = ap.parse_args()
    rng = random.Random(args.seed)
    dump = open(args.dump, "w") if args.dump else None
    more = ["promql-delayed-name-removal"] if args.late_names else []
    ours = PeerServer(os.path.join(args.bin, "prometheus"), FEATURES[:1] + more, config=promql_data.CONFIG)
    with ours, PeerServer(args.peer, FEATURES + more, config=promql_data.CONFIG) as peer:
        version = args.version or peer_version(peer.url)
        samples = promql_data.make_samples(rng, histograms=version >= 3)
        if args.corners:
            add_corners(rng, lambda name, t, value, **more:
                        samples.setdefault(tuple(sorted({"__name__": name, **more}.items())), []).append((t, value)))
        bodies = list(promql_data.requests(rng, samples))
        for server in (ours, peer):
            promql_data.load(Connection(server.url), bodies)
        judge_3 = Judge(ours.url, peer.url) if version >= 3 else None
        gen = (Corners if args.corners else Generator)(rng, version, args.unsupported.split(","))
        judge = judge_3.classify if judge_3 else classify_2
        classes, shown = collections.Counter(), collections.Counter()
        open_cases = []
        done = empty = errors = 0
        begin = time.time()
        while done < args.count:
            queries, parts = [], []
            for _ in range(min(5000, args.count - done)):
                queries.append(gen.query())
                parts.append(gen.parts)
            left, right = spread(ours.url, queries, ask), spread(peer.url, queries, ask)
            for query, inside, a, b in zip(queries, parts, left, right):
                done += 1
                errors += b["status"] == "error"
                empty += b["status"] != "error" and not b["data"]["result"]
                verdict, what = judge(query, inside, a, b)
                if verdict == "differ" and judge_3:
                    open_cases.append((query, inside, a))
                    continue
                classes[verdict] += 1
                if dump and verdict not in ("exact", "known"):
                    dump.write(json.dumps([verdict, query, a, b, inside]) + "\n")
                if what and shown[verdict] < args.show:
                    shown[verdict] += 1
                    print(f"{verdict}: " + "\t".join(map(str, query)), "\n   ", what[:1200], flush=True)
        if open_cases:
            with PeerServer(args.peer, FEATURES + more, config=promql_data.CONFIG) as fresh:
                promql_data.load(Connection(fresh.url), bodies)
                again, connection = Judge(ours.url, fresh.url), Connection(fresh.url)
                for query, inside, a in open_cases:
                    b = ask(connection, query)
                    verdict, what = again.classify(query, inside, a, b)
                    classes["differ" if what else "reused"] += 1
                    if what:
                        print("differ: " + "\t".join(map(str, query)), "\n   ", what[:1200], flush=True)
                        dump and dump.write(json.dumps(["differ", query, a, b, inside]) + "\n")
        if args.wait:
            print(ours.url, peer.url, flush=True)
            sys.stdin.readline()
        print(f"{done} queries of version {version} in {time.time() - begin:.0f} s, {errors} errors, {empty} empty:",
              ", ".join(f"{n} {c}" for c, n in sorted(classes.items())))
        if args.below and judge_3:
            for (name, maker), n in sorted(judge_3.made_by.items()):
                print(f"  {name} by {maker}: {n}")
    sys.exit(1 if classes["differ"] else 0)


def peer_version(url):
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    connection.request("GET", "/api/v1/status/buildinfo")
    return int(json.loads(connection.getresponse().read())["data"]["version"].split(".")[0])


if __name__ == "__main__":
    main()
