#!/usr/bin/env python3
"""Compares this parser with another Prometheus' over broken and valid expressions: error texts with
their positions, the syntax tree of /api/v1/parse_query, the layout of /api/v1/format_query.

    promql_parser.py BUILD_DIR --peer /path/to/prometheus [--count N] [--seed S] [--tables FOLDER]

The peer is meant to be 3.5; known differences to it are in explained(). --tables writes what both agree on, a few cases of
each kind, as the parser's testdata has it. Exits 1 on an unexplained difference.
"""
import argparse, http.client, json, os, random, re, subprocess, sys, tempfile, threading, time, urllib.parse

from promql_peers import PeerServer, spread

SEEDS = r'''
1
-1.5e3
0x1F
1_000
Inf
-NaN
1h30m
"text"
'te\'xt'
`raw`
foo
foo{}
foo{a="b"}
foo{a="b",c!="d",e=~"f.*",g!~"h",}
{a="b"}
{"my.metric","a.b"="c"}
{__name__="x"}
{__name__=~"x.+",job!~"a|b"}
foo[5m]
foo[90]
foo{a="b"}[1h30m]
foo[5m:]
foo[5m:30s]
(a + b)[5m:1m]
rate(foo[5m])[1h:5m]
foo offset 5m
foo offset -5m
foo[5m] offset 1m @ end()
foo @ 1.5
foo @ -3
foo @ start()
foo @ start() offset 1m
foo[5m:1m] offset 1w @ 7
-foo
--foo
(1)
-foo^2
1+2*3
2^3^2
a atan2 b
a and b or c unless d
a == bool b
a > on(x) b
a * ignoring(x, y,) b
a / on(x) group_left(y) b
a / on() group_right b
a / ignoring() group_left b
a and on(x) b
a >= bool 5
1 == bool 2
sum(foo)
SUM(foo)
sum by(a,b)(foo)
sum(foo)without(a)
sum by () (foo)
sum by("a.b")(foo)
sum by(by, sum, offset, on)(x)
topk(3, foo)
topk by (a) (3, foo)
bottomk(2, foo) by (b)
count_values('v', foo)
quantile(0.5, foo)
limitk(2, foo)
limit_ratio(0.5, foo)
group(foo) by (a)
stddev without (x) (foo)
rate(foo[5m])
time()
round(a,2)
round(a)
hour()
label_join(a, 'x', ',')
label_join(a, 'x', ',', 'y', 'z')
label_replace(a, "b", "$1", "c", "(.*)")
clamp(a, 1, 2)
histogram_quantile(0.9, sum by (le) (rate(foo_bucket[5m])))
predict_linear(foo[5m], 3600)
mad_over_time(foo[5m])
sort_by_label(foo, "a", "b")
info(foo, {x="y"})
absent(foo{a="b"})
scalar(foo) + 1
vector(1)
pi()
foo # comment
without{by='x'}
min + max
start + end
sum(sum by (a) (b))
foo[5m + 1m * 2]
foo[step()]
foo offset (step() + 1m)
foo offset (1m * 2)
foo offset -(5m)
foo[(5m)]
foo[5m:1m+1m]
foo[2^3]
foo[-1m+3m]
on(x)
by(x)
foo{bar="baz"} offset 5m + 1
sum(rate(foo{a="b"}[5m])) by (job) / on (job) group_left (x) bar > 5 and up or vector(0)
'''.strip("\n").split("\n")

# What is no UTF-8, and the rune that stands for it.
SEEDS += ['"\udcff"', "`a\udcff`", "'\ufffd'", "`\ufffd`", 'foo{a="\udce2\udc82"}', '{"\udcff"}', '"\udcff', "`\udcff", "\udcff",
          "foo # \udcff", "foo{\udcff}", 'foo[\udcff]', '1 + "é\udcff" + "x"', '"\\\udcff"', '"\\xff"', "`é`"]

PIECES = ["(", ")", "[", "]", "{", "}", ",", ":", "@", "=", "==", "=~", "!=", "!~", "!", "~", "+", "-",
          "*", "/", "%", "^", "<", ">", "<=", ">=", "#", "$", "&", "|", "?", ";", ".", "\\", "\"", "'",
          "`", "\n", " ", "\t", "é", "\u2192", "\U0001F600", "foo", "bar:baz", "_x", "sum", "by", "without", "on",
          "ignoring", "group_left", "group_right", "bool", "and", "or", "unless", "atan2", "offset",
          "start", "end", "start()", "end()", "step()", "rate", "abs", "topk", "limitk", "nope(",
          "count_values", "1", "0", "5m", "1h5", "5x", "0x", "0x1g", "1e", "1e400", "1_", "1__0", "08",
          "\"a\"", "'b'", "\"\\x\"", "\"\\400\"", "\"\\ud800\"", "\"\\q\"", "\"\\777\"", "\"(\"", "a=\"b\"", "a=~\"(\"", "Inf",
          "NaN", "inf", "offset 5m", "offset", "@ 5", "@ start()", "[5m]", "[5m:]", "[5m:1m]", "by (a)",
          "on (a)", "0s", "1y2w", "1d1w", "99999999999y", "-5m", "{}", "()", "__name__", "1m1m", "9e99", "quantile",
          "sum(", "foo{", "foo[", "avg by", "5 m", "5ms", "1.5h", "Offset", "BY", "SUM", "AND",
          "\"multi\nline\"", "fill", "info(", "absent_over_time(", "label_replace("]

