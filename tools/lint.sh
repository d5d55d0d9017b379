#!/usr/bin/env bash
# Checks the form of everything (clang-format) and compiles and reads with clang-tidy, thread-safety
# analysis among its checks, what differs from BASE: the changed .cc files, and those of the folder of a
# changed header. All of them take about an hour on two cores.
#
# usage: tools/lint.sh [all]
#   BASE   what to compare with   (where the branch left origin/main, or main)
#   JOBS   programs at once       (all cores)
set -euo pipefail
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(nproc)} what=${1:-changed} build=build/analyze
left() { git merge-base HEAD "$1" 2>/dev/null; }
base=${BASE:-$(left origin/main || left main || echo HEAD)}

# Of the working tree, new files among them.
changed() {
  { git diff --name-only --diff-filter=d "$base"; git ls-files --others --exclude-standard; } | sort -u
}

units() {
  if [ "$what" = all ]; then
    git ls-files '*.cc'
  else
    changed | grep '\.cc$' || true
    changed | grep '\.h$' | xargs -r dirname | sort -u | while read -r folder; do
      find "$folder" -maxdepth 1 -name '*.cc'
    done
  fi | sort -u
}

{ git ls-files '*.cc' '*.h'; git ls-files --others --exclude-standard '*.cc' '*.h'; } |
  xargs clang-format-19 --dry-run -Werror

mapfile -t compiled < <(units | grep -v '_fuzz\.cc$')
if [ ${#compiled[@]} = 0 ]; then
  echo "no .cc or .h file differs from $base; 'make lint LINT=all' looks at all"
  exit
fi
cmake --preset analyze -DNARTHEX_TESTS=ON -DNARTHEX_BENCH=ON
if [ "$what" = all ]; then
  cmake --build --preset analyze
else
  # Objects by their sources, with the headers that are generated for them.
  printf '%s^\n' "${compiled[@]/#/$PWD/}" | xargs ninja -C "$build" -j "$jobs"
fi
printf '%s\n' "${compiled[@]}" | { grep -vE '_(test|bench)\.cc$' || true; } |
  xargs -r -P "$jobs" -n 4 clang-tidy-19 -p "$build" --quiet
