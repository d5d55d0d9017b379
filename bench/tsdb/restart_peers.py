#!/usr/bin/env python3
"""A restart after kill -9, beside Prometheus, in one run.

    bench/tsdb/restart_peers.py BUILD_DIR [--peer prometheus] [--series N] [--ticks N] [--rounds N] [--import]

`restart_bench` fills a directory (targets of 1,000 series, ten labels, 15 s between samples) and dies
without a word. Prometheus gets what it would have on its disk then: a copy, exported as its log. Both
servers are then started on theirs, in turns, and killed as soon as `/-/ready` says 200; printed are
the seconds until then, the CPU they took, resident memory, and that all series are there. With --import
both start on the directory of Prometheus, which we take over.
"""
import argparse, json, os, shutil, socket, statistics, subprocess, sys, tempfile, time
import urllib.error, urllib.parse, urllib.request

T0 = 1_700_000_000 // 7200 * 7200  # of restart_bench's first sample, in seconds


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) / 1024


def wait_ready(process, url, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit(f"{process.args[0]} ended with status {process.returncode}")
        try:
            with urllib.request.urlopen(url + "/-/ready", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.005)
    sys.exit(f"{process.args[0]} was not ready after {seconds} s")


def count_series(url, ticks):
    at = T0 + (ticks - 1) * 15 + 15
    query = urllib.parse.urlencode({"query": 'count({__name__=~".+"})', "time": at})
    with urllib.request.urlopen(f"{url}/api/v1/query?{query}", timeout=600) as answer:
        result = json.load(answer)["data"]["result"]
    return int(result[0]["value"][1]) if result else 0


def restart(program, directory, options, count):
    """(seconds until ready, CPU seconds, resident MB, series) of one start; it ends in kill -9."""
    config = os.path.join(os.path.dirname(directory), "p.yml")
    with open(config, "w") as f:
        f.write("global: {scrape_interval: 1h}\n")
    url = f"http://127.0.0.1:{free_port()}"
    start = time.monotonic()
    process = subprocess.Popen(
        [program, f"--config.file={config}", f"--storage.tsdb.path={directory}",
         "--storage.tsdb.retention.time=100y", f"--web.listen-address={url[7:]}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_ready(process, url, options.patience)
        seconds = time.monotonic() - start
        cpu, memory = cpu_seconds(process.pid), resident_mb(process.pid)
        return seconds, cpu, memory, count_series(url, options.ticks) if count else None
    finally:
        process.kill()
        process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", help="a build folder with benchmarks, such as build/release")
    parser.add_argument("--bin", default=None, help="folder of our programs; BUILD/../bin if not given")
    parser.add_argument("--peer", default="/usr/bin/prometheus")
    parser.add_argument("--series", type=int, default=300_000)
    parser.add_argument("--ticks", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--import", action="store_true", dest="takes_over",
                        help="start ours on the log of Prometheus")
    parser.add_argument("--patience", type=int, default=900, help="seconds until a start is given up")
    options = parser.parse_args()
    ours = os.path.join(options.bin or os.path.join(options.build, "..", "bin"), "prometheus")
    bench = os.path.join(options.build, "bench", "restart_bench")

    scratch = tempfile.mkdtemp(prefix="restart-")
    try:
        directories = {name: os.path.join(scratch, name, "data") for name in ("narthex", "peer")}
        for directory in directories.values():
            os.makedirs(os.path.dirname(directory))
        size = [f"--series={options.series}", f"--ticks={options.ticks}"]
        subprocess.run([bench, *size, f"--dir={directories['narthex']}", "--phase=fill"], check=True)
        shutil.copytree(directories["narthex"], directories["peer"])
        subprocess.run([bench, *size, f"--dir={directories['peer']}", "--phase=export"], check=True)
        shutil.rmtree(os.path.join(directories["peer"], "head"))
        if options.takes_over:
            directories["narthex"] = directories["peer"]

        measured = {"narthex": [], "peer": []}
        for number in range(options.rounds):
            for name, program in (("narthex", ours), ("peer", options.peer)):
                # What killing leaves may differ from what was filled: every start gets the same bytes.
                copy = os.path.join(scratch, name, "copy")
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(directories[name], copy)
                measured[name].append(restart(program, copy, options, number == 0))
                shutil.rmtree(copy)
                print(f"{name:8} ready {measured[name][-1][0]:7.2f} s, CPU {measured[name][-1][1]:7.2f} s, "
                      f"resident {measured[name][-1][2]:6.0f} MB", flush=True)
        for name in measured:
            if measured[name][0][3] != options.series:
                sys.exit(f"{name} has {measured[name][0][3]} series of {options.series}")
        for column, what in ((0, "seconds until ready"), (1, "CPU seconds"), (2, "resident MB")):
            a, b = (statistics.median(run[column] for run in measured[name]) for name in measured)
            print(f"{what:20} narthex {a:8.2f}  peer {b:8.2f}  1/{b / a:.1f}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
