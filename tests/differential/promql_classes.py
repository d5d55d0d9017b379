"""What a Prometheus 3.5 answers otherwise, by class. A part is judged on which both servers differ
while they agree on everything inside of it (promql_blame.py), by what it does and by its values."""
import collections, math, re

from promql_blame import is_matrix
from promql_values import (buckets, cells, is_histogram, near, notes, number, placeless,
                           rounded_histograms, values_differ)

FOLDS = ("sum", "avg", "sum_over_time", "avg_over_time", "rate", "increase", "delta", "irate", "idelta")
RATES = ("rate", "increase")
CHANGES = RATES + ("delta", "irate", "idelta")
COUNTS = ("histogram_count", "histogram_sum", "histogram_avg")
PICKS = ("topk", "bottomk", "limitk", "limit_ratio")


def explained_error(ours, theirs):
    if ours == re.sub(r'"<Item \d+>" <op:@>', '"@"', theirs):
        return True
    # 3.5 takes the end of a grouping for that of the call behind it.
    position = re.compile(r'^(invalid parameter "query": )?\d+:\d+: ')
    if position.sub("", ours) == position.sub("", theirs) and "ON and GROUP" in ours:
        return True
    # Parameters of aggregations are looked at as a whole since.
    if ours in ("Parameter value is NaN", "Ratio value is NaN") and theirs in ("Scalar value NaN overflows int64", "Ratio value NaN is NaN"):
        return True
    if re.match("(conflicting label|found duplicate series for info metric)", ours) and theirs.startswith("found duplicate series for info metric"):
        return True
    # Of the errors of matching, upstream names that of the first step and, of several pairs of
    # duplicates, one at random.
    pattern = "^(found duplicate series for the match group .*|multiple matches for labels: .*|vector cannot contain metrics with the same labelset)"
    return re.match(pattern, ours) and re.match(pattern, theirs)


def compare(ours, theirs):
    """("exact" | "known" | "status" | "error" | "type" | "values" | "order" | "notes", what)"""
    if ours == theirs:
        return "exact", None
    if ours["status"] != theirs["status"]:
        return "status", f"here {ours.get('error', 'an answer')!r}, there {theirs.get('error', 'an answer')!r}"
    if ours["status"] == "error":
        if explained_error(ours["error"], theirs["error"]):
            return "known", None
        return "error", f"error {ours['error']!r} there {theirs['error']!r}"
    a, b = ours["data"], theirs["data"]
    if a["resultType"] != b["resultType"]:
        return "type", "the type"
    difference = values_differ(a, b, lambda x, y: x == y)
    if difference:
        return "values", difference
    for kind in ("warnings", "infos"):
        left, right = notes(ours.get(kind, [])), notes(theirs.get(kind, []))
        if placeless(left) != placeless(right):
            return "notes", f"{kind} only here {sorted(left - right)} only there {sorted(right - left)}"
    if a != b:
        return "order", "the order of the vector"
    return "known", None  # of the notes, or said once in either, of another place


def same(query, ours, theirs):
    return compare(ours, theirs)[0] in ("exact", "known", "order")


def judge(part):
    """The class of a part, or None."""
    kind, _ = compare(part.ours, part.theirs)
    for name, rule in RULES:
        if rule(part, kind):
            return name
    return None


def pairs(part):
    """[(our value, theirs)] of the cells that differ, None for what is not there; None when the
    answers cannot be compared."""
    if "error" in (part.ours["status"], part.theirs["status"]):
        return None
    if part.ours["data"]["resultType"] != part.theirs["data"]["resultType"]:
        return None
    left, right = cells(part.ours), cells(part.theirs)
    return [(left.get(k), right.get(k)) for k in left.keys() | right.keys() if left.get(k) != right.get(k)]


def inner_histograms(part):
    for _, answer in part.inner:
        if answer["status"] != "error":
            yield from (v for v in cells(answer).values() if is_histogram(v))


def is_negative(histogram):
    return number(histogram["count"]) < 0 or any(number(n) < 0 for n in buckets(histogram).values())


