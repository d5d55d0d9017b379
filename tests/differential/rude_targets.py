#!/usr/bin/env python3
"""Targets that misbehave, beside a Prometheus of 3.5: each job gets an answer of its own, byte by byte,
good, odd or broken. Compared are health, lastError and the series that are stored, the report of the
scrape included.

usage: rude_targets.py BIN_DIR --peer PROMETHEUS"""
import argparse, gzip, os, re, shutil, socket, struct, sys, tempfile, threading, time, zlib

from prompb import Server

TEXT = b"Content-Type: text/plain; version=0.0.4\r\n"
BODY = b"a 1\nb 2\n"
ZIPPED = gzip.compress(BODY)


def answer(body=BODY, *fields, status=b"200 OK", version=b"HTTP/1.1", content_type=TEXT, length=None):
    length = b"Content-Length: %d\r\n" % len(body) if length is None else length
    return version + b" " + status + b"\r\n" + content_type + b"".join(f + b"\r\n" for f in fields) + length + b"\r\n" + body


def chunks(*parts, extension=b"", trailer=b"", end=b"0\r\n"):
    data = b"".join(b"%x" % len(p) + extension + b"\r\n" + p + b"\r\n" for p in parts)
    return data + (end + trailer + b"\r\n" if end else b"")


def chunked(data, *fields, **more):
    return answer(data, b"Transfer-Encoding: chunked", *fields, length=b"", **more)


def coded(data, coding, *fields):
    return answer(data, b"Content-Encoding: " + coding, *fields)


def sized(length, body=BODY):
    return answer(body, length=b"Content-Length:" + length + b"\r\n")


def redirect(location, body=b"", status=b"302 Found"):
    return answer(body, b"Location: " + location, status=status)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def after(seconds, data):
    return lambda c: (time.sleep(seconds), c.sendall(data))


def drip(head, data, pause):
    def run(connection):
        connection.sendall(head)
        for _ in range(40):
            connection.sendall(data)
            time.sleep(pause)
    return run


def endless(connection):
    connection.sendall(chunked(b""))
    until = time.time() + 2
    while time.time() < until:
        connection.sendall(chunks(b"# comment\n" * 1000, end=b""))


def cut_off(connection):
    connection.sendall(sized(b"1000"))
    time.sleep(0.05)
    reset(connection)


