#!/usr/bin/env python3
"""Runs the same command lines with this amtool and an upstream one and compares what they print.

    amtool.py BIN_DIR --peer AMTOOL --peer-alertmanager ALERTMANAGER

Both run against a fresh alertmanager of this tree and against a fresh upstream one: standard output,
standard error and exit code of every line. With --servers the answers of the two alertmanagers to the
upstream amtool are compared as well. Exits 1 on a difference. Times, ids and ports are made equal; log
lines are left out (upstream's go to standard output), and so are blank lines behind errors. The lines leave out what differs on purpose
(docs/compat.md). Written against 0.33; Debian needs its amtool in a mount namespace with the templates
of the same version to find the default ones.
"""
import argparse, difflib, itertools, os, re, shlex, socket, subprocess, sys, tempfile, time, urllib.request

CONFIG = """
route:
  receiver: w
  group_by: [alertname]
  routes:
  - matchers: ['team="db"']
    receiver: db
    continue: true
    routes:
    - matchers: [severity=~"a|b", 'env!=prod']
      receiver: page
  - match: {team: db}
    receiver: db2
  - match_re: {job: a.*}
    receiver: re
    routes:
    - matchers: ['{"quoted name"="x"}']
      continue: true
inhibit_rules:
- source_matchers: [alertname=Inhibitor]
  target_matchers: [inhibited=yes]
receivers: [{name: w}, {name: db}, {name: db2}, {name: page}, {name: re}]
"""
SMALL = "route: {receiver: x}\nreceivers: [{name: x}]\n"
FILES = {
    "am.yml": CONFIG,
    "good.yml": SMALL,
    "undefined.yml": "route: {receiver: x}\n",
    "empty.yml": "",
    "field.yml": SMALL + "foo: 1\n",
    "noroute.yml": "receivers: [{name: x}]\n",
    "notmpl.yml": SMALL + "templates: ['none/*.tmpl']\n",
    "tmpl.yml": SMALL + "templates: ['a.tmpl', 'none/*.tmpl']\n",
    "badtmpl.yml": SMALL + "templates: ['bad/*.tmpl']\n",
    "slack.yml": "global: {slack_api_url: 'http://s/'}\nroute: {receiver: x, routes: [{receiver: s, "
                 "matchers: [a=b]}]}\nreceivers: [{name: x}, {name: s, slack_configs: [{channel: c}]}]\n",
    "a.tmpl": '{{ define "t.a" }}hi {{ .Status }} {{ range .Alerts }}{{ .Labels.SortedPairs.Values | join " " }}'
              ' {{ .StartsAt.Format "2006" }} {{ end }}{{ end }}',
    "bad/b.tmpl": '{{ define "t.a" }} {{ end',
    "data.json": '{"receiver":"r","status":"firing","alerts":[{"status":"firing","labels":{"a":"b"},'
                 '"annotations":{"c":"d"},"startsAt":"2026-01-01T00:00:00Z","generatorURL":"http://g"}],'
                 '"groupLabels":{"a":"b"},"commonLabels":{"a":"b","x":"y"},"externalURL":"http://x"}',
    "silences.json": '[{"id":"00000000-0000-0000-0000-000000000000","matchers":[{"name":"imp","value":"x",'
                     '"isRegex":false}],"startsAt":"2026-11-23T00:00:00Z","endsAt":"2199-12-23T00:00:00Z",'
                     '"createdBy":"a","comment":"b"},{"matchers":[{"name":"imp2","value":"","isRegex":false}],'
                     '"startsAt":"2026-11-23T00:00:00Z","endsAt":"2199-12-23T00:00:00Z","createdBy":"a",'
                     '"comment":"b"},{"createdBy":"x"}]',
}
R = "--template.glob=a.tmpl"
# $1, $2 … are the first, second … id that was printed. ~ is a line of its own: setting of the settings file.
LINES = r"""
alert add foo node=bar 'dc="x y"' --annotation=summary='"the sum"' --annotation=runbook=http://r --generator-url=http://gen/ --start=2026-11-23T04:00:00+02:00 --end=2199-01-01T00:00:00Z
alert add a=b env=x team=db severity=a --annotation='summary="multi\nline"' --end=2199-01-01T00:00:00Z
alert add alertname=b job=abc --annotation='summary="tab\there"' --end=2199-01-01T00:00:00Z
alert add Inhibitor x=y
alert add Inhibited inhibited=yes
alert add 'foo!=x'
alert add foo 'a!=x'
alert add foo a=b --annotation=a=~b
alert add foo --annotation=foo
alert add a=b --start=xx
alert add a=b --start=2026-11-23
alert add a=b --start=2026-11-23T04:00:00
alert add a=b --start=2026-11-23T04:00:00Zx
alert add a=b --start=2026-11-23T04:00:00Z --end=2026-11-22T04:00:00Z
alert add
alert add a=b --generator-url=' :x'
alert
alert query
alert query -o extended
alert -o json
alert -i
alert -s -i -a -u
alert --no-active
alert foo
alert foo node=bar
alert query 'alertname=~foo.*'
alert query '{alertname=~"foo.*"}'
alert query 'alertname=~"foo.*",node=bar'
alert foo '{node=bar}'
alert foo 'a=b,node=bar'
alert foo 'node=~('
alert -r db
alert -r 'db|w'
alert -r nosuch
alert 'x=~('
alert foo bar
alert 'f🙂=x'
alert '"f🙂"=x'
alert 'a=b c'
alert 'nosuch=b'
alert 'nosuch=b' -o extended
alert 'nosuch=b' -o json
alert --date.format=2006
alert --date.format='Mon Jan _2 15:04:05.000 Z07:00 -0700' foo
silence
silence add foo node=bar
silence add
silence add -c x
silence add foo node=bar -c 'a comment' -d 2h
silence add foo 'node=~b.*' x!=y -c c -a me --annotation=a=b --end 2198-12-01T00:00:00+01:00 --start 2198-11-30T00:00:00Z
silence add foo=x foo!~y.* -c 'line1
line2	tab' -a '' --end=2198-01-01T00:00:00Z
silence add 'foo=""' -c c
silence add 'foo=~(' -c c
silence add '{foo=x}' -c c -d 1d
silence add 'foo=x,y=z' -c c -d 3d
silence add foo=x -c c --start=2026-12-01T00:00:00Z --end=2026-11-30T00:00:00Z
silence add foo=x -c c --end=2026-11-03T00:00:00Z
silence add foo=x -c c --start=2026-11-01T00:00:00Z --end=2026-11-03T00:00:00Z
silence add foo=x --no-require-comment -d 1h30m
silence add foo=x -c x -d 1.5h
silence add foo=x -c x -d foo
silence add foo=x -c x -d 0
silence add foo=x -c x -d 0s
silence add foo=x -c x --annotation=foo
silence add foo=x -c x --annotation=a!=b
silence add a=b -c x --start=foo
silence
silence -o extended
silence -o json
silence -q
silence foo
silence 'foo=x'
silence 'foo!~y.*'
silence foo bar
silence foo '{node=bar}'
silence 'a=b' 'a=~('
silence --created-by me
silence --id $1
silence --within 90m
silence --within 900h
silence --within x
silence --expired
alert -s
alert -s -o extended
silence expire
silence expire x
silence expire 00000000-0000-0000-0000-000000000000
silence update
silence update x
silence update 00000000-0000-0000-0000-000000000000
silence update $1 -d 3h -c new
silence update $1 --start 2198-01-01T00:00:00Z
silence update $1 --end x
silence update $1 -d x
silence update $1 -d 0
silence update $1 --start 2197-11-24T00:00:00Z --end 2197-11-25T00:00:00Z -o json
silence
silence expire $2
silence expire $3 $2
silence --expired
silence --expired --within 1h -o extended
silence --expired -o json
silence import -w 1 silences.json
silence import -f -w 1 <silences.json
silence import /nope
silence import /tmp
silence import silences.json more
check-config good.yml undefined.yml empty.yml field.yml noroute.yml notmpl.yml tmpl.yml badtmpl.yml am.yml
check-config good.yml
check-config /nope good.yml
check-config /tmp
check-config <am.yml
check-config </dev/null
config
config show
config -o json
config routes
config routes show --config.file=am.yml
config routes --config.file=slack.yml
config routes --config.file=undefined.yml
config routes --config.file=/nope
config routes --tree
config routes test
config routes test team=db
config routes test foo=bar
config routes test team=db severity=a env=x --tree
config routes test team=db severity=a env=x --verify.receivers=page,db2
config routes test team=db --verify.receivers=page
config routes test 'team!=db'
config routes test team
config routes test job=abc team=db --tree
config routes test a=b --config.file=slack.yml
config routes test a=b --config.file=undefined.yml
cluster
cluster -o extended
cluster -o json
cluster show
template render --template.text=x
template render R --template.text='{{ template "t.a" . }}'
template render R --template.text='{{ template "t.a" . }}' --template.data=data.json
template render R --template.text='{{ template "__subject" . }} {{ template "__alertmanagerURL" . }}' --template.data=data.json
template render R --template.text='{{ .CommonLabels }} {{ .Alerts.Firing | len }} {{ len .Alerts.Resolved }} {{ .ExternalURL }} {{ .Receiver }}'
template render R --template.text='{{ range .Alerts }}{{ .Fingerprint }} {{ .GeneratorURL }} {{ .Annotations }}{{ end }}'
template render R --template.text='{{ toJson .GroupLabels }} {{ toJson .Alerts }}' --template.data=data.json
template render R --template.text='{{ template "t.b" . }}'
template render R --template.text='{{ .Foo }}'
template render R --template.text='{{ .CommonLabels.foo }}|{{ .Status'
template render --template.glob=bad/b.tmpl --template.text=x
template render --template.glob=/nope --template.text=x
template render R --template.text=x --template.type=foo
foo
alert --nope
-z
--nope
silence foo bar --nope
help foo
--timeout x alert
-o foo alert
--enable-feature=foo alert
--enable-feature=classic-mode,utf8-strict-mode alert
--enable-feature=utf8-strict-mode alert 'foo=bar baz'
--enable-feature=classic-mode silence add '"f🙂"=x' -c x
--enable-feature=receiver-name-in-metrics cluster
--http.config.file=/nope alert
--http.config.file=am.yml cluster
--alertmanager.url=foo:bar alert
--alertmanager.url=localhost:9 alert foo
--alertmanager.url=http://127.0.0.1:9 alert foo
--alertmanager.url=http://127.0.0.1:9 silence add a=b -c x
--alertmanager.url=http://u:p@127.0.0.1:9 silence expire x
--alertmanager.url=URL/foo alert
--alertmanager.url=URL/foo silence add a=b -c x
--alertmanager.url=URL/foo config routes
--alertmanager.url=URL/ cluster
~output: extended
cluster
~comment_required: false\nauthor: conf\nnosuch: x\noutput: json
silence add cfg=x
silence cfg=x
cluster -o simple
~output: foo
cluster
~output: [a]
cluster
~output
cluster
~require-comment: x
silence add a=b
"""


