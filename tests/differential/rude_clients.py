#!/usr/bin/env python3
"""Servers beside their peers, before clients that are old, odd or rude: the requests of rude_requests.py go
byte by byte to both. Compared are all answers (status lines, fields, bodies where they do not change) and
whether the connection is still of use behind them.

usage: rude_clients.py BIN_DIR --peers DIR [--only PROGRAM[.GROUP]] [-v]"""
import argparse, concurrent.futures, hashlib, os, re, shutil, socket, subprocess, sys, tempfile, time

from promql_peers import free_port
from rude_requests import FIN, GROUPS

QUIET = 0.6  # so long nothing comes: that was all
# Who compresses and who knows a length in advance is not compared.
FRAMING = {("Vary", "Accept-Encoding"), ("Transfer-Encoding", "chunked")}
PROGRAMS = {
    "prometheus": ["--config.file=DIR/p.yml", "--storage.tsdb.path=DIR/data", "--web.listen-address=127.0.0.1:PORT"],
    "alertmanager": ["--config.file=DIR/a.yml", "--storage.path=DIR/data", "--cluster.listen-address=", "--web.listen-address=127.0.0.1:PORT"],
    "pushgateway": ["--web.listen-address=127.0.0.1:PORT"],
    "node_exporter": ["--web.listen-address=127.0.0.1:PORT", "--collector.disable-defaults", "--collector.uname"],
}
FILES = {"p.yml": "global: {scrape_interval: 1h}\n", "a.yml": "route: {receiver: x}\nreceivers: [{name: x}]\n"}


class Program:
    def __init__(self, program, name, flags=(), wait_tcp=False):
        self.folder, self.port = tempfile.mkdtemp(prefix="nx-rude-"), free_port()
        for file, text in FILES.items():
            with open(f"{self.folder}/{file}", "w") as f:
                f.write(text)
        arguments = [a.replace("DIR", self.folder).replace("PORT", str(self.port)) for a in (*PROGRAMS[name], *flags)]
        self.log = open(f"{self.folder}/log", "w+")
        self.process = subprocess.Popen([program, *arguments], stdout=self.log, stderr=self.log, cwd=self.folder)
        path = "/" if name == "node_exporter" else "/-/ready"
        for _ in range(300):
            if self.process.poll() is not None:
                break
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as s:
                    if wait_tcp:
                        return
                    s.sendall(f"GET {path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
                    if b" 200 " in s.recv(100):
                        return
            except OSError:
                pass
            time.sleep(0.05)
        self.log.seek(0)
        text = self.log.read()[-2000:]
        self.stop()
        sys.exit(f"{program} does not answer:\n{text}")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)


def unchunk(data):
    """The body and what is behind it; None when the end is missing."""
    body = b""
    while True:
        line, found, rest = data.partition(b"\r\n")
        if not found:
            return None
        size = int(line, 16)
        if len(rest) < size + 2:
            return None
        body, data = body + rest[:size], rest[size + 2:]
        if size == 0:
            return body, data


def answers(data, methods, with_body, ignored):
    """[(status line, fields, body)] of what a server has said; the last may be cut short."""
    out = []
    while data:
        head, found, data = data.partition(b"\r\n\r\n")
        if not found or not head.startswith(b"HTTP/"):
            return out + [("raw", head + found + data)]
        status, *lines = head.decode("latin-1").split("\r\n")
        fields = sorted((n, v) for n, _, v in (line.partition(": ") for line in lines))
        low = {n.lower(): v for n, v in fields}
        method = methods[len(out)] if len(out) < len(methods) else b"GET"
        body = b""
        if status.split(" ")[1] == "100":
            methods = [b""] + methods
        elif method == b"HEAD" or status.split(" ")[1] in ("204", "304"):
            pass
        elif "chunked" in low.get("transfer-encoding", ""):
            body, data = unchunk(data) or (b"cut short", b"")
        elif "content-length" in low:
            size = int(low["content-length"])
            body, data = data[:size] + (b"" if len(data) >= size else b" CUT SHORT"), data[size:]
        else:
            body, data = data, b""
        fields = [(n, v) for n, v in fields if n.lower() != "date" and (n, v) not in FRAMING and n.lower() not in ignored and (with_body or n.lower() != "content-length")]
        shown = body if with_body else b"..." if body else b""
        out.append((status, fields, shown if len(shown) < 300 else hashlib.sha256(shown).hexdigest()))
    return out


