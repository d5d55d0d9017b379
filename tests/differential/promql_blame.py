"""Finds the smallest part of an expression that two servers answer differently although they agree
on everything in it, so that a difference is judged by what made it and not by what else the
expression holds."""
import re


class Part:
    """An expression at a time, and what both servers say. `inner` are the answers of ours to its
    parts, on which both agree."""

    def __init__(self, expr, time, ours, theirs):
        self.expr, self.time, self.ours, self.theirs = expr, time, ours, theirs
        self.inner = []

    @property
    def head(self):
        """The function, the aggregation, "" of an operator or selector."""
        match = re.match(r"(\w+)\s*((by|without)\s*\([^()]*\)\s*)?\(", self.expr)
        return match[1] if match and closes(self.expr, match.end() - 1) else ""

    @property
    def operator(self):
        """Of "(a + b)", its sign; "-" of "-a"."""
        if self.head:
            return ""
        if self.expr.startswith("-"):
            return "-"
        match = re.search(r" (\+|-|\*|/|%|\^|==|!=|>=?|<=?|and|or|unless|atan2) ", strip_parts(self.expr))
        return match[1] if match else ""


def embedded(expr):
    """3.5 reads histograms for histogram_count and its kin otherwise when those are the outermost
    call of a query; a part is asked about as it is within one."""
    return f"clamp_min({expr}, -Inf)" if re.match(r"histogram_(count|sum|avg)\(", expr) else expr


def closes(text, at):
    """Whether the parenthesis at `at` ends with the text."""
    depth = 0
    for i in range(at, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return i == len(text) - 1
    return False


def strip_parts(text):
    """A binary expression without what is in parentheses inside."""
    inner, depth, out = text[1:-1] if text.startswith("(") and closes(text, 0) else text, 0, ""
    for c in inner:
        depth += c in "([{"
        if depth == 0:
            out += c
        depth -= c in ")]}"
    return out


def fixed(text, start, end):
    """`text` without anchors that depend on the query."""
    return text.replace("@ start()", f"@ {start / 1000:.3f}").replace("@ end()", f"@ {end / 1000:.3f}")


def occurs(part, text):
    return re.search(r"(?<![\w:])" + re.escape(part) + r"(?![\w:(\[])", text)


def is_matrix(text):
    return re.search(r"\[[^\]]*\]( offset -?\w+)?( @ [\d.]+)?$", text)


class Finder:
    """`ask(query)` → (our answer, the peer's); `same(query, ours, theirs)` → whether that is one."""

    def __init__(self, ask, same):
        self.ask, self.same = ask, same

    def find(self, query, parts, ours, theirs):
        """The part that makes the difference, or None when instant queries do not show it."""
        start, end = (query[1], query[1]) if query[0] == "instant" else query[1:3]
        parts = sorted({fixed(p, start, end) for p in parts if len(p) > 3}, key=len, reverse=True)
        expr = fixed(query[-1], start, end)
        for time in self.times(query, ours, theirs):
            found = self.descend(expr, time, parts)
            if found:
                return found
        return None

    def times(self, query, ours, theirs):
        if query[0] == "instant":
            return [query[1]]
        every = list(range(query[1], query[2] + 1, query[3]))
        if "error" in (ours["status"], theirs["status"]):
            return every
        differing = different_times(ours["data"]["result"], theirs["data"]["result"])
        return differing[:3] if differing else every

    def descend(self, expr, time, parts):
        query = ("instant", time, embedded(expr))
        ours, theirs = self.ask(query)
        if self.same(query, ours, theirs):
            return None
        found = Part(expr, time, ours, theirs)
        for child in children(expr, parts):
            part = self.below(child, time, parts) if is_matrix(child) else self.descend(child, time, parts)
            if part:
                return part
            found.inner.append((child, self.ask(("instant", time, child))[0]))
        if not found.inner and found.head in ("avg_over_time", "sum_over_time"):
            argument = ("instant", time, expr[len(found.head) + 1:-1])
            ours, theirs = self.ask(argument)
            if self.same(argument, ours, theirs):
                found.inner.append((argument[2], ours))
        return found

    def below(self, matrix, time, parts):
        """Of a subquery: what differs in it is looked for at the times it asks for."""
        ours, theirs = self.ask(("instant", time, matrix))
        if self.same(("instant", time, matrix), ours, theirs):
            return None
        if "error" in (ours["status"], theirs["status"]):
            times = subquery_times(matrix, time)
        else:
            # When there are none, the notes differ.
            times = (different_times(ours["data"]["result"], theirs["data"]["result"])[:3] or
                     subquery_times(matrix, time))
        for at in times:
            for child in children(matrix, parts):
                part = self.descend(child, at, parts)
                if part:
                    return part
        return Part(matrix, time, ours, theirs)


def children(expr, parts):
    """The largest parts inside of an expression."""
    out = []
    for part in parts:
        if part != expr and part in expr and occurs(part, expr) and not any(part in p for p in out):
            out.append(part)
    return out


UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def subquery_times(matrix, time):
    """In ms, those at which a subquery without offset and @ looks; without a step a minute apart."""
    match = re.search(r"\[(\w+):(\w*)\]$", matrix)
    if not match:
        return []
    length, step = [sum(int(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)(ms|[smh])", text or "1m"))
                    for text in match.groups()]
    return range((time - length) // step * step + step, time + 1, step)


def different_times(a, b):
    """In ms, those at which two lists of series do not agree."""
    def cells(series):
        out = {}
        for item in series if isinstance(series, list) else []:
            if not isinstance(item, dict):
                continue
            key = tuple(sorted(item["metric"].items()))
            points = item.get("values", []) + item.get("histograms", [])
            points += [item[k] for k in ("value", "histogram") if k in item]
            for time, value in points:
                out[key, round(time * 1000)] = value
        return out
    left, right = cells(a), cells(b)
    return sorted({k[1] for k in left.keys() | right.keys() if left.get(k) != right.get(k)})