TOKEN = re.compile(r'\s+|[A-Za-z_:][\w:]*|[0-9.][\w.]*|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`[^`]*`|[=!<>]=|[=!]~|.', re.S)


class Generator:
    def __init__(self, rng):
        self.r = rng
        self.tokens = [TOKEN.findall(s) for s in SEEDS]

    def valid(self, depth):
        """An expression that parses, usually: for the layout of long ones."""
        r = self.r
        if depth <= 0:
            return r.choice(SEEDS)
        a = self.valid(depth - 1)
        kind = r.randrange(9)
        if kind == 0:
            return f"({a})"
        if kind == 1:
            groupings = ["", "by (a, bc)", "without (job)", 'by ("a.b")']
            return f"{r.choice(['sum', 'max', 'count'])} {r.choice(groupings)} ({a})"
        if kind == 2:
            return f"{r.choice(['topk', 'quantile', 'limitk'])} by (instance) (3, {a})"
        if kind == 3:
            return f"{r.choice(['abs', 'ln', 'absent', '-', '+', 'sort_desc', 'scalar'])}({a})"
        if kind == 4:
            instance = "x" * r.randrange(50)
            return ("rate(some_rather_long_metric_name_total{instance=~'" + instance + "',job!='api'}[" +
                    r.choice(["5m", "1h30m", "1d", "90s"]) + "])")
        if kind == 5:
            return f"({a})[1h:{r.choice(['', '5m'])}]{r.choice(['', ' offset 1w', ' @ 1700000000.5', ' @ end()'])}"
        if kind == 6:
            return f"label_replace({a}, 'dst', '$1', 'src', '(.*)')"
        op = r.choice(["+", "-", "*", "/", "%", "^", "==", "!= bool", "> bool", "and", "or on (a)", "unless ignoring (b, c)",
                       "/ on (job, instance) group_left (version)", "* ignoring (x) group_right ()", "atan2"])
        return f"{a} {op} {self.valid(depth - 1)}"

    def expression(self):
        if self.r.random() < 0.15:
            return self.valid(self.r.randrange(1, 5))
        toks = list(self.r.choice(self.tokens))
        while self.r.random() < 0.25:
            op = self.r.choice([" + ", " and ", " > ", " / on(a) ", "^", " or ", ", ", " - ", " == bool "])
            toks += [op] + list(self.r.choice(self.tokens))
        if self.r.random() < 0.2:
            f = self.r.choice(["sum(", "rate(", "abs(", "(", "-", "topk(2, ", "vector(", "count by (a) ("])
            toks = [f] + toks + ([")"] if "(" in f else [])
        for _ in range(self.r.choice([0, 1, 1, 1, 1, 2, 2, 3])):
            i = self.r.randrange(len(toks) + 1)
            k = self.r.random()
            if k < 0.3 and toks:
                del toks[min(i, len(toks) - 1)]
            elif k < 0.65:
                toks.insert(i, self.r.choice(PIECES))
            elif k < 0.85 and toks:
                toks[min(i, len(toks) - 1)] = self.r.choice(PIECES)
            elif toks:
                j = self.r.randrange(len(toks))
                i = min(i, len(toks) - 1)
                toks[i], toks[j] = toks[j], toks[i]
            if self.r.random() < 0.15:
                toks.insert(self.r.randrange(len(toks) + 1), " ")
        text = "".join(toks)
        return text[:self.r.randrange(len(text) + 1)] if self.r.random() < 0.08 else text


