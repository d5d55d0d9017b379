#!/usr/bin/env python3
"""The HTTP client of scrapes beside Prometheus': proxies (HTTP, HTTPS, SOCKS), TLS with client
certificates, credentials, OAuth 2. Both servers scrape recorders of their own, a job for every
behaviour; then files of certificates and secrets are replaced under both. Compared are all requests,
what proxies are asked, who the client says it is, and lastError.

usage: http_client.py BIN_DIR [--peer PROMETHEUS]   (Debian's prometheus without --peer)"""
import argparse, json, os, re, shutil, subprocess, sys, tempfile, time

from http_recorder import Recorder
from prompb import Server

JWT = "grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer'"
FAR = "static_configs: [{targets: ['far.test:80']}]"
NEAR = "static_configs: [{targets: ['127.0.0.1:HTTP']}]"
SECURE = "scheme: https\nstatic_configs: [{targets: ['secure.test:HTTPS']}]\ntls_config: {ca_file: DIR/ca.pem}"
LOCAL_TLS = "scheme: https\nstatic_configs: [{targets: ['localhost:HTTPS']}]\ntls_config: {ca_file: DIR/ca.pem%s}"
TLS_PROXY = "proxy_url: 'https://u:p@localhost:HTTPS'"
TOKEN = "client_id: 'a b', client_secret: 'c&d', token_url: 'http://127.0.0.1:HTTP/token/%s'"

