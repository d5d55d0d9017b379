#!/usr/bin/env bash
# Runs every fuzz target of a folder for a number of seconds each; stops at the first finding.
# usage: tools/fuzz.sh build/fuzz/fuzz 600
set -euo pipefail
folder=${1:?folder of the fuzz targets} seconds=${2:-60}
root=$(cd "$(dirname "$0")/.." && pwd)
for target in "$folder"/*_fuzz; do
  name=$(basename "$target")
  corpus=$folder/corpus/$name log=$folder/$name.log
  mkdir -p "$corpus"
  seeds=$(find "$root" -path "*/testdata/fuzz/$name" -type d -not -path '*/build/*' | head -1)
  echo "== $name, ${seconds}s"
  if ! "$target" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -max_len=65536 \
      -print_final_stats=1 "$corpus" ${seeds:+"$seeds"} >"$log" 2>&1; then
    tail -40 "$log" >&2
    echo "$name found something; see $log" >&2
    exit 1
  fi
  grep 'number_of_executed_units' "$log"
done
