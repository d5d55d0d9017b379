"""What a storage was told and acknowledged, as plain dictionaries, and what it may answer. Used by
round_trip.py.

A point is certain (one value, must be there) or not: written twice out of order it has several values,
and where a program of its own right neither keeps nor drops it, it may be absent."""
import json, math, re

STALE = "stale"


def number(text):
    value = float(text.replace("Inf", "inf"))
    return "NaN" if math.isnan(value) else repr(value)


def histogram(count, total, buckets):
    """One spelling for what was sent, what the API answers and what promtool prints."""
    return (number(str(count)), number(str(total)),
            tuple(sorted((number(str(low)), number(str(high)), number(str(n))) for low, high, n in buckets)))


def from_api(series):
    points = {round(t * 1000): number(v) for t, v in series.get("values", [])}
    for t, h in series.get("histograms", []):
        points[round(t * 1000)] = histogram(h["count"], h["sum"], [b[1:] for b in h.get("buckets", [])])
    return points


DUMPED = re.compile(r"^\{(.*?)\} (\{.*\}|\S+) (-?\d+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
BUCKET = re.compile(r"[\[(]([^,\]]+),([^,\])]+)[\])]:([^,}]+)")


def from_dump(lines):
    """{labels: [(t, value)]} of promtool tsdb dump, stale markers as NaN."""
    out = {}
    for line in lines:
        match = DUMPED.match(line)
        if not match:
            raise ValueError(f"promtool printed {line!r}")
        key = tuple(sorted(LABEL.findall(match[1])))
        text = match[2]
        if text.startswith("{"):
            count, total = re.match(r"\{count:([^,]+), sum:([^,}]+)", text).groups()
            text = histogram(count, total, BUCKET.findall(text))
        else:
            text = number(text)
        out.setdefault(key, []).append((int(match[3]), text))
    return out


class Point:
    __slots__ = ("values", "absent", "late", "origin")

    def __init__(self, value, late, origin):
        self.values, self.absent, self.late, self.origin = {value}, False, late, origin

    def allows(self, got, visible_stale):
        if got is None:
            return self.absent or (STALE in self.values and not visible_stale)
        if STALE in self.values and visible_stale and (got == "NaN" or got[:2] == ("0.0", "NaN")):
            return True
        return got in self.values


class Model:
    def __init__(self):
        self.series = {}  # labels -> {t: Point}
        self.deleted = {}  # labels -> [(start, end)]
        self.exemplars = {}  # labels -> [(t, value, labels)]
        self.newest = 0
        self.gone_before = -(1 << 62)  # older points may have been retired

    def put(self, key, t, value, late, origin):
        points = self.series.setdefault(key, {})
        if t in points:
            points[t].values.add(value)
        else:
            points[t] = Point(value, late, origin)
        if any(start <= t <= end for start, end in self.deleted.get(key, [])):
            points[t].absent = True
        self.newest = max(self.newest, t)

    def delete(self, wanted, start, end, late_may_stay):
        """`late_may_stay`: upstream does not look for out-of-order samples of the head."""
        for key, points in self.series.items():
            if not wanted(dict(key)):
                continue
            self.deleted.setdefault(key, []).append((start, end))
            for t in [t for t in points if start <= t <= end]:
                if late_may_stay and points[t].late:
                    points[t].absent = True
                else:
                    del points[t]

    def retire(self, retention_ms, block_range_ms):
        """Of blocks that are wholly older than the newest one's end, which is rounded up: to two hours by
        promtool tsdb wal-export."""
        width = max(block_range_ms, 7200_000)
        end = (self.newest // width + 1) * width
        self.gone_before = max(self.gone_before, end - retention_ms)

    def wrong(self, got, start, end, visible_stale=False):
        """{labels: [(t, what was wanted, what is there, who wrote it)]} of the closed range."""
        out = {}
        for key in sorted(set(got) | set(self.series)):
            want, have, bad = self.series.get(key, {}), got.get(key, {}), []
            for t in sorted(set(want) | set(have)):
                if not start <= t <= end:
                    if t in have:
                        bad.append((t, "outside of the range", have[t], ""))
                elif t not in want:
                    bad.append((t, "nothing", have[t], ""))
                elif not want[t].allows(have.get(t), visible_stale) and not (
                        t not in have and t < self.gone_before):
                    point = want[t]
                    bad.append((t, set(point.values), have.get(t), point.origin + " late" * point.late))
            if bad:
                out[key] = bad
        return out

    def forgive(self, wrong):
        """What is there is as good as what was wanted, from now on."""
        for key, bad in wrong.items():
            for t, _, value, _ in bad:
                point = self.series.setdefault(key, {}).setdefault(t, Point(value, False, "forgiven"))
                point.absent = True
                if value is not None:
                    point.values.add(value)

    def forgive_stale(self, wrong):
        """Stale markers, which queries do not show, are lost with what lay around them."""
        times = [p[0] for bad in wrong.values() for p in bad]
        for points in self.series.values():
            for t, point in points.items():
                if STALE in point.values and min(times) - 3600_000 <= t <= max(times) + 3600_000:
                    point.absent = True

    def forgive_late(self):
        for points in self.series.values():
            for point in points.values():
                point.absent |= point.late

    def texts(self, wrong):
        for key, bad in wrong.items():
            yield (f"{dict(key)}: {len(bad)} of {len(self.series.get(key, ()))} points differ, "
                   f"{bad[0][0]} to {bad[-1][0]}")
            yield from (f"    {t}: want {a}, got {b} ({c})" for t, a, b, c in bad[:2])

    def certain_labels(self, name, start, end):
        """(must be, may be) of the values of a label."""
        must = {v for key, points in self.series.items() for n, v in key if n == name
                if any(start <= t <= end and t >= self.gone_before and not p.absent and STALE not in p.values
                       for t, p in points.items())}
        return must, {v for key in self.series for n, v in key if n == name}

    def points(self):
        return sum(map(len, self.series.values()))


def matrix(answer):
    if answer["status"] != "success":
        raise ValueError(json.dumps(answer)[:500])
    return {tuple(sorted(s["metric"].items())): from_api(s) for s in answer["data"]["result"]}
