#!/usr/bin/env bash
# Runs Kubernetes discovery against a real API server and says what it found: for every role the
# number of targets and the first of them. Reads only; scrapes nothing.
#
# usage: tools/kube_discovery.sh [BIN_DIR]      the cluster is that of $KUBECONFIG or ~/.kube/config
# Exit status: 0 every role was listed, 1 one was not, 77 there is no cluster to ask.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
bin=${1:-$root/build/bin}
config=${KUBECONFIG:-$HOME/.kube/config}
config=${config%%:*} # of several files the first
none() {
  echo "no Kubernetes API server was asked: $*" >&2
  exit 77
}
[ -x "$bin/prometheus" ] || { echo "$bin/prometheus is not built" >&2; exit 1; }
[ -r "$config" ] || none "$config cannot be read; set KUBECONFIG"

scratch=$(mktemp -d)
server=
cleanup() {
  [ -z "$server" ] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
  rm -rf "$scratch"
}
trap cleanup EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
{
  echo "global: {scrape_interval: 100d}"
  echo "scrape_configs:"
  for role in node service pod endpoints endpointslice ingress; do
    echo "- job_name: $role"
    echo "  kubernetes_sd_configs:"
    echo "  - {role: $role, kubeconfig_file: '$(realpath "$config")'}"
  done
} >"$scratch/prometheus.yml"
"$bin/prometheus" --config.file="$scratch/prometheus.yml" --storage.tsdb.path="$scratch/data" \
  --web.listen-address="127.0.0.1:$port" >"$scratch/log" 2>&1 &
server=$!

python3 - "http://127.0.0.1:$port" "$scratch/log" "$server" <<'PYTHON'
import collections, json, os, re, sys, time, urllib.request
base, log, pid = sys.argv[1], sys.argv[2], int(sys.argv[3])
ROLES = {"node": "nodes", "service": "services", "pod": "pods", "endpoints": "endpoints",
         "endpointslice": "endpointslices", "ingress": "ingresses"}


def get(path):
    with urllib.request.urlopen(base + path, timeout=10) as answer:
        return answer.read().decode()


def listed(metrics):
    """The resources whose lists were answered with 200 at least once."""
    return {m[1] for m in re.finditer(r'http_request_duration_seconds_count\{endpoint="[^"]*/([a-z]+)"\} [1-9]', metrics)}


targets, metrics, previous = [], "", None
for _ in range(60):
    time.sleep(1)
    try:
        metrics = get("/metrics")
        targets = json.loads(get("/api/v1/targets?state=active"))["data"]["activeTargets"]
    except OSError:
        continue
    now = (len(targets), listed(metrics))
    if previous == now and set(ROLES.values()) <= now[1] and len(targets):
        break
    previous = now
with open(log) as file:
    text = file.read()
failures = [line.rstrip() for line in text.splitlines() if "Failed to list" in line or "Cannot create" in line]
if 'http_request_total{status_code="200"}' not in metrics:
    print("no Kubernetes API server was asked: it did not answer any list", file=sys.stderr)
    print("\n".join(text.splitlines()[-5:]), file=sys.stderr)
    sys.exit(77)
by_role = collections.defaultdict(list)
for target in targets:
    by_role[target["scrapePool"]].append(target["discoveredLabels"])
refused = set()
for role, plural in ROLES.items():
    if any("/" + plural in line for line in failures):
        refused.add(role)
    found = by_role[role]
    print(f"{role:14} {len(found):6} targets{'   NOT LISTED' if role in refused else ''}")
    if found:
        shown = {k: v for k, v in sorted(found[0].items()) if k == "__address__" or "kubernetes" in k}
        print("               " + json.dumps(shown)[:400])
print("\n".join(failures[:6]))
print(f"resident: {int(open(f'/proc/{pid}/statm').read().split()[1]) * os.sysconf('SC_PAGESIZE') >> 20} MiB")
sys.exit(1 if refused else 0)
PYTHON
