#!/usr/bin/env bash
# Runs a link command with the archives of the shared libraries it names, where Debian has any. The
# linker says in OUTPUT.archives how much of each it took: what the executable holds of other packages.
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
  [ -n "$archive" ] && [ -e "$archive" ] && word=$archive
  command+=("$word")
done
exec "${command[@]}" "-Wl,--print-archive-stats=$output.archives"