# job: its keys. HTTP, HTTPS, SOCKS and LOGIN are ports of the recorder; far.test and secure.test names
# that only proxies know.
JOBS = {
    # Proxies of plain requests.
    "proxy": f"proxy_url: 'http://127.0.0.1:HTTP'\n{FAR}",
    "proxy_user": f"proxy_url: 'http://u:p%20w@127.0.0.1:HTTP'\n{FAR}",
    "proxy_auth": f"proxy_url: 'http://127.0.0.1:HTTP'\nbasic_auth: {{username: x, password: y}}\n{FAR}",
    "proxy_path": f"proxy_url: 'http://127.0.0.1:HTTP/ignored?q'\nparams: {{'a b': ['c&d']}}\n{FAR}",
    "proxy_v6": "proxy_url: 'http://127.0.0.1:HTTP'\nstatic_configs: [{targets: ['[fd00::1]:81']}]",
    "proxy_bare": f"proxy_url: '//127.0.0.1:HTTP'\n{FAR}",
    "proxy_headers": f"proxy_url: 'http://127.0.0.1:HTTP'\nproxy_connect_header: {{X-Via: [us]}}\n{FAR}",
    "proxy_https": f"{TLS_PROXY}\ntls_config: {{ca_file: DIR/ca.pem}}\n{FAR}",
    "proxy_https_unknown": f"{TLS_PROXY}\n{FAR}",
    "proxy_https_plain": f"proxy_url: 'https://127.0.0.1:HTTP'\n{FAR}",
    "proxy_refused": f"proxy_url: 'http://127.0.0.1:1'\n{FAR}",
    "proxy_nowhere": f"proxy_url: 'http://nowhere.invalid:1'\n{FAR}",
    "no_proxy": f"proxy_url: 'http://127.0.0.1:1'\nno_proxy: 'x,127.0.0.0/8'\n{NEAR}",
    "no_proxy_other": f"proxy_url: 'http://127.0.0.1:HTTP'\nno_proxy: 'near.test'\n{FAR}",
    "no_proxy_loopback": f"proxy_url: 'http://127.0.0.1:1'\nno_proxy: 'x'\n{NEAR}",
    "all_by_proxy": f"proxy_url: 'http://127.0.0.1:HTTP'\n{NEAR}",
    "environment": f"proxy_from_environment: true\n{FAR}",
    "environment_tls": f"proxy_from_environment: true\n{SECURE}",
    "environment_except": "proxy_from_environment: true\nstatic_configs: [{targets: ['except.invalid:80']}]",
    # Tunnels.
    "tunnel": f"proxy_url: 'http://127.0.0.1:HTTP'\n{SECURE}",
    "tunnel_user": f"proxy_url: 'http://u:p@127.0.0.1:HTTP'\nproxy_connect_header: {{X-Via: [us, them], Proxy-Other: [x]}}\n{SECURE}",
    "tunnel_own_login": f"proxy_url: 'http://u:p@127.0.0.1:HTTP'\nproxy_connect_header: {{Proxy-Authorization: [mine]}}\n{SECURE}",
    "tunnel_https": f"{TLS_PROXY}\n{SECURE}",
    "tunnel_forbidden": "proxy_url: 'http://127.0.0.1:HTTP'\nscheme: https\nstatic_configs: [{targets: ['forbidden.test:443']}]",
    "tunnel_login": "proxy_url: 'http://127.0.0.1:HTTP'\nscheme: https\nstatic_configs: [{targets: ['login.test:443']}]",
    # SOCKS.
    "socks": f"proxy_url: 'socks5://127.0.0.1:SOCKS'\n{FAR}",
    "socks_host": f"proxy_url: 'socks5h://127.0.0.1:SOCKS'\n{FAR}",
    "socks_tls": f"proxy_url: 'socks5://127.0.0.1:SOCKS'\n{SECURE}",
    "socks_user": f"proxy_url: 'socks5://me:p%20w@127.0.0.1:LOGIN'\n{FAR}",
    "socks_unasked": f"proxy_url: 'socks5://me:pw@127.0.0.1:SOCKS'\n{FAR}",
    "socks_wrong": f"proxy_url: 'socks5://me:wrong@127.0.0.1:LOGIN'\n{FAR}",
    "socks_nobody": f"proxy_url: 'socks5://127.0.0.1:LOGIN'\n{FAR}",
    "socks_v4": "proxy_url: 'socks5://127.0.0.1:SOCKS'\nstatic_configs: [{targets: ['10.1.2.3:256']}]",
    "socks_v6": "proxy_url: 'socks5://127.0.0.1:SOCKS'\nstatic_configs: [{targets: ['[fd00::1]:81']}]",
    "socks_refusing": "proxy_url: 'socks5://127.0.0.1:SOCKS'\nstatic_configs: [{targets: ['refused.test:81']}]",
    "socks_dead": f"proxy_url: 'socks5://127.0.0.1:1'\n{FAR}",
    "socks_http": f"proxy_url: 'socks5://127.0.0.1:HTTP'\n{FAR}",
    # TLS.
    "tls": LOCAL_TLS % "",
    "tls_unknown": LOCAL_TLS.replace("ca_file: DIR/ca.pem", "min_version: TLS12") % "",
    "tls_unchecked": LOCAL_TLS.replace("ca_file: DIR/ca.pem", "insecure_skip_verify: true") % "",
    "tls_name": LOCAL_TLS.replace("localhost", "127.0.0.1") % ", server_name: secure.test",
    "tls_other_name": LOCAL_TLS % ", server_name: other.test",
    "tls_client": LOCAL_TLS % ", cert_file: DIR/mine.pem, key_file: DIR/mine.key",
    "tls_client_tunnel": f"proxy_url: 'http://127.0.0.1:HTTP'\n{SECURE[:-1]}, cert_file: DIR/mine.pem, key_file: DIR/mine.key}}",
    "tls_client_proxy": f"{TLS_PROXY}\ntls_config: {{ca_file: DIR/ca.pem, cert_file: DIR/mine.pem, key_file: DIR/mine.key}}\n{FAR}",
    # Who is asking.
    "basic": f"basic_auth: {{username: 'ü:', password: ' p w '}}\n{NEAR}",
    "basic_files": f"basic_auth: {{username_file: DIR/user, password_file: DIR/secret}}\n{NEAR}",
    "credentials_file": f"authorization: {{type: Token, credentials_file: DIR/secret}}\n{NEAR}",
    "bearer_file": f"bearer_token_file: DIR/secret\n{NEAR}",
    "no_file": f"bearer_token_file: DIR/none\n{NEAR}",
    "no_user_file": f"basic_auth: {{username_file: DIR/none, password: p}}\n{NEAR}",
    "no_header_file": f"http_headers: {{X-A: {{files: [DIR/none]}}}}\n{NEAR}",
    "oauth_no_file": f"oauth2: {{client_id: a, client_secret_file: DIR/none, token_url: 'http://127.0.0.1:HTTP/token/none'}}\n{NEAR}",
    "headers": f"http_headers: {{X-A: {{values: [a, b], secrets: [c], files: [DIR/secret]}}}}\n{NEAR}",
    # OAuth 2.
    "oauth": f"oauth2: {{{TOKEN % 'oauth'}}}\n{NEAR}",
    "oauth_full": f"oauth2: {{{TOKEN % 'oauth_full'}, scopes: [s, 't u'], endpoint_params: {{audience: 'x&y', grant_type: other}}}}\n{NEAR}",
    "oauth_form": f"oauth2: {{{TOKEN % 'form'}, scopes: [s]}}\n{NEAR}",
    "oauth_file": f"oauth2: {{client_id: a, client_secret_file: DIR/secret, token_url: 'http://127.0.0.1:HTTP/token/oauth_file'}}\n{NEAR}",
    "oauth_short": f"oauth2: {{{TOKEN % 'short'}}}\n{NEAR}",
    "oauth_type": f"oauth2: {{{TOKEN % 'mac'}}}\n{NEAR}",
    "oauth_proxy": f"oauth2: {{client_id: a, client_secret: b, token_url: 'http://far.test/token/oauth_proxy', proxy_url: 'http://127.0.0.1:HTTP'}}\n{NEAR}",
    "oauth_tls": f"oauth2: {{client_id: a, client_secret: b, token_url: 'https://localhost:HTTPS/token/oauth_tls', tls_config: {{ca_file: DIR/ca.pem, cert_file: DIR/mine.pem, key_file: DIR/mine.key}}}}\n{NEAR}",
    "oauth_denied": f"oauth2: {{{TOKEN % 'denied'}}}\n{NEAR}",
    "oauth_garbage": f"oauth2: {{{TOKEN % 'garbage'}}}\n{NEAR}",
    "oauth_nothing": f"oauth2: {{{TOKEN % 'nothing'}}}\n{NEAR}",
    "oauth_dead": f"oauth2: {{client_id: a, client_secret: b, token_url: 'http://127.0.0.1:1/'}}\n{NEAR}",
    "oauth_overwrite": f"oauth2: {{{TOKEN % 'overwrite'}, scopes: [s], endpoint_params: {{scope: t}}}}\n{NEAR}",
    "jwt": f"oauth2: {{client_id: a, token_url: 'http://127.0.0.1:HTTP/token/jwt', {JWT}, client_certificate_key_file: DIR/sign.key}}\n{NEAR}",
    "jwt_full": f"oauth2: {{client_id: a, token_url: 'http://127.0.0.1:HTTP/token/jwt_full', {JWT}, client_certificate_key_file: DIR/sign.key, "
                "client_certificate_key_id: k, signature_algorithm: RS512, iss: i, audience: b, scopes: [s, t], "
                f"claims: {{n: 1, f: 1.5, list: [a, true, null], iss: not this}}, endpoint_params: {{x: y}}}}\n{NEAR}",
    "jwt_no_key": f"oauth2: {{client_id: a, token_url: 'http://127.0.0.1:HTTP/token/jwt', {JWT}, client_certificate_key: nonsense}}\n{NEAR}",
    "jwt_denied": f"oauth2: {{client_id: a, token_url: 'http://127.0.0.1:HTTP/token/denied', {JWT}, client_certificate_key_file: DIR/sign.key}}\n{NEAR}",
}

