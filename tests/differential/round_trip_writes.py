"""The random samples of round_trip.py: sent by remote write, and told to the model when acknowledged."""
import random

from prompb import *
from round_trip_model import STALE as STALE_POINT
from round_trip_model import histogram, number

S = 1000
KINDS = ("int_histogram", "float_histogram", "custom_histogram", "custom_float_histogram", "gauge_histogram",
         "mixed", "schema_histogram", "negative_histogram")


def text(value):
    return "NaN" if value != value else repr(value)


class Buckets:
    """A histogram that counts up and now and then resets, loses buckets or gets more."""

    def __init__(self, rng, kind):
        self.rng, self.kind, self.schema, self.counts, self.total = rng, kind, 0, {}, 0.0
        self.bounds = [0.5, 1, 2, 7]

    def step(self):
        r = self.rng.random()
        if r < 0.05:
            self.counts, self.total = {}, 0.0
        elif r < 0.08 and self.counts:
            self.counts.pop(self.rng.choice(list(self.counts)))
        elif r < 0.12 and self.kind == "schema_histogram":
            self.schema, self.counts = self.rng.choice([-1, 0]), {}
        elif r < 0.14 and self.kind.startswith("custom"):
            self.bounds, self.counts = self.rng.choice([[0.5, 1, 2, 7], [1, 2, 3], [0.25, 4, 8, 9, 10]]), {}
        top = len(self.bounds) + 1 if self.kind.startswith("custom") else 9
        for _ in range(self.rng.randrange(4)):
            index = self.rng.randrange(top) - (0 if self.kind.startswith("custom") else 3)
            self.counts[index] = self.counts.get(index, 0) + self.rng.randrange(0, 9)
        if self.kind == "gauge_histogram" and self.rng.random() < 0.5:
            self.counts = {i: self.rng.randrange(20) for i in self.counts}
        self.total += self.rng.random() * 10

    def spans(self):
        spans, end = [], None
        for index in sorted(self.counts):
            if end is not None and index == end:
                spans[-1][1] += 1
            else:
                spans.append([index if end is None else index - end, 1])
            end = index + 1
        return [tuple(s) for s in spans], [self.counts[i] for i in sorted(self.counts)]

    def bound(self, index):
        if self.kind.startswith("custom"):
            return "-Inf" if index < 0 else "+Inf" if index >= len(self.bounds) else self.bounds[index]
        return 2.0 ** (index * (2 if self.schema == -1 else 1))

    def message(self, t):
        """(wire, point) of the histogram as it is now."""
        if self.rng.random() < 0.02:
            make = float_histogram if "float" in self.kind else int_histogram
            return make(t, 0, STALE_BYTES), STALE_POINT
        custom = self.kind.startswith("custom")
        spans, counts = self.spans()
        zero = 0 if custom else self.rng.choice([0, 2, 2])
        count = sum(counts) + zero
        buckets = [(self.bound(i - 1), self.bound(i), float(n)) for i, n in self.counts.items() if n]
        if self.kind == "negative_histogram":
            buckets = [(-high, -low, n) for low, high, n in buckets]
        if zero:
            buckets.append((-0.001, 0.001, float(zero)))
        hint = 3 if self.kind == "gauge_histogram" else 0
        common = dict(schema=-53 if custom else self.schema, threshold=0 if custom else 0.001,
                      custom=self.bounds if custom else (), hint=hint)
        negative = self.kind == "negative_histogram"
        if "float" in self.kind:
            wire = float_histogram(t, float(count), self.total, zero=float(zero), positive=spans,
                                   buckets=[float(n) for n in counts], **common)
        else:
            deltas = [n - before for n, before in zip(counts, [0] + counts)]
            sides = dict(negative=spans, negative_deltas=deltas) if negative else dict(positive=spans, deltas=deltas)
            wire = int_histogram(t, count, self.total, zero=zero, **sides, **common)
        return wire, histogram(count, repr(self.total), buckets)


class Request:
    """Samples of many series, and what the model is told if they are taken."""

    def __init__(self):
        self.parts, self.points, self.exemplars = {}, [], []

    def add(self, key, t, wire, point):
        self.parts.setdefault(key, []).append(wire)
        self.points.append((key, t, point))

    def exemplar(self, key, t, value, trace):
        pairs = (("trace_id", trace),)
        self.parts.setdefault(key, []).append(exemplar(pairs, value, t))
        self.exemplars.append((key, (t, number(repr(value)), pairs)))

    def send(self, server, model, late, origin):
        body = b"".join(series(key, *parts) for key, parts in self.parts.items())
        status, _, answer = server.write(body)
        if status == 204:
            for key, t, point in self.points:
                model.put(key, t, point, late, origin)
            for key, e in self.exemplars:
                model.exemplars.setdefault(key, []).append(e)
        return status, answer


