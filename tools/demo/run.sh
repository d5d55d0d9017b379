#!/usr/bin/env bash
# Starts the suite on this machine, on upstream's ports, and streams a short status until Ctrl-C.
# Data is kept between runs in build/demo/.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=$root/build/bin data=$root/build/demo
mkdir -p "$data"

for entry in 9090:prometheus 9091:pushgateway 9093:alertmanager 9100:node_exporter 5001:webhook_printer; do
  port=${entry%%:*}
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    echo "Port $port, which ${entry##*:} needs, is taken. Stop what listens there and run again." >&2
    exit 1
  fi
done

declare -A pids
start() {
  local name=$1
  shift
  "$bin/$name" "$@" >"$data/$name.log" 2>&1 &
  pids[$name]=$!
}
stop_all() {
  trap - INT TERM EXIT
  echo
  echo "Stopping …"
  [ -n "${tail_pid:-}" ] && kill "$tail_pid" 2>/dev/null
  for name in prometheus alertmanager pushgateway node_exporter webhook_printer; do
    [ -n "${pids[$name]:-}" ] && kill -TERM "${pids[$name]}" 2>/dev/null && wait "${pids[$name]}" 2>/dev/null
  done
  echo "Stopped. Data and logs stay in build/demo/."
  exit "${1:-0}"
}
trap 'stop_all 0' INT TERM
trap 'stop_all 1' EXIT

wait_for() {
  local name=$1 url=$2 _
  for _ in $(seq 200); do
    curl -fs -o /dev/null "$url" && return
    kill -0 "${pids[$name]}" 2>/dev/null || break
    sleep 0.05
  done
  echo "$name did not come up; its last words:" >&2
  tail -5 "$data/$name.log" >&2
  exit 1
}

start webhook_printer --listen=127.0.0.1:5001
start node_exporter --web.listen-address=127.0.0.1:9100
start pushgateway --web.listen-address=127.0.0.1:9091 --persistence.file="$data/pushgateway"
start alertmanager --config.file="$root/tools/demo/alertmanager.yml" --storage.path="$data/alertmanager" \
  --web.listen-address=127.0.0.1:9093 --cluster.listen-address=
start prometheus --config.file="$root/tools/demo/prometheus.yml" --storage.tsdb.path="$data/prometheus" \
  --web.listen-address=127.0.0.1:9090 --web.enable-lifecycle

wait_for node_exporter http://127.0.0.1:9100/
wait_for pushgateway http://127.0.0.1:9091/-/ready
wait_for alertmanager http://127.0.0.1:9093/-/ready
wait_for prometheus http://127.0.0.1:9090/-/ready

cat <<TXT

  The suite runs.

  Graphs         http://127.0.0.1:9090/query?g0.expr=rate(node_cpu_seconds_total%5B1m%5D)&g0.tab=graph&g0.range_input=15m
  Alertmanager   http://127.0.0.1:9093/
  Pushgateway    http://127.0.0.1:9091/metrics
  Node metrics   http://127.0.0.1:9100/metrics

  Push a batch metric (and so resolve the alert BatchJobSilent, which fires in half a minute):

    echo 'backup_last_success_bytes 42' | curl --data-binary @- http://127.0.0.1:9091/metrics/job/backup

  Ctrl-C stops everything. Alerts that the webhook receives appear below.

TXT
tail -n 0 -F "$data/webhook_printer.log" 2>/dev/null &
tail_pid=$!

query() {
  curl -fs --get --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query |
    sed -nE 's/.*"value":\[[0-9.]+,"([^"]*)"\].*/\1/p'
}
rss_mb() { awk '/VmRSS/{printf "%.0f", $2/1024}' "/proc/${pids[$1]}/status" 2>/dev/null; }
while :; do
  sleep 15
  for name in "${!pids[@]}"; do
    kill -0 "${pids[$name]}" 2>/dev/null || { echo "$name has stopped:" >&2; tail -5 "$data/$name.log" >&2; exit 1; }
  done
  printf '%s  targets up %s of %s, %s series, alerts firing %s; memory: prometheus %s MB, alertmanager %s MB, pushgateway %s MB, node_exporter %s MB\n' \
    "$(date +%H:%M:%S)" "$(query 'sum(up)')" "$(query 'count(up)')" "$(query 'prometheus_tsdb_head_series')" \
    "$(query 'count(ALERTS{alertstate="firing"}) or vector(0)')" \
    "$(rss_mb prometheus)" "$(rss_mb alertmanager)" "$(rss_mb pushgateway)" "$(rss_mb node_exporter)"
done
