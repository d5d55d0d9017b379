#!/usr/bin/env python3
"""promtool check config beside its peers: server/config/testdata/verdicts.txt says which
configurations are refused, with which message, and where a peer decides otherwise and why.

usage: check_config.py BIN_DIR [--peer PROMTOOL]   (Debian's promtool without --peer)"""
import argparse, os, re, subprocess, sys, tempfile

TABLE = os.path.join(os.path.dirname(__file__), "../../server/config/testdata/verdicts.txt")


def cases():
    """{name, error, check, peers: {version: verdict}, files: {name: text}}, in the order of the table."""
    found = []
    with open(TABLE, errors="surrogateescape", newline="\n") as table:
        for line in table:
            if line.startswith("=== "):
                found.append({"name": line[4:-1], "peers": {}, "files": {}})
            elif found and line.startswith("--- ") and len(line) > 5:
                text = found[-1]["files"][line[4:-1]] = []
            elif found and found[-1]["files"]:
                text.append(line)
            elif match := re.match(r"(error|check): (.*)", line):
                found[-1][match[1]] = match[2]
            elif match := re.match(r"(\d\S*): (accepts|refuses), (.*)", line):
                found[-1]["peers"][match[1]] = match[2] == "accepts"
    return found


def run(promtool, directory):
    """(accepted, what it wrote)"""
    done = subprocess.run([promtool, "check", "config", "--lint=none", "prometheus.yml"],
                          cwd=directory, capture_output=True, timeout=60)
    return done.returncode == 0, done.stderr.decode(errors="surrogateescape")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", default="/usr/bin/promtool")
    options = parser.parse_args()
    ours = os.path.join(os.path.abspath(options.bin_dir), "promtool")
    version = subprocess.run([options.peer, "--version"], capture_output=True, text=True)
    series = re.search(r"version (\d+\.\d+)", version.stdout + version.stderr)[1]
    faults, refused, otherwise = [], 0, 0
    table = cases()
    for case in table:
        with tempfile.TemporaryDirectory() as directory:
            for name, lines in case["files"].items():
                with open(os.path.join(directory, name), "w", errors="surrogateescape") as file:
                    file.write("".join(lines))
            accepted, said = run(ours, directory)
            peer_accepted, peer_said = run(os.path.abspath(options.peer), directory)
        message = case.get("error", case.get("check"))
        expected = case["peers"].get(series, message is None)
        otherwise += series in case["peers"]
        refused += not accepted
        if accepted != (message is None):
            faults.append(f"{case['name']}: ours {'accepts' if accepted else 'refuses: ' + said}")
        elif message is not None and message not in said:
            faults.append(f"{case['name']}: ours says {said!r}, not {message!r}")
        if peer_accepted != expected:
            faults.append(f"{case['name']}: {series} {'accepts' if peer_accepted else peer_said}")
    print("\n".join(faults))
    print(f"{len(table)} configurations, {refused} refused, {series} decides {otherwise} otherwise, "
          f"{len(faults)} faults")
    return 1 if faults or refused < 200 else 0


if __name__ == "__main__":
    sys.exit(main())