# What differs, as expressions over "job: fact", with the reason.
KNOWN = {
    r"^(proxy_nowhere|environment_except): lastError": "Go tells which DNS server was asked",
    r"^oauth_garbage: lastError": "the words for what is no JSON",
    r"^socks_http: lastError": "Go's connection and its context end at once, and either may be told",
    r"^headers: ": "3.5.3 adds the headers to the request it keeps, more of them each time",
    r"^files replaced, (basic_files|bearer_file|credentials_file): requests":
        "3.5.3 keeps the first credentials in the request it keeps",
}
# The same for Prometheus 2, which Debian 12 has.
KNOWN_OF_2 = {
    r"^(basic|socks|socks_host): ": "it trims passwords and does not know socks5h",
    r"^(proxy_https_unknown|tls_other_name|tls_unknown): lastError": "its Go says less of certificates",
    r"^(no_file|oauth_no_file|oauth_denied): lastError": "its words for files and for what token servers say",
}


def make_files(directory):
    """A CA, a server's certificate, two clients' and a key that signs."""
    script = """set -e
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=ca
leaf() { openssl req -newkey rsa:2048 -nodes -keyout $1.key -out $1.csr -subj /CN=$1
  printf "subjectAltName=$2\\n" > ext
  openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $1.pem -days 30 -extfile ext; }
leaf server DNS:localhost,DNS:secure.test
leaf first DNS:first; leaf second DNS:second
openssl genrsa -out sign.key 2048
printf 'me\\n' > user"""
    subprocess.run(["sh", "-c", script], cwd=directory, check=True, capture_output=True)


def replace(directory, client, secret):
    """New files by renaming, as a secret that is mounted gets them."""
    shutil.copy(f"{directory}/{client}.pem", f"{directory}/next.pem")
    shutil.copy(f"{directory}/{client}.key", f"{directory}/next.key")
    os.rename(f"{directory}/next.key", f"{directory}/mine.key")
    os.rename(f"{directory}/next.pem", f"{directory}/mine.pem")
    with open(f"{directory}/next", "w") as file:
        file.write(f" {secret}\n")
    os.rename(f"{directory}/next", f"{directory}/secret")