def is_odd(histogram):
    return any(not math.isfinite(number(n)) for n in [histogram["count"], histogram["sum"], *buckets(histogram).values()])


def bounds(part, kind):
    """3.5 drops histograms of different custom buckets, now they are reconciled: nothing is there
    where we have a histogram, and the notes say why."""
    if not ("incompatible custom buckets" in str(part.theirs.get("warnings")) or
            "mismatched custom buckets were reconciled" in str(part.ours.get("infos"))):
        return False
    found = pairs(part)
    if found is None or not all(is_histogram(a) if b is None else a and rounded_histograms(a, b) for a, b in found):
        return False
    return any(b is None for _, b in found) or kind == "notes"


def compensated(part, kind):
    """Sums, differences and means of histograms, which 3.5 does not compensate."""
    found = pairs(part)
    return (kind == "values" and (part.head in FOLDS or part.operator in ("+", "-")) and
            all(a and b and rounded_histograms(a, b) for a, b in found))


def zero(part, kind):
    """Rates of histograms reach back no further than where the count would be zero, which 3.5 does
    not look at: the same histogram, times something below one."""
    found = pairs(part)
    return kind == "values" and part.head in RATES and all(a and b and shrunk(a, b) for a, b in found)


def shrunk(a, b):
    if not is_histogram(a) or not is_histogram(b) or number(b["count"]) == 0:
        return False
    factor = number(a["count"]) / number(b["count"])
    scaled = {"count": str(number(b["count"]) * factor), "sum": str(number(b["sum"]) * factor),
              "buckets": [k[:3] + [str(number(k[3]) * factor)] for k in b.get("buckets", [])]}
    return 0 < factor < 1 and rounded_histograms(a, scaled)


def stats(part, kind):
    """Below histogram_count, _sum and _avg 3.5 reads no buckets: what does not go together because
    of them is told otherwise there, or not at all. Ours is what our answer to the argument says."""
    if part.head not in COUNTS or not part.inner or part.ours["status"] == "error":
        return False
    argument = part.inner[-1][1]
    if argument["status"] == "error":
        return False
    def of(h):
        if part.head == "histogram_count":
            return number(h["count"])
        return number(h["sum"]) / (number(h["count"]) or math.nan if part.head == "histogram_avg" else 1)
    expected = {nameless(k): of(v) for k, v in cells(argument).items() if is_histogram(v)}
    got = cells(part.ours)
    return expected.keys() == {nameless(k) for k in got} and all(
        near(v, str(expected[nameless(k)]).replace("inf", "Inf").replace("nan", "NaN"), 1e-12) for k, v in got.items())


def nameless(cell):
    return tuple(l for l in cell[0] if l[0] != "__name__"), cell[1]


def negative(part, kind):
    """What is subtracted and histograms of negative counts are gauges since, and the quantiles of the
    latter differ."""
    below_zero = any(is_negative(h) for h in inner_histograms(part))
    if kind == "notes":
        subtracted = any(" - " in text or text.lstrip("(").startswith("-") for text, _ in part.inner)
        return (below_zero or subtracted) and part.head in CHANGES and only_notes(part, "metric is not a (gauge|counter)")
    return below_zero and kind == "values" and part.head in (
        "histogram_quantile", "rate", "increase", "histogram_fraction")


def only_notes(part, pattern):
    """Whether what is said by one of both only is of this kind."""
    for kind in ("warnings", "infos"):
        left, right = notes(part.ours.get(kind, [])), notes(part.theirs.get(kind, []))
        if not all(re.search(pattern, text) for text in left ^ right):
            return False
    return True


BINARY = "for binary operator|mismatched custom buckets|conflicting counter resets"


def last(part, kind):
    """Of what does not go together at one step of a vector operator 3.5 tells the last pair only."""
    if kind != "notes" or not part.operator or not only_notes(part, BINARY):
        return False
    ours, theirs = [[t for k in ("warnings", "infos") for t in notes(a.get(k, [])) if re.search(BINARY, t)]
                    for a in (part.ours, part.theirs)]
    return len(theirs) > 0 and set(theirs) < set(ours)


