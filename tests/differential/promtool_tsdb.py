#!/usr/bin/env python3
"""`promtool tsdb` beside the real one: the same command lines on the same data.

    tests/differential/promtool_tsdb.py BIN_DIR --peer /path/to/promtool   (3.5)

Exit codes, output and errors are compared line by line; names of blocks, times of logs and sizes of
written blocks aside, and the order of lines in `analyze`, which is the peer's own chance. What differs
for a reason is listed below with it. Exits 1 when anything else does.
"""
import argparse, math, os, re, shutil, subprocess, sys, tempfile

T0 = 1_700_000_000
# Command line (a beginning): why its output differs.
KNOWN = {
    "list file": "says what is wrong, not which directory inside could not be made",
    "dump file": "the same",
    "dump empty": "asks for no wal/",
    "dump-openmetrics empty": "the same",
    "dump --min-time=abc": "numbers of all kinds are read alike",
    "analyze src": "which of several equal counts are shown is chance",
    "analyze --extended --limit=2": "the same",
    "create-blocks-from openmetrics --label=job=y": "says what it leaves out",
    "create-blocks-from openmetrics late.om": "the same",
    "create-blocks-from openmetrics empty.om": "says what is missing",
    "create-blocks-from openmetrics d.om file": "directories are made with their parents",
    "create-blocks-from rules --start=1700000000 --end=1700003600 --url=http": "logs nothing on the way",
    "create-blocks-from rules --start=1700000000 --end=1700003600 --url=::": "is no error of the command line",
    "bench write": "logs nothing on the way",
}
COMMANDS = """
list src|list -r src|list --human-readable src|list empty|list missing|list file|list
analyze src|analyze --limit=999 src|analyze --limit=999 src {block}|analyze src 01ABC|analyze --limit=0 src {block}|analyze --limit=-1 src {block}
analyze --extended --limit=999 src {block}|analyze --extended --limit=2 src|analyze --match={{job="j1"}} src {block}
analyze --limit=999 --match=g src {block}|analyze --match=nothing src {block}|analyze --match=}} src {block}
analyze --match=a_total --match=g src {block}|analyze --extended --limit=999 --match=g src {block}
analyze empty|analyze missing|analyze missing 01ABC
dump src|dump --min-time=1700001000000 --max-time=1700002000000 src|dump --match=sp src
dump --match={{job=~"j.*",inst="h"}} --match=sp src|dump --match=nothing src|dump --match=}} src
dump --match={{}} src|dump --min-time=5 --max-time=4 src|dump empty|dump missing|dump file
dump --min-time=abc src|dump --sandbox-dir-root=empty src|dump --sandbox-dir-root=none src
dump-openmetrics src|dump-openmetrics --match=sp src|dump-openmetrics empty|dump-openmetrics missing
dump-openmetrics --match=h_count --min-time=1700001000000 --max-time=1700002000000 src
create-blocks-from openmetrics d.om OUT|create-blocks-from openmetrics -r d.om OUT
create-blocks-from openmetrics -q d.om OUT|create-blocks-from openmetrics --label=x=y d.om OUT
create-blocks-from openmetrics --label=job=y d.om OUT|create-blocks-from openmetrics --label=xy d.om OUT
create-blocks-from openmetrics --max-block-duration=1d d.om OUT
create-blocks-from openmetrics --max-block-duration=1h d.om OUT
create-blocks-from openmetrics bad.om OUT|create-blocks-from openmetrics unended.om OUT
create-blocks-from openmetrics empty.om OUT|create-blocks-from openmetrics nothing.om OUT
create-blocks-from openmetrics timeless.om OUT|create-blocks-from openmetrics late.om OUT
create-blocks-from openmetrics missing.om OUT|create-blocks-from openmetrics|create-blocks-from openmetrics d.om file
create-blocks-from rules --start=1700000000 --end=1700003600 --url=http://127.0.0.1:1 --output-dir=OUT missing.yml
create-blocks-from rules --start=1700003600 --end=1700000000 --url=http://127.0.0.1:1 --output-dir=OUT r.yml
create-blocks-from rules --end=1700000000 --url=http://127.0.0.1:1 --output-dir=OUT r.yml
create-blocks-from rules --start=abc --url=http://127.0.0.1:1 --output-dir=OUT r.yml
create-blocks-from rules --start=1700000000 --end=1700003600 --url=http://127.0.0.1:1 --output-dir=OUT r.yml
create-blocks-from rules --start=1700000000 --end=1700003600 --url=::bad --output-dir=OUT r.yml
create-blocks-from|foo|bench write --metrics=10 --scrapes=3 --out=OUT missing.json
"""


