#!/usr/bin/env python3
"""Sends the same pushes to this pushgateway and to an upstream one and compares what comes back.

    pushgateway.py BIN_DIR [--peer PATH]

Statuses, bodies and the headers that matter of every request, then the scrape answer and the query
API. Exits 1 on a difference. The cases leave out
what differs on purpose (docs/compat.md).
"""
import argparse, difflib, gzip, http.client, json, os, re, shutil, socket, subprocess, sys, tempfile, time

PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
HISTOGRAM = b'# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 2\nh_count 2\n'
J = "/metrics/job"

# (method, path, body, headers)
CASES = [
    ("PUT", J + "/a", b"m 1\n"),
    ("POST", J + "/a", b'# TYPE n counter\nn{x="1"} 2\n'),
    ("POST", J + "/a", b"m 1"),
    ("POST", J + "/a", b"m 1\r\n"),
    ("POST", J + "/b", b"{{{\n"),
    ("POST", J + "/ts", b"m 1 123\n"),
    ("POST", J + "/c", b"# TYPE process_open_fds counter\nprocess_open_fds 1\n"),
    ("POST", J + "/c2", b"# TYPE process_open_fds gauge\nprocess_open_fds 1\n"),
    ("POST", J + "/d", b'm{a="1"} 1\nm{a="1"} 2\n'),
    ("POST", J + "/d", b'm{job="x"} 1\nm{job="y"} 2\n'),
    ("POST", J + "/e/a/b", b'z{q="1"} 1\n'),
    ("POST", J + "/e", b'z{q="1",a="b"} 1\n'),
    ("POST", J + "/inst", b'i{instance="x"} 1\n'),
    ("POST", J + "/inst/instance/foo", b"i 3\n"),
    ("POST", J + "/a/odd", b"m 1\n"),
    ("POST", J + "/a/a.b/c", b"m 1\n"),
    ("POST", J + "/a/__x/c", b"m 1\n"),
    ("POST", "/metrics/job@base64/Zm9v/path@base64/L3Zhci90bXA", b"b64 1\n"),
    ("POST", "/metrics/job@base64/Zm8=/p@base64/=", b"b64 1\n"),
    ("POST", J + "/x/a@base64/!!", b"b64 1\n"),
    ("POST", J + "/x/a@base64/abcde", b"b64 1\n"),
    ("POST", "/metrics/job@base64/!!", b"b64 1\n"),
    ("POST", "/metrics/job@base64/=", b"b64 1\n"),
    ("POST", J + "/j%2Fk", b"m 1\n"),
    ("POST", J + "/a/", b"m 1\n"),
    ("POST", J + "/", b"m 1\n"),
    ("POST", "/metrics//job/a", b"m 1\n"),
    ("POST", J + "/a//b/c", b"m 1\n"),
    ("GET", J + "/a", b""),
    ("HEAD", "/metrics", b""),
    ("POST", "/metrics", b"m 1\n"),
    ("PATCH", J + "/a", b"m 1\n"),
    ("PUT", J + "/emp", b""),
    ("POST", J + "/emp2", b""),
    ("DELETE", J + "/a", b""),
    ("DELETE", J + "/none", b""),
    ("DELETE", J + "/none/x", b""),
    ("POST", J + "/gz", gzip.compress(b"gz 1\n"), {"Content-Encoding": "gzip"}),
    ("POST", J + "/gz", b"not gzip at all\n", {"Content-Encoding": "gzip"}),
    ("POST", J + "/gz", gzip.compress(b"gz 1\n")[:-6], {"Content-Encoding": "gzip"}),
    ("POST", J + "/gz", b"gz 2\n", {"Content-Encoding": "br"}),
    ("POST", J + "/om", b"# TYPE om counter\nom_total 1\n# EOF\n"),
    ("POST", J + "/s", b'# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 2\ns_count 3\n'),
    ("POST", J + "/h", HISTOGRAM),
    ("POST", J + "/h2", b"h_count 2\n"),
    ("POST", J + "/pt", b"# TYPE push_time_seconds counter\npush_time_seconds 7\nok 1\n"),
    ("POST", J + "/u", b'{"my.dot"} 1\n'),
    ("POST", J + "/u", b'mm{"my.dot"="1"} 1\n'),
    ("POST", J + "/u", b'mm{a="\xff"} 1\n'),
    ("POST", J + "/u", b'mm{a="1",a="2"} 1\n'),
    ("POST", J + "/u2", b'mm{le="1",quantile="2"} 1\n'),
    ("PUT", J + "/x/b/1/a/2", b"w 1\n"),
    ("PUT", J + "/x/a/2/b/1", b"w 2\n"),
    ("PUT", J + "/x/a/2/a/3", b"w 2\n"),
    ("PUT", J + "/x1/job/y", b"w 2\n"),
    ("GET", "/-/healthy", b""),
    ("GET", "/-/ready", b""),
    ("POST", "/-/healthy", b""),
    ("PUT", "/-/quit", b""),
    ("GET", "/-/quit", b""),
    ("POST", "/api/v1/admin/wipe", b""),
    ("OPTIONS", "/api/v1/metrics", b""),
    ("OPTIONS", "/api/v1/foo", b""),
    ("POST", "/api/v1/status", b""),
    ("GET", "/api/v1/nope", b""),
    ("GET", "/nope", b""),
    ("GET", "/metrics/", b""),
    ("GET", "/METRICS?a=b%20c", b""),
    ("GET", "/-/Ready/", b""),
    ("POST", "/metrics/", b""),
    ("OPTIONS", "/metrics", b""),
    ("DELETE", "/status/", b""),
    ("POST", J + "/pb", b"\x05abc", {"Content-Type": PROTOBUF}),
    ("POST", J + "/pb", b"m 5\n", {"Content-Type": "application/vnd.google.protobuf; proto=foo"}),
]
HEADERS = ("Location", "Allow", "Content-Type", "Access-Control-Allow-Origin",
           "Access-Control-Allow-Methods", "Cache-Control")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def request(port, method, path, body=b"", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read().decode("utf8", "replace")
    except TimeoutError:
        return 0, {}, "no answer"
    finally:
        connection.close()


def normal(text):
    """Protobuf's text form is printed with random spaces; times differ; of two groups that collide
    upstream names either one first, as its map has them."""
    text = re.sub(r'(name:"[^"]*") +(value)', r"\1 \2", text)
    text = re.sub(r'"\} +([a-z])', r'"} \1', text)
    text = re.sub(r'histogram or summary named ("\w+") collides with previously collected metric named ("\w+")',
                  r"metric named \2 collides with previously collected histogram named \1", text)
    return re.sub(r"\b1\.\d+e\+09\b", "NOW", text)


def transcript(port):
    lines = []
    for method, path, body, *headers in CASES:
        status, answer_headers, text = request(port, method, path, body, *headers)
        shown = {k: v for k, v in answer_headers.items() if k in HEADERS}
        lines.append(f"{method} {path} {body[:60]!r} -> {status} {sorted(shown.items())} {normal(text)!r}")
    own = re.compile(r"^(# (HELP|TYPE) )?(go_|process_|pushgateway_)")
    scrape = request(port, "GET", "/metrics")[2]
    lines += [normal(l) for l in scrape.split("\n") if not own.search(l)]
    groups = json.loads(request(port, "GET", "/api/v1/metrics")[2])["data"]
    for group in groups:
        for family in group.values():
            if isinstance(family, dict) and "time_stamp" in family:
                family["time_stamp"] = "NOW"
    groups.sort(key=lambda g: json.dumps(g["labels"], sort_keys=True))
    lines += normal(json.dumps(groups, indent=1, sort_keys=True)).split("\n")
    return lines


def run(binary):
    port = free_port()
    with tempfile.TemporaryDirectory() as scratch:
        process = subprocess.Popen(
            [binary, f"--web.listen-address=127.0.0.1:{port}", "--persistence.file=",
             "--web.enable-admin-api"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=scratch)
        try:
            for _ in range(200):
                try:
                    request(port, "GET", "/-/ready")
                    break
                except OSError:
                    time.sleep(0.05)
            return transcript(port)
        finally:
            process.terminate()
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", default=shutil.which("prometheus-pushgateway"))
    args = parser.parse_args()
    ours, theirs = run(os.path.abspath(f"{args.bin_dir}/pushgateway")), run(args.peer)
    difference = list(difflib.unified_diff(theirs, ours, "upstream", "narthex", lineterm="", n=0))
    print("\n".join(difference) if difference else f"{len(CASES)} requests: no difference")
    return bool(difference)


if __name__ == "__main__":
    sys.exit(main())
