"""Corners of PromQL: expressions and samples that promql_expressions.py seldom makes. Histograms of
every kind in every operator, odd numbers, matching that fails, labels of any text, anchored subqueries,
durations that are computed, names that go late."""
from promql_data import END, FIRST, START
from promql_expressions import Generator
from promql_histograms import Histogram

VERSIONS = ["10", "9", "2a", "2b", "a10", "a9", "a09", "1.10", "1.9", "v1.10.2", "v1.9.20", "", "é", "A9", "a", "a1b20", "a1b3", "-5",
            "0x10", "00", "0"]


class Odd(Histogram):
    """With a sum, counts and hints of its own."""
    sum_of = None

    def encode(self, t):
        if self.sum_of is not None:
            self.total = self.sum_of
        return super().encode(t)


def add_corners(rng, add):
    inf, nan = float("inf"), float("nan")
    values = [0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308, inf, -inf, nan,
              1e-7, 1e21, 123456789012345680, 0.1, 1 / 3, -1, 1, 2**53 + 2, 1e15, 4503599627370497.5]
    for at, v in enumerate(values):
        for t in range(FIRST, END, 60_000):
            add("fixed", t, v, v=f"{at:02}")
    for inst in range(3):
        for t in range(FIRST, END, 60_000):
            add("wild", t, rng.choice(values), instance=f"i{inst}", job="api")
    for t in range(FIRST, END, 60_000):
        for at, v in enumerate(VERSIONS):
            add("versions", t, at % 4, version=v, n=str(at % 3))
        for inst in range(3):
            for job in ("api", "web"):
                where = {"job": job, "instance": f"i{inst}"}
                if (job, inst) != ("api", 0):  # which promql_data.py has
                    add("target_info", t, 1, version=f"1.{inst}", region="eu", **where)
                if job == "api" or inst == 0:
                    add("build_info", t, 1, build=f"b{inst}", version=f"9.{inst}", **where)
                add("twice_a", t, inst, **where)
                add("twice_b", t, inst + 10, **where)
                add("my.metric", t, inst * 1.5, **{"a.label": f"x{inst}", "é": "ü", "job": job})
        add("target_info", t, 1, job="db", instance="i0", version="old" if t < START + 1_200_000 else "new")
    def walk(name, step, h, grow=True, **where):
        for t in range(FIRST, END, step):
            if rng.random() < 0.05:
                continue
            if not grow or rng.random() < 0.02:
                h.reset()
            h.observe(rng, 250 if h.total == 0 and grow else rng.randrange(5))
            add(name, t, h.shot(), **where)
    for at, (low, hint) in enumerate([(-4, 0), (4, 0), (0, 1), (2, 2), (1, 3)]):
        walk("hinted", 60_000, Histogram(low, hint=hint), job="api", instance=f"i{at}")
        walk("hinted", 60_000, Histogram(low, hint=hint, floats=True), job="web", instance=f"i{at}")
        walk("hinted", 60_000, Histogram(custom=[(1,), (-1, 0, 1), (0.5, 1, 2.5, 10), (0.5, 1, 2.5), (-5, -2)][at], hint=hint,
                                         floats=at == 3), job="db", instance=f"i{at}")
    for at, v in enumerate([nan, inf, -inf, -0.0, 1e300]):
        h = Odd()
        h.sum_of = v
        for t in range(FIRST, END, 60_000):
            h.observe(rng, 2)
            shot = Odd(h.schema)
            shot.zero, shot.total, shot.positive, shot.negative, shot.sum_of = h.zero, h.total, dict(h.positive), {}, v
            add("odd_sums", t, shot, instance=f"i{at}", job="api")
    for t in range(FIRST, END, 60_000):
        add("no_buckets", t, Histogram(), instance="i0", job="api")
        add("no_buckets", t, Histogram(custom=(1, 2)), instance="i1", job="api")
        add("no_buckets", t, Histogram(floats=True, hint=3), instance="i2", job="api")