class Writes:
    def __init__(self, model, rng, now):
        self.model, self.rng, self.now = model, rng, now
        self.floats = [(("__name__", f"float_{i % 4}"), ("i", str(i)), ("job", "steady")) for i in range(14)]
        self.histograms = {(("__name__", kind), ("i", "h")): Buckets(rng, kind) for kind in KINDS}
        self.churn, self.run = {}, 0
        self.last = {}  # labels -> (t, wire value, point) of the newest float

    def value(self):
        r = self.rng.random()
        if r < 0.02:
            return STALE_BYTES, STALE_POINT
        value = self.rng.choice([float(self.rng.randrange(1000)), self.rng.random(), float("nan"), float("inf"),
                                 -0.0, 1e-300, 1.0, 1.0, 1.0])
        return value, text(value)

    def float(self, request, key, t):
        value, point = self.value()
        request.add(key, t, sample(value, t), point)
        self.last[key] = (t, value, point)

    def churning(self):
        for key in [k for k in self.churn if self.rng.random() < 0.1]:
            del self.churn[key]
        while len(self.churn) < 5:
            # Mostly new ones, sometimes one that was there long ago.
            run = self.rng.randrange(max(1, self.run)) if self.rng.random() < 0.2 else self.run
            self.run += 1
            self.churn[(("__name__", "churning"), ("job", "churn"), ("run", str(run)))] = True
        return list(self.churn)

    def minutes(self, server, minutes, origin):
        """Writes forward in time; yields the answers that are not 204."""
        step = self.rng.choice([15, 15, 30, 60]) * S
        for _ in range(minutes):
            request = Request()
            for key in self.floats + self.churning():
                for k in range(60 * S // step):
                    if self.rng.random() < 0.9:
                        self.float(request, key, self.now + k * step + (int(key[1][1]) if key[1][0] == "i" else 0))
                if self.rng.random() < 0.05 and key in self.last:
                    request.exemplar(key, self.now + 60 * S - 1, self.rng.random(), f"{self.rng.getrandbits(64):x}")
            for key, state in self.histograms.items():
                state.step()
                if key[0][1] == "mixed" and self.rng.random() < 0.4:
                    value, point = self.value()
                    request.add(key, self.now, sample(value, self.now), point)
                else:
                    request.add(key, self.now, *state.message(self.now))
            self.now += 60 * S
            status, answer = request.send(server, self.model, False, origin)
            if status != 204:
                yield status, answer

    def late(self, server, window, origin):
        """Samples within the window, of known and of new series; returns how often each status came."""
        answers = {}
        newest = max((t for t, _, _ in self.last.values()), default=self.now)
        for _ in range(self.rng.randrange(1, 12)):
            request = Request()
            for _ in range(self.rng.randrange(1, 5)):
                histogram_key = self.rng.random() < 0.25
                key = (self.rng.choice(list(self.histograms)) if histogram_key else
                       self.rng.choice(self.floats + [(("__name__", "late"), ("i", str(self.rng.randrange(5))))]))
                span = max(1, min(window - 5 * S, self.rng.choice([60 * S, 20 * 60 * S, window])))
                base = newest - self.rng.randrange(1, span + 1)
                times = sorted({base + 7 * S * k + self.rng.randrange(5 * S)
                                for k in range(self.rng.choice([1, 3, 20, 50]))})
                for t in [t for t in times if t < newest]:
                    if histogram_key and (key[0][1] != "mixed" or self.rng.random() < 0.5):
                        state = self.histograms[key]
                        other = Buckets(self.rng, state.kind)
                        other.bounds, other.schema, other.counts = state.bounds, state.schema, dict(state.counts)
                        other.step()
                        request.add(key, t, *other.message(t))
                    else:
                        value, point = self.value()
                        request.add(key, t, sample(value, t), point)
            if not request.points:
                continue
            status, _ = request.send(server, self.model, True, origin)
            answers[status] = answers.get(status, 0) + 1
        return answers

    def again(self, server, origin):
        """The newest sample of a series once more, and with another value: (status, what it may be)."""
        newest = self.model.newest
        keys = [k for k in self.floats if k in self.last and self.last[k][0] > newest - 60 * S
                and self.last[k][0] in self.model.series.get(k, {})]
        for key in keys[:2]:
            t, value, _ = self.last[key]
            yield server.write(series(key, sample(value, t)))[0], (204,)
            status = server.write(series(key, sample(123456.5, t)))[0]
            if status == 204:
                self.model.put(key, t, "123456.5", False, origin)
            yield status, (400,)
