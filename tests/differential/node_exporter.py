#!/usr/bin/env python3
"""Compares the families and series of this node_exporter with those of an upstream one, on this
machine, for the collectors both have, and what a scrape costs each.

    node_exporter.py BIN_DIR [--peer PATH] [--scrapes N]

The peer should be 1.10 or newer: Debian's 1.5 has other labels of filesystems, shows every field of
meminfo, no loopback device, and zram disks.
Values change between two scrapes and are not compared. Exits 1 when series, HELP or TYPE differ.
"""
import argparse, difflib, os, re, shutil, socket, subprocess, sys, tempfile, time, urllib.request

COLLECTORS = ("cpu diskstats filefd filesystem loadavg meminfo netdev os sockstat stat textfile time "
              "uname vmstat").split()
# Ours exports no go_*, names its own build, and reads queue/rotational by itself.
IGNORED = re.compile(r"^(# (HELP|TYPE) )?(go_|node_exporter_build_info)")
FLAGS = ["--collector.cpu.info", "--collector.cpu.info.flags-include=^fpu", "--collector.stat.softirq",
         "--collector.filesystem.mount-points-exclude=^/(dev|proc|run/credentials/.+|sys)($|/)"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def scrape(port):
    query = "&".join("collect[]=" + c for c in COLLECTORS)
    return urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics?{query}", timeout=10).read().decode()


def identities(text):
    lines = set()
    for line in text.split("\n"):
        if IGNORED.search(line):
            continue
        line = line if line.startswith("#") else line.rsplit(" ", 1)[0]
        lines.add(re.sub(r'rotational="\d"', 'rotational="?"', line))
    return sorted(lines)


def cpu_ticks(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def run(binary, textfiles, scrapes):
    port = free_port()
    process = subprocess.Popen(
        [binary, f"--web.listen-address=127.0.0.1:{port}", f"--collector.textfile.directory={textfiles}",
         *FLAGS], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                text = scrape(port)
                break
            except OSError:
                time.sleep(0.05)
        before = cpu_ticks(process.pid)
        for _ in range(scrapes):
            scrape(port)
        ticks = cpu_ticks(process.pid) - before
        rss = re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{process.pid}/status").read()).group(1)
        cost = f"{1000 * ticks / os.sysconf('SC_CLK_TCK') / max(1, scrapes):.2f} ms CPU a scrape, {rss} kB"
        return identities(text), cost
    finally:
        process.terminate()
        process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", default=shutil.which("prometheus-node-exporter"))
    parser.add_argument("--scrapes", type=int, default=200)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        with open(directory + "/a.prom", "w") as f:
            f.write('# HELP foo Foo.\n# TYPE foo gauge\nfoo{a="b"} 1\nbar 2\n')
        ours, our_cost = run(f"{args.bin_dir}/node_exporter", directory, args.scrapes)
        theirs, their_cost = run(args.peer, directory, args.scrapes)
    difference = list(difflib.unified_diff(theirs, ours, "upstream", "narthex", lineterm="", n=0))
    print("\n".join(difference) if difference else f"{len(ours)} lines: no difference")
    print(f"narthex:  {our_cost}\nupstream: {their_cost}")
    return bool(difference)


if __name__ == "__main__":
    sys.exit(main())
