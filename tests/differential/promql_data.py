"""What the differential tests of PromQL ask about: an hour and a half of generated samples, sent by
remote write. Counters with resets, gauges, gaps, staleness markers, classic histograms, values that
are odd, samples out of order."""
import promql_histograms
from prompb import HEADERS, STALE_BYTES, sample, series, snappy

START, END = 1_700_000_000_000, 1_700_003_600_000  # what is asked about; samples begin earlier

# Samples lie 37 ms behind a second and no query asks for such a time: whether the left end of a
# range belongs to it, which changed in 3.0, makes no difference then.
FIRST = START - 1_800_000 + 37


def make_samples(rng, histograms=True):
    """{((name, value), ...): [(ms, value)]}; a value of "stale" ends a series for a while, a Histogram
    is a native one."""
    out = {}
    def times(step, skip=0.0):
        for t in range(FIRST, END, step):
            if rng.random() >= skip:
                yield t
    def add(name, t, value, **more):
        key = tuple(sorted({"__name__": name, **more}.items()))
        out.setdefault(key, []).append((t, value))
    for job in ("api", "web", "db"):
        for inst in range(3):
            where = {"job": job, "instance": f"i{inst}"}
            v = rng.randrange(1000)
            for t in times(15_000, 0.03):
                v = 0 if rng.random() < 0.01 else v + rng.randrange(50)
                add("requests_total", t, v, code="200", **where)
            v, gone = 0.0, 0
            for t in times(30_000, 0.1):
                if gone > 0:
                    gone -= 1
                    continue
                v = 0.0 if rng.random() < 0.02 else v + rng.random() * 10
                if rng.random() < 0.02:
                    gone = rng.randrange(1, 30)
                    add("requests_total", t, "stale", code="500", **where)
                else:
                    add("requests_total", t, v, code="500", **where)
            v = 100.0
            for t in times(20_000, 0.05):
                v += rng.gauss(0, 5)
                add("temperature", t, round(v, 3), **where)
            cumulative = [0] * 5
            for t in times(60_000):
                for b in range(5):
                    for c in range(b, 5):
                        cumulative[c] += rng.randrange(4)
                for b, le in enumerate(("0.1", "0.5", "1", "5", "+Inf")):
                    add("latency_bucket", t, cumulative[b], le=le, **where)
        for t in times(60_000):
            add("limits", t, {"api": 100, "web": 50, "db": -3}[job], job=job)
    for t in times(60_000):
        add("flapping", t, 1 if (t // 600_000) % 2 else 2, kind="a" if (t // 600_000) % 2 else "b")
        add("odd", t, float("nan"), v="nan")
        add("odd", t, float("inf"), v="inf")
        add("odd", t, 1e300, v="big")
        add("odd", t, -1e-300, v="tiny")
        add("odd", t, 7, v="int")
        add("odd", t, rng.choice([float("nan"), float("-inf"), float("inf"), 0.0, -0.0, 1.5]), v="mix")
        add("target_info", t, 1, job="api", instance="i0", version="1.2")
    if histograms:
        promql_histograms.add_histograms(rng, FIRST, END, add)
    return out


def requests(rng, samples):
    """Bodies of remote write: everything in order, but for a few samples that come last."""
    late, body = [], b""
    # Series come in the order of their labels, so that it does not matter whether a server lists them
    # in that or as they were created: sums depend on it in their last bits.
    for key, points in sorted(samples.items()):
        parts, native = [], False
        for at, (t, v) in enumerate(points):
            if isinstance(v, promql_histograms.Histogram) != native:
                # Of one message, servers take the numbers before the histograms.
                body += series(key, *parts) if parts else b""
                parts, native = [], not native
            if native:
                parts.append(v.encode(t))
                continue
            encoded = sample(STALE_BYTES if v == "stale" else v, t)
            if v != "stale" and at % 40 == 17 and not key[0][1].startswith("native"):
                late.append(series(key, encoded))
            else:
                parts.append(encoded)
        body += series(key, *parts)
        if len(body) > 1 << 20:
            yield snappy(body)
            body = b""
    yield snappy(body)
    rng.shuffle(late)
    yield snappy(b"".join(late))


CONFIG = "storage: {tsdb: {out_of_order_time_window: 3h}}\n"


def load(connection, bodies):
    for body in bodies:
        status, text = connection.post_raw("/api/v1/write", body, HEADERS)
        if status not in (200, 204):
            raise SystemExit(f"the server refuses the samples: {status} {text[:500]}")