# job: bytes, after which the connection stays open; (bytes,), after which it is closed; or what to do
# with the connection, which is closed then.
ANSWERS = {
    "good": answer(),
    "slow_head": after(1.5, answer()), "slow_body": drip(sized(b"1000"), b"", 0.05),
    "drip": drip(chunked(b""), b"4\r\na 1\n\r\n", 0.05), "drip_head": drip(b"HTTP/1.1 200 OK\r\nX: ", b"y", 0.05),
    "close": (b"",), "reset": reset, "reset_in_body": cut_off, "endless": endless, "endless_limit": endless,
    # First lines.
    "half_status": (b"HTTP/1.1 20",), "half_head": (b"HTTP/1.1 200 OK\r\nContent-",),
    "garbage": (b"hello there\r\n\r\n",), "nul": (b"\0\1\2\3\4" * 10 + b"\r\n\r\n",), "no_head": (BODY,),
    "http10": (answer(version=b"HTTP/1.0", length=b""),), "http10_length": (answer(version=b"HTTP/1.0"),),
    "http10_keep": answer(BODY, b"Connection: keep-alive", version=b"HTTP/1.0"),
    "http12": answer(version=b"HTTP/1.2"), "http2": (answer(version=b"HTTP/2.0"),), "lower": (answer(version=b"http/1.1"),),
    "until_close": (answer(length=b""),), "lf_only": (answer().replace(b"\r\n", b"\n"),),
    # Lengths.
    "length_long": (sized(b"100"),), "length_short": (sized(b"4"),), "length_short_kept": sized(b"4"),
    "length_bad": (sized(b"x"),), "length_negative": (sized(b"-1"),), "length_plus": (sized(b"+8"),),
    "length_huge": (sized(b"99999999999999999999"),), "length_empty": (sized(b""),),
    "length_twice": (sized(b"8\r\nContent-Length: 8"),), "length_two": (sized(b"8\r\nContent-Length: 9"),),
    "length_and_chunks": (answer(chunks(BODY), b"Transfer-Encoding: chunked", length=b"Content-Length: 3\r\n"),),
    # Chunks.
    "coding_unknown": (answer(chunks(ZIPPED), b"Transfer-Encoding: gzip, chunked", length=b""),),
    "coding_identity": (answer(BODY, b"Transfer-Encoding: identity", length=b""),),
    "coding_case": (answer(chunks(BODY), b"Transfer-Encoding: Chunked", length=b""),),
    "chunked": chunked(chunks(b"a 1", b"\nb", b" 2\n")), "chunk_extension": chunked(chunks(BODY, extension=b";x=y")),
    "chunk_trailer": chunked(chunks(BODY, trailer=b"X-T: y\r\n")), "chunk_bad": (chunked(b"zz\r\n" + BODY),),
    "chunk_cut": (chunked(chunks(BODY, end=b"")),), "chunk_cut_inside": (chunked(b"20\r\n" + BODY),),
    "chunk_no_end": (chunked(b"8\r\n" + BODY + b"0\r\n\r\n"),), "chunk_huge": (chunked(b"fffffffffffffffff\r\n" + BODY),),
    "chunk_lf": (chunked(b"8\n" + BODY + b"\n0\n\n"),), "chunk_empty": (chunked(b"\r\n"),),
    # Compression.
    "gzip": coded(ZIPPED, b"gzip"), "gzip_not_asked": coded(ZIPPED, b"gzip"), "gzip_x": coded(ZIPPED, b"x-gzip"),
    "gzip_upper": coded(ZIPPED, b"GZIP"), "gzip_cut": coded(ZIPPED[:-6], b"gzip"), "gzip_cut_head": coded(ZIPPED[:5], b"gzip"),
    "gzip_sum": coded(ZIPPED[:-8] + b"\0" * 8, b"gzip"), "gzip_none": coded(BODY * 10, b"gzip"), "gzip_empty": coded(b"", b"gzip"),
    "gzip_two": coded(ZIPPED + gzip.compress(b"c 3\n"), b"gzip"), "gzip_tail": coded(ZIPPED + b"garbage", b"gzip"),
    "gzip_bomb_limit": coded(gzip.compress(b"\n" * (20 << 20)), b"gzip"),
    "gzip_chunked": chunked(chunks(ZIPPED[:10], ZIPPED[10:]), b"Content-Encoding: gzip"),
    "deflate": coded(zlib.compress(BODY), b"deflate"), "deflate_plain": coded(BODY, b"deflate"), "br_plain": coded(BODY, b"br"),
    "identity_named": coded(BODY, b"identity"), "gzip_twice": coded(gzip.compress(ZIPPED), b"gzip, gzip"),
    "gzip_and_br": coded(ZIPPED, b"gzip", b"Content-Encoding: br"),
    # Fields.
    "field_long": (answer(BODY, b"X: " + b"x" * 200_000),), "field_folded": (answer(BODY, b"X-A: b\r\n c"),),
    "field_bare": (answer(BODY, b"nonsense"),), "field_blank": (answer(BODY, b"X-A : b"),), "field_nameless": (answer(BODY, b": b"),),
    "field_utf8": (answer(BODY, "X-Ä: ö".encode()),), "field_nul": (answer(BODY, b"X-A: b\0c"),),
    # Statuses.
    "continue": (b"HTTP/1.1 100 Continue\r\n\r\n" + answer(),), "hints": (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 20 + answer(),),
    "switching": (b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",),
    "no_content": b"HTTP/1.1 204 No Content\r\n\r\n", "partial": answer(status=b"206 Partial Content"), "created": answer(status=b"201 Created"),
    "not_modified": b"HTTP/1.1 304 Not Modified\r\n\r\n", "choices": answer(status=b"300 Multiple Choices"),
    "unauthorized": answer(b"no", b"WWW-Authenticate: Basic", status=b"401 Unauthorized"), "unavailable": answer(status=b"503 Service Unavailable"),
    "no_reason": answer(status=b"503"), "blank_reason": answer(status=b"503 "), "own_reason": answer(status=b'404 Nothing here, "sorry" <b>'),
    "fine": answer(status=b"200 Fine"), "ok_bare": answer(status=b"200"), "two_digits": (answer(status=b"99 X"),), "six_hundred": (answer(status=b"600 X"),),
    "no_digits": (answer(status=b"abc X"),), "four_digits": (answer(status=b"2000 X"),),
    "error_cut": (answer(status=b"500 Cut", length=b"Content-Length: 100\r\n"),), "error_limit": answer(b"x" * 1000, status=b"500 Large"),
    # Redirects.
    "to_nowhere": answer(b"", status=b"302 Found"), "to_bad": redirect(b"http://[::1/"), "to_empty": redirect(b""),
    "to_relative": redirect(b"../good/x?y#z", status=b"301 Moved"), "to_307": redirect(b"/good/x", status=b"307 T"),
    "to_308": redirect(b"/good/x", status=b"308 P"), "to_303": redirect(b"/good/x", status=b"303 S"),
    "to_refused": redirect(b"http://127.0.0.1:1/x"), "to_404": redirect(b"/own_reason/x"), "to_with_body": redirect(b"/good/x", b"x" * 100_000),
    "to_and_close": (b"HTTP/1.1 302 F\r\nLocation: /good/x\r\n\r\nabc",),
    # More than was asked for.
    "unsolicited": answer() + b"HTTP/1.1 200 OK\r\n\r\n",
    # Limits, of what the body says.
    "limit_exact": answer(), "limit_one_more": answer(), "limit_zipped": coded(ZIPPED, b"gzip"),
}
TYPES = {
    "none": b"", "empty": b"Content-Type: \r\n", "plain": b"Content-Type: text/plain\r\n", "utf8": b"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n",
    "old": b"Content-Type: text/plain; version=0.0.3\r\n", "later": b"Content-Type: text/plain; version=9.9.9\r\n", "open": b"Content-Type: application/openmetrics-text\r\n",
    "open_later": b"Content-Type: application/openmetrics-text; version=2.0.0\r\n", "no_parameter": b"Content-Type: text/plain; =\r\n", "blanks": b"Content-Type: ;;\r\n",
    "unquoted": b"Content-Type: text/plain; version=\"0.0\r\n", "half": b"Content-Type: text\r\n", "two": TEXT + b"Content-Type: text/html\r\n",
    "two_html": b"Content-Type: text/html\r\n" + TEXT, "json": b"Content-Type: application/json\r\n", "upper": b"Content-Type: TEXT/PLAIN; VERSION=0.0.4\r\n",
    "quoted": b"Content-Type: text/plain; version=\"0.0.4\"\r\n", "open_end": b"Content-Type: text/plain;\r\n", "twice": b"Content-Type: text/plain; a=b; a=c\r\n",
    "list": b"Content-Type: text/plain, text/html\r\n", "html": b"Content-Type: text/html; charset=utf-8\r\n",
}
KEYS = {"endless_limit": "body_size_limit: 1MB", "gzip_bomb_limit": "body_size_limit: 1MB", "gzip_not_asked": "enable_compression: false",
        "limit_exact": "body_size_limit: 8B", "limit_one_more": "body_size_limit: 9B", "limit_zipped": "body_size_limit: 9B", "error_limit": "body_size_limit: 9B"}
for name, content_type in TYPES.items():
    page = answer(BODY + (b"# EOF\n" if b"openmetrics" in content_type else b""), content_type=content_type)
    ANSWERS["type_" + name] = ANSWERS[f"type_{name}_text"] = ANSWERS[f"type_{name}_open"] = page
    KEYS[f"type_{name}_text"] = "fallback_scrape_protocol: PrometheusText0.0.4"
    KEYS[f"type_{name}_open"] = "fallback_scrape_protocol: OpenMetricsText1.0.0"

# What differs, as expressions over "job.fact", with the reason.
KNOWN = {
    r"\.scrape_series_added": "depends on how many scrapes there were",
    r"^reset(_in_body)?\.error": "Go adds the addresses of both ends",
    r"^(half_status|half_head|no_head)\.error": "Go looks at heads that are not whole",
    r"^gzip_upper\.": "Go takes lower case only",
    r"^gzip_tail\.error": "the words for what is behind the end",
}


def serve(connection):
    data = b""
    try:
        while True:
            while b"\r\n\r\n" not in data:
                more = connection.recv(65536)
                if not more:
                    return
                data += more
            head, data = data.split(b"\r\n\r\n", 1)
            what = ANSWERS[head.split(b" ")[1].split(b"/")[1].decode()]
            if callable(what):
                return what(connection)
            connection.sendall(what[0] if isinstance(what, tuple) else what)
            if isinstance(what, tuple):
                return
    except OSError:
        pass
    finally:
        connection.close()


def listen():
    listener = socket.create_server(("127.0.0.1", 0), backlog=500)

    def accept():
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def configuration(port, extra):
    lines = ["global: {scrape_interval: 2s, scrape_timeout: 800ms}", "scrape_configs:"]
    for job in ANSWERS:
        lines += [f"- job_name: {job}", f"  metrics_path: /{job}/x", f"  static_configs: [{{targets: ['127.0.0.1:{port}']}}]"]
        lines += ["  " + key for key in (KEYS.get(job), extra) if key]
    return "\n".join(lines) + "\n"


def facts(server):
    """(job, fact): value, when every target has been scraped twice."""
    for _ in range(300):
        targets = server.get("/api/v1/targets", state="active")["data"]["activeTargets"]
        done = server.get("/api/v1/query", query="count(count_over_time(up[1h]) >= 2)")["data"]["result"]
        if len(targets) == len(ANSWERS) and done and int(done[0]["value"][1]) == len(ANSWERS):
            break
        time.sleep(0.1)
    else:
        raise SystemExit("the server has not scraped all targets")
    found = {}
    for target in targets:
        found[target["scrapePool"], "health"] = target["health"]
        found[target["scrapePool"], "error"] = re.sub(r"127\.0\.0\.1:\d\d+", "HERE", target["lastError"])
    for series in server.get("/api/v1/query", query='{job!="", __name__!="scrape_duration_seconds"}')["data"]["result"]:
        found[series["metric"]["job"], series["metric"]["__name__"]] = series["value"][1]
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", required=True)
    options = parser.parse_args()
    port, folder, found = listen(), tempfile.mkdtemp(prefix="nx-rude-"), []
    programs = ((os.path.join(options.bin_dir, "prometheus"), "extra_scrape_metrics: true", []),
                (options.peer, "", ["--enable-feature=extra-scrape-metrics"]))
    try:
        for i, (program, extra, flags) in enumerate(programs):  # one after the other: they share a machine
            server = Server(program, f"{folder}/{i}/data", *flags, config=configuration(port, extra))
            try:
                found.append(facts(server))
            finally:
                server.stop()
    finally:
        shutil.rmtree(folder)
    ours, theirs = found
    faults = 0
    for job, fact in sorted(set(ours) | set(theirs)):
        mine, other = ours.get((job, fact)), theirs.get((job, fact))
        if mine == other or any(re.search(e, f"{job}.{fact}") for e in KNOWN):
            continue
        faults += 1
        print(f"{job}.{fact}\n  ours   {mine}\n  theirs {other}")
    print(f"{len(ANSWERS)} targets, {len(set(ours) | set(theirs))} facts, {faults} differ")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
