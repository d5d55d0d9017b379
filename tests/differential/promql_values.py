"""Answers of the query API, compared: numbers, histograms, series, notes."""
import math, re


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


def key(item):
    return tuple(sorted(item["metric"].items()))


def is_histogram(value):
    return not isinstance(value, str)


def buckets(histogram):
    """{(kind of bounds, lower, upper): count}"""
    return {tuple(b[:3]): b[3] for b in histogram.get("buckets", [])}


def same_histograms(a, b, same):
    """`same(a, b)` for counts, sums and every bucket; the lists of buckets are the same."""
    if is_histogram(a) != is_histogram(b):
        return False
    if not is_histogram(a):
        return same(a, b)
    left, right = buckets(a), buckets(b)
    return (same(a["count"], b["count"]) and same(a["sum"], b["sum"]) and left.keys() == right.keys() and
            all(same(left[k], right[k]) for k in left))


def rounded_histograms(a, b, tolerance=1e-11):
    """Whether two histograms differ by what rounding leaves, which may make an empty bucket of one
    that has next to nothing: measured by the largest count there is."""
    if not is_histogram(a) or not is_histogram(b):
        return False
    left, right = buckets(a), buckets(b)
    size = max([1e-3] + [abs(number(n)) for n in [*left.values(), *right.values(), a["count"], b["count"]]
                         if math.isfinite(number(n))])
    def close(x, y, size):
        x, y = number(x), number(y)
        return x == y or (math.isnan(x) and math.isnan(y)) or abs(x - y) <= tolerance * size
    return (close(a["count"], b["count"], size) and
            close(a["sum"], b["sum"], max(size, abs(number(a["sum"])), 1) if math.isfinite(number(a["sum"])) else size) and
            all(close(left.get(k, "0"), right.get(k, "0"), size) for k in left.keys() | right.keys()))


def cells(answer):
    """{(labels, time): value} of an answer; the labels of scalars are ()."""
    data = answer["data"]
    if data["resultType"] in ("scalar", "string"):
        return {((), data["result"][0]): data["result"][1]}
    return {(key(item), time): value for item in data["result"] for time, value in points(item)}


def values_differ(ours, theirs, same):
    """None, or the first value or series that differs; `data` of answers of one type."""
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
            if not same_histograms(p[1], q[1], same):
                return f"{k} at {p[0]}: {p[1]} there {q[1]}"
    return None


def notes(texts):
    """Without what 3.5 says otherwise: which buckets were not monotonic, and when; names that are
    not there."""
    return {re.sub(r", from buckets .* to \S+ \(", " (", text).replace(' for metric name ""', "") for text in texts}


def placeless(texts):
    return {re.sub(r" \(\d+:\d+\)$", "", text) for text in texts}
