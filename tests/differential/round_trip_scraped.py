#!/usr/bin/env python3
"""A data directory that Prometheus and we own in turns while a target is scraped, with blocks of a minute.

    round_trip_scraped.py BIN_DIR --peer /path/to/prometheus [--seed N] [--rounds N]

The target counts its scrapes and says the count in every sample, of series that stay, come and go, and are
there now and then. Whatever was served while a server ran, but the last scrape before it was stopped or
killed, must be there once: after each hand-over, from head, log, chunk files and blocks of both.
"""
import argparse, os, random, signal, subprocess, sys, tempfile, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prompb import *

FLAGS = ["--storage.tsdb.min-block-duration=1m", "--storage.tsdb.max-block-duration=9m"]
SERIES = 25


def page(n):
    yield from (f'steady{{i="{i}"}} {n}' for i in range(SERIES))
    yield f'churn{{run="{n // 7}"}} {n}'
    if n % 3 == 0:
        yield f"sometimes {n}"
    if n // 20 % 2 == 0:
        yield f"long_gaps {n}"


class Target:
    def __init__(self):
        self.served, self.lock = 0, threading.Lock()
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                with target.lock:
                    target.served += 1
                    body = ("\n".join(page(target.served)) + "\n").encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def config(self):
        return (f"global:\n  scrape_interval: 500ms\n  scrape_timeout: 500ms\nscrape_configs:\n- job_name: t\n"
                f"  static_configs:\n  - targets: ['127.0.0.1:{self.server.server_port}']\n")


def judge(server, target, served, missing_allowed):
    """What is wrong with the samples of the scrapes 1 to `served`, behind which there may be more by now."""
    want = {}
    for n in range(1, served + 1):
        for line in page(n):
            want.setdefault(line.rsplit(" ", 1)[0], []).append(n)
    answer = server.get("/api/v1/query", query='{__name__=~"steady|churn|sometimes|long_gaps"}[1h]', time=time.time())
    with target.lock:
        last = target.served
    got, faults = {}, []
    for series_ in answer["data"]["result"]:
        metric = series_["metric"]
        name = metric["__name__"]
        label = next((f'{{{l}="{metric[l]}"}}' for l in ("i", "run") if l in metric), "")
        got[name + label] = [int(v) for _, v in series_["values"]]
    for name in sorted(set(want) | set(got)):
        have = got.get(name, [])
        lost = [n for n in want.get(name, []) if n not in set(have) and n not in missing_allowed]
        odd = [n for n in have if have.count(n) > 1 or n > last or n <= served and n not in want.get(name, [])]
        if lost or odd or have != sorted(have):
            faults.append(f"{name}: missing {lost[:8]}, wrong {odd[:8]} of {len(have)}")
    return faults


def trip(seed, options, scratch):
    rng, target, failed = random.Random(seed), Target(), 0
    directory, allowed, log = os.path.join(scratch, "data"), set(), []
    owners = [rng.choice(["ours", "theirs"]) for _ in range(2)]
    owners += ["ours" if owners[-1] == "theirs" else "theirs", rng.choice(["ours", "theirs"]), "theirs", "ours"]
    for phase, who in enumerate(owners):
        flags = list(FLAGS)
        if who == "ours":
            flags += ["--storage.tsdb.block-reload-interval=1s", "--storage.tsdb.export-wal-on-shutdown"]
        binary = options.peer if who == "theirs" else os.path.join(options.bin_dir, "prometheus")
        server = Server(binary, directory, *flags, config=target.config())
        length = rng.randrange(5, 60)
        time.sleep(length)
        with target.lock:
            served = target.served
        # What is served last is perhaps not committed yet.
        faults = judge(server, target, served, allowed | {served, served - 1})
        sig = rng.choice([signal.SIGKILL, signal.SIGTERM])
        server.stop(sig)
        time.sleep(0.1)
        allowed |= {target.served, target.served - 1} if sig == signal.SIGKILL else {target.served}
        log.append(f"phase {phase} {who} {length} s, {target.served} scrapes, {sig.name}")
        if faults:
            failed += 1
            print(f"seed {seed}", *log, *faults[:10], sep="\n    ")
            allowed |= set(range(1, served + 1))
        if who == "ours" and sig == signal.SIGKILL:
            subprocess.run([os.path.join(options.bin_dir, "promtool"), "tsdb", "wal-export", directory], check=True,
                           timeout=60, stderr=subprocess.DEVNULL)
    blocks = sum(len(name) == 26 for name in os.listdir(directory))
    print(f"seed {seed}: {target.served} scrapes, {len(owners)} phases, {blocks} blocks, {failed} faults", flush=True)
    target.server.shutdown()
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", default="prometheus")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    failed = 0
    for seed in range(options.seed, options.seed + options.rounds):
        with tempfile.TemporaryDirectory(dir="/tmp") as scratch:
            failed += trip(seed, options, scratch)
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
