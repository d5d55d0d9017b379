#!/usr/bin/env python3
"""TLS, credentials and header settings of a web.config.file, beside a peer: each configuration is given to
both pushgateways (any server of the suite reads it alike), then clients of all kinds come. Compared are what
was agreed on, the answer or the alert, and the fields. Then the file is replaced under both.

usage: rude_tls.py BIN_DIR --peers DIR"""
import argparse, os, re, shutil, subprocess, sys, tempfile

from rude_clients import Program

BASE = "tls_server_config:\n  cert_file: DIR/server.pem\n  key_file: DIR/server.key\n"
RSA = BASE.replace("server.", "rsa.")
CA = BASE + "  client_ca_file: DIR/ca.pem\n  client_auth_type: "
USERS = "basic_auth_users:\n  u: HASH\n"
PLAIN = "curl -s http://127.0.0.1:PORT/-/healthy"
CURL = "curl -s --cacert DIR/ca.pem https://localhost:PORT/-/healthy"
NOBODY = {"nobody": CURL}
CLIENTS = {who: f"{CURL} --cert DIR/{who}.pem --key DIR/{who}.key" for who in ("client", "foreign", "expired")}
LOGINS = {"none": PLAIN, "good": PLAIN + " -u u:p", "again": PLAIN + " -u u:p", "wrong": PLAIN + " -u u:x", "unknown": PLAIN + " -u v:p", "empty": PLAIN + " -u u:", "no user": PLAIN + " -u :p",
          "not basic": PLAIN + " -H 'Authorization: Bearer x'", "lower": PLAIN + " -H 'Authorization: basic dTpw'", "no colon": PLAIN + " -H 'Authorization: Basic dQ=='", "no base64": PLAIN + " -H 'Authorization: Basic ###'",
          "unpadded": PLAIN + " -H 'Authorization: Basic dTpw='", "blank": PLAIN + " -H 'Authorization:  Basic  dTpw'", "two": PLAIN + " -H 'Authorization: Basic dTpw' -H 'Authorization: Basic x'", "metrics": PLAIN.replace("-/healthy", "metrics"),
          "head": PLAIN + " -I", "options": PLAIN + " -X OPTIONS", "post": PLAIN + " -d x", "missing": PLAIN + "x", "1.0": PLAIN + " -0"}
VERSIONS = {v: f"{CURL} --http1.1 --tls-max {v[1:]} --tlsv{v[1:]} --ciphers DEFAULT@SECLEVEL=0" for v in ("v1.0", "v1.1", "v1.2", "v1.3")}
CURVES = {c: f"{CURL} --curves {c}" for c in ("P-256", "P-384", "P-521", "X25519", "X448", "P-521:P-384", "P-256:X25519")}
CIPHERS = {c: f"{CURL} --http1.1 --tls-max 1.2 --ciphers {c}" for c in
           ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES256-CCM",
            "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA384", "AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA", "AES128-SHA256", "DHE-RSA-AES128-GCM-SHA256", "PSK-AES128-GCM-SHA256")}
SPEAKERS = {"h2": CURL + " --http2", "h2 prior": CURL + " --http2-prior-knowledge", "1.1": CURL + " --http1.1", "1.0": CURL + " -0", "plain": PLAIN, "plain h2c": PLAIN + " --http2", "plain h2 prior": PLAIN + " --http2-prior-knowledge",
            "no alpn": CURL + " --no-alpn", "no sni": CURL.replace("localhost", "127.0.0.1"), "other name": CURL.replace("localhost", "other.test") + " -k --connect-to other.test::127.0.0.1:PORT", "post": CURL + " -d x", "twice": CURL + " " + CURL.split()[-1], "unverified": CURL.replace("--cacert DIR/ca.pem", "")}