def configuration(directory, recorder, jobs):
    lines = ["global: {scrape_interval: 1s, scrape_timeout: 1s}", "scrape_configs:"]
    for job, keys in jobs.items():
        for name, port in recorder.ports.items():
            keys = re.sub(rf"\b{name}\b", str(port), keys)
        lines += [f"- job_name: {job}", f"  metrics_path: /{job}"]
        lines += ["  " + line for line in keys.replace("DIR", directory).split("\n")]
    return "\n".join(lines) + "\n"


def known_jobs(promtool, directory, recorder):
    """Those of the jobs that the peer can read."""
    known = {}
    for job, keys in JOBS.items():
        with open(f"{directory}/probe.yml", "w") as file:
            file.write(configuration(directory, recorder, {job: keys}))
        probe = subprocess.run([promtool, "check", "config", "--lint=none", file.name], capture_output=True, text=True)
        if "not found in type" not in probe.stdout + probe.stderr:
            known[job] = keys
    return known


class Side:
    """A server and the recorder it scrapes."""

    def __init__(self, name, program, directory, jobs, recorder):
        self.jobs, self.recorder = jobs, recorder
        proxy = f"http://127.0.0.1:{recorder.ports['HTTP']}"
        environment = {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "NO_PROXY": "except.invalid"}
        os.environ.update(environment)
        self.server = Server(program, f"{directory}/{name}/data", config=configuration(directory, recorder, jobs))
        for key in environment:
            del os.environ[key]

    def errors(self):
        found = {}
        for target in self.server.get("/api/v1/targets", state="active")["data"]["activeTargets"]:
            error = self.recorder.neutral(target["lastError"])
            found[target["scrapePool"]] = re.sub(r"127\.0\.0\.1:\d+->", "127.0.0.1:OWN->", error)
        return found

    def settle(self):
        """Two scrapes of every job, begun after this moment."""
        began = time.time()
        deadline = began + 60
        pending = set(self.jobs)
        while pending and time.time() < deadline:
            for target in self.server.get("/api/v1/targets", state="active")["data"]["activeTargets"]:
                stamp = time.mktime(time.strptime(target["lastScrape"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
                if stamp > began + 2:
                    pending.discard(target["scrapePool"])
            time.sleep(0.1)
        if pending:
            sys.exit(f"not scraped: {sorted(pending)}")

    def facts(self):
        """Since the last call, connecting included."""
        self.settle()
        facts = {f"{job}: lastError": error for job, error in self.errors().items()}
        for job, requests in self.recorder.requests().items():
            facts[f"{job}: requests"] = "\n    ".join(sorted(requests))
        return facts


def compare(step, ours, theirs, known, explained):
    faults = 0
    for name in sorted(set(ours) | set(theirs)):
        if name.split(":")[0] not in {*known, "socks", "tunnels"} or ours.get(name) == theirs.get(name):
            continue
        if any(re.search(expression, text) for expression in explained for text in (name, f"{step}, {name}")):
            continue
        faults += 1
        print(f"{step}, {name}\n  ours   {ours.get(name)}\n  theirs {theirs.get(name)}")
    return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin_dir")
    parser.add_argument("--peer", default="/usr/bin/prometheus")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="narthex-http-client-")
    sides, recorders = [], []
    try:
        make_files(directory)
        replace(directory, "first", "one")
        recorders += [Recorder(directory), Recorder(directory)]
        promtool = os.path.join(os.path.dirname(options.peer), "promtool")
        known = known_jobs(promtool if os.path.exists(promtool) else "/usr/bin/promtool", directory, recorders[1])
        for name, program, jobs, recorder in (
                ("ours", os.path.join(options.bin_dir, "prometheus"), JOBS, recorders[0]),
                ("theirs", options.peer, known, recorders[1])):
            sides.append(Side(name, program, directory, jobs, recorder))
        faults = compared = 0
        old = sides[1].server.get("/api/v1/status/buildinfo")["data"]["version"].startswith("2.")
        for step, client, secret in (("at first", "first", "one"), ("files replaced", "second", "two")):
            replace(directory, client, secret)
            for side in sides:
                if step != "at first":
                    side.settle()
                    side.recorder.forget()
            ours, theirs = [side.facts() for side in sides]
            compared += len(theirs)
            faults += compare(step, ours, theirs, known, {**KNOWN, **(KNOWN_OF_2 if old else {})})
    finally:
        for side in sides:
            side.server.stop()
        for recorder in recorders:
            recorder.stop()
        shutil.rmtree(directory)
    print(f"{len(known)} of {len(JOBS)} jobs, {compared} facts, {faults} differ")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
