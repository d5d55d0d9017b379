#!/usr/bin/env bash
# Runs a link command with the archives of the shared libraries it names, where Debian has any; with
# -static-pie, without those that have none. The linker says in OUTPUT.archives how much of each it took:
# what the executable holds of other packages.
set -euo pipefail
# Written in C, large, and no exception passes through them: their tables for unwinding are left out.
without_tables=" libcrypto.a libssl.a "

# A copy of an archive without those tables; prints its path.
copy_without_tables() {
  local copy=$1 archive=$2
  if [ ! "$copy" -nt "$archive" ]; then
    mkdir -p "${copy%/*}"
    objcopy --remove-section=.eh_frame --remove-section=.rela.eh_frame "$archive" "$copy.$$"
    mv "$copy.$$" "$copy"
  fi
  echo "$copy"
}

command=()
output=
previous=
for word in "$@"; do
  [ "$previous" = -o ] && output=$word
  previous=$word
done
copies=${output%/*}/.archives
renamed=()
for word in "$@"; do
  case $word in
    *.so | *.so.*) archive=${word%%.so*}.a ;;
    -lsnappy) archive=$(g++ -print-file-name=libsnappy.a) ;; # as leveldb names it
    *) archive= ;;
  esac
  if [ -n "$archive" ]; then
    if [[ $without_tables == *" ${archive##*/} "* && -e "$archive" ]]; then
      word=$(copy_without_tables "$copies/${archive##*/}" "$archive")
      renamed+=(-e "s|$word|$archive|")
    elif [ -e "$archive" ]; then
      word=$archive
    elif [[ " $* " == *" -static-pie "* ]]; then
      continue
    fi
  fi
  command+=("$word")
done
"${command[@]}" "-Wl,--print-archive-stats=$output.archives"
[ ${#renamed[@]} -eq 0 ] || sed -i "${renamed[@]}" "$output.archives"