HEADERS = """http_server_config:
  headers:
    Strict-Transport-Security: max-age=31536000
    X-Content-Type-Options: nosniff
    X-Frame-Options: deny
    X-XSS-Protection: '1; mode=block'
    Content-Security-Policy: default-src 'self'
"""
# name: (configuration, clients).
CASES = {
    "tls": (BASE, {**SPEAKERS, **NOBODY, **CLIENTS, **VERSIONS, **CURVES, **CIPHERS}), "rsa": (RSA, {**VERSIONS, **CIPHERS}),
    "http1": (BASE + "http_server_config: {http2: false}\n", SPEAKERS),
    "old": (BASE + "  min_version: TLS10\n", VERSIONS), "new": (BASE + "  min_version: TLS13\n", VERSIONS), "most 1.2": (BASE + "  max_version: TLS12\n", VERSIONS), "1.1 only": (BASE + "  min_version: TLS11\n  max_version: TLS11\n", VERSIONS), "crossed": (BASE + "  min_version: TLS13\n  max_version: TLS12\n", VERSIONS),
    "ciphers": (BASE + "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n", {**CIPHERS, **VERSIONS}),
    "rsa ciphers": (RSA + "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA]\n", CIPHERS),
    "one curve": (BASE + "  curve_preferences: [CurveP384]\n", CURVES), "two curves": (BASE + "  curve_preferences: [X25519, CurveP521]\n", CURVES),
    "request": (BASE + "  client_auth_type: RequestClientCert\n", {**NOBODY, **CLIENTS}), "require any": (BASE + "  client_auth_type: RequireAnyClientCert\n", {**NOBODY, **CLIENTS}), "require": (BASE + "  client_auth_type: RequireClientCert\n", {**NOBODY, **CLIENTS}),
    "if given": (CA + "VerifyClientCertIfGiven\n", {**NOBODY, **CLIENTS}), "verify": (CA + "RequireAndVerifyClientCert\n", {**NOBODY, **CLIENTS, "1.2": CURL + " --tls-max 1.2", "client 1.2": CLIENTS["client"] + " --tls-max 1.2", "foreign 1.2": CLIENTS["foreign"] + " --tls-max 1.2"}),
    "verify no ca": (BASE + "  client_auth_type: RequireAndVerifyClientCert\n", {**NOBODY, **CLIENTS}), "san": (CA + "RequireAndVerifyClientCert\n  client_allowed_sans: [client.example]\n", {**NOBODY, **CLIENTS}), "san uri": (CA + "RequireAndVerifyClientCert\n  client_allowed_sans: ['spiffe://x/y']\n", CLIENTS),
    "san other": (CA + "RequireAndVerifyClientCert\n  client_allowed_sans: [other.example]\n", CLIENTS), "san request": (BASE + "  client_auth_type: RequestClientCert\n  client_allowed_sans: [client.example]\n", {**NOBODY, **CLIENTS}),
    "users": (USERS, LOGINS), "users headers": (HEADERS + USERS, LOGINS), "headers": (HEADERS, {"get": PLAIN, "metrics": PLAIN.replace("-/healthy", "metrics"), "missing": PLAIN + "x", "put": PLAIN + " -X PUT"}),
    "users tls": (BASE + USERS, {"none": CURL, "good": CURL + " -u u:p"}), "limit": ("rate_limit: {burst: 2, interval: 1h}\n", {str(i): PLAIN for i in range(4)}),
    "empty": ("", {"get": PLAIN}),
}
# Replaced while they run: the same server, other files.
RELOADS = {"users to others": (USERS, "basic_auth_users:\n  v: HASH\n", LOGINS), "users to none": (USERS, "", LOGINS), "none to users": ("", USERS, LOGINS), "to headers": ("", HEADERS, {"get": PLAIN}), "broken": ("", "basic_auth_users: [", {"get": PLAIN}), "removed": ("", None, {"get": PLAIN}),
           "tls broken": (BASE, "nonsense: [", NOBODY), "certificate": (BASE, RSA, {"ecdsa": CIPHERS["ECDHE-ECDSA-AES128-GCM-SHA256"], "rsa": CIPHERS["ECDHE-RSA-AES128-GCM-SHA256"]}), "to tls": ("", BASE, {"plain": PLAIN, "tls": CURL}), "from tls": (BASE, "", {"plain": PLAIN, "tls": CURL}), "to mtls": (BASE, CA + "RequireAndVerifyClientCert\n", {**NOBODY, **CLIENTS})}
# Refused at the start.
BAD = {"no key": BASE.replace("  key_file: DIR/server.key\n", ""), "no cert": BASE.replace("  cert_file: DIR/server.pem\n", ""), "mismatch": BASE.replace("server.key", "rsa.key"), "ca without policy": BASE + "  client_ca_file: DIR/ca.pem\n", "auth type": BASE + "  client_auth_type: Any\n", "cipher": BASE + "  cipher_suites: [X]\n",
       "curve": BASE + "  curve_preferences: [X]\n", "version": BASE + "  min_version: TLS14\n", "header": "http_server_config: {headers: {X-Other: x}}\n", "frame": "http_server_config: {headers: {X-Frame-Options: x}}\n", "key": "other: 1\n", "hash": "basic_auth_users: {u: x}\n", "yaml": "a: [", "missing file": BASE.replace("server.pem", "nothing.pem"), "no pem": BASE.replace("server.pem", "server.ext"),
       "h2 without tls": "http_server_config: {http2: true}\n", "two certs": BASE + "  cert: x\n", "two keys": BASE + "  key: x\n"}