def samples():
    """Counters over blocks, many label values, classic buckets, every odd float."""
    yield "# HELP a things\n# TYPE a counter"
    for j in range(3):
        yield from (f'a_total{{job="j{j}",inst="h"}} {i * 3 + j} {T0 + i * 15}' for i in range(2000))
    yield "# TYPE g gauge"
    for j in range(40):
        for i in range(0, 2000, 7):
            yield f'g{{pod="p-{j}",esc="a\\"b\\\\c\\nd",u="é"}} {math.sin(i + j)} {T0 + i * 15 + j / 1000}'
    yield "# TYPE h histogram"
    for i in range(300):
        yield from (f'h_bucket{{le="{le}"}} {i} {T0 + i * 60}' for le in ("1", "2", "+Inf"))
        yield f"h_count {i} {T0 + i * 60}\nh_sum {i * 1.5} {T0 + i * 60}"
    yield "# TYPE sp gauge"
    for t, v in enumerate(("NaN", "+Inf", "-Inf", "1e300", "-0", "0.1", "1e-7", "123456789012345680")):
        yield f"sp {v} {T0 + t}"
    yield "# EOF\n"


FILES = {
    "d.om": "\n".join(samples()), "bad.om": "garbage{ 1\n# EOF\n", "unended.om": "a 1 5\n", "empty.om": "",
    "nothing.om": "# EOF\n", "timeless.om": "a 1\n# EOF\n", "late.om": "a 1 5\na 2 4\n# EOF\n", "file": "",
    "r.yml": "groups:\n- name: x\n  rules:\n  - record: r\n    expr: vector(1)\n",
}


def blocks(directory):
    return sorted(name for name in os.listdir(directory) if re.fullmatch("[0-9A-Z]{26}", name))


def run(program, line):
    shutil.rmtree("OUT", ignore_errors=True)
    result = subprocess.run([program, "tsdb", *line.split()], capture_output=True, text=True, timeout=300)

    def lines(text):
        text = re.sub("01[A-Z0-9]{24}", "ULID", text)
        if line.startswith("create-blocks-from"):  # chunks and bytes of a block are ours to choose
            text = re.sub(r"(ULID .*\S) +(\d+) +\d+ +(\d+) +\S+", r"\1 \2 \3", text)
        out = text.split("\n")
        return sorted(out) if line.startswith("analyze") else out

    written = len(blocks("OUT")) if os.path.isdir("OUT") else 0
    return {"code": [str(result.returncode)], "out": lines(result.stdout), "error": lines(result.stderr),
            "blocks": [str(written)]}


def first_difference(a, b):
    return next(((x, y) for x, y in zip(a, b) if x != y), (f"{len(a)} lines", f"{len(b)} lines"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", default="/usr/bin/promtool")
    options = parser.parse_args()
    ours, peer = os.path.abspath(os.path.join(options.bin_dir, "promtool")), os.path.abspath(options.peer)
    scratch, told, failed = tempfile.mkdtemp(prefix="promtool-tsdb-"), 0, 0
    try:
        os.chdir(scratch)
        for name, text in FILES.items():
            with open(name, "w") as f:
                f.write(text)
        os.makedirs("empty")
        subprocess.run([peer, "tsdb", "create-blocks-from", "openmetrics", "d.om", "src"], check=True,
                       capture_output=True)
        os.makedirs("src/wal")  # the peer asks for one
        commands = COMMANDS.format(block=blocks("src")[-1]).replace("\n", "|").strip("|").split("|")
        for line in commands:
            theirs, mine = run(peer, line), run(ours, line)
            different = [part for part in theirs if theirs[part] != mine[part]]
            if not different:
                continue
            reason = next((why for start, why in KNOWN.items() if line.startswith(start)), None)
            told, failed = told + (reason is not None), failed + (reason is None)
            if reason is None:
                print(f"promtool tsdb {line}")
                for part in different:
                    print("  {}\n    peer {!r}\n    ours {!r}".format(
                        part, *first_difference(theirs[part], mine[part])))
        print(f"{len(commands)} command lines: {told} differ as known, {failed} otherwise")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