def explained(query, ours, theirs):
    """Why this difference to 3.5 is one of version, or None."""
    if re.search(r"\b(anchored|smoothed|fill|fill_left|fill_right|step|range|min_of|max_of)\b", query, re.I):
        return "words that are new"
    if re.search(r"\b(start|end)\s*\(", query, re.I):
        return "start() and end() are functions"
    a, b = ours.get("error", ""), theirs.get("error", "")
    if "in subquery selector, expected number or duration" in b and '"]"' not in b.split("expected")[-1]:
        b = b.replace("subquery selector", "subquery or range selector")
    b = b.replace("expected number or duration", "expected number, duration, step(), or range()")
    b = re.sub(r'"<Item \d+>" <op:@>', '"@"', b)
    if a and a == b:
        return "names of what is expected"
    position = re.compile(r"^\d+:\d+: ")
    if position.sub("", a) == position.sub("", b) and ("comparisons between scalars" in a or "bool modifier" in a or "ON and GROUP" in a):
        return "the end of a call behind a grouping was taken for that of the grouping"
    if "</" in query or ">/" in query:
        return "operators that are new"
    if b == "unexpected error":
        return "3.5 panics"
    if b.endswith("unexpected character in duration expression: ','"):
        return "commas of min_of and max_of"
    if a.endswith("expected ':'"):
        return "letters behind a duration were taken for colons"
    if a and (re.search(r"unexpected colon '[^:]'$", b) or re.search(r'unexpected "[a-zA-Z_]" in ', b)):
        return "letters behind a duration were taken for colons"
    if a.endswith("duration out of range") and re.search("nan", query, re.I):
        return "NaN was taken for the shortest time there is"
    if re.search(r"offset[-+\s]*\(", query, re.I):
        return "an offset in parentheses took the operators behind it"
    if re.search(r'(on|ignoring|group_left|group_right)\s*\([^)]*["\']', query, re.I) and "ast" in theirs:
        return "label names of matching were not quoted"
    if re.search(r"ignoring\s*\(\s*\)\s*group_", query, re.I) and "ast" in ours and "ast" in theirs:
        return "ignoring () with group_left was not printed"
    return None


def ours(build, queries, features):
    text = "".join(q.encode("utf-8", "surrogateescape").hex() + "\n" for q in queries)
    out = subprocess.run([os.path.join(build, "tests", "promql_parse"), *features], input=text.encode(),
                         capture_output=True, check=True).stdout.decode()
    return [json.loads(line) for line in out.splitlines()]


def theirs(url, queries):
    def ask(connection, query):
        answer = connection.post("/api/v1/parse_query", {"query": query})
        if answer["status"] == "error":
            return {"error": re.sub('^invalid parameter "query": ', "", answer["error"])}
        pretty = connection.post("/api/v1/format_query", {"query": query})
        return {"pretty": pretty.get("data", pretty.get("error")), "ast": answer["data"]}
    return spread(url, queries, ask)


def strip_new(ast):
    """The tree without members that 3.5 does not have."""
    if isinstance(ast, list):
        return [strip_new(x) for x in ast]
    if not isinstance(ast, dict):
        return ast
    return {k: strip_new(v) for k, v in ast.items() if k not in ("anchored", "smoothed", "fillValues", "offsetExpr", "rangeExpr", "stepExpr")}


def write_tables(folder, cases):
    """Up to a few cases of each kind of error, and of each shape of layout."""
    def write(name, rows):
        with open(os.path.join(folder, name), "w") as f:
            f.writelines("\t".join(row) + "\n" for row in sorted(rows))
    seen, errors, formats = {}, [], []
    quote = lambda s: json.dumps(s, ensure_ascii=False)
    for query, b in sorted(cases, key=lambda c: len(c[0])):
        if "error" in b:
            kind = re.sub(r'"(?:[\\].|[^"\\])*"|\d+|<[^>]*>|`.*`' + r"|'.*'", "", b["error"])
            rows, row, most = errors, (quote(query), b["error"]), 5
        else:
            kind = re.sub(r"[^(){}\[\]\n]", "", b["pretty"])[:7]
            rows, row, most = formats, (quote(query), quote(b["pretty"])), 1
        if seen.get(kind, 0) < most and "\ufffd" not in "".join(row):
            seen[kind] = seen.get(kind, 0) + 1
            rows.append(row)
    write("errors.tsv", errors)
    write("formats.tsv", formats)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("build")
    ap.add_argument("--peer", default="prometheus")
    ap.add_argument("--count", type=int, default=3000)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--tables", help="folder to write errors.tsv and formats.tsv to")
    ap.add_argument("--url", help="of a peer that runs already")
    args = ap.parse_args()
    features = ["promql-experimental-functions", "promql-duration-expr"]
    gen = Generator(random.Random(args.seed))
    queries = SEEDS + [gen.expression() for _ in range(args.count)]
    queries = list(dict.fromkeys(queries))
    with PeerServer(args.peer, features, args.url) as peer:
        left, right = ours(args.build, queries, features), theirs(peer.url, queries)
    bad = known = errors = 0
    for query, a, b in zip(queries, left, right):
        if "ast" in a:
            a["ast"] = strip_new(a["ast"])
        errors += "error" in b
        if a == b:
            continue
        if explained(query, a, b):
            known += 1
            continue
        bad += 1
        part = "error" if "error" in a or "error" in b else "pretty" if a["pretty"] != b["pretty"] else "ast"
        get = lambda x: json.dumps(x.get(part, x.get("pretty")), ensure_ascii=False, sort_keys=True)
        print(f"{query!r}\n   ours   {get(a)[:600]}\n   theirs {get(b)[:600]}")
    if args.tables:
        write_tables(args.tables, [(q, b) for q, a, b in zip(queries, left, right) if a == b])
    print(f"{len(queries)} expressions, {errors} of them errors, {known} differ as explained, {bad} differ")
    sys.exit(1 if bad or len(left) != len(queries) else 0)


if __name__ == "__main__":
    main()