def timestamp(part, kind):
    """timestamp(x offset d @ t), whose offset 3.5 forgets."""
    return kind in ("values", "notes") and part.head == "timestamp" and re.search(r"offset [^()]*@", part.expr)


def empty(part, kind):
    """Which empty buckets there are depends on chunks. It is seen when they are multiplied by NaN or
    Inf, and when nothing but the zero bucket has a count, whose quantiles depend on what else there
    is; and 3.5 has NaN for the mean of what is infinite. It counts as a change when only they differ."""
    found = pairs(part)
    if kind != "values" or found is None:
        return False
    if part.head == "changes":
        return len(part.inner) == 1 and changes_seen(part)
    if part.head == "histogram_quantile":
        return any(only_zero(h) for h in inner_histograms(part))
    return all(a and b and is_histogram(a) and is_histogram(b) and (is_odd(a) or is_odd(b)) for a, b in found)


def changes_seen(part):
    """Whether ours are the changes between the samples both show, and those beyond it fit between
    histograms that look equal."""
    samples = collections.defaultdict(list)
    for (labels, at), value in cells(part.inner[0][1]).items():
        samples[tuple(l for l in labels if l[0] != "__name__")].append((at, value))
    left, right = cells(part.ours), cells(part.theirs)
    for cell in left.keys() | right.keys():
        if left.get(cell) == right.get(cell):
            continue
        if cell not in left or cell not in right:
            return False
        values = [v for _, v in sorted(samples[cell[0]], key=lambda s: s[0])]
        steps = list(zip(values, values[1:]))
        alike = sum(a == b and is_histogram(a) for a, b in steps)
        if number(left[cell]) != len(steps) - sum(a == b for a, b in steps):
            return False
        if not 0 < number(right[cell]) - number(left[cell]) <= alike:
            return False
    return True


REFUSED = [
    # Of several info series of a target 3.5 does not take the newest, but none.
    ("newest", "theirs", "found duplicate series for info metric"),
    # Parameters of aggregations are looked at as a whole since, whether there is anything to aggregate or not.
    ("unseen", "ours", "Parameter value is NaN|Ratio value is NaN|overflows int64"),
    # 3.5 divides by a step that is less than a millisecond.
    ("step", "theirs", "integer divide by zero"),
    # An offset in parentheses takes the operator behind it in 3.5.
    ("offset", "theirs", "in offset, expected number or duration"),
    # Which 3.5 has no limit for.
    ("memory", "ours", "more memory than a query may"),
]


def refused(ours, theirs):
    """The class of an answer where one of both is an error."""
    texts = {"ours": ours.get("error", ""), "theirs": theirs.get("error", "")}
    # Histograms that 3.5 drops have a partner too many here.
    if re.search("^(multiple matches for labels|found duplicate series)", texts["ours"]) and re.search("incompatible (custom buckets|bucket layout)", str(theirs.get("warnings"))):
        return "bounds"
    for name, side, pattern in REFUSED:
        if re.search(pattern, texts[side]):
            return name
    return None


def assembly(part, kind):
    """exp() of 709.44 to 709.78 and logarithms of denormal numbers are wrong in Go on amd64, and so are
    powers of these."""
    found = pairs(part)
    if kind == "values" and part.operator == "^":
        return all(a and b and not is_histogram(a) and near(a, b, 1e-3) for a, b in found)
    return (kind == "values" and part.head in ("exp", "sinh", "cosh", "ln", "log10") and
            all(a and b and (number(b) == math.inf and number(a) > 6e307 or -324 * 2.31 < number(a) < number(b) < -307 or
                             (number(b) == -math.inf and number(a) < -6e307)) for a, b in found))


def epoch(part, kind):
    """The last of numbers and the last of histograms are one at 0 in 3.5 where there is none of a kind, so
    that nothing is before the epoch."""
    found = pairs(part)
    return kind == "values" and part.head == "ts_of_last_over_time" and all(a and b and number(a) < 0 == number(b) for a, b in found)


