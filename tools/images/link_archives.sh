#!/usr/bin/env bash
# Runs a link command with the archives of the shared libraries it names, where Debian has any; with
# -static-pie, without those that have none. The linker says in OUTPUT.archives how much of each it took:
# what the executable holds of other packages.
set -euo pipefail
command=()
output=
previous=
for word in "$@"; do
  [ "$previous" = -o ] && output=$word
  previous=$word
  case $word in
    *.so | *.so.*) archive=${word%%.so*}.a ;;
    -lsnappy) archive=$(g++ -print-file-name=libsnappy.a) ;; # as leveldb names it
    *) archive= ;;
  esac
  if [ -n "$archive" ]; then
    if [ -e "$archive" ]; then
      word=$archive
    elif [[ " $* " == *" -static-pie "* ]]; then
      continue
    fi
  fi
  command+=("$word")
done
exec "${command[@]}" "-Wl,--print-archive-stats=$output.archives"