class Corners(Generator):
    ALL = ["native", "native_floats", "native_gauge", "native_custom", "native_custom_moving", "native_bounds", "native_mixed",
           "hinted", 'hinted{job="db"}', 'hinted{job="api"}', "odd_sums", "no_buckets", '{__name__=~"native_(custom|mixed|floats)"}',
           '{__name__=~"hinted|native|temperature"}', "temperature", "limits", "odd", "wild", "fixed"]
    H = ALL[:14]
    OVER = ["sum", "avg", "min", "max", "count", "stddev", "stdvar", "last", "present", "absent", "mad", "ts_of_min", "ts_of_max",
            "ts_of_last"]
    OPS = ["+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<", ">=", "<=", "== bool", "!= bool", "> bool", "< bool", ">= bool",
           "<= bool", "and", "or", "unless"]
    SCALARS = ["0", "-0", "2", "-1", "0.5", "NaN", "Inf", "-Inf", "1e308", "5e-324", "1e-7", "1e21", "time()", "pi()", "0x10", "1_000",
               "1h", "1m30s"]
    GROUPS = ["", " by (job)", " by (instance)", " without (instance)", " by ()", " without ()", ' by ("a.label", "é")', " by (__name__)",
              " without (job, instance)", " by (job, __name__)"]

    def any_vector(self, d):
        if d <= 0:
            return self.pick(self.ALL + ["versions", '{"my.metric"}', "target_info"]) + self.modifiers()
        makers = [self.mixed, self.mixed, self.over, self.over, self.fold, self.fold, self.matching, self.labels_of, self.sub, self.sub,
                  self.computed, self.names, self.information, self.limited, self.shaped, self.histogram_call, self.errors,
                  self.calls, lambda d: Generator.any_vector(self, d)]
        return self.pick(makers)(d)

    def modifiers(self):
        if self.r.random() < 0.7:
            return ""
        times = [" @ start()", " @ end()", f" @ {START // 1000 + 1200}", f" @ {START / 1000 + 77.7:.3f}", f" @ {END // 1000 + 200}", " @ 0",
                 " @ -5"]
        offs = [" offset 1m", " offset -3m", " offset 37s", " offset -1ms", " offset 0s", " offset 1h", " offset 0x10"]
        return self.pick([self.pick(times), self.pick(offs), self.pick(times) + self.pick(offs), self.pick(offs) + self.pick(times)])

    def window(self):
        return self.pick(["1m", "3m", "7m", "59s", "1ms", "60s", "10m", "2m30s", "1h", "1_0", "0x40", "4.5"])

    def mixed(self, d):
        a = self.pick(self.ALL) if self.r.random() < 0.7 else self.vector(d - 1)
        b = self.pick(self.ALL + self.SCALARS)
        if self.r.random() < 0.3:
            b = self.vector(d - 1)
        op = self.pick(self.OPS)
        if b in self.SCALARS and op in ("and", "or", "unless"):
            b = f"vector({b})"
        if self.r.random() < 0.5:
            a, b = b, a
        m = self.pick(["", "", " on (job)", " on (instance, job)", " ignoring (__name__)", " on ()", " ignoring (instance)"])
        if a in self.SCALARS or b in self.SCALARS:
            m = ""
        if a in self.SCALARS and b in self.SCALARS:
            op = self.pick(["+", "-", "*", "/", "%", "^", "atan2", "== bool", "< bool"])
        return f"({self.part(a)} {op}{m} {self.part(b)})"

    def over(self, d):
        k = self.r.random()
        m = self.matrix(d)
        if k < 0.15:
            return f"quantile_over_time({self.pick(['0.5', '-0.1', '1.1', 'NaN', '0', '1', 'scalar(limits)'])}, {m})"
        if k < 0.25:
            return f"predict_linear({m}, {self.pick(['0', '-60', 'NaN', 'Inf', '1e18'])})"
        if k < 0.32:
            return f"double_exponential_smoothing({m}, {self.pick(['0.5', '0', '1', '-1', '1.5', 'NaN'])}, {self.pick(['0.1', '1', '0', '0.9'])})"
        if k < 0.6:
            return f"{self.pick(['rate', 'increase', 'delta', 'irate', 'idelta', 'resets', 'changes', 'deriv'])}({m})"
        return f"{self.pick(self.OVER)}_over_time({m})"

    def any_matrix(self, d):
        if self.r.random() < 0.3:
            return self.sub_range(d)
        return self.pick(self.ALL) + f"[{self.window()}]" + self.modifiers()

    def sub_range(self, d):
        inner = self.vector(d - 1)
        step = self.pick(["7s", "1m", "13s", "", "0.5", "59s", "11m", "37s"])
        return f"({inner})[{self.pick(['5m', '61s', '10m', '1ms', '7m'])}:{step}]" + self.modifiers()

    def sub(self, d):
        inner = self.part(self.sub_range(d))
        return f"{self.pick(self.OVER + ['sum', 'last'])}_over_time({inner})"

    def fold(self, d):
        group = self.pick(self.GROUPS)
        inner = self.part(self.pick(self.ALL)) if self.r.random() < 0.6 else self.vector(d - 1)
        op = self.pick(self.AGGS + ["topk", "bottomk", "quantile", "count_values", "limitk", "limit_ratio"])
        arg = {"topk": ["1", "3", "0", "-1", "NaN", "1e10", "2.9", "scalar(limits)", "Inf", "time()"], "quantile": ["0.5", "NaN", "-1", "1.5", "0"],
               "count_values": ['"v"', '"job"', '"__name__"', '"a.b"', '""', '"\\xff"'],
               "limitk": ["1", "3", "0", "-1", "NaN", "1e10", "Inf"],
               "limit_ratio": ["0.5", "-0.5", "0", "1.5", "-1.5", "NaN", "1e-9"]}
        arg["bottomk"] = arg["topk"]
        if op in arg:
            return f"{op}{group} ({self.pick(arg[op])}, {inner})"
        return f"{op}{group} ({inner})"

    def limited(self, d):
        group = self.pick(self.GROUPS)
        return f"{self.pick(['limitk', 'limit_ratio', 'topk'])}{group} ({self.pick(['1', '2', '0.3', '-0.6', '1.1'])}, {self.part(self.pick(self.ALL))})"

    def matching(self, d):
        left = self.pick(["twice_a", "twice_b", '{__name__=~"twice_.*"}', "target_info", "build_info", "requests_total", "limits", "native",
                          "temperature", '{"my.metric"}', "versions"])
        right = self.pick(["twice_a", "twice_b", '{__name__=~"twice_.*"}', "target_info", "build_info", "limits", "native_custom", "hinted"])
        op = self.pick(self.OPS)
        m = self.pick(["on", "ignoring"]) + " (" + self.pick(["job", "instance", "job, instance", "", "version", "n", "code, instance",
                                                              '"a.label"', "region, version", "__name__", "__name__, job"]) + ")"
        if op not in ("and", "or", "unless") and self.r.random() < 0.7:
            m += self.pick([" group_left", " group_right", " group_left (version)", " group_right (region)", ' group_left ("a.label")',
                            " group_left (nope)", " group_right (__name__)", " group_left (__name__)", " group_left ()"])
        return f"({self.part(left)} {op} {m} {self.part(right)})"

    def labels_of(self, d):
        v = self.part(self.pick(["versions", '{"my.metric"}', "target_info", "hinted", '{__name__=~"twice_.*"}'])) if self.r.random() < 0.7 else self.vector(d - 1)
        dst = self.pick(["to", "a.label", "é", "__name__", "job", "", "\\xff", "1x", "version"])
        src = self.pick(["job", "é", "a.label", "__name__", "nope", "version", "", "\\xff"])
        rx = self.pick(["(.*)", "(", "a(.)", "(?P<x>.*)", "", ".*", "x(?:y)?", "(?i)API", "[", "*", "(?P<x", "\\\\d+", "(.)(.)?"])
        to = self.pick(["$1", "${1}x", "$x", "${x}", "$$", "$", "", "lit", "$2-$1", "$10", "$1x", "ü"])
        if self.r.random() < 0.6:
            return f'label_replace({v}, "{dst}", "{to}", "{src}", "{rx}")'
        more = "".join(f', "{self.pick(["job", "é", "a.label", "instance", "version", "nope", "", "1x"])}"' for _ in range(self.r.randrange(4)))
        return f'label_join({v}, "{dst}", "{self.pick(["-", "", "é"])}"{more})'

    def computed(self, d):
        e = self.pick(["1m + 30s", "(1m + 30s) * 2", "5m - 1m", "-(1m) + 5m", "10m / 0", "0s", "1m - 2m", "2 ^ 7", "7m % 4m", "+5m", "1e3", "1.5m",
                       "1h30m - 1h", "5m * 1m", "5 * 60", "-5m", "10m % 0", "1y", "2 ^ 0.5 * 1m", "1 / 3", "1m+1ms", "300y", "0.0001", "1d * 1000"])
        kind = self.r.randrange(4)
        base = self.pick(["temperature", "limits", "native", "requests_total"])
        if kind == 0:
            return f"{self.pick(['sum_over_time', 'count_over_time', 'rate'])}({base}[{e}])"
        if kind == 1:
            return f"count_over_time({base}[{e}:{self.pick(['1m', '30s * 2', '(7s)', '1m / 4', '0s', '-1m'])}])"
        if kind == 2:
            return f"{base} offset {self.pick(['5m', '-5m', '(1m + 30s)', '-(1m)', '(5m * 2)', '0', '1.5', '1e2'])}"
        return f"count_over_time(({base})[{self.pick(['5m', '1h'])}:{e}])"

    def names(self, d):
        v = self.pick(['{__name__=~"twice_.*"}', '{__name__=~"twice_.*|native"}', '{__name__=~"twice_.*"}', "twice_a", '{__name__=~"hinted|native"}'])
        m = f"{v}[{self.window()}]"
        out = self.pick([f"rate({m})", f"abs({v})", f"-{v}", f"({v} * 2)", f"last_over_time({m})", f"sum_over_time({m})", f"timestamp({v})",
                         f"({v} > bool 1)", f"({v} > 1)", f"clamp({v}, 0, 1)", f"count by (__name__) (rate({m}))", f"sum by (__name__) ({v})",
                         f"max without (instance) ({v})", f'label_replace(rate({m}), "n", "$1", "__name__", "(.*)")', f"({v} or {v} * 2)",
                         f"({v} and on (job) rate({m}))", f"topk(3, rate({m}))", f"histogram_count({v})", f"({v} + on (__name__, job, instance) {v})",
                         f"absent({v})", f"absent_over_time({m})", f"sort(-{v})", f"hour({v})", f"ts_of_max_over_time({m})", f"vector(scalar({v}))",
                         f'label_join({v} * 1, "m", "-", "__name__", "job")', f'sort_by_label({v} + 0, "__name__", "instance")',
                         f"count_values(\"v\", {v} ^ 1)", f"max_over_time(abs({v})[5m:1m])", f"sum by (__name__) (abs({v}))",
                         f'label_replace({v}, "__name__", "same", "", "")', f'abs(label_replace({v}, "__name__", "x_$1", "instance", "(.*)"))',
                         f"limitk(2, abs({v}))", f"group({v}) by (__name__)", f"({v} unless abs({v}))", f"quantile by (__name__) (0.5, {v} - 1)"])
        return out

    def information(self, d):
        base = self.pick(["twice_a", "twice_b", "native", 'temperature{job="api"}', "limits", '{__name__=~"twice_.*"}',
                          "hinted", "target_info", "build_info", "sum by (job) (twice_a)", "sum by (job, instance) (twice_a)"])
        sel = self.pick(["", ', {version=~".+"}', ', {__name__="build_info"}', ', {__name__=~".*_info"}', ", {region=\"eu\"}",
                         ', {__name__=~"(target|build)_info", build=~".+"}', ', {version!="1.1"}', ', {__name__!="build_info"}', ', {nope="x"}',
                         ', {nope=""}', ", {}", ', {version=~".*"}', ', {build=~".*"}', ', {__name__="nope_info"}', ', {__name__=~"target_info|nope"}',
                         ', {version="new"}', ', {region=~".*", version=~"1.*"}', ', {__name__=~".*_info", version="1.1"}'])
        return f"info({self.part(base)}{sel})"

    def shaped(self, d):
        v = self.part(self.pick(self.ALL + ["versions", '{"my.metric"}'])) if self.r.random() < 0.7 else self.vector(d - 1)
        ls = self.r.sample(["version", "n", "job", "instance", "é", "a.label", "__name__", "nope", "v", "1x"], self.r.randrange(1, 4))
        quoted = ", ".join(f'"{l}"' for l in ls)
        return self.pick([f"sort_by_label({v}, {quoted})", f"sort_by_label_desc({v}, {quoted})", f"sort({v})", f"sort_desc({v})", f"scalar({v}) + {v}",
                          f"absent({v})", f"vector({self.pick(self.SCALARS)})", f"clamp({v}, NaN, 1)", f"clamp_min({v}, -0.0)", f"clamp({v}, 2, 1)",
                          f"round({v}, {self.pick(['0', 'NaN', '-1', '0.1', '1e-320', 'Inf', '3'])})", f"sgn({v})", f"timestamp({v})",
                          f"timestamp(({v}))", f"timestamp({v} + 0)", f"-{v}", f"+{v}", f"--{v}"])

    def histogram_call(self, d):
        h = self.part(self.pick(self.H)) if self.r.random() < 0.6 else self.part(self.over(d))
        q = self.pick(["0.5", "0", "1", "-1", "2", "NaN", "0.9999", "1e-9", "scalar(limits)"])
        return self.pick([f"histogram_{self.pick(['count', 'sum', 'avg', 'stddev', 'stdvar'])}({h})", f"histogram_quantile({q}, {h})",
                          f"histogram_fraction({self.pick(['0, 1', '-Inf, Inf', '1, 0', 'NaN, 1', '0.5, 0.5', '-1, 0', '0.3, 2.7', '1, Inf', '-0.001, 0.001'])}, {h})",
                          f"histogram_quantile({q}, {{__name__=~\"latency_bucket|native\"}})", f"histogram_quantile({q}, versions)",
                          f'histogram_quantile({q}, label_replace(latency_bucket, "le", "{self.pick(["x", "", "0x1p4", "1_0", "nan", "Infinity"])}", "le", "0.5|5"))',
                          f"abs({h})", f"ln({h})", f"hour({h})", f"round({h})", f"sort({h})", f"sort_desc({h})", f"clamp({h}, 0, 1)"])

    def calls(self, d):
        fn = self.pick(self.MATH)
        return f"{fn}({self.part(self.pick(['wild', 'fixed', 'odd', 'hinted', 'native_mixed']))})"

    def errors(self, d):
        v = self.pick(["twice_a", "native", "temperature"])
        return self.pick([f"label_replace({v}, \"__name__\", \"\", \"__name__\", \".*\")", f'label_replace({v}, "instance", "", "instance", ".*")',
                          f'label_join({v}, "instance", "", "job")', f"({v} * {{__name__=~\"twice_.*\"}})", f"({v} + on (job) {v})",
                          f"({v} * on (job) group_left {v})", f"({v} * on (job) group_right {v})", '-{__name__=~"twice_.*"}',
                          'rate({__name__=~"twice_.*"}[5m])', 'rate({__name__=~"native_(custom|floats)"}[5m])',
                          f"topk(scalar({v}), {v})", f"quantile(scalar({v}), {v})", f"double_exponential_smoothing({v}[5m], 2, 0.5)",
                          f"limit_ratio(2, {v})", f"count_values(\"a b\", {v})", f"info({v}, {{__name__=~\".+\"}})", f"({v} and bool {v})",
                          f"histogram_quantile(0.9, {{__name__=~\"latency_.*\"}})", "time()[5m]", f"{v}[5m]", '"text"', f"{v}[5m:1m] offset 1m",
                          f"rate({v})", f"abs({v}[5m])", f"{v} offset 1m offset 2m", f"{v} @ 1 @ 2", "{}", "{__name__=~\".*\"}", '{__name__="a", __name__="b"}',
                          'a{__name__="b"}', f"{v}{{job=~\"(\"}}", f"sum by (1) ({v})", f"sum({v}, {v})", f"topk({v})", f"clamp({v}, 1)",
                          f"{v} == bool bool 1", f"{v} + bool 1", f"({v} / on (job) group_left (job) {v})", f"({v} and on (job) group_left {v})", "1 and 1",
                          "1 == 1", f"{v} @ {v}", "sum_over_time(1[5m])", f"label_join({v}, \"x\")", "vector(vector(1))", "scalar(1)", "nope(1)", f"rate({v}[5m:])"])