def which(part, kind):
    """Of several errors 3.5 tells that of a part, and ours is of another part or of the whole."""
    return kind == "error" and any(part.theirs["error"] == answer.get("error") for _, answer in part.inner)


def nan_sum(part, kind):
    """Histograms that have seen NaN: told of since, and 3.5 counts their quantiles from the wrong end."""
    return (part.head in ("histogram_quantile", "histogram_fraction") and "has NaN observations" in str(part.ours.get("infos")) and
            part.theirs["status"] != "error")


def only_zero(histogram):
    return all(k[0] == 3 for k in buckets(histogram)) and len(buckets(histogram)) == 1


def reused(part, kind):
    """3.5 uses the memory of histograms again that are still in use, and takes one sample for another
    then. Ours is what the samples say, on which both agree."""
    if kind != "values" or part.head not in ("avg_over_time", "sum_over_time") or len(part.inner) != 1:
        return False
    samples = collections.defaultdict(list)
    for (labels, _), value in cells(part.inner[0][1]).items():
        samples[tuple(l for l in labels if l[0] != "__name__")].append(value)
    left, right = cells(part.ours), cells(part.theirs)
    for cell in left.keys() | right.keys():
        if left.get(cell) == right.get(cell):
            continue
        if not cell in left or not all(is_histogram(v) for v in samples[cell[0]]):
            return False
        if not rounded_histograms(left[cell], folded(samples[cell[0]], part.head == "avg_over_time")):
            return False
    return True


def folded(histograms, mean):
    n = len(histograms) if mean else 1
    def of(counts):
        return str(math.fsum(counts) / n)
    kinds = {kind for h in histograms for kind in buckets(h)}
    return {"count": of(number(h["count"]) for h in histograms), "sum": of(number(h["sum"]) for h in histograms),
            "buckets": [[*kind, of(number(buckets(h).get(kind, "0")) for h in histograms)] for kind in kinds]}


RULES = [("bounds", bounds), ("compensated", compensated), ("zero", zero), ("stats", stats),
         ("negative", negative), ("last", last), ("timestamp", timestamp), ("empty", empty), ("reused", reused),
         ("assembly", assembly), ("nan", nan_sum), ("which", which), ("epoch", epoch)]


def settle(part, query, ask_theirs, times=60):
    """Whether the peer, asked again and again, does not agree with itself, which it does not where
    it walks its maps: our answer then is one of its answers ("random"), or as far off as they are
    ("ulps", "picks" where ties may be picked, "named" where one of several metrics is told of).
    None when it does agree."""
    answers = [part.theirs]
    for _ in range(times):
        again = ask_theirs(query)
        if same(query, part.ours, again):
            return "random"
        answers.append(again)
    if part.ours["status"] == "error" or any(a["status"] == "error" for a in answers):
        return None
    if query[0] == "range" and compare(part.ours, answers[0])[0] == "notes":
        # Over a range the series of the peer come in any order, but for a query in one.
        return "named" if nameless_notes(part.ours) == nameless_notes(answers[0]) else None
    if all(same(query, answers[0], a) for a in answers):
        return None
    if values_differ(part.ours["data"], answers[0]["data"], lambda a, b: near(a, b, 1e-9)) is None:
        return "ulps"
    if as_spread([cells(part.ours), *map(cells, answers)]):
        return "ulps"
    if part.head in PICKS and picked(part.ours) == picked(answers[0]):
        return "picks"
    return None


def as_spread(answers):
    """Whether the first of several answers is no further from the others than these lie apart, which
    is little: variances of what is large lose their last digits to the order of the series."""
    ours, *theirs = answers
    if any(a.keys() != ours.keys() for a in theirs):
        return False
    for cell, value in ours.items():
        others = [a[cell] for a in theirs]
        if all(o == value for o in others):
            continue
        if any(is_histogram(v) for v in (value, *others)):
            return False
        low, high = min(map(number, others)), max(map(number, others))
        if not (high - low <= 1e-6 * abs(high) and 2 * low - high <= number(value) <= 2 * high - low):
            return False
    return True