def receive(s, quiet, first):
    """What comes until it is quiet; whether the end came, too."""
    data = b""
    s.settimeout(first)
    try:
        while True:
            more = s.recv(1 << 20)
            if not more:
                return data, "closed"
            data += more
            s.settimeout(quiet)
    except TimeoutError:
        return data, "open"
    except OSError:
        return data, "closed"  # reset, where the end was to come: a matter of time


def talk(port, steps, with_body, ignored):
    steps = steps if isinstance(steps, list) else [steps]
    sent = b"".join(x for x in steps if isinstance(x, bytes))
    methods = re.findall(rb"(?:^|\n|\r|abc)([A-Za-z]+) [^\s]+ HTTP/1", sent) if len(sent) < 100_000 else []
    with socket.create_connection(("127.0.0.1", port), timeout=30) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for step in steps:
                if step == FIN:
                    s.shutdown(socket.SHUT_WR)
                elif isinstance(step, bytes):
                    s.sendall(step)
                else:
                    time.sleep(step)
        except OSError:
            pass
        data, state = receive(s, QUIET, 4)
        if state == "open" and steps[-1] != FIN:
            try:
                s.sendall(b"GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n")
                more, after = receive(s, QUIET, 2)
                state = "open" if b" 404 " in more[:14] or b" 200 " in more[:14] else "open, then " + more[:60].decode("latin-1") + after
            except OSError:
                state = "closed"
        return answers(data, methods, with_body, ignored), state


def run(port, group):
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        return dict(zip(group.cases, pool.map(lambda steps: talk(port, steps, group.with_body, group.ignored), group.cases.values())))


def explain(ours, theirs):
    """What differs, in few words."""
    out = []
    if ours[1] != theirs[1]:
        out.append(f"connection: ours {ours[1]!r}, theirs {theirs[1]!r}")
    if len(ours[0]) != len(theirs[0]):
        return out + [f"ours   {ours[0]}", f"theirs {theirs[0]}"]
    for mine, other in zip(ours[0], theirs[0]):
        if mine == other:
            continue
        if mine[0] != other[0]:
            out.append(f"status: ours {mine[0]!r}, theirs {other[0]!r}")
        if len(mine) == 3 and len(other) == 3:
            a, b = set(mine[1]), set(other[1])
            if a != b:
                out.append(f"fields: only ours {sorted(a - b)}, only theirs {sorted(b - a)}")
            if mine[2] != other[2]:
                out.append(f"body: ours {mine[2][:200]!r}, theirs {other[2][:200]!r}")
        else:
            out.append(f"ours {mine}, theirs {other}")
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin_dir")
    parser.add_argument("--peers", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("-v", action="store_true", help="what is known to differ, too")
    options = parser.parse_args()
    count = differ = known_count = 0
    for name in PROGRAMS:
        groups = [g for g in GROUPS if g.program == name and f"{name}.{g.name}".startswith(options.only)]
        if not groups:
            continue
        found = []
        for directory in (os.path.abspath(options.bin_dir), os.path.abspath(options.peers)):
            server = Program(f"{directory}/{name}", name)
            try:
                found.append({g.name: run(server.port, g) for g in groups})
            finally:
                server.stop()
        for group in groups:
            for case in group.cases:
                count += 1
                ours, theirs = (f[group.name][case] for f in found)
                if ours == theirs:
                    continue
                why = next((w for e, w in group.known.items() if re.fullmatch(e, case)), None)
                if why:
                    known_count += 1
                else:
                    differ += 1
                if not why or options.v:
                    print(f"{name}.{group.name}.{case}" + (f" (known: {why})" if why else ""))
                    for line in explain(ours, theirs):
                        print("   ", line)
    print(f"{count} requests, {known_count} answered otherwise for a known reason, {differ} differ")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
