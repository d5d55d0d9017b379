#!/usr/bin/env python3
"""Bytes of blocks per sample, beside Prometheus' for the same samples, in one run.

    bench/tsdb/block_bytes.py BUILD_DIR [--peer prometheus] [--exporter prometheus-node-exporter]
                              [--series N] [--kinds counters,gauges,...] [--samples-per-chunk N]

For each kind of samples `block_bytes` fills a directory of ours as targets would, cuts the block of the
first two hours, and leaves the same samples as a log for Prometheus, which cuts its own. The kind
`recorded` is what a node_exporter that runs here says, scrape after scrape. Printed are the bytes of
chunks and of the whole block per sample, and ours divided by theirs; exits 1 when one is above 1.
"""
import argparse, json, os, shutil, subprocess, sys, tempfile, time, urllib.request

from restart_peers import free_port, wait_ready

KINDS = ("counters", "gauges", "noise", "constant", "histograms", "recorded")


def record(exporter, path, scrapes):
    """Scrape bodies, each behind a line '#'; the machine's own activity makes the values change."""
    url = f"http://127.0.0.1:{free_port()}"
    process = subprocess.Popen([exporter, f"--web.listen-address={url[7:]}"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        with open(path, "wb") as out:
            for _ in range(scrapes):
                with urllib.request.urlopen(url + "/metrics", timeout=10) as answer:
                    out.write(b"#\n" + answer.read())
                time.sleep(0.1)
    finally:
        process.kill()
        process.wait()


def blocks(directory):
    return [os.path.join(directory, name) for name in os.listdir(directory)
            if os.path.exists(os.path.join(directory, name, "meta.json"))]


def size(path):
    return sum(os.path.getsize(os.path.join(folder, name))
               for folder, _, names in os.walk(path) for name in names)


def describe(directory):
    """(samples, chunks, bytes of chunks, bytes of all) of the one block there."""
    found = blocks(directory)
    if len(found) != 1:
        sys.exit(f"{directory} has {len(found)} blocks, expected one")
    with open(os.path.join(found[0], "meta.json")) as f:
        stats = json.load(f)["stats"]
    return (stats["numSamples"], stats["numChunks"], size(os.path.join(found[0], "chunks")),
            size(found[0]))


def start_peer(peer, directory, samples_per_chunk):
    config = os.path.join(os.path.dirname(directory), "p.yml")
    with open(config, "w") as f:
        f.write("global: {scrape_interval: 1h}\n")
    url = f"http://127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [peer, f"--config.file={config}", f"--storage.tsdb.path={directory}",
         "--storage.tsdb.retention.time=100y", "--enable-feature=native-histograms",
         f"--storage.tsdb.samples-per-chunk={samples_per_chunk}",
         f"--web.listen-address={url[7:]}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_ready(process, url, 300)
    return process


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", help="a build folder with benchmarks, such as build/release")
    parser.add_argument("--peer", default="/usr/bin/prometheus")
    parser.add_argument("--exporter", default="/usr/bin/prometheus-node-exporter")
    parser.add_argument("--series", type=int, default=2000)
    parser.add_argument("--ticks", type=int, default=760)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--samples-per-chunk", type=int, default=120)
    options = parser.parse_args()
    kinds = options.kinds.split(",")

    scratch, peers, worse = tempfile.mkdtemp(prefix="block-bytes-"), [], 0
    try:
        recording = os.path.join(scratch, "recording")
        if "recorded" in kinds:
            record(options.exporter, recording, options.ticks)
        for kind in kinds:
            folder = os.path.join(scratch, kind)
            os.makedirs(folder)
            subprocess.run([os.path.join(options.build, "bench", "block_bytes"), f"--dir={folder}",
                            f"--kind={kind}", f"--series={options.series}",
                            f"--ticks={options.ticks}", f"--recording={recording}",
                            f"--samples-per-chunk={options.samples_per_chunk}"], check=True)
            peers.append(start_peer(options.peer, os.path.join(folder, "prometheus"),
                                    options.samples_per_chunk))
        print(f"{'bytes a sample':12}  {'chunks: narthex':>16} {'peer':>7} {'ratio':>6}  "
              f"{'block: narthex':>16} {'peer':>7} {'ratio':>6}   samples, chunks: narthex, peer")
        for kind in kinds:
            theirs = os.path.join(scratch, kind, "prometheus")
            end = time.monotonic() + 180  # it looks once a minute
            while not blocks(theirs) and time.monotonic() < end:
                time.sleep(1)
            ours, theirs = (describe(os.path.join(scratch, kind, name))
                            for name in ("narthex", "prometheus"))
            if ours[0] != theirs[0]:
                sys.exit(f"{kind}: {ours[0]} samples in our block, {theirs[0]} in the peer's")
            a, b = ([of / which[0] for of in which[2:]] for which in (ours, theirs))
            worse += a[0] > b[0] or a[1] > b[1]
            print(f"{kind:14}  {a[0]:16.3f} {b[0]:7.3f} {a[0] / b[0]:6.3f}  "
                  f"{a[1]:16.3f} {b[1]:7.3f} {a[1] / b[1]:6.3f}   {ours[0]}, {ours[1]}, {theirs[1]}",
                  flush=True)
    finally:
        for process in peers:
            process.kill()
            process.wait()
        shutil.rmtree(scratch, ignore_errors=True)
    sys.exit(worse > 0)


if __name__ == "__main__":
    main()