def itself(query, ours, theirs, ask):
    """Whether the peer's answer over a range is not what it says of each step, and ours is."""
    if query[0] != "range" or compare(ours, theirs)[0] != "values":
        return False
    left, right = cells(ours), cells(theirs)
    times = {time for _, time in left.keys() | right.keys()}
    def at(answer, time):
        return {labels: value for (labels, t), value in answer.items() if t == time}
    for time in times:
        if at(left, time) == at(right, time):
            continue
        a, b = ask(("instant", round(time * 1000), query[-1]))
        if "error" in (a["status"], b["status"]) or not same(query, a, b):
            return False
        if {labels: value for (labels, _), value in cells(a).items()} != at(left, time):
            return False
    return True


def steps_say(part, ask):
    """Whether the peer's answer to a subquery is not what it says of each of its steps, and ours is."""
    match = re.fullmatch(r"\((.*)\)\[[^\]]*\]( offset -?\w+)?( @ [\d.]+)?", part.expr)
    if not match or "error" in (part.ours["status"], part.theirs["status"]):
        return False
    left, right = cells(part.ours), cells(part.theirs)
    for time in {time for _, time in left.keys() | right.keys()}:
        mine = {labels: value for (labels, t), value in left.items() if t == time}
        if mine == {labels: value for (labels, t), value in right.items() if t == time}:
            continue
        query = ("instant", round(time * 1000), match[1])
        a, b = ask(query)
        if "error" in (a["status"], b["status"]) or not same(query, a, b):
            return False
        if {labels: value for (labels, _), value in cells(a).items()} != mine:
            return False
    return True


def shorter(part, ask):
    """Whether the peer counts more resets or changes in a part of the range than in all of it, and ours
    does not: 3.5 keeps results of a subquery in memory that the counting uses again."""
    match = re.fullmatch(r"(.*\[)(\d+)([sm]):(\d+)([sm])(\].*)", part.expr)
    if part.head not in ("resets", "changes") or not match or compare(part.ours, part.theirs)[0] != "values":
        return False
    seconds = {"s": 1, "m": 60}
    step = int(match[4]) * seconds[match[5]]
    left, right = cells(part.ours), cells(part.theirs)
    most = collections.Counter()
    for length in range(step, int(match[2]) * seconds[match[3]], step):
        answer = ask(("instant", part.time, f"{match[1]}{length}s:{step}s{match[6]}"))[1]
        if answer["status"] == "error":
            return False
        for cell, value in cells(answer).items():
            most[cell] = max(most[cell], number(value))
    return left.keys() == right.keys() and all(number(right[c]) < most[c] <= number(left[c]) for c in left if left[c] != right[c])


def stepless(part, parts, ask):
    """A subquery without a step is not evaluated here; 3.5 tells what is wrong in it all the same."""
    spans = re.findall(r"\[(\w+):(\w*)\]", part.expr)
    theirs = {part.theirs["error"]} if part.theirs["status"] == "error" else placeless(notes(part.theirs.get("warnings", []) + part.theirs.get("infos", [])))
    ours = set() if part.ours["status"] == "error" else placeless(notes(part.ours.get("warnings", []) + part.ours.get("infos", [])))
    if part.ours["status"] == "error" or not spans or not theirs - ours:
        return False
    said = set()
    for text in parts:
        if not is_matrix(text):
            answer = ask(("instant", part.time, text))[0]
            said |= {answer.get("error")} | set(placeless(notes(answer.get("warnings", []) + answer.get("infos", []))))
    return theirs - ours <= said


def nameless_notes(answer):
    texts = answer.get("warnings", []) + answer.get("infos", [])
    return {re.sub(r' for metric name "[^"]*"', "", text) for text in notes(texts)}


def picked(answer):
    """How many cells there are at every time, and for topk and bottomk, how they rank."""
    return collections.Counter(time for _, time in cells(answer))
