#!/usr/bin/env python3
"""Sends the same remote write requests to this server and to an upstream one and compares statuses,
bodies and what can be queried afterwards.

    remote_write.py BIN_DIR --peer /path/to/prometheus [--show]

Exits 1 on a difference. The peer is meant to be 3.5; older ones differ in some texts. The cases
leave out what differs on purpose (docs/compat.md). --show prints the peer's answers.
"""
import argparse, os, sys, tempfile, time

from prompb import *

NOW = 1_700_000_000_000
S = 1000


def m(name, *more):
    return [("__name__", name), *more]


def cases():
    """(name, method, body, headers, compress)"""
    def case(name, body, method="POST", compress=True, **headers):
        send = dict(HEADERS)
        for key, value in headers.items():
            key = key.replace("_", "-")
            if value is None:
                send.pop(key, None)
            else:
                send[key] = value
        return name, method, body, send, compress

    good = series(m("good", ("a", "1")), sample(1, NOW), sample(2.5, NOW + 15 * S))
    yield case("good", good)
    yield case("the same again", good)
    yield case("empty", b"")
    yield case("no body", b"", compress=False)
    yield case("not snappy", b"hello, this is not snappy", compress=False)
    yield case("snappy cut short", snappy(good)[:-3], compress=False)
    yield case("snappy claims too much", b"\xff\xff\xff\xff\xff\xff\xff\xff\x7fabc", compress=False)
    yield case("snappy claims 4 GiB", b"\xff\xff\xff\xff\x0fabc", compress=False)
    yield case("snappy frame", b"\xff\x06\x00\x00sNaPpY", compress=False)
    # protobuf damage
    yield case("cut message", good[:-3])
    yield case("cut varint", b"\x80")
    yield case("long varint", b"\x80" * 10 + b"\x01")
    yield case("wrong wire type", integer(1, 5))
    yield case("wrong wire type of a label", message(1, integer(1, 5)))
    yield case("wrong wire type of a label name", message(1, message(1, integer(1, 5))))
    yield case("wrong wire type of a label value", message(1, message(1, integer(2, 5))))
    yield case("wrong wire type of a sample", message(1, integer(2, 5)))
    yield case("wrong wire type of a value", message(1, message(2, integer(1, 5))))
    yield case("wrong wire type of a timestamp", message(1, message(2, double(2, 5))))
    yield case("wrong wire type of exemplars", message(1, integer(3, 5)))
    yield case("wrong wire type of exemplar labels", message(1, message(3, integer(1, 5))))
    yield case("wrong wire type of exemplar value", message(1, message(3, integer(2, 5))))
    yield case("wrong wire type of exemplar time", message(1, message(3, double(3, 5))))
    for number in range(1, 17):
        yield case(f"wrong wire type of histogram field {number}",
                   message(1, message(4, field(number, 5, b"1234"))))
    yield case("wrong wire type of span offset", message(1, message(4, message(8, double(1, 5)))))
    yield case("wrong wire type of span length", message(1, message(4, message(11, double(2, 5)))))
    yield case("cut packed deltas", message(1, message(4, message(9, b"\x80"))))
    yield case("cut packed counts", message(1, message(4, message(10, b"1234567"))))
    for number in (1, 2, 4, 5):
        yield case(f"wrong wire type of metadata field {number}", message(3, field(number, 5, b"1234")))
    yield case("wrong wire type of metadata", integer(3, 5))
    yield case("illegal field number", b"\x02\x00")
    yield case("illegal wire type", b"\x7f\x00")
    yield case("group end", b"\x0c")
    yield case("group end inside", message(1, b"\x0c"))
    yield case("unknown group", b"\x53\x08\x01\x54")
    yield case("unknown group, open", b"\x53\x08\x01")
    yield case("group of known field", b"\x0b\x0c")
    yield case("negative length", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
    yield case("length beyond the end", b"\x0a\x7fabc")
    yield case("unknown fields", field(90, 0, varint(7)) + field(91, 1, b"12345678") +
               field(92, 5, b"1234") + message(93, b"xyz") + series(m("unknown"), sample(3, NOW)))
    yield case("good, then damage", series(m("rolled_back"), sample(1, NOW)) + b"\x0a\x7f")
    yield case("scalars repeated, last wins",
               series(m("repeat"), message(2, double(1, 1.0) + double(1, 2.0) + integer(2, 5) + integer(2, NOW))))
    # headers
    yield case("no content type", series(m("h1"), sample(1, NOW)), Content_Type=None)
    yield case("no encoding", series(m("h2"), sample(1, NOW)), Content_Encoding=None)
    yield case("gzip", good, Content_Encoding="gzip")
    yield case("encoding in capitals", good, Content_Encoding="Snappy")
    yield case("json", good, Content_Type="application/json")
    yield case("type in capitals", good, Content_Type="Application/X-Protobuf")
    yield case("proto named", series(m("h3"), sample(1, NOW)),
               Content_Type="application/x-protobuf;proto=prometheus.WriteRequest")
    yield case("proto with a space", series(m("h4"), sample(1, NOW)),
               Content_Type="application/x-protobuf; proto=prometheus.WriteRequest")
    yield case("spaces around", series(m("h5"), sample(1, NOW)), Content_Type="  application/x-protobuf  ")
    yield case("unknown proto", good, Content_Type="application/x-protobuf;proto=foo.Bar")
    yield case("empty proto", good, Content_Type="application/x-protobuf;proto=")
    yield case("strange parameter", good, Content_Type="application/x-protobuf;x")
    yield case("strange parameter first", good, Content_Type="application/x-protobuf;x=1=2;proto=prometheus.WriteRequest")
    yield case("charset", series(m("h6"), sample(1, NOW)), Content_Type="application/x-protobuf;charset=utf-8")
    yield case("media type with a space", good, Content_Type="application/x-protobuf ;charset=utf-8")
    yield case("version 2 header", series(m("h7"), sample(1, NOW)), X_Prometheus_Remote_Write_Version="2.0.0")
    yield case("GET", b"", method="GET", compress=False)
    yield case("PUT", good, method="PUT")
    yield case("DELETE", b"", method="DELETE", compress=False)
    yield case("OPTIONS", b"", method="OPTIONS", compress=False)
    # labels
    yield case("no name", series([("a", "1")], sample(1, NOW)))
    yield case("no labels", series([], sample(1, NOW)))
    yield case("empty name", series([("__name__", ""), ("a", "1")], sample(1, NOW)))
    yield case("duplicate labels", series(m("dup", ("a", "1"), ("a", "2")), sample(1, NOW)))
    yield case("duplicate equal labels", series(m("dup", ("a", "1"), ("a", "1")), sample(1, NOW)))
    yield case("duplicate name", series([("__name__", "x"), ("__name__", "y")], sample(1, NOW)))
    yield case("empty value", series(m("empty_value", ("a", ""), ("b", "1")), sample(1, NOW)))
    yield case("empty value twice", series(m("empty_value2", ("a", ""), ("a", "")), sample(1, NOW)))
    yield case("empty and full value", series(m("empty_value3", ("a", ""), ("a", "2")), sample(1, NOW)))
    yield case("empty label name", series(m("empty_label", ("", "1")), sample(1, NOW)))
    yield case("unsorted labels", series([("z", "1"), ("__name__", "unsorted"), ("a", "2")], sample(1, NOW)))
    yield case("utf8 names", series(m("my.métrique", ("my.label", "ä")), sample(1, NOW)))
    yield case("bad utf8 name", series(m(b"bad\xff"), sample(1, NOW)))
    yield case("bad utf8 value", series(m("badvalue", ("a", b"\xff")), sample(1, NOW)))
    yield case("bad utf8 label", series(m("badlabel", (b"\xff", "1")), sample(1, NOW)))
    yield case("one bad, one good", series([("a", "1")], sample(1, NOW)) +
               series(m("beside_bad"), sample(1, NOW)))
    yield case("series without samples", series(m("nothing")))
    yield case("one series in two parts", series(m("parts"), sample(1, NOW)) +
               series(m("parts"), sample(2, NOW + S)))
    yield case("labels behind samples", message(1, sample(1, NOW) + labels(m("behind"))))
    # order
    yield case("out of order", series(m("good", ("a", "1")), sample(9, NOW - S)))
    yield case("duplicate, other value", series(m("good", ("a", "1")), sample(9, NOW + 15 * S)))
    yield case("duplicate, huge value", series(m("good", ("a", "1")), sample(1e100, NOW + 15 * S)))
    yield case("duplicate, fraction", series(m("good", ("a", "1")), sample(0.1, NOW + 15 * S)))
    yield case("duplicate, NaN", series(m("good", ("a", "1")), sample(float("nan"), NOW + 15 * S)))
    yield case("duplicate, infinity", series(m("good", ("a", "1")), sample(float("-inf"), NOW + 15 * S)))
    yield case("duplicate, stale", series(m("good", ("a", "1")), sample(STALE_BYTES, NOW + 15 * S)))
    yield case("out of bounds", series(m("good", ("a", "1")), sample(9, NOW - 7200 * S)))
    yield case("out of bounds, new series", series(m("old"), sample(9, NOW - 7200 * S)))
    yield case("before the epoch", series(m("old"), sample(9, -5)))
    yield case("far ahead", series(m("future"), sample(1, (int(time.time()) + 3600) * S)))
    yield case("good beside out of order", series(m("beside"), sample(1, NOW)) +
               series(m("good", ("a", "1")), sample(9, NOW)))
    yield case("out of order within", series(m("within1"), sample(1, NOW + 5 * S), sample(2, NOW)))
    yield case("duplicate within", series(m("within2"), sample(1, NOW), sample(2, NOW)))
    yield case("equal within", series(m("within3"), sample(1, NOW), sample(1, NOW)))
    yield case("out of order in two parts", series(m("within4"), sample(1, NOW + S)) +
               series(m("within4"), sample(2, NOW)))
    yield case("stale", series(m("good", ("a", "1")), sample(STALE_BYTES, NOW + 30 * S)))
    yield case("after stale", series(m("good", ("a", "1")), sample(4, NOW + 45 * S)))
    yield case("NaN and infinities", series(m("odd"), sample(float("nan"), NOW), sample(float("inf"), NOW + S),
                                           sample(-0.0, NOW + 2 * S), sample(5e-324, NOW + 3 * S)))
    # exemplars and metadata
    yield case("exemplar", series(m("ex_total"), sample(1, NOW), exemplar([("trace_id", "abc")], 1, NOW)))
    yield case("exemplar again", series(m("ex_total"), sample(2, NOW + S), exemplar([("trace_id", "abc")], 1, NOW)))
    yield case("exemplar out of order", series(m("ex_total"), sample(3, NOW + 2 * S), exemplar([("trace_id", "x")], 1, NOW - S)))
    yield case("exemplar without series", series(m("ex_none"), exemplar([("trace_id", "abc")], 1, NOW)))
    yield case("exemplar too long", series(m("ex_long"), sample(1, NOW), exemplar([("trace_id", "x" * 200)], 1, NOW)))
    yield case("metadata", metadata(1, "ex_total", "Help.") + series(m("with_meta"), sample(1, NOW)))
    yield case("metadata alone", metadata(1, "ex_total", "Help."))
    # native histograms
    spans = dict(positive=[(0, 2), (1, 2)], deltas=[1, 1, -1, 0])
    yield case("int histogram", series(m("hist"), int_histogram(NOW, 7, 18.4, zero=2, **spans)))
    yield case("int histogram again", series(m("hist"), int_histogram(NOW, 7, 18.4, zero=2, **spans)))
    yield case("int histogram, another at the time", series(m("hist"), int_histogram(NOW, 8, 18.4, zero=3, **spans)))
    yield case("int histogram goes on", series(m("hist"), int_histogram(NOW + 15 * S, 9, 20, zero=4, **spans)))
    yield case("int histogram out of order", series(m("hist"), int_histogram(NOW - 15 * S, 9, 20, zero=4, **spans)))
    yield case("float at the time of a histogram", series(m("hist"), sample(1, NOW + 15 * S)))
    yield case("float after histogram", series(m("hist"), sample(1, NOW + 30 * S)))
    yield case("histogram at the time of a float", series(m("hist"), int_histogram(NOW + 30 * S, 9, 20, zero=4, **spans)))
    yield case("histogram after float", series(m("hist"), int_histogram(NOW + 45 * S, 9, 20, zero=4, **spans)))
    yield case("stale histogram", series(m("hist"), sample(STALE_BYTES, NOW + 60 * S)))
    yield case("histogram, stale sum", series(m("hist"), message(4, double(3, STALE_BYTES) + integer(15, NOW + 75 * S))))
    yield case("float histogram", series(m("fhist"), float_histogram(NOW, 7, 18.4, zero=2, positive=[(0, 2)], buckets=[2, 3])))
    yield case("gauge histogram", series(m("ghist"), int_histogram(NOW, 7, 18.4, zero=2, hint=3, **spans)))
    yield case("custom buckets", series(m("nhcb"), int_histogram(NOW, 5, 18.4, schema=-53, threshold=0, custom=[1, 2, 5], positive=[(0, 4)], deltas=[1, 0, 0, 1])))
    yield case("custom float buckets", series(m("fnhcb"), float_histogram(NOW, 5, 18.4, schema=-53, threshold=0, custom=[1, 2, 5], positive=[(0, 4)], buckets=[1, 1, 1, 2])))
    yield case("count too small", series(m("bad"), int_histogram(NOW, 5, 18.4, zero=2, **spans)))
    yield case("count too large", series(m("bad"), int_histogram(NOW, 9, 18.4, zero=2, **spans)))
    yield case("spans do not fit", series(m("bad"), int_histogram(NOW, 7, 18.4, zero=2, positive=[(0, 3)], deltas=[1, 1])))
    yield case("negative offset", series(m("bad"), int_histogram(NOW, 7, 18.4, zero=2, positive=[(0, 2), (-1, 2)], deltas=[1, 1, -1, 0])))
    yield case("negative bucket", series(m("bad"), int_histogram(NOW, 7, 18.4, zero=2, positive=[(0, 2)], deltas=[1, -2])))
    yield case("negative float bucket", series(m("bad"), float_histogram(NOW, 7, 18.4, zero=2, positive=[(0, 2)], buckets=[2, -3])))
    yield case("unordered bounds", series(m("bad"), int_histogram(NOW, 5, 18.4, schema=-53, threshold=0, custom=[2, 1], positive=[(0, 3)], deltas=[1, 0, 2])))
    yield case("too many custom buckets", series(m("bad"), int_histogram(NOW, 4, 18.4, schema=-53, threshold=0, custom=[1], positive=[(0, 4)], deltas=[1, 0, 0, 0])))
    yield case("infinite bound", series(m("bad"), int_histogram(NOW, 2, 18.4, schema=-53, threshold=0, custom=[1, float("inf")], positive=[(0, 2)], deltas=[1, 0])))
    yield case("custom with zero bucket", series(m("bad"), int_histogram(NOW, 3, 18.4, schema=-53, zero=1, threshold=0, custom=[1], positive=[(0, 2)], deltas=[1, 0])))
    yield case("custom with negative side", series(m("bad"), int_histogram(NOW, 3, 18.4, schema=-53, threshold=0, custom=[1], positive=[(0, 1)], deltas=[1], negative=[(0, 1)], negative_deltas=[2])))
    yield case("bounds on exponential", series(m("bad"), int_histogram(NOW, 7, 18.4, zero=2, custom=[1], **spans)))
    yield case("good beside bad histogram", series(m("beside_hist"), sample(1, NOW)) + series(m("bad"), int_histogram(NOW, 5, 18.4, zero=2, **spans)))


COMPARED = ("Content-Type", "Allow", "X-Content-Type-Options", "Access-Control-Allow-Origin",
            "X-Prometheus-Remote-Write-Samples-Written", "X-Prometheus-Remote-Write-Histograms-Written",
            "X-Prometheus-Remote-Write-Exemplars-Written", "Content-Length")


def transcript(server):
    lines = []
    for name, method, body, headers, compress in cases():
        status, answer, answered = server.request(method, "/api/v1/write",
                                                  snappy(body) if compress else body, headers)
        shown = {k: v for k, v in answer.items() if k in COMPARED}
        lines.append(f"{name} -> {status} {sorted(shown.items())} {answered.decode('utf8', 'replace')!r}")
    for line in server.raw('{__name__=~".+"}', NOW + 120 * S, 3600 * S):
        lines.append(line)
    answer = server.get("/api/v1/query_exemplars", query='{__name__=~".+"}', start=NOW / 1000 - 60, end=NOW / 1000 + 600)
    for entry in sorted(json.dumps(e, sort_keys=True) for e in answer.get("data", [])):
        lines.append("exemplars: " + entry)
    status, _, answered = server.request("GET", "/metrics")
    for line in answered.decode().split("\n"):
        if line.startswith(("prometheus_api_remote_write_invalid", "prometheus_tsdb_head_samples_appended_total")):
            lines.append("metric: " + line)
    return lines


def expected(line):
    """Where we differ on purpose: one error instead of two for a foreign encoding, and a histogram
    that will never become valid is a bad request, which senders do not repeat."""
    line = line.replace("only snappy is acceptable\\nout of order sample\\n", "only snappy is acceptable\\n")
    line = line.replace("('Content-Length', '106'), ('Content-Type', 'text/plain; charset=utf-8'), "
                        "('X-Content-Type-Options', 'nosniff')] 'gzip",
                        "('Content-Length', '86'), ('Content-Type', 'text/plain; charset=utf-8'), "
                        "('X-Content-Type-Options', 'nosniff')] 'gzip")
    return line.replace(" -> 500 ", " -> 400 ")


def run(binary, *flags):
    with tempfile.TemporaryDirectory(dir="/tmp") as scratch:
        server = Server(binary, os.path.join(scratch, "data"), *flags)
        try:
            return transcript(server)
        finally:
            server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", default="prometheus")
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    theirs = run(shutil.which(options.peer) or options.peer, "--enable-feature=exemplar-storage,native-histograms")
    if options.show:
        print("\n".join(theirs))
    ours = run(os.path.join(options.bin_dir, "prometheus"))
    differences = 0
    theirs = [expected(line) for line in theirs]
    for a, b in zip(theirs, ours):
        if " -> " in a and a != b:
            differences += 1
            print(f"- {a}\n+ {b}")
    rest = lambda lines: [l for l in lines if " -> " not in l]
    for line in sorted(set(rest(theirs)) - set(rest(ours))):
        differences += 1
        print("-", line)
    for line in sorted(set(rest(ours)) - set(rest(theirs))):
        differences += 1
        print("+", line)
    print(f"{len(theirs)} lines compared, {differences} differ")
    sys.exit(differences != 0)


if __name__ == "__main__":
    main()
