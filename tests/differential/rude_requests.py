"""Requests of clients that are old, odd or rude, for rude_clients.py: name, what is sent, by group. What is
sent is bytes, or a list of bytes, pauses in seconds, and FIN (the client sends no more, but listens)."""
FIN = "FIN"
HOST = b"Host: a.test"


def ask(method=b"GET", target=b"/-/healthy", *fields, version=b"HTTP/1.1", body=b"", host=HOST, end=b"\r\n"):
    lines = [b" ".join((method, target, version))] + ([host] if host else []) + list(fields)
    return end.join(lines) + end * 2 + body


def post(body, *fields, target=b"/-/healthy", method=b"POST", **more):
    return ask(method, target, *fields, body=body, **more)


def chunked(body, *fields, **more):
    return post(body, b"Transfer-Encoding: chunked", *fields, **more)


GET = ask()


def wire(path):
    """What is decided below the handlers. `path` answers GET with 200 and a text that does not change."""
    def get(*fields, **more):
        return ask(b"GET", path, *fields, **more)

    def send(body, *fields, **more):
        return post(body, *fields, target=path, **more)

    def chunks(body, *fields, **more):
        return chunked(body, *fields, target=path, **more)
    cases = {
        # Versions.
        "1.1": get(), "1.0": get(version=b"HTTP/1.0", host=None), "1.0 host": get(version=b"HTTP/1.0"),
        "1.0 keep": get(b"Connection: keep-alive", version=b"HTTP/1.0"), "1.0 Keep": get(b"Connection: Keep-Alive", version=b"HTTP/1.0"),
        "1.0 keep list": get(b"Connection: te, keep-alive", version=b"HTTP/1.0"), "1.0 head keep": ask(b"HEAD", path, b"Connection: keep-alive", version=b"HTTP/1.0"),
        "1.1 close": get(b"Connection: close"), "1.1 Close": get(b"Connection: Close"), "1.1 close list": get(b"Connection: x, close"),
        "1.1 keep": get(b"Connection: keep-alive"), "1.1 two connections": get(b"Connection: x", b"Connection: close"),
        "1.1 proxy": get(b"Proxy-Connection: close"), "0.9": b"GET " + path + b"\r\n\r\n", "0.9 said": get(version=b"HTTP/0.9"), "1.2": get(version=b"HTTP/1.2"), "2.0": get(version=b"HTTP/2.0"),
        "3.0": get(version=b"HTTP/3.0"), "1.10": get(version=b"HTTP/1.10"), "1": get(version=b"HTTP/1"), "http/1.1": get(version=b"http/1.1"),
        "HTTQ": get(version=b"HTTQ/1.1"), "1.x": get(version=b"HTTP/1.x"), "h2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), "h2 preface host": b"PRI * HTTP/2.0\r\nHost: x\r\n\r\n",
        "h2c": get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"),
        "websocket": get(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Version: 13"),
        # Request lines.
        "lower": ask(b"get", path), "mixed": ask(b"Get", path), "unknown method": ask(b"BREW", path), "method *": ask(b"G*T", path),
        "method {": ask(b"G{T", path), "method \xff": ask(b"G\xffT", path), "method :": ask(b"G:T", path), "no method": ask(b"", path), "long method": ask(b"G" * 5000, path),
        "two spaces": b"GET  " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n", "space in target": ask(b"GET", path + b" x"),
        "trailing space": b"GET " + path + b" HTTP/1.1 \r\nHost: x\r\n\r\n", "leading space": b" " + get(), "tab": b"GET\t" + path + b"\tHTTP/1.1\r\nHost: x\r\n\r\n",
        "no version": b"GET " + path + b"\r\nHost: x\r\n\r\n", "only word": b"nonsense\r\n\r\n", "only word lf": b"nonsense\n", "empty line": b"\r\n" + get(), "three lines": b"\r\n\r\n\r\n" + get(),
        "lf line": b"\n" + get(), "just lines": [b"\r\n\r\n", FIN], "nothing": [FIN], "half": [b"GET / HT", FIN], "half head": [b"GET / HTTP/1.1\r\nHost: x\r\n", FIN],
        "tls hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 300 + b"\r\n\r\n", "nul": b"\0\0\0\0\r\n\r\n", "high": b"\xff\xfe\r\n\r\n", "ssh": b"SSH-2.0-x\r\n",
        "cr": b"GET " + path + b" HTTP/1.1\rHost: x\r\r", "cr in line": b"GET " + path + b"\rx HTTP/1.1\r\nHost: x\r\n\r\n", "nul in target": ask(b"GET", path + b"\0x"), "del in target": ask(b"GET", path + b"\x7f"),
        "tab in target": ask(b"GET", path + b"\tx"), "high in target": ask(b"GET", path + b"\xc3\xa4"),
        # Targets.
        "absolute": ask(b"GET", b"http://other.test" + path), "absolute host port": ask(b"GET", b"http://other.test:80" + path), "absolute no host": ask(b"GET", b"http://other.test" + path, host=None),
        "absolute https": ask(b"GET", b"https://other.test" + path), "absolute upper": ask(b"GET", b"HTTP://other.test" + path), "absolute ftp": ask(b"GET", b"ftp://other.test" + path),
        "absolute user": ask(b"GET", b"http://u:p@other.test" + path), "absolute only host": ask(b"GET", b"http://other.test"), "absolute bad": ask(b"GET", b"http://[::1" + path), "absolute no name": ask(b"GET", b"http://" + path),
        "absolute bad port": ask(b"GET", b"http://a.test:x" + path), "absolute space": ask(b"GET", b"http://a%20b" + path),
        "authority": ask(b"GET", b"a.test:80"), "authority connect": ask(b"CONNECT", b"a.test:80"), "connect path": ask(b"CONNECT", path), "connect bad": ask(b"CONNECT", b"a.test:x"), "connect bare": ask(b"CONNECT", b"a.test"),
        "asterisk": ask(b"GET", b"*"), "asterisk options": ask(b"OPTIONS", b"*"), "asterisk length": ask(b"OPTIONS", b"*", b"Content-Length: 3", body=b"abc"), "relative": ask(b"GET", path[1:]), "opaque": ask(b"GET", b"mailto:x"), "colon first": ask(b"GET", b":" + path),
        "fragment": ask(b"GET", path + b"#x"), "fragment query": ask(b"GET", path + b"?a#x"), "question": ask(b"GET", path + b"?"), "questions": ask(b"GET", path + b"??a"), "double slash": ask(b"GET", b"//x" + path), "empty query": ask(b"GET", b"?x"),
        "bad escape": ask(b"GET", path + b"%zz"), "half escape": ask(b"GET", path + b"%2"), "lone percent": ask(b"GET", path + b"%"), "escape nul": ask(b"GET", path + b"%00"), "bad escape query": ask(b"GET", path + b"?a=%zz"), "bad bytes query": ask(b"GET", path + b"?a=\xff\xfe"),
        "semicolon": ask(b"GET", path + b"?a=1;b=2"), "escape upper": ask(b"GET", path.replace(b"h", b"%68")), "escape slash": ask(b"GET", path.replace(b"/h", b"%2fh")), "space query": ask(b"GET", path + b"?a=b c"), "quote": ask(b"GET", path + b"?a=\"<>^`{|}"),
        # Host.
        "no host": get(host=None), "two hosts": get(b"Host: b.test"), "same hosts": get(HOST), "empty host": get(host=b"Host:"), "host blank": get(host=b"Host: a b"), "host slash": get(host=b"Host: a/b"), "host user": get(host=b"Host: u@b"), "host port": get(host=b"Host: a:x"),
        "host high": get(host=b"Host: \xc3\xa4"), "host <": get(host=b"Host: <b>"), "host v6": get(host=b"Host: [::1]:9090"), "host list": get(host=b"Host: a, b"), "host escape": get(host=b"Host: a%20b"), "host \\": get(host=b"Host: a\\b"), "host quote": get(host=b"Host: a\"b"), "HOST": get(host=b"HOST:a"),
        "1.0 two hosts": get(b"Host: b", version=b"HTTP/1.0"), "host nul": get(host=b"Host: a\0b"), "host ^": get(host=b"Host: ^"), "host ;": get(host=b"Host: a;b"),
        # Fields.
        "lf": get(end=b"\n"), "lf mixed": b"GET " + path + b" HTTP/1.1\nHost: x\r\nA: b\n\r\n", "crcrlf": b"GET " + path + b" HTTP/1.1\r\nHost: x\r\r\n\r\n", "fold": get(b"A: b\r\n c"), "fold tab": get(b"A: b\r\n\tc"), "fold first": b"GET " + path + b" HTTP/1.1\r\n Host: x\r\n\r\n",
        "fold blank": get(b"A: b\r\n "), "fold host": get(b"Host:\r\n x", host=None), "space colon": get(b"A : b"), "space colon length": send(b"abc", b"Content-Length : 3"), "space name": get(b"A b: c"), "leading field": get(b" A: b"), "no colon": get(b"A"), "no name": get(b": b"), "only colon": get(b":"),
        "name {": get(b"A{: b"), "name high": get(b"\xc3\xa4: b"), "name nul": get(b"A\0: b"), "name slash": get(b"A/b: c"), "name (": get(b"A(): c"), "value nul": get(b"A: b\0c"), "value cr": get(b"A: b\rc"), "value high": get(b"A: \xff\xfe"), "value tab": get(b"A:\tb\tc\t"), "value bell": get(b"A: \x07"), "value del": get(b"A: \x7f"),
        "value empty": get(b"A:"), "field twice": get(b"A: b", b"A: c"),
        "line 10k": get(b"A: " + b"x" * 10_000), "line 60k": get(b"A: " + b"x" * 60_000), "line 200k": get(b"A: " + b"x" * 200_000), "line 900k": get(b"A: " + b"x" * 900_000), "line 1100k": get(b"A: " + b"x" * 1_100_000), "line 3M": get(b"A: " + b"x" * 3_000_000),
        "900 fields": get(*[b"A%d: b" % i for i in range(900)]), "5000 fields": get(*[b"A%d: b" % i for i in range(5000)]), "100000 fields": get(*[b"Aaaaaaaaa: b"] * 100_000), "query 10k": ask(b"GET", path + b"?" + b"x" * 10_000), "query 60k": ask(b"GET", path + b"?" + b"x" * 60_000),
        "query 200k": ask(b"GET", path + b"?" + b"x" * 200_000), "query 900k": ask(b"GET", path + b"?" + b"x" * 900_000), "query 2M": ask(b"GET", path + b"?" + b"x" * 2_000_000),
        # Lengths.
        "length": send(b"abc", b"Content-Length: 3"), "length get": get(b"Content-Length: 3", body=b"abc"), "length 0": send(b"", b"Content-Length: 0"), "no length": send(b""), "no length body": send(b"abc"), "length same": send(b"abc", b"Content-Length: 3", b"Content-Length: 3"), "length blanks": send(b"abc", b"Content-Length:  3 "),
        "length differ": send(b"abc", b"Content-Length: 3", b"Content-Length: 4"), "length list": send(b"abc", b"Content-Length: 3, 3"), "length minus": send(b"abc", b"Content-Length: -3"), "length plus": send(b"abc", b"Content-Length: +3"), "length hex": send(b"abc", b"Content-Length: 0x3"), "length empty": send(b"abc", b"Content-Length:"),
        "length word": send(b"abc", b"Content-Length: abc"), "length zeros": send(b"abc", b"Content-Length: 0003"), "length huge": send(b"abc", b"Content-Length: 99999999999999999999"), "length point": send(b"abc", b"Content-Length: 3.0"), "length short": [send(b"abcd", b"Content-Length: 10"), FIN], "length _": send(b"abc", b"Content-Length: 0_3"),
        # Codings.
        "chunks": chunks(b"3\r\nabc\r\n0\r\n\r\n"), "chunks get": ask(b"GET", path, b"Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n"), "chunks upper": send(b"3\r\nabc\r\n0\r\n\r\n", b"Transfer-Encoding: Chunked"), "chunks blank": send(b"0\r\n\r\n", b"Transfer-Encoding:  chunked "),
        "chunks and length": chunks(b"3\r\nabc\r\n0\r\n\r\n", b"Content-Length: 3"), "length and chunks": send(b"3\r\nabc\r\n0\r\n\r\n", b"Content-Length: 5", b"Transfer-Encoding: chunked"), "chunks bad length": chunks(b"0\r\n\r\n", b"Content-Length: x"),
        "chunks twice": chunks(b"0\r\n\r\n", b"Transfer-Encoding: chunked"), "gzip chunked": send(b"0\r\n\r\n", b"Transfer-Encoding: gzip, chunked"), "gzip": send(b"x", b"Transfer-Encoding: gzip"), "identity": send(b"abc", b"Transfer-Encoding: identity", b"Content-Length: 3"), "coding empty": send(b"abc", b"Transfer-Encoding:"),
        "xchunked": send(b"0\r\n\r\n", b"Transfer-Encoding: xchunked"), "chunked,": send(b"0\r\n\r\n", b"Transfer-Encoding: chunked,"), "coding tab": send(b"0\r\n\r\n", b"Transfer-Encoding:\x0bchunked"), "1.0 chunks": chunks(b"3\r\nabc\r\n0\r\n\r\n", version=b"HTTP/1.0"), "1.0 chunks length": chunks(b"3\r\nabc\r\n0\r\n\r\n", b"Content-Length: 13", version=b"HTTP/1.0"),
        "extension": chunks(b"3;a=b\r\nabc\r\n0;x\r\n\r\n"), "extension blank": chunks(b"3 ; a\r\nabc\r\n0\r\n\r\n"), "size blank": chunks(b"3 \r\nabc\r\n0\r\n\r\n"), "size tab": chunks(b"3\t\r\nabc\r\n0\r\n\r\n"), "size leading": chunks(b" 3\r\nabc\r\n0\r\n\r\n"), "size zeros": chunks(b"0003\r\nabc\r\n000\r\n\r\n"), "size upper": chunks(b"A\r\n0123456789\r\n0\r\n\r\n"),
        "size 0x": chunks(b"0x3\r\nabc\r\n0\r\n\r\n"), "size minus": chunks(b"-3\r\nabc\r\n0\r\n\r\n"), "size plus": chunks(b"+3\r\nabc\r\n0\r\n\r\n"), "size word": chunks(b"xyz\r\nabc\r\n0\r\n\r\n"), "size none": chunks(b"\r\nabc\r\n0\r\n\r\n"), "size huge": chunks(b"fffffffffffffffff\r\nabc"), "size most": chunks(b"ffffffffffffffff\r\nabc"), "extension huge": chunks(b"3;" + b"x" * 10_000 + b"\r\nabc\r\n0\r\n\r\n"),
        "extension cr": chunks(b"3;a\rb\r\nabc\r\n0\r\n\r\n"), "chunk lf": chunks(b"3\nabc\n0\n\n"), "chunk lf size": chunks(b"3\nabc\r\n0\r\n\r\n"), "chunk short": chunks(b"3\r\nab\r\n0\r\n\r\n"), "chunk long": chunks(b"3\r\nabcd\r\n0\r\n\r\n"), "chunk no end": [chunks(b"3\r\nabc\r\n"), FIN],
        "trailer": chunks(b"3\r\nabc\r\n0\r\nA: b\r\n\r\n", b"Trailer: A"), "trailer unsaid": chunks(b"0\r\nA: b\r\n\r\n"), "trailer bad": chunks(b"0\r\nA\r\n\r\n"), "trailer length": chunks(b"0\r\nContent-Length: 3\r\n\r\n"), "trailer said length": chunks(b"0\r\n\r\n", b"Trailer: Content-Length"), "trailer huge": chunks(b"0\r\nA: " + b"x" * 100_000 + b"\r\n\r\n"), "trailer lf": chunks(b"0\r\nA: b\n\n"),
        "many small chunks": chunks(b"1\r\na\r\n" * 20_000 + b"0\r\n\r\n"), "many extensions": chunks(b"1;" + b"x" * 1000 + b"\r\na\r\n" + (b"1;" + b"x" * 1000 + b"\r\na\r\n") * 200 + b"0\r\n\r\n"),
        # Expectations.
        "expect": [send(b"", b"Expect: 100-continue", b"Content-Length: 3"), 0.3, b"abc"], "expect at once": send(b"abc", b"Expect: 100-continue", b"Content-Length: 3"), "expect upper": [send(b"", b"Expect: 100-Continue", b"Content-Length: 3"), 0.3, b"abc"], "expect 0": send(b"", b"Expect: 100-continue", b"Content-Length: 0"), "expect get": get(b"Expect: 100-continue"),
        "expect other": send(b"abc", b"Expect: 200-ok", b"Content-Length: 3"), "expect list": send(b"abc", b"Expect: 100-continue, x", b"Content-Length: 3"), "expect 1.0": send(b"abc", b"Expect: 100-continue", b"Content-Length: 3", version=b"HTTP/1.0"), "expect other 1.0": get(b"Expect: x", version=b"HTTP/1.0"), "expect chunks": [chunks(b"", b"Expect: 100-continue"), 0.3, b"3\r\nabc\r\n0\r\n\r\n"], "expect other get": get(b"Expect: x"), "expect empty": get(b"Expect:"),
        # How it comes.
        "pipeline": get() * 3, "pipeline close": get() + get(b"Connection: close") + get(), "pipeline bad": get() + b"x\r\n\r\n" + get(), "pipeline post": send(b"abc", b"Content-Length: 3") + get(), "pipeline head": ask(b"HEAD", path) + get(), "pipeline 50": get() * 50, "pipeline fin": [get() * 3, FIN], "pipeline crlf": get() + b"\r\n" + get(), "pipeline chunks": chunks(b"3\r\nabc\r\n0\r\n\r\n") + get(), "pipeline lf": get(end=b"\n") * 2,
        "fin": [get(), FIN], "fin 1.0": [get(version=b"HTTP/1.0"), FIN], "fin body": [send(b"abc", b"Content-Length: 3"), FIN], "slowly": [part for i in range(0, len(get()), 9) for part in (get()[i:i + 9], 0.02)], "slow body": [send(b"", b"Content-Length: 3"), 0.2, b"a", 0.1, b"b", 0.1, b"c"], "body later": [get(b"Content-Length: 3"), 0.3, b"abc"],
        "behind": get() + b"garbage", "body too long": send(b"abcdef", b"Content-Length: 3"),
        # Methods.
        "head": ask(b"HEAD", path), "head body": ask(b"HEAD", path, b"Content-Length: 3", body=b"abc"), "options": ask(b"OPTIONS", path), "put": send(b"", b"Content-Length: 0", method=b"PUT"), "delete": ask(b"DELETE", path), "patch": ask(b"PATCH", path), "trace": ask(b"TRACE", path), "connect": ask(b"CONNECT", b"a.test:80"), "propfind": ask(b"PROPFIND", path),
    }
    for coding in (b"gzip", b"gzip;q=0", b"identity;q=0", b"*", b"*;q=0", b"zstd", b"deflate", b"br", b"GZIP", b"x-gzip", b"gzip;q=0.001, deflate", b"", b"gzip;q=x", b"gzip;q=2", b",,gzip", b"gzip ; q = 0", b"zstd, gzip"):
        cases["accept " + coding.decode()] = get(b"Accept-Encoding: " + coding)
    return cases



def endpoints(paths, methods=(b"GET", b"HEAD", b"OPTIONS", b"POST", b"DELETE", b"get")):
    cases = {}
    for path in paths:
        for method in methods:
            cases[f"{method.decode()} {path}"] = ask(method, path.encode(), *([b"Content-Length: 0"] if method == b"POST" else []))
        cases[f"origin {path}"] = ask(b"GET", path.encode(), b"Origin: http://o.test")
        cases[f"preflight {path}"] = ask(b"OPTIONS", path.encode(), b"Origin: http://o.test", b"Access-Control-Request-Method: GET")
        cases[f"1.0 {path}"] = ask(b"GET", path.encode(), version=b"HTTP/1.0")
    return cases


SPELLINGS = ["/nothing", "/nothing/", "//", "//x", "/./x", "/a/../x", "/..", "/../..", "/%2e%2e/x", "/a%2fb", "/a%2f%2fb", "/%", "/a;b", "/a?x;y", "/a b".replace(" ", "%20"), "/%ff", "/a\\b", "/a//b/", "/a/./b/../c?d=e&f"]
PROMETHEUS = ["/", "/graph", "/graph?g0.expr=up", "/query", "/alerts", "/targets", "/rules", "/service-discovery", "/status", "/tsdb-status", "/flags", "/config", "/metrics", "/federate?match[]=up", "/version",
              "/-/healthy", "/-/ready", "/-/reload", "/-/quit", "/-/", "/api", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/query?query=1", "/api/v1/query/", "/api/v1/query", "/api/v1/labels", "/api/v1/targets",
              "/api/v1/label/a/values", "/api/v1/label/a%2Fb/values", "/api/v1/label/%FF/values", "/api/v1/status/config", "/api/v1/admin/tsdb/snapshot", "/api/v1/write", "/favicon.svg", "/favicon.ico", "/manifest.json", "/assets/", "/assets/nothing",
              "/graph/", "/GRAPH", "//graph", "/./graph", "/a/../graph", "/%67raph", "/metrics/", "/Metrics", "/api/v1/query?query=1;2"] + SPELLINGS
ALERTMANAGER = ["/", "/metrics", "/-/healthy", "/-/ready", "/-/reload", "/api/v2/status", "/api/v2/alerts", "/api/v2/silences", "/api/v2/receivers", "/api/v2/alerts/groups", "/api/v2/silence/x", "/api/v2/nothing", "/api/v1/alerts", "/api/v2", "/api/v2/",
                "/api/v2/status/", "/favicon.ico", "/script.js", "/lib/x", "/debug/pprof/", "/metrics/", "/Metrics"] + SPELLINGS
PUSHGATEWAY = ["/", "/metrics", "/-/healthy", "/-/ready", "/-/quit", "/status", "/api/v1/metrics", "/api/v1/status", "/api/v1/nothing", "/metrics/job/x", "/metrics/job/", "/metrics/job@base64/eA", "/metrics/job/x/a", "/static/x", "/metrics/"] + SPELLINGS
NODE = ["/", "/metrics", "/metrics/", "/metrics?collect[]=x", "/debug/pprof/x"] + SPELLINGS
# Of the page itself, not of what serves it.
ITS_OWN = {"content-length", "cache-control", "etag", "last-modified", "accept-ranges"}


class Group:
    def __init__(self, program, name, cases, with_body=True, known=None, ignored=()):
        self.program, self.name, self.cases, self.with_body, self.known, self.ignored = program, name, cases, with_body, known or {}, ignored


EARLY = "a body is read before the request is handled"
WIRE = {
    "(1.0 head keep|head|head body|pipeline head)": "HEAD tells what GET would",
    "(empty line|three lines|lf line|just lines|pipeline crlf)": "empty lines before a request are skipped",
    "(900|5000) fields": "1000 are taken",
    "(length short|extension (blank|huge|cr)|size (leading|0x|minus|plus|word|none|huge|most)|chunk (lf|lf size|short|long|no end)|trailer (bad|huge|lf)|many extensions)": EARLY,
    "expect( at once| upper| list| chunks|)": EARLY,
    "expect other 1.0": "the connection ends anyway",
}
PAGES = "/(graph|graph[?]g0.expr=up|query|favicon.(ico|svg)|manifest.json|assets/.*|static/x|script.js|lib/x|GRAPH|graph/|/graph|./graph|a/../graph|%67raph)?"
HERE = "a page of our own, or none; and HEAD is answered"
PATHS = {
    "prometheus": {
        f"[^ ]* {PAGES}": HERE, "[^ ]* /(alerts|targets|rules|service-discovery|status|tsdb-status|flags|config)": "no such page here",
        "(OPTIONS|preflight) /federate.*": "OPTIONS is answered as below the API", "HEAD /-/(healthy|ready)": "HEAD tells length and type",
        "(origin|preflight) /api/v1/.*": "the default origin is answered with *, as in later releases", "[^ ]* /api/v1(/query/)?": "spelling below the API",
    },
    "alertmanager": {
        f"[^ ]* {PAGES}": HERE, "HEAD /-/(healthy|ready)": "HEAD tells length and type", "get /api/v2/.*": "methods in lower case are other methods",
        "(HEAD|OPTIONS|DELETE|POST) /api/v2/.*": "the order of Allow", "[^ ]* /api/v2": "no redirect from below the API", "[^ ]* /debug/pprof/": "no pprof",
    },
    "pushgateway": {f"[^ ]* {PAGES}": HERE, "[^ ]* /metrics/job/": "an empty job is a job that is refused"},
    "node_exporter": {"[^ ]* /debug/pprof/x": "no pprof"},
}
GROUPS = [Group(program, "wire", wire(path), program != "node_exporter", WIRE, ("content-encoding",)) for program, path in
          (("prometheus", b"/-/healthy"), ("alertmanager", b"/-/healthy"), ("pushgateway", b"/-/healthy"), ("node_exporter", b"/"))]
GROUPS += [Group(program, "paths", endpoints(paths), False, PATHS[program], ITS_OWN) for program, paths in
           (("prometheus", PROMETHEUS), ("alertmanager", ALERTMANAGER), ("pushgateway", PUSHGATEWAY), ("node_exporter", NODE))]