KNOWN = {
    r"rsa\.AES.*": "Go has no exchange of keys without forward secrecy since 1.22, Debian's pushgateway is older",
    r"crossed.*": "refused at the start", r".*X448.*": "one curve more", r".*h2 prior.*": "no HTTP/2 here", r"tls\.1\.0.*": "curl offers h2 with HTTP/1.0, and Go takes it",
    r"reload from tls\.plain.*": "nobody who comes is answered then",
}


def certificates(directory):
    leaf = "openssl req -newkey {1} -nodes -keyout {0}.key -out {0}.csr -subj /CN={0} && printf 'subjectAltName={2}\n' > {0}.ext && openssl x509 -req -in {0}.csr -CA {3}.pem -CAkey {3}.key -CAcreateserial -out {0}.pem -days {4} -extfile {0}.ext"
    ec, here = "ec -pkeyopt ec_paramgen_curve:P-256", "DNS:localhost,IP:127.0.0.1"
    for ca in ("ca", "ca2"):
        subprocess.run(f"openssl req -x509 -newkey {ec} -nodes -keyout {ca}.key -out {ca}.pem -days 30 -subj /CN={ca}", shell=True, check=True, capture_output=True, cwd=directory)
    for name, kind, names, ca, days in (("server", ec, here, "ca", 30), ("rsa", "rsa:2048", here, "ca", 30), ("client", ec, "DNS:client.example,URI:spiffe://x/y", "ca", 30), ("foreign", ec, "DNS:client.example", "ca2", 30), ("expired", ec, "DNS:client.example", "ca", -1)):
        subprocess.run(leaf.format(name, kind, names, ca, days), shell=True, check=True, capture_output=True, cwd=directory)


def outcome(command):
    """The answer, with its fields in order and without those of HTTP/1 alone; or that there was none."""
    done = subprocess.run(command + " -v -D - -m 10", shell=True, capture_output=True)
    text, log = done.stdout.decode("latin-1").replace("\r", ""), done.stderr.decode("latin-1")
    version = re.search(r"SSL connection using (TLSv[\d.]+)", log)
    head, _, body = text.partition("\n\n")
    status, *fields = head.split("\n")
    fields = sorted(line for line in map(str.lower, fields) if not re.match("(date|vary|content-length|connection|transfer-encoding): ", line))
    # With TLS 1.3 a client may have sent its request before it is refused.
    return {"answer": [version and version[1], status.split(" ")[1], fields, body if len(body) < 100 else "..."] if done.returncode == 0 else "none"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin_dir")
    parser.add_argument("--peers", required=True)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="nx-rude-tls-")
    certificates(directory)
    hashed = subprocess.run("htpasswd -nbBC 10 u p", shell=True, capture_output=True).stdout.decode().strip().partition(":")[2]
    programs = [os.path.join(os.path.abspath(d), "pushgateway") for d in (options.bin_dir, options.peers)]

    def write(path, text):
        with open(path, "w") as f:
            f.write(text.replace("DIR", directory).replace("HASH", hashed))
    facts = [{}, {}]
    for side, program in enumerate(programs):
        path = f"{directory}/web{side}.yml"
        for kind, cases in (("", CASES), ("reload ", RELOADS)):
            for name, case in cases.items():
                if not (kind + name).startswith(options.only):
                    continue
                write(path, case[0])
                try:
                    server = Program(program, "pushgateway", [f"--web.config.file={path}"], wait_tcp=True)
                except SystemExit as refusal:
                    facts[side][f"{kind}{name} start"] = str(refusal).splitlines()[-1:]
                    continue
                try:
                    if kind and case[1] is None:
                        os.remove(path)
                    elif kind:
                        write(path, case[1])
                    for client, command in case[-1].items():
                        for fact, value in outcome(command.replace("DIR", directory).replace("PORT", str(server.port))).items():
                            facts[side][f"{kind}{name}.{client} {fact}"] = value
                finally:
                    server.stop()
        for name, text in BAD.items():
            if f"bad {name}".startswith(options.only):
                write(path, text)
                try:
                    subprocess.run([program, "--web.listen-address=127.0.0.1:0", f"--web.config.file={path}"], capture_output=True, timeout=3)
                    facts[side][f"bad {name}"] = "refused"
                except subprocess.TimeoutExpired:
                    facts[side][f"bad {name}"] = "runs"
    shutil.rmtree(directory)
    differ = known = 0
    for fact in sorted(set(facts[0]) | set(facts[1])):
        mine, other = (f.get(fact) for f in facts)
        if mine == other:
            continue
        if any(re.fullmatch(e, fact) for e in KNOWN):
            known += 1
            continue
        differ += 1
        print(f"{fact}\n    ours   {mine}\n    theirs {other}")
    print(f"{len(facts[0])} facts, {known} other for a known reason, {differ} differ")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
