#!/usr/bin/env bash
# Every benchmark: the kernels first, then whole processes beside Debian's prometheus.
set -euo pipefail
cd "$(dirname "$0")/.."
for bench in build/release/bench/*; do
  [ -x "$bench" ] && [ -f "$bench" ] || continue
  echo "== $(basename "$bench")"
  "$bench"
done
echo "== restart_peers.py"
bench/tsdb/restart_peers.py build/release
echo "== block_bytes.py"
bench/tsdb/block_bytes.py build/release
