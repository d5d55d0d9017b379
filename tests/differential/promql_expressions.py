"""Generated PromQL over the samples of promql_data.py. Most expressions are valid and have an
answer."""
from promql_data import START


class Generator:
    """`version` is that of the oldest server asked: 2 (Debian's 2.42) or 3 (3.5)."""
    VECTORS = ["requests_total", 'requests_total{code="200"}', 'requests_total{job="api"}',
               "temperature", 'temperature{job=~"api|web"}', 'temperature{instance!="i0"}',
               "limits", "flapping", "odd", 'latency_bucket{job="db"}', "nonexistent"]
    NATIVES = ["native", "native", 'native{job="api"}', "native_moving", "native_floats", "native_gauge",
               "native_custom", "native_custom_moving", "native_bounds", "native_mixed",
               '{__name__=~"native_(floats|custom)"}']
    RANGES = ["1m", "2m", "5m", "10m", "90s"]
    RANGE_FUNCS = ["rate", "increase", "delta", "irate", "idelta", "changes", "resets", "deriv",
                   "sum_over_time", "avg_over_time", "count_over_time", "min_over_time",
                   "max_over_time", "stddev_over_time", "stdvar_over_time", "last_over_time",
                   "present_over_time", "absent_over_time"]
    NEW_RANGE_FUNCS = ["mad_over_time", "ts_of_min_over_time", "ts_of_max_over_time",
                       "ts_of_last_over_time"]
    MATH = ["abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "round", "sin",
            "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "deg", "rad",
            "hour", "minute", "month", "year", "day_of_week", "day_of_month", "day_of_year", "days_in_month",
            "timestamp", "absent", "sort", "sort_desc"]
    AGGS = ["sum", "avg", "count", "min", "max", "group", "stddev", "stdvar"]
    LABELS = ["job", "instance", "code", "le", "kind"]

    def __init__(self, rng, version=3, unsupported=()):
        self.r = rng
        self.new = version >= 3
        self.unsupported = set(unsupported)
        self.in_subquery = False
        self.parts = []
        self.natives = self.NATIVES if self.new else []
        self.range_funcs = self.RANGE_FUNCS + (self.NEW_RANGE_FUNCS if self.new else [])

    def pick(self, items):
        return self.r.choice(items)

    def part(self, text):
        """Remembers what is an expression by itself."""
        self.parts.append(text)
        return text

    def query(self):
        """("instant", ms, expression) or ("range", start, end, step, expression); `parts` then are
        the expressions it is made of."""
        self.parts = []
        expr = self.vector(self.r.randrange(1, 5)) if self.r.random() < 0.97 else self.scalar(2)
        if self.r.random() < 0.4:
            return ("instant", START + 50 + 100 * self.r.randrange(0, 36_000), expr)
        step = self.pick([15_000, 60_000, 300_000, 7_000])
        start = START + 50 + 100 * self.r.randrange(0, 10_000)
        return ("range", start, start + step * self.r.randrange(0, 80), step, expr)

    def modifiers(self):
        out = ""
        if self.r.random() < 0.15:
            out += " offset " + self.pick(["1m", "7m", "-2m"])
        if self.r.random() < 0.08:
            out += self.pick([" @ start()", " @ end()", f" @ {START // 1000 + 1200}"])
        return out

    def vector(self, d):
        return self.part(self.any_vector(d))

    def any_vector(self, d):
        if self.natives and self.r.random() < 0.08:
            return self.of_native(d)
        k = self.r.random()
        if d <= 0 or k < 0.12:
            return self.selector() + self.modifiers()
        if k < 0.36:
            return self.range_call(d)
        if k < 0.48:
            return f"{self.pick(self.MATH)}({self.vector(d - 1)})"
        if k < 0.68:
            return self.aggregate(d)
        if k < 0.88:
            return self.binary(d)
        return self.other(d)

    def selector(self):
        return self.pick(self.natives if self.natives and self.r.random() < 0.3 else self.VECTORS)

    def native(self, d):
        """Most likely histograms."""
        return self.part(self.any_native(d))

    def any_native(self, d):
        k = self.r.random()
        if d <= 0 or k < 0.25:
            return self.pick(self.NATIVES) + self.modifiers()
        if k < 0.6:
            func = self.pick(["rate", "increase", "delta", "irate", "idelta", "sum_over_time", "avg_over_time",
                              "last_over_time", "rate", "increase"])
            return f"{func}({self.pick(self.NATIVES)}[{self.duration()}]{self.modifiers()})"
        if k < 0.85:
            group = self.pick(["", f" by ({self.labels()})", f" without ({self.labels()})"])
            return f"{self.pick(['sum', 'avg'])}{group} ({self.native(d - 1)})"
        return self.pick([f"({self.native(d - 1)} * {self.pick(['2', '0.25', '-1'])})", f"-{self.native(d - 1)}",
                          f"({self.native(d - 1)} / 4)", f"({self.native(d - 1)} + {self.native(d - 1)})",
                          f"({self.native(d - 1)} - {self.native(d - 1)})"])

    def of_native(self, d):
        h = self.native(d)
        q = self.pick(["0.5", "0.99", "0", "1", "-1", "2", "0.123", "NaN"])
        bounds = self.pick(["0, 1", "-Inf, 2.5", "0.3, +Inf", "-1, 1", "2, 1", "0.001, 0.25", "-Inf, +Inf", "NaN, 1"])
        return self.pick([f"histogram_count({h})", f"histogram_sum({h})", f"histogram_avg({h})",
                          f"histogram_stddev({h})", f"histogram_stdvar({h})",
                          f"histogram_quantile({q}, {h})", f"histogram_quantile({q}, {h})",
                          f"histogram_fraction({bounds}, {h})", h, h])

    def duration(self):
        if self.new and self.r.random() < 0.06:
            return self.pick(["2m + 30s", "1m * 3", "10m / 4", "(1m + 30s) * 2", "2 ^ 7", "7m % 4m"])
        return self.pick(self.RANGES)

    def matrix(self, d):
        return self.part(self.any_matrix(d))

    def any_matrix(self, d):
        if d > 1 and (self.new or not self.in_subquery) and self.r.random() < 0.25:
            outer, self.in_subquery = self.in_subquery, True
            inner = self.vector(d - 2)
            self.in_subquery = outer
            return f"({inner})[{self.pick(['5m', '10m'])}:{self.pick(['1m', '30s', ''])}]" + self.modifiers()
        return f"{self.selector()}[{self.duration()}]" + self.modifiers()

    def range_call(self, d):
        k = self.r.random()
        if k < 0.1:
            return f"quantile_over_time({self.pick(['0.5', '0.9', '0', '1', '2', '-1'])}, {self.matrix(d)})"
        if k < 0.17:
            return f"predict_linear({self.matrix(d) if self.new else self.pick(self.VECTORS) + '[5m]'}, {self.pick(['60', '-30.5', '3600'])})"
        if self.new and k < 0.2:
            return f"double_exponential_smoothing({self.matrix(d)}, {self.pick(['0.1', '0.5'])}, {self.pick(['0.3', '0.9'])})"
        func = self.pick(self.range_funcs)
        if func in ("rate", "increase") and not self.new:
            return f"{func}({self.pick(self.VECTORS[:3] + ['latency_bucket'])}[{self.pick(self.RANGES)}]{self.modifiers()})"
        return f"{func}({self.matrix(d)})"

    def labels(self):
        return ", ".join(self.r.sample(self.LABELS, self.r.randrange(0, 3)))

    def aggregate(self, d):
        group = self.pick(["", f" by ({self.labels()})", f" without ({self.labels()})"])
        k = self.r.random()
        if k < 0.12:
            inner = self.vector(d - 1) if self.new else self.pick(self.VECTORS[3:6]) + self.modifiers()
            return f"{self.pick(['topk', 'bottomk'])}{group} ({self.pick(['1', '2', '5', '0', '-1'])}, {inner})"
        if k < 0.2:
            return f"quantile{group} ({self.pick(['0.3', '0.99', '1', '-1'])}, {self.vector(d - 1)})"
        if k < 0.25:
            return f'count_values{group} ("val", {self.pick(["limits", "flapping", "round(temperature)", "latency_bucket"])})'
        if self.new and k < 0.28 and "limitk" not in self.unsupported:
            return f"limitk{group} ({self.pick(['1', '2', '5'])}, {self.vector(d - 1)})"
        if self.new and k < 0.31 and "limitk" not in self.unsupported:
            return f"limit_ratio{group} ({self.pick(['0.3', '-0.3', '0.9', '1', '-1'])}, {self.vector(d - 1)})"
        return f"{self.pick(self.AGGS)}{group} ({self.vector(d - 1)})"

    def scalar(self, d):
        return self.pick(["2", "0.5", "-1", "100", "time()", "1e3", "Inf", "NaN", "scalar(limits{job='api'})",
                          "(2 ^ 3)", "(time() % 100)", "pi()", f"scalar({self.vector(d - 2)})"])

    def binary(self, d):
        op = self.pick(["+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<=",
                        "and", "or", "unless", "> bool", "== bool"] + (["atan2"] if self.new else []))
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
        choices = [
            f"-{v}", f"clamp({v}, 1, 50)", f"clamp_min({v}, 3)", f"clamp_max({v}, 3)", f"round({v}, 0.125)",
            f"vector({self.scalar(d)})", f"histogram_quantile(0.9, rate(latency_bucket[{self.pick(self.RANGES)}]))",
            f"histogram_quantile({self.pick(['0.5', '0', '1', '2'])}, sum by (le, job) (rate(latency_bucket[10m])))",
            f'label_replace({v}, "to", "$1-x", "job", "(.*)")', f'label_replace({v}, "job", "", "job", "a.*")',
            f'label_join({v}, "to", "-", "job", "instance")', f"absent({v})", f"scalar({v}) + {v}",
            f"({v})", f"clamp({v}, {self.scalar(d)}, {self.scalar(d)})",
        ]
        if self.new:
            # Not histogram_fraction of buckets: 3.5 answers NaN.
            if "sort_by_label" not in self.unsupported:
                choices += [f'sort_by_label({v}, "job", "instance")', f'sort_by_label_desc({v}, "le")']
        return self.pick(choices)
