"""Native histograms for the differential tests of PromQL: counters with resets and changes of
resolution, of integers and of floats, gauges, custom buckets, and series that change between kinds.

Sums are multiples of 1/8, so that the order of additions does not matter."""
from prompb import STALE_BYTES, double, float_histogram, int_histogram, integer, message

FINE = 4  # the schema that observations are counted in; coarser ones are made of it


def coarser(buckets, schema):
    out = {}
    for index, n in buckets.items():
        at = ((index - 1) >> (FINE - schema)) + 1
        out[at] = out.get(at, 0) + n
    return out


def spans_of(buckets):
    """([(offset, length)], [count])"""
    spans, counts, next_index = [], [], None
    for index in sorted(buckets):
        gap = index if next_index is None else index - next_index
        if next_index is not None and gap <= 2:  # short gaps are spelled out
            counts += [0] * gap
            spans[-1][1] += gap + 1
        else:
            spans.append([gap, 1])
        counts.append(buckets[index])
        next_index = index + 1
    return [tuple(s) for s in spans], counts


def deltas_of(counts):
    return [b - a for a, b in zip([0] + counts, counts)]


class Histogram:
    """What is observed: of exponential buckets at FINE, or of custom ones."""

    def __init__(self, schema=2, threshold=0.001, custom=(), floats=False, hint=0):
        self.schema, self.threshold, self.custom = schema, threshold, custom
        self.floats, self.hint = floats, hint
        self.stale = False
        self.reset()

    def reset(self):
        self.zero, self.total, self.positive, self.negative = 0, 0.0, {}, {}

    def observe(self, rng, times, negative=False):
        for _ in range(times):
            n = rng.randrange(1, 3) if not self.floats else rng.choice([0.5, 1, 2, 1.25])
            self.total += rng.randrange(1, 80) / 8
            k = rng.random()
            if self.custom:
                at = rng.randrange(len(self.custom) + 1)
                self.positive[at] = self.positive.get(at, 0) + n
            elif k < 0.1:
                self.zero += n
            elif negative and k < 0.4:
                at = rng.randrange(-20, 30)
                self.negative[at] = self.negative.get(at, 0) + n
            else:
                # Nothing below the widest zero bucket.
                at = max(int(rng.gauss(10, 12)), -31)
                self.positive[at] = self.positive.get(at, 0) + n

    def shot(self):
        """A copy as it is now."""
        out = Histogram(self.schema, self.threshold, self.custom, self.floats, self.hint)
        out.zero, out.total = self.zero, self.total
        out.positive, out.negative = dict(self.positive), dict(self.negative)
        return out

    def encode(self, t):
        if self.stale:
            return message(4, double(3, STALE_BYTES) + integer(15, t))
        down = (lambda b: b) if self.custom else (lambda b: coarser(b, self.schema))
        positive, counts = spans_of(down(self.positive))
        negative, negative_counts = spans_of(down(self.negative))
        common = dict(schema=-53 if self.custom else self.schema, zero=self.zero,
                      threshold=0 if self.custom else self.threshold, custom=self.custom,
                      hint=self.hint, positive=positive, negative=negative)
        count = self.zero + sum(counts) + sum(negative_counts)
        if self.floats:
            return float_histogram(t, float(count), self.total, buckets=counts,
                                   negative_buckets=negative_counts, **common)
        return int_histogram(t, count, self.total, deltas=deltas_of(counts),
                             negative_deltas=deltas_of(negative_counts), **common)


STALE = Histogram()
STALE.stale = True
BOUNDS = [(0.5, 1, 2.5, 10), (0.5, 1, 2.5, 10), (0.25, 1, 5)]


def add_histograms(rng, first, end, add):
    def walk(name, step, histogram, change=lambda t: None, negative=False, gauge=False, **where):
        gone = 0
        for t in range(first, end, step):
            if gone > 0:
                gone -= 1
                continue
            if rng.random() < (0.3 if gauge else 0.01):
                histogram.reset()
            change(t)
            if histogram.total == 0 and not gauge:
                # From so much on rates do not reach back below zero, which 3.5 knows nothing of.
                histogram.observe(rng, 250, negative)
            histogram.observe(rng, rng.randrange(6), negative)
            if rng.random() < 0.01:
                gone = rng.randrange(1, 20)
                add(name, t, STALE, **where)
            elif rng.random() > 0.04:
                add(name, t, histogram.shot(), **where)

    def resolution(h, t):
        """Another resolution every twenty minutes, of a width of zero that may grow as well."""
        if (t - first) % 1_200_000 < 30_000:
            h.schema = rng.choice([0, 1, 2, 3])
            if rng.random() < 0.5:
                h.threshold = rng.choice([0.001, 0.25])
                h.reset()

    for job in ("api", "web"):
        for inst in range(2):
            where = {"job": job, "instance": f"i{inst}"}
            walk("native", 30_000, Histogram(), **where)
            h = Histogram()
            walk("native_moving", 30_000, h, lambda t, h=h: resolution(h, t), inst == 1, **where)
            walk("native_floats", 30_000, Histogram(1, floats=True), negative=inst == 1, **where)
            walk("native_gauge", 30_000, Histogram(hint=3), gauge=True, **where)
            walk("native_custom", 30_000, Histogram(custom=BOUNDS[0]), **where)
        h = Histogram(custom=BOUNDS[0])
        def other_bounds(t, h=h):
            if (t - first) % 1_500_000 < 30_000:
                h.custom = rng.choice(BOUNDS)
                h.reset()
        walk("native_custom_moving", 30_000, h, other_bounds, job=job, instance="i0")
    for inst in range(3):  # custom buckets, but not the same for all
        walk("native_bounds", 60_000, Histogram(custom=BOUNDS[inst]), job="api", instance=f"i{inst}")
    # Numbers, histograms, both kinds of those, in one series after the other.
    kinds = [Histogram(), Histogram(1, floats=True), Histogram(custom=BOUNDS[0])]
    for kind in kinds:
        kind.observe(rng, 250)
    for inst in range(2):
        v = 0
        for t in range(first, end, 30_000):
            v += rng.randrange(5)
            kind = (t - first) // 600_000 % (4 if inst else 2)
            if rng.random() < 0.05:
                kind = rng.randrange(3)
            if kind == 0:
                add("native_mixed", t, v, job="db", instance=f"i{inst}")
            else:
                kinds[kind - 1].observe(rng, 3)
                add("native_mixed", t, kinds[kind - 1].shot(), job="db", instance=f"i{inst}")
