#!/usr/bin/env bash
# Checks who includes whom, and that every third-party header stays behind its one fence
# (docs/architecture.md). Prints each offending line; fails when there is one.
set -uo pipefail
cd "${1:?usage: arrows.sh ROOT}" || exit
bad=0

# forbid FOLDERS PATTERN WHY [ALLOWED-FILES-REGEX]: no file below FOLDERS includes PATTERN.
forbid() {
  local found
  found=$(grep -rnE "^#include [\"<]$2" $1 --include='*.h' --include='*.cc' 2>/dev/null |
    grep -vE "${4:-^$}")
  if [ -n "$found" ]; then
    printf '%s:\n%s\n' "$3" "$found"
    bad=1
  fi
}

ours='core server alertmanager pushgateway node_exporter kube_state_metrics tools'
test_files='_rig\.h:|_test\.cc:|_fuzz\.cc:|_bench\.cc:'

forbid core '(server|alertmanager|pushgateway|node_exporter|kube_state_metrics|web)/' 'core knows no product'
forbid 'node_exporter pushgateway kube_state_metrics' '(server|alertmanager)/' 'exporters see only core'
forbid 'node_exporter pushgateway kube_state_metrics' 'core/rpc/' 'exporters do not link gRPC'
forbid alertmanager 'server/' 'alertmanager does not know the server'
forbid server 'alertmanager/' 'the server does not know alertmanager'
forbid server/promql 'core/http/' 'PromQL knows no HTTP'
forbid 'server/promql server/rules server/scrape server/notifier server/discovery server/remote server/api server/web' \
  'server/storage/tsdb/' 'only cmd/ names the storage engine' "$test_files"
forbid server/discovery 'server/scrape/' 'discovery knows no scraping'
forbid 'server/promql server/storage server/scrape server/discovery server/notifier server/remote' 'server/(api|web)/' 'api and web are leaves'

forbid "$ours" 'boost/' 'Asio stays in core/http and core/tls' '^core/(http|tls)/'
forbid "$ours" 'yaml-cpp/' 'yaml-cpp stays in core/config' '^core/config/'
forbid "$ours" 'leveldb/' 'LevelDB stays in core/kv' '^core/kv/'
forbid "$ours" '(simdjson|rapidjson)' 'JSON parsers stay in core/json' '^core/json/'
forbid "$ours" 're2/' 'RE2 stays in core/labels/regex' '^core/labels/regex'
forbid "$ours" '(grpcpp|grpc)/' 'gRPC stays in core/rpc' '^core/rpc/'
forbid "$ours" 'openssl/' 'OpenSSL stays in core/tls, core/http and the MD5 of hashmod and configuration hash' \
  "^core/(tls|http)/|^core/labels/relabel\.cc|^alertmanager/config/load\.cc|$test_files"
forbid "$ours" 'ares' 'c-ares stays in discovery by DNS' '^server/discovery/dns/channel\.cc'
forbid "$ours" 'httplib' 'cpp-httplib is for tools and tests' "^tools/|$test_files"
forbid "$ours" '(iostream|regex|ranges)>' 'headers stay light' '\.cc:'
forbid "$ours" 'absl/synchronization' 'std::mutex, not absl::Mutex'

while IFS= read -r file; do
  lines=$(wc -l <"$file")
  [ "$lines" -le 600 ] || { echo "$file has $lines lines: split by concern"; bad=1; }
done < <(find $ours -name '*.cc' -o -name '*.h' 2>/dev/null)
exit $bad