def lines():
    """Command lines; quoted newlines go on in the next one."""
    text = ""
    for line in LINES.strip().split("\n"):
        text += line
        if text.count("'") % 2:
            text += "\n"
            continue
        yield text
        text = ""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, binary, scratch):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [binary, "--config.file=am.yml", "--storage.path=" + scratch + "/storage", "--cluster.listen-address=",
             f"--web.listen-address=127.0.0.1:{self.port}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=scratch)
        for _ in range(200):
            try:
                urllib.request.urlopen(self.url + "/-/ready", timeout=3)
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"{binary} does not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Normal:
    """What differs from run to run, made equal without changing its length where it stands in tables."""

    def __init__(self, port):
        self.port = str(port)
        self.ids = []

    def __call__(self, text):
        text = re.sub(r"(?m)^time=.* level=.*\n", "", text)
        for found in re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", text):
            if found not in self.ids:
                self.ids.append(found)
            text = text.replace(found, f"<{self.ids.index(found) + 1:034}>")
        text = text.replace(self.port, "PORT")
        text = re.sub(r"(20[234]\d-\d\d-\d\d)([ T])\d\d:\d\d:\d\d", r"\1\2hh:mm:ss", text)
        text = re.sub(r"hh:mm:ss\.\d{3}Z", "hh:mm:ss.mmmZ", text)
        return re.sub(r"20[234]\d-\d\d-\d\d", "YYYY-MM-DD", text)


def settings(home, text):
    for path in (".config/amtool/config.yml", ".config/prometheus/amtool.yml"):
        path = os.path.join(home, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text.replace("\\n", "\n") + "\n")


def transcript(amtool, alertmanager):
    """A list of texts, one for each line."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, text in FILES.items():
            path = os.path.join(scratch, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as f:
                f.write(text)
        server = Server(alertmanager, scratch)
        normal = Normal(server.port)
        out = []
        try:
            for line in lines():
                if line.startswith("~"):
                    settings(scratch, line[1:])
                    continue
                words = [R if w == "R" else w.replace("URL", server.url) if "url=URL" in w else w
                         for w in shlex.split(line)]
                words = [normal.ids[int(w[1:]) - 1] if re.fullmatch(r"\$\d", w) else w for w in words]
                stdin = subprocess.PIPE
                if words[-1].startswith("<"):
                    stdin = open(os.path.join(scratch, words.pop()[1:]))
                if not any("alertmanager.url" in w for w in words):
                    words.insert(0, "--alertmanager.url=" + server.url)
                ran = subprocess.run([amtool, "--no-version-check", *words], stdin=stdin, capture_output=True,
                                     text=True, cwd=scratch, env={"HOME": scratch, "PATH": os.environ["PATH"]},
                                     timeout=60)
                errors = normal(ran.stderr).rstrip("\n").split("\n")
                out.append(f"$ {line}\n{normal(ran.stdout)}" + "".join(f"E: {e}\n" for e in errors if e) +
                           f"-> {ran.returncode}\n")
        finally:
            server.stop()
        return out


def compare(title, left, right):
    differing = 0
    for a, b in zip(left, right):
        if a == b:
            continue
        differing += 1
        print("\n".join(difflib.unified_diff(a.split("\n"), b.split("\n"), "upstream", "narthex", lineterm="", n=1)))
    print(f"{title}: {len(left)} lines, {differing} differ")
    return differing


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", required=True)
    parser.add_argument("--peer-alertmanager", required=True)
    parser.add_argument("--servers", action="store_true")
    args = parser.parse_args()
    ours = os.path.abspath(args.bin_dir)
    tools = {"ours": ours + "/amtool", "theirs": args.peer}
    servers = {"ours": ours + "/alertmanager", "theirs": args.peer_alertmanager}
    ran = {pair: transcript(tools[pair[0]], servers[pair[1]]) for pair in itertools.product(tools, servers)}
    differing = 0
    for server in servers:
        differing += compare(f"amtool against {server} alertmanager", ran["theirs", server], ran["ours", server])
    if args.servers:
        differing += compare("alertmanager", ran["theirs", "theirs"], ran["theirs", "ours"])
    return bool(differing)


if __name__ == "__main__":
    sys.exit(main())
